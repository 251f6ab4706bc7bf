//! Extending an application: a message type of one's own, an interceptor, a listener and a handshake hook, driven by the test kit.
//!
//! Run it with `cargo run -p stompline --features testing --example extend`.

use serde::{Deserialize, Serialize};
use stompline::{
    BoxFuture, Interceptor, Json, Next, Outcome, Rejection, Request, SessionEvent, Stompline,
    ToUser, auth::Principal, testing::TestApp,
};

/// A new message type is a type …
#[derive(Deserialize)]
struct Order {
    article: String,
    pieces: u32,
}

#[derive(Serialize)]
struct Confirmed {
    article: String,
    pieces: u32,
    by: String,
}

/// … and a handler.
async fn order(user: Principal, Json(order): Json<Order>) -> ToUser<Json<Confirmed>> {
    let Order { article, pieces } = order;
    ToUser::new(
        "/queue/orders",
        Json(Confirmed {
            article,
            pieces,
            by: user.name().to_string(),
        }),
    )
}

/// Finer permissions: only some may order.
struct Buyers(&'static [&'static str]);

impl Interceptor for Buyers {
    fn intercept<'a>(
        &'a self,
        request: Request,
        next: Next<'a>,
    ) -> BoxFuture<'a, Result<Outcome, Rejection>> {
        let user = request.session.principal().name().to_string();
        if request.destination == "/app/order" && !self.0.contains(&&*user) {
            return Box::pin(async { Err(Rejection::forbidden("you may look, but not buy")) });
        }
        next.run(request)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Stompline::builder()
        .message("/order", order)
        .interceptor(Buyers(&["anna"]))
        .listener(|event: &SessionEvent| {
            if let SessionEvent::Disconnected { session, reason } = event {
                println!("{} left: {reason}", session.principal().name());
            }
        })
        .build()?;

    let app = TestApp::new(app);
    for name in ["anna", "bert"] {
        let mut client = app.connect("customer", name).await;
        client.subscribe("orders", "/user/queue/orders").await;
        client.subscribe("errors", "/user/queue/errors").await;
        client
            .send("/app/order", r#"{"article":"tea","pieces":2}"#)
            .await;
        println!(
            "{name} got {}",
            String::from_utf8_lossy(&client.message().await.body)
        );
    }
    Ok(())
}

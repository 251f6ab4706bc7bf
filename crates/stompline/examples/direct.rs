//! Messages from one user to another: SEND `/app/to/{user}` reaches everybody who is connected as `{user}` and subscribed to
//! `/user/queue/direct`. Names are taken as given in CONNECT, with the passcode `guest`: put an authenticator of your own in its place.
//!
//! Run it with `cargo run -p stompline --example direct -- --listen 127.0.0.1:8083`.

use std::{env, error::Error, net::SocketAddr};

use axum::{Router, serve::ListenerExt};
use bytes::Bytes;
use stompline::{
    BoxFuture, Limits, Message, Outgoing, Realm, Rejection, Reply, Stompline, UserName, Variables,
    auth::{AuthError, Authenticator, Credentials, Principal},
};
use tokio::net::TcpListener;

/// What `/user/queue/direct` is to an application: the name without the client's prefix.
const DIRECT: &str = "/queue/direct";

/// Takes everybody's word, for the passcode.
struct AnyName;

impl Authenticator for AnyName {
    fn authenticate<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        Box::pin(async move {
            let (Some(name), Some("guest")) = (credentials.login, credentials.token) else {
                return Err(AuthError::WrongLogin);
            };
            let realm = Realm::new("user").map_err(|_| AuthError::WrongLogin)?;
            let name = UserName::new(name).map_err(|_| AuthError::WrongLogin)?;
            Ok(Principal::new(realm, name))
        })
    }
}

/// Passes a text on, with who sent it.
async fn pass_on(to: Variables, from: Principal, body: Bytes) -> Result<Reply, Rejection> {
    let name = to.get("user").unwrap_or_default();
    let name = UserName::new(name).map_err(|error| Rejection::bad_request(error.to_string()))?;
    let message = Message::new("text/plain", body).header("from", from.name().as_str());
    let outgoing = Outgoing::user(from.user_type(), name.as_str(), DIRECT, message);
    Ok(Reply::one(outgoing))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut limits = Limits::default();
    limits.connects_per_s = 0;
    let app = Stompline::builder()
        .limits(limits)
        .message("/to/{user}", pass_on)
        .build()?;
    let endpoint = app
        .endpoint("/ws")
        .sockjs()
        .authenticate(AnyName)
        .late_authentication(true);
    let router: Router = Router::new().merge(endpoint.into_router()?);

    let mut arguments = env::args()
        .skip_while(|argument| argument != "--listen")
        .skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:8083".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?;
    Ok(())
}

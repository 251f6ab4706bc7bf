//! Chat rooms without accounts: everybody who opens `ws://ADDR/ws` may post to a room and hears all who do.
//!
//! Run it with `cargo run -p stompline --example chat_room -- 127.0.0.1:8000`.

use std::{env, net::SocketAddr};

use axum::Router;
use serde::{Deserialize, Serialize};
use stompline::{Json, Rejection, Stompline, ToTopic, Variables, auth::Principal};
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Post {
    text: String,
}

#[derive(Serialize)]
struct Posted {
    from: String,
    text: String,
}

/// SEND `/app/room/{room}`: everybody subscribed to `/topic/room.{room}` receives it.
async fn post(
    room: Variables,
    user: Principal,
    Json(post): Json<Post>,
) -> Result<ToTopic<Json<Posted>>, Rejection> {
    if post.text.trim().is_empty() {
        return Err(Rejection::bad_request("there is nothing in the text"));
    }
    let room = room.get("room").unwrap_or_default();
    let posted = Posted {
        from: user.name().to_string(),
        text: post.text,
    };
    Ok(ToTopic::new(format!("/topic/room.{room}"), Json(posted)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Stompline::builder()
        .message("/room/{room}", post)
        .subscribe("/rooms", async || Json(["lobby", "garden"]))
        .build()?;
    let router: Router = Router::new().merge(app.endpoint("/ws").sockjs());

    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/ws", listener.local_addr()?);
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?;
    Ok(())
}

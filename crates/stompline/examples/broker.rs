//! A broker with no application behind it: everybody who says `guest`, `guest` in CONNECT may send and subscribe to `/topic/**` and
//! `/queue/**` at `/ws`, by plain WebSocket and SockJS. Every subscriber receives every message, the sender included.
//!
//! Run it with `cargo run -p stompline --example broker -- --listen 127.0.0.1:8082`.

use std::{env, error::Error, net::SocketAddr};

use axum::{Router, serve::ListenerExt};
use stompline::{
    BoxFuture, DestinationPattern, Heartbeat, Limits, Realm, Stompline, UserName,
    access::{AccessRule, AccessRules, Target, Who},
    auth::{AuthError, Authenticator, Credentials, Principal},
};
use tokio::net::TcpListener;

/// Knows one user.
struct Guest;

impl Authenticator for Guest {
    fn authenticate<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        Box::pin(async move {
            // The passcode is the token of CONNECT.
            if (credentials.login, credentials.token) != (Some("guest"), Some("guest")) {
                return Err(AuthError::WrongLogin);
            }
            let realm = Realm::new("guest").map_err(|_| AuthError::WrongLogin)?;
            let name = UserName::new("guest").map_err(|_| AuthError::WrongLogin)?;
            Ok(Principal::new(realm, name))
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut rules = Vec::new();
    for names in ["/topic/**", "/queue/**", "/user/queue/**"] {
        let target = Target::Pattern(DestinationPattern::parse(names)?);
        rules.push(AccessRule::allow(Who::Anyone, target));
    }
    let mut limits = Limits::default();
    limits.heartbeat = Heartbeat {
        send_ms: 100,
        receive_ms: 100,
    };
    // Everybody is the same guest.
    limits.sessions_per_user_max = 0;
    limits.connects_per_s = 0;

    let app = Stompline::builder::<()>()
        .limits(limits)
        .access(AccessRules::new(
            rules,
            "only /topic/** and /queue/** are served",
        ))
        .build()?;
    let endpoint = app
        .endpoint("/ws")
        .sockjs()
        .authenticate(Guest)
        .late_authentication(true);
    let router: Router = Router::new().merge(endpoint.into_router()?);

    let mut arguments = env::args()
        .skip_while(|argument| argument != "--listen")
        .skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:8082".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // A small frame must not wait for the next one.
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

//! Real sockets: handshakes, transports, authentication.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use stompline::{
    EndpointError, Limits, Realm, Stompline, Transport, UserName,
    auth::{
        AuthError, Authenticator, BoxFuture, Credentials, JwtKey, JwtSettings, OriginRules,
        Principal,
    },
    testing::TestClient,
};
use stompline_proto::Command;
use tokio::net::TcpStream;

use crate::support::{Refused, frame, header, open, serve};

const SECRET: &str = "a secret of at least thirty-two bytes";

/// Limits of one endpoint that others do not have.
fn narrow() -> Limits {
    let mut limits = Limits::default();
    limits.frame = limits.frame.frame_bytes_max(1_024);
    limits.subscriptions_max = 2;
    limits
}

/// Knows one user by login and passcode.
struct Logins;

impl Authenticator for Logins {
    fn authenticate<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        Box::pin(async move {
            match (credentials.login, credentials.token) {
                (Some("anna"), Some("secret")) => Ok(Principal::new(
                    Realm::new("customer").unwrap(),
                    UserName::new("anna").unwrap(),
                )),
                _ => Err(AuthError::WrongLogin),
            }
        })
    }
}

struct Server {
    address: SocketAddr,
    settings: JwtSettings,
    app: Stompline,
}

impl Server {
    async fn start() -> Self {
        let app = Stompline::builder().message("/echo", async |body: String| {
            stompline::ToUser::new("/queue/echo", body)
        });
        let app = app.build().unwrap();
        let settings = JwtSettings::new([JwtKey::secret(SECRET).unwrap()]);
        let jwt = settings.clone().build().unwrap();
        let origins = OriginRules::parse(["https://*.example.com"]).unwrap();
        let router = axum::Router::new()
            .merge(
                app.endpoint("/ws/chat")
                    .sockjs()
                    .authenticate(jwt.clone())
                    .require_type("customer"),
            )
            .merge(
                app.endpoint("/ws/agent")
                    .sockjs()
                    .limits(narrow())
                    .authenticate(jwt.clone())
                    .require_type("agent"),
            )
            .merge(
                app.endpoint("/ws/cookie")
                    .sockjs()
                    .authenticate(jwt.clone())
                    .token_cookie("chat")
                    .origins(origins.clone()),
            )
            .merge(app.endpoint("/ws/anyone"))
            .merge(
                app.endpoint("/ws/late")
                    .authenticate(jwt)
                    .late_authentication(true)
                    .origins(origins),
            )
            .merge(
                app.endpoint("/ws/login")
                    .authenticate(Logins)
                    .late_authentication(true),
            );
        let address = serve(router).await;
        Self {
            address,
            settings,
            app,
        }
    }

    fn token(&self, realm: &str, name: &str, ttl: Duration) -> String {
        let user = Principal::new(Realm::new(realm).unwrap(), UserName::new(name).unwrap());
        let now = SystemTime::now();
        self.settings
            .signer()
            .unwrap()
            .sign(&user.with_expiry(now + ttl), now)
            .unwrap()
    }

    async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Result<TcpStream, Refused> {
        open(self.address, path, headers).await
    }

    async fn client(&self, path: &str, transport: Transport) -> TestClient<TcpStream> {
        let stream = self
            .open(path, &[])
            .await
            .unwrap_or_else(|refusal| panic!("{refusal:?}"));
        TestClient::new(stream, transport)
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn every_websocket_path_speaks_stomp() {
    let server = Server::start().await;
    let token = server.token("customer", "7", HOUR);
    for (path, transport) in [
        ("/ws/chat", Transport::WebSocket),
        ("/ws/chat/websocket", Transport::WebSocket),
        (
            "/ws/chat/000/abcdefgh/websocket",
            Transport::SockJsWebSocket,
        ),
    ] {
        let mut anna = server
            .client(&format!("{path}?token={token}"), transport)
            .await;
        let connected = anna.connect().await;
        assert_eq!(header(&connected, "user-name"), "7", "{path}");
        anna.subscribe("s", "/user/queue/echo").await;
        anna.send("/app/echo", "中文 \"quoted\" \\ \u{2028} 😀")
            .await;
        assert_eq!(
            anna.message().await.body,
            "中文 \"quoted\" \\ \u{2028} 😀",
            "{path}"
        );
        anna.transmit(&frame(Command::Disconnect, &[("receipt", "bye")]))
            .await;
        anna.await_receipt("bye").await;
    }
}

#[tokio::test]
async fn handshake_refusals_have_their_status() {
    let server = Server::start().await;
    let customer = server.token("customer", "7", HOUR);
    let expired = server.token("customer", "7", Duration::ZERO);
    for (path, status) in [
        ("/ws/chat".to_owned(), 401),
        ("/ws/chat?token=nonsense".to_owned(), 401),
        (format!("/ws/agent?token={customer}"), 403),
        (format!("/ws/chat/nothing?token={customer}"), 404),
        ("/ws/late?token=bad".to_owned(), 401),
    ] {
        let (refused, _) = server.open(&path, &[]).await.unwrap_err();
        assert_eq!(refused, status, "{path}");
    }
    // The leeway of five seconds still lets it in; the session then ends by itself.
    assert!(
        server
            .open(&format!("/ws/chat?token={expired}"), &[])
            .await
            .is_ok()
    );
    let foreign = server
        .open("/ws/late", &[("Origin", "https://evil.test")])
        .await;
    assert_eq!(foreign.unwrap_err().0, 403);
    assert!(
        server
            .open("/ws/late", &[("Origin", "https://a.example.com")])
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn late_token_comes_with_connect() {
    let server = Server::start().await;
    let token = server.token("customer", "7", HOUR);
    let mut anna = server.client("/ws/late", Transport::WebSocket).await;
    let connected = anna
        .connect_with(&[("accept-version", "1.2"), ("passcode", &token)])
        .await;
    assert_eq!(header(&connected, "user-name"), "7");
    let mut eve = server.client("/ws/late", Transport::WebSocket).await;
    eve.transmit(&frame(
        Command::Connect,
        &[("accept-version", "1.2"), ("passcode", "bad")],
    ))
    .await;
    let (error, code) = eve.error().await;
    assert_eq!(
        (header(&error, "code"), code),
        ("token_malformed", Some(4401))
    );
}

#[tokio::test]
async fn login_and_passcode_come_with_connect() {
    let server = Server::start().await;
    let mut anna = server.client("/ws/login", Transport::WebSocket).await;
    let connected = anna
        .connect_with(&[("login", "anna"), ("passcode", "secret")])
        .await;
    assert_eq!(header(&connected, "user-name"), "anna");
    for headers in [
        &[("login", "anna"), ("passcode", "guess")][..],
        &[("login", "eve"), ("passcode", "secret")],
        &[("passcode", "secret")],
        &[],
    ] {
        let mut eve = server.client("/ws/login", Transport::WebSocket).await;
        eve.transmit(&frame(Command::Connect, headers)).await;
        let (error, code) = eve.error().await;
        assert_eq!(
            (header(&error, "code"), header(&error, "message"), code),
            ("wrong_login", "login or passcode is wrong", Some(4401)),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn expiring_session_can_be_renewed_in_band() {
    let server = Server::start().await;
    let token = server.token("customer", "7", Duration::from_secs(30));
    let mut anna = server
        .client(&format!("/ws/chat?token={token}"), Transport::WebSocket)
        .await;
    anna.connect().await;
    anna.subscribe("s", "/user/queue/signals").await;
    let signal = anna.message().await;
    let body: serde_json::Value = serde_json::from_slice(&signal.body).unwrap();
    assert_eq!(body["event"], "session.expiring");
    let renewed = serde_json::json!({ "token": server.token("customer", "7", HOUR) });
    anna.send_and_wait("/app/session.renew", renewed.to_string())
        .await;
    let left = server.app.sessions("customer", "7").unwrap()[0]
        .expires_at()
        .unwrap();
    assert!(left > SystemTime::now() + Duration::from_mins(50));
    anna.subscribe("e", "/user/queue/errors").await;
    let foreign = serde_json::json!({ "token": server.token("customer", "8", HOUR) });
    anna.send("/app/session.renew", foreign.to_string()).await;
    assert_eq!(header(&anna.message().await, "code"), "forbidden");
}

#[tokio::test]
async fn endpoint_may_have_limits_of_its_own() {
    let server = Server::start().await;
    for (path, realm, is_narrow) in [
        ("/ws/chat", "customer", false),
        ("/ws/agent", "agent", true),
    ] {
        let token = server.token(realm, "7", Duration::from_mins(1));
        let path = format!("{path}?token={token}");
        let mut client = server.client(&path, Transport::WebSocket).await;
        client.connect().await;
        for id in ["1", "2"] {
            client.subscribe(id, &format!("/topic/{id}")).await;
        }
        let subscribe = [("id", "3"), ("destination", "/topic/3"), ("receipt", "3")];
        client
            .transmit(&frame(Command::Subscribe, &subscribe))
            .await;
        if is_narrow {
            let (error, _) = client.error().await;
            assert_eq!(header(&error, "code"), "subscriptions_max");
            client = server.client(&path, Transport::WebSocket).await;
            client.connect().await;
        } else {
            client.await_receipt("3").await;
        }
        client.subscribe("e", "/user/queue/echo").await;
        client.send("/app/echo", "x".repeat(2_000)).await;
        if is_narrow {
            let (error, _) = client.error().await;
            assert_eq!(header(&error, "code"), "frame_too_large");
        } else {
            assert_eq!(client.message().await.body.len(), 2_000);
        }
    }
}

#[tokio::test]
async fn token_may_come_as_a_cookie_where_that_is_allowed() {
    const PAGE: (&str, &str) = ("Origin", "https://shop.example.com");
    let server = Server::start().await;
    let token = server.token("customer", "7", HOUR);
    let cookie = format!("theme=dark; chat={token}; lang=en");
    let headers = [("Cookie", &*cookie), PAGE];
    let stream = server.open("/ws/cookie", &headers).await;
    let mut anna = TestClient::new(stream.unwrap(), Transport::WebSocket);
    let connected = anna.connect().await;
    assert_eq!(header(&connected, "user-name"), "7");
    let foreign = ("Origin", "https://evil.test");
    let other = format!("other={token}");
    let bad = "chat=nonsense".to_owned();
    for (path, cookie, origin, status) in [
        // Any page could send it.
        ("/ws/cookie", &cookie, foreign, 403),
        ("/ws/cookie", &other, PAGE, 401),
        ("/ws/cookie", &bad, PAGE, 401),
        ("/ws/chat", &cookie, PAGE, 401),
    ] {
        let refused = server.open(path, &[("Cookie", cookie), origin]).await;
        assert_eq!(refused.unwrap_err().0, status, "{path} {cookie} {origin:?}");
    }
    // What is more explicit counts.
    let path = format!("/ws/cookie?token={}", server.token("customer", "8", HOUR));
    let stream = server.open(&path, &headers).await;
    let mut joe = TestClient::new(stream.unwrap(), Transport::WebSocket);
    assert_eq!(header(&joe.connect().await, "user-name"), "8");
}

#[test]
fn cookie_with_any_origin_is_refused() {
    let app = Stompline::builder::<()>().build().unwrap();
    let refused = app
        .endpoint("/ws")
        .token_cookie("chat")
        .into_router::<()>()
        .unwrap_err();
    assert!(
        matches!(&refused, EndpointError::CookieFromAnywhere { prefix } if prefix == "/ws"),
        "{refused}"
    );
}

#[tokio::test]
async fn reply_reaches_the_anonymous_session_that_asked() {
    let server = Server::start().await;
    let mut first = server.client("/ws/anyone", Transport::WebSocket).await;
    let mut second = server.client("/ws/anyone", Transport::WebSocket).await;
    for client in [&mut first, &mut second] {
        let connected = client.connect().await;
        assert_eq!(connected.headers.find("user-name"), None);
        client.subscribe("s", "/user/queue/echo").await;
    }
    first.send_and_wait("/app/echo", "first").await;
    second.send_and_wait("/app/echo", "second").await;
    assert_eq!(second.message().await.body, "second");
    assert_eq!(first.message().await.body, "first");
}

//! Hooks around the handshake, on a real socket.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use stompline::{
    BoxFuture, Json, Realm, Stompline, ToUser, Transport, UserName,
    auth::{
        Attributes, AuthError, Authenticator, Credentials, HandshakeInterceptor, HandshakeOutcome,
        HandshakeRefusal, HandshakeRequest, Principal,
    },
    testing::TestClient,
};

use crate::support::{open, serve};

type Log = Arc<Mutex<Vec<String>>>;

/// Notes what it is told, keeps what the request says in the attributes, and refuses who is not wanted.
struct Hook {
    name: &'static str,
    log: Log,
}

impl Hook {
    fn note(&self, text: &str) {
        self.log
            .lock()
            .unwrap()
            .push(format!("{} {text}", self.name));
    }
}

impl HandshakeInterceptor for Hook {
    fn before<'a>(
        &'a self,
        request: &'a HandshakeRequest<'a>,
        attributes: &'a Attributes,
    ) -> BoxFuture<'a, Result<(), HandshakeRefusal>> {
        Box::pin(async move {
            let unwanted = request.query_value("unwanted");
            if unwanted.is_some_and(|name| name == self.name) {
                self.note("refuses");
                let status = http::StatusCode::IM_A_TEAPOT;
                let refusal = HandshakeRefusal::new(status, "closed", "we open at nine")
                    .with_reason("the secret of the night watch")
                    .with_retry_after(Duration::from_secs(77));
                return Err(refusal);
            }
            self.note("before");
            let shop = request.header("x-shop").unwrap_or("none");
            attributes.insert(self.name, format!("{} {shop}", request.path()));
            Ok(())
        })
    }

    fn after(&self, _: &HandshakeRequest<'_>, outcome: HandshakeOutcome<'_>) {
        self.note(&match outcome {
            HandshakeOutcome::Refused(refusal) => format!("after {}", refusal.code()),
            other => format!("after {other:?}"),
        });
    }
}

/// Knows everybody but those whose service is away, and adds an attribute.
struct Door;

impl Authenticator for Door {
    fn authenticate<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        Box::pin(async move {
            let name = match credentials.token.ok_or(AuthError::Missing)? {
                "down" => {
                    return Err(AuthError::unavailable("ldap://10.0.0.7 does not answer"));
                }
                name => UserName::new(name).unwrap(),
            };
            let attributes = credentials.attributes.expect("a handshake has them");
            let seen = attributes.value("outer").is_some();
            attributes.insert("door", format!("after hooks: {seen}"));
            Ok(Principal::new(Realm::new("customer").unwrap(), name))
        })
    }
}

async fn start() -> (SocketAddr, Log) {
    let whoami = async |user: Principal, attributes: Attributes| {
        let known = ["outer", "inner", "door"].map(|name| attributes.value(name));
        ToUser::new("/queue/me", Json((user.name().as_str().to_owned(), known)))
    };
    let app = Stompline::builder::<()>().message("/whoami", whoami);
    let app = app.build().unwrap();
    let log = Log::default();
    let hook = |name| Hook {
        name,
        log: Arc::clone(&log),
    };
    let endpoint = app
        .endpoint("/ws")
        .authenticate(Door)
        .handshake_interceptor(hook("outer"))
        .handshake_interceptor(hook("inner"));
    (serve(axum::Router::new().merge(endpoint)).await, log)
}

fn take(log: &Log) -> Vec<String> {
    std::mem::take(&mut log.lock().unwrap())
}

#[tokio::test]
async fn attributes_of_hooks_and_authenticator_reach_handlers() {
    let (address, log) = start().await;
    let stream = open(address, "/ws?token=joe", &[("X-Shop", "42")]).await;
    let mut joe = TestClient::new(stream.unwrap(), Transport::WebSocket);
    joe.connect().await;
    joe.subscribe("m", "/user/queue/me").await;
    joe.send("/app/whoami", "").await;
    let body: serde_json::Value = serde_json::from_slice(&joe.message().await.body).unwrap();
    let known = serde_json::json!(["joe", ["/ws 42", "/ws 42", "after hooks: true"]]);
    assert_eq!(body, known);
    let seen = [
        "outer before",
        "inner before",
        "inner after Accepted",
        "outer after Accepted",
    ];
    assert_eq!(take(&log), seen);
}

#[tokio::test]
async fn refusal_of_a_hook_has_its_status_and_body() {
    let (address, log) = start().await;
    let refused = open(address, "/ws?token=joe&unwanted=inner", &[]).await;
    let (status, answer) = refused.unwrap_err();
    assert_eq!(status, 418, "{answer}");
    assert!(answer.contains("retry-after: 77\r\n"), "{answer}");
    let body = r#"{"code":"closed","message":"we open at nine"}"#;
    assert!(answer.ends_with(body), "{answer}");
    let seen = ["outer before", "inner refuses", "outer after closed"];
    assert_eq!(take(&log), seen);
}

#[tokio::test]
async fn hooks_learn_what_the_authenticator_refused() {
    let (address, log) = start().await;
    for (query, status, code) in [
        ("", 401, "token_missing"),
        ("?token=down", 503, "auth_unavailable"),
    ] {
        let refused = open(address, &format!("/ws{query}"), &[]).await;
        let (refused, answer) = refused.unwrap_err();
        assert_eq!(refused, status, "{answer}");
        assert!(
            answer.contains(&format!(r#"{{"code":"{code}""#)),
            "{answer}"
        );
        assert!(!answer.contains("ldap"), "{answer}");
        let seen = [
            "outer before".to_owned(),
            "inner before".to_owned(),
            format!("inner after {code}"),
            format!("outer after {code}"),
        ];
        assert_eq!(take(&log), seen);
    }
}

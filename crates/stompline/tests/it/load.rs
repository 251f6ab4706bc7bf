//! More connections than a node or an address may make.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use axum::{body::Body, extract::ConnectInfo};
use http::{Request, Response, StatusCode};
use stompline::{Limits, Stompline, auth::TrustedProxies};
use tower::ServiceExt;

use crate::support::PATIENCE;

/// The proxy, where there is one.
const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// An endpoint behind trusted proxies at `/proxied` and one for everybody at `/direct`.
fn router(set: impl FnOnce(&mut Limits)) -> axum::Router {
    let mut limits = Limits::default();
    set(&mut limits);
    let app = Stompline::builder::<()>().limits(limits).build().unwrap();
    let proxies = TrustedProxies::parse(["10.0.0.0/8"]).unwrap();
    let proxied = app.endpoint("/proxied").trusted_proxies(proxies);
    axum::Router::new()
        .merge(proxied.sockjs())
        .merge(app.endpoint("/direct").sockjs())
}

/// Opens a session of `client`, as a proxy would say it.
async fn knock(router: &axum::Router, path: &str, client: &str) -> Response<Body> {
    static SESSIONS: AtomicUsize = AtomicUsize::new(0);
    let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
    let request = Request::post(format!("{path}/000/s{session}/xhr"))
        .header("host", "chat.example")
        .header("x-forwarded-for", client)
        .extension(ConnectInfo(SocketAddr::new(IpAddr::V4(PEER), 4_711)));
    let request = request.body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

fn is_let_in(answer: &Response<Body>) -> bool {
    match answer.status() {
        StatusCode::OK => true,
        StatusCode::SERVICE_UNAVAILABLE => false,
        other => panic!("{other}"),
    }
}

/// Knocks until there is a refusal: a slow machine may be slower than the limit.
async fn refusal(
    router: &axum::Router,
    path: &str,
    client: impl Fn(u8) -> String,
) -> Response<Body> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        for n in 0..=u8::MAX {
            let answer = knock(router, path, &client(n)).await;
            if !is_let_in(&answer) {
                return answer;
            }
        }
    }
    panic!("nobody is refused");
}

fn one_client(_: u8) -> String {
    "192.0.2.1".to_owned()
}

async fn assert_busy(answer: Response<Body>, text: &str) {
    let after = answer.headers()["retry-after"].to_str().unwrap();
    let after: u64 = after.parse().unwrap();
    assert!((1..=5).contains(&after), "{after}");
    let body = axum::body::to_bytes(answer.into_body(), 1_000).await;
    let body: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
    assert_eq!(body, serde_json::json!({"code": "busy", "message": text}));
}

#[tokio::test]
async fn one_address_of_many_behind_a_proxy_is_limited() {
    let router = router(|limits| limits.connects_per_s_per_address = 1);
    let refused = refusal(&router, "/proxied", one_client).await;
    assert_busy(refused, "too many connections from this address").await;
    // Others are not, however fast they come.
    for n in 2..200 {
        let client = format!("192.0.2.{n}");
        assert!(is_let_in(&knock(&router, "/proxied", &client).await));
    }
    // A second later it is welcome again.
    let start = Instant::now();
    while !is_let_in(&knock(&router, "/proxied", "192.0.2.1").await) {
        assert!(start.elapsed() < PATIENCE, "it never is");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_stranger_forwards_does_not_count() {
    let router = router(|limits| limits.connects_per_s_per_address = 1);
    let refused = refusal(&router, "/direct", |n| format!("192.0.2.{n}")).await;
    assert_busy(refused, "too many connections from this address").await;
}

#[tokio::test]
async fn refused_address_takes_nobody_elses_place() {
    let router = router(|limits| {
        limits.connects_per_s = 100;
        limits.connects_per_s_per_address = 1;
    });
    for _ in 0..1_000 {
        knock(&router, "/proxied", "192.0.2.1").await;
    }
    for n in 2..20 {
        let answer = knock(&router, "/proxied", &format!("192.0.2.{n}")).await;
        assert!(is_let_in(&answer), "{n}");
    }
}

#[tokio::test]
async fn a_node_that_is_too_busy_spreads_those_who_come_back() {
    let router = router(|limits| limits.connects_per_s = 1);
    let refused = refusal(&router, "/direct", one_client).await;
    assert_busy(refused, "too many connections at once").await;
    let mut times = HashSet::new();
    let start = Instant::now();
    while times.len() < 3 {
        assert!(
            start.elapsed() < PATIENCE,
            "all at the same time: {times:?}"
        );
        let refused = refusal(&router, "/direct", one_client).await;
        times.insert(refused.headers()["retry-after"].clone());
    }
}

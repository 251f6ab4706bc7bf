//! Every scenario in small, and what it says of a server that works.

use std::time::Duration;

use stompline_load::report::Report;
use stompline_load::scenario::agent::Agent;
use stompline_load::scenario::chat::Chat;
use stompline_load::scenario::fanout::Fanout;
use stompline_load::scenario::flat::Flat;
use stompline_load::scenario::idle::Idle;
use stompline_load::scenario::pairs::Pairs;

use crate::server::{Manner, with_server};

#[track_caller]
fn number(report: &Report, name: &str) -> f64 {
    assert!(report.is_valid(), "{}", report.to_json());
    report.find(name).unwrap()
}

/// A whole number, as the report writes it.
#[track_caller]
fn count(report: &Report, name: &str) -> String {
    number(report, name).to_string()
}

#[test]
fn flat_receives_every_message() {
    let flat = Flat {
        messages: 3000,
        body_bytes: 128,
    };
    let report = with_server(Manner::Open, async |setup| flat.run(&setup).await.unwrap());
    assert_eq!(count(&report, "messages"), "3000");
    assert!(number(&report, "messages_per_s") > 0.0);
}

#[test]
fn fanout_reaches_every_subscriber() {
    let fanout = Fanout {
        subscribers: 7,
        messages: 50,
        outstanding: 4,
        body_bytes: 20,
    };
    let report = with_server(Manner::Open, async |setup| {
        fanout.run(&setup).await.unwrap()
    });
    assert_eq!(count(&report, "deliveries"), "350");
}

#[test]
fn pairs_answer_one_another() {
    let pairs = Pairs {
        pairs: 3,
        duration: Duration::from_millis(50),
        body_bytes: 64,
    };
    let report = with_server(Manner::Open, async |setup| pairs.run(&setup).await.unwrap());
    assert!(number(&report, "messages") >= 6.0);
    assert!(number(&report, "round_trip_p50_ms") > 0.0);
}

#[test]
fn idle_sessions_are_measured_and_closed() {
    let idle = Idle {
        sessions: 20,
        connects_per_s: 1000,
        quiet: Duration::from_millis(20),
        destination: "/user/queue/messages".to_owned(),
    };
    let report = with_server(Manner::Closed, async |setup| {
        idle.run(&setup).await.unwrap()
    });
    assert_eq!(count(&report, "sessions"), "20");
    assert!(number(&report, "resident_bytes_after") > 0.0);
}

#[test]
fn customers_receive_what_they_wrote() {
    let chat = Chat {
        customers: 2,
        rate: 200,
        duration: Duration::from_millis(50),
    };
    let report = with_server(Manner::Open, async |setup| chat.run(&setup).await.unwrap());
    assert_eq!(count(&report, "receipts"), "10");
    assert!(number(&report, "receipt_p99_ms") > 0.0);
}

#[test]
fn customer_hears_what_agent_wrote() {
    let agent = Agent {
        outstanding: 8,
        duration: Duration::from_millis(50),
    };
    let report = with_server(Manner::Open, async |setup| agent.run(&setup).await.unwrap());
    assert!(number(&report, "receipts") >= 8.0);
}

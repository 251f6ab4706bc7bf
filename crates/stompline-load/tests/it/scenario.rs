//! Every scenario in small, and what it says of a server that works.

use std::rc::Rc;
use std::time::Duration;

use stompline_load::client::Transport;
use stompline_load::report::Report;
use stompline_load::scenario::Setup;
use stompline_load::scenario::agent::Agent;
use stompline_load::scenario::chat::Chat;
use stompline_load::scenario::churn::Churn;
use stompline_load::scenario::crowd::{Crowd, Pace};
use stompline_load::scenario::flat::Flat;
use stompline_load::scenario::idle::Idle;
use stompline_load::scenario::pairs::Pairs;
use stompline_load::scenario::storm::Storm;

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

/// One publisher, seven subscribers, for a moment.
const FANOUT: Crowd = Crowd {
    name: "fanout",
    topics: 1,
    members: 7,
    member_publishes: false,
    pace: Pace::Outstanding(4),
    body_bytes: 64,
    warm_up: Duration::from_millis(10),
    duration: Duration::from_millis(100),
    stalled: 0,
    doze: None,
    visitors: 0,
    series: false,
};

fn run(crowd: Crowd) -> Report {
    with_server(Manner::Open, async |setup| crowd.run(&setup).await.unwrap())
}

#[test]
fn fanout_reaches_every_subscriber() {
    let report = run(FANOUT);
    assert_eq!(count(&report, "sessions"), "8");
    assert!(number(&report, "deliveries") >= 28.0);
    assert!(number(&report, "delivery_p99_ms") > 0.0);
}

#[test]
fn fanout_keeps_its_rate() {
    let report = run(Crowd {
        pace: Pace::Rate(200),
        ..FANOUT
    });
    // Twenty messages in a tenth of a second, each to seven; the edges of the stretch are not sharp.
    let deliveries = number(&report, "deliveries");
    assert!(
        (7.0 * 10.0..=7.0 * 30.0).contains(&deliveries),
        "{deliveries}"
    );
}

#[test]
fn members_of_rooms_hear_their_own_room() {
    let report = run(Crowd {
        name: "rooms",
        topics: 5,
        members: 3,
        member_publishes: true,
        ..FANOUT
    });
    assert_eq!(count(&report, "sessions"), "15");
    assert!(number(&report, "deliveries") >= 15.0);
}

#[test]
fn visitors_come_and_go_meanwhile() {
    let report = run(Crowd {
        visitors: 2,
        ..FANOUT
    });
    assert!(number(&report, "visits") >= 2.0);
    assert!(number(&report, "deliveries") >= 28.0);
}

#[test]
fn readers_that_stop_are_followed() {
    let report = run(Crowd {
        name: "slow",
        stalled: 2,
        series: true,
        ..FANOUT
    });
    let ended = number(&report, "stalled_closed") + number(&report, "stalled_reached_end");
    assert!((ended - 2.0).abs() < f64::EPSILON, "{}", report.to_json());
    assert!(number(&report, "server_resident_bytes_max") > 0.0);
    assert!(report.to_json().contains("series_s_p50_p99_max_ms"));
}

#[test]
fn readers_that_doze_catch_up() {
    let report = run(Crowd {
        name: "slow",
        stalled: 2,
        doze: Some(Duration::from_millis(30)),
        pace: Pace::Rate(500),
        duration: Duration::from_millis(200),
        ..FANOUT
    });
    assert!(number(&report, "backlog_bytes_max") >= 64.0);
    assert!(report.find("stalled_closed").is_none());
}

#[test]
fn sessions_come_and_go() {
    let churn = Churn {
        at_once: 3,
        duration: Duration::from_millis(100),
    };
    let report = with_server(Manner::Open, async |setup| churn.run(&setup).await.unwrap());
    assert!(number(&report, "cycles") >= 3.0);
}

#[test]
fn sessions_return_after_the_cut() {
    let storm = Storm {
        sessions: 20,
        at_once: 8,
        connects_per_s: 1000,
        destination: "/user/queue/messages".to_owned(),
    };
    let report = with_server(Manner::Open, async |setup| storm.run(&setup).await.unwrap());
    assert_eq!(count(&report, "sessions"), "20");
    assert_eq!(count(&report, "refused_and_retried"), "0");
}

#[test]
fn every_transport_carries_sessions() {
    for transport in Transport::ALL {
        let report = with_server(Manner::Open, async |setup| {
            let setup = Rc::new(Setup {
                transport,
                ..Rc::into_inner(setup).unwrap()
            });
            FANOUT.run(&setup).await.unwrap()
        });
        let deliveries = number(&report, "deliveries");
        assert!(deliveries >= 28.0, "{transport:?}: {deliveries}");
    }
}

#[test]
fn pairs_answer_one_another() {
    let pairs = Pairs {
        direct: false,
        pairs: 3,
        duration: Duration::from_millis(50),
        body_bytes: 64,
    };
    let report = with_server(Manner::Open, async |setup| pairs.run(&setup).await.unwrap());
    assert!(number(&report, "messages") >= 6.0);
    assert!(number(&report, "round_trip_p50_ms") > 0.0);
}

#[test]
fn pairs_answer_one_another_through_a_handler() {
    let pairs = Pairs {
        direct: true,
        pairs: 2,
        duration: Duration::from_millis(50),
        body_bytes: 64,
    };
    let report = with_server(Manner::Open, async |setup| pairs.run(&setup).await.unwrap());
    assert!(number(&report, "messages") >= 4.0);
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

//! What the tool says of a server that refuses.

use std::time::Duration;

use stompline_load::client::ClientError;
use stompline_load::scenario::ScenarioError;
use stompline_load::scenario::chat::Chat;
use stompline_load::scenario::flat::Flat;

use crate::server::{Manner, setup, with_server};

const FLAT: Flat = Flat {
    messages: 10,
    body_bytes: 64,
};

#[test]
fn forbidden_topic_is_a_fault() {
    let report = with_server(Manner::Closed, async |setup| {
        FLAT.run(&setup).await.unwrap()
    });
    let json = report.to_json();
    assert!(!report.is_valid(), "{json}");
    assert!(json.contains("ERROR forbidden"), "{json}");
    assert!(json.contains("10 of 10 messages lost"), "{json}");
}

#[test]
fn wrong_secret_is_told_with_its_status() {
    let refused = with_server(Manner::Open, async |good| {
        let url = format!("ws://{}", good.target.host);
        FLAT.run(&setup(&url, "another secret of thirty-two bytes"))
            .await
    });
    let error = refused.unwrap_err();
    assert!(
        matches!(
            error,
            ScenarioError::Client(ClientError::Refused { status: 401, .. })
        ),
        "{error}"
    );
}

#[test]
fn absent_server_is_told() {
    let refused = with_server(Manner::Open, async |good| {
        // The server listens on one address of this machine only.
        let url = format!("ws://127.9.9.9:{}", good.target.address.port());
        FLAT.run(&setup(&url, "another secret of thirty-two bytes"))
            .await
    });
    let error = refused.unwrap_err().to_string();
    assert!(error.starts_with("connecting:"), "{error}");
}

#[test]
fn refused_message_ends_the_run() {
    let chat = Chat {
        customers: 1,
        rate: 100,
        duration: Duration::from_millis(50),
    };
    let refused = with_server(Manner::Closed, async |setup| chat.run(&setup).await);
    let error = refused.unwrap_err().to_string();
    assert!(error.starts_with("refused:"), "{error}");
}

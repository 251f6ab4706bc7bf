use stompline::{
    DestinationPattern, Message, Realm, Session, Transport, UserName, auth::Principal,
};
use stompline_proto::{Command, Version};

use crate::support::{frame, header, open_broker, test_app};

#[tokio::test]
async fn messages_reach_all_subscriptions_in_order() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    let mut bert = app.connect("customer", "bert").await;
    for id in ["one", "two"] {
        bert.subscribe(id, "/topic/open.x").await;
    }
    anna.subscribe("own", "/topic/open.x").await;
    for n in 0..1_000 {
        anna.send("/topic/open.x", n.to_string()).await;
    }
    for n in 0..1_000 {
        assert_eq!(anna.message().await.body, n.to_string());
        let (first, second) = (bert.message().await, bert.message().await);
        assert_eq!(
            (&first.body, &second.body),
            (&n.to_string().into(), &n.to_string().into())
        );
        let mut ids = [
            header(&first, "subscription"),
            header(&second, "subscription"),
        ];
        ids.sort_unstable();
        assert_eq!(ids, ["one", "two"]);
    }
}

#[tokio::test]
async fn unsubscribe_ends_exactly_one_subscription() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("one", "/topic/open.x").await;
    anna.subscribe("two", "/topic/open.x").await;
    anna.transmit(&frame(
        Command::Unsubscribe,
        &[("id", "one"), ("receipt", "gone")],
    ))
    .await;
    anna.await_receipt("gone").await;
    anna.send_and_wait("/topic/open.x", "x").await;
    assert_eq!(header(&anna.message().await, "subscription"), "two");
    anna.transmit(&frame(
        Command::Unsubscribe,
        &[("id", "never"), ("receipt", "r")],
    ))
    .await;
    anna.await_receipt("r").await;
}

#[tokio::test]
async fn pattern_receives_concrete_destination() {
    let app = test_app(open_broker());
    let mut lin = app.connect("agent", "lin").await;
    lin.subscribe("p", "/topic/open.*").await;
    lin.send("/topic/open.a", "x").await;
    assert_eq!(header(&lin.message().await, "destination"), "/topic/open.a");
}

#[tokio::test]
async fn sender_headers_of_the_broker_are_dropped() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/open.x").await;
    let send = frame(
        Command::Send,
        &[
            ("destination", "/topic/open.x"),
            ("receipt", "r"),
            ("message-id", "forged"),
            ("subscription", "forged"),
            ("user-name", "forged"),
            ("colour", "a:b"),
        ],
    );
    anna.transmit(&send.body("x")).await;
    let message = anna.message().await;
    assert_eq!(header(&message, "subscription"), "s");
    assert_ne!(header(&message, "message-id"), "forged");
    assert_eq!(header(&message, "colour"), "a:b");
    assert_eq!(
        (
            message.headers.find("receipt"),
            message.headers.find("user-name")
        ),
        (None, None)
    );
    anna.await_receipt("r").await;
}

#[tokio::test]
async fn repeated_headers_arrive_once() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/open.x").await;
    let headers = [
        ("destination", "/topic/open.x"),
        ("colour", "red"),
        ("colour", "green"),
        ("shade", ""),
        ("shade", "dark"),
    ];
    anna.transmit(&frame(Command::Send, &headers).body("x"))
        .await;
    let message = anna.message().await;
    let of_sender: Vec<_> = message
        .headers
        .iter()
        .filter(|(name, _)| ["colour", "shade"].contains(name))
        .collect();
    assert_eq!(of_sender, [("colour", "red"), ("shade", "")]);
}

#[tokio::test]
async fn any_subscription_id_comes_back_as_it_was() {
    let app = test_app(open_broker());
    for transport in [Transport::WebSocket, Transport::SockJsWebSocket] {
        for version in ["1.0", "1.1", "1.2"] {
            let name = UserName::new("anna").unwrap();
            let principal = Principal::new(Realm::new("customer").unwrap(), name);
            let mut anna = app.open_as(principal, transport);
            anna.connect_with(&[("accept-version", version)]).await;
            let ids = match version {
                "1.0" => ["sub-0", "a b", "a\"b", "é\u{2028}"],
                _ => ["sub-0", "a\\b\"c", "a:b\nc", "é\u{2028}:"],
            };
            for id in ids {
                anna.subscribe(id, "/topic/open.id").await;
                anna.send("/topic/open.id", "x").await;
                let message = anna.message().await;
                assert_eq!(
                    header(&message, "subscription"),
                    id,
                    "{transport:?} {version}"
                );
                let leave = frame(Command::Unsubscribe, &[("id", id), ("receipt", "gone")]);
                anna.transmit(&leave).await;
                anna.await_receipt("gone").await;
            }
        }
    }
}

#[tokio::test]
async fn each_version_gets_its_own_escaping() {
    let app = test_app(open_broker());
    let mut sender = app.connect("customer", "sender").await;
    for (version, raw) in [
        ("1.0", "colour:a:b\n"),
        ("1.1", "colour:a\\cb\n"),
        ("1.2", "colour:a\\cb\n"),
    ] {
        let mut reader = app.open("customer", "reader");
        let connected = reader.connect_with(&[("accept-version", version)]).await;
        assert_eq!(
            connected
                .headers
                .find("version")
                .unwrap()
                .parse::<Version>()
                .unwrap()
                .as_str(),
            version
        );
        reader.subscribe("s", "/topic/open.x").await;
        let send = frame(
            Command::Send,
            &[("destination", "/topic/open.x"), ("colour", "a:b")],
        );
        sender.transmit(&send.body("x")).await;
        let mut bytes = Vec::new();
        let message = reader.message().await;
        stompline_proto::encode(&message, version.parse().unwrap(), &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(raw), "{version}: {text}");
    }
}

#[tokio::test]
async fn filter_changes_or_keeps_back_for_one_session() {
    let secret = DestinationPattern::parse("/topic/open.*").unwrap();
    let app = test_app(
        open_broker().outbound(secret, |message: Message, session: &Session| match session
            .principal()
            .name()
            .as_str()
        {
            "anna" => Some(message),
            "bert" => Some(Message::text("a secret")),
            _ => None,
        }),
    );
    let mut clients = Vec::new();
    for name in ["eve", "anna", "bert"] {
        let mut client = app.connect("customer", name).await;
        client.subscribe("s", "/topic/open.x").await;
        clients.push(client);
    }
    clients[1].send_and_wait("/topic/open.x", "42").await;
    assert_eq!(clients[1].message().await.body, "42");
    assert_eq!(clients[2].message().await.body, "a secret");
    // Her receipt is the first thing that comes.
    clients[0].send("/topic/open.x", "x").await;
    clients[0]
        .transmit(&frame(Command::Disconnect, &[("receipt", "r")]))
        .await;
    assert_eq!(clients[0].frame().await.command, Command::Receipt);
}

#[tokio::test]
async fn binary_body_arrives_whole() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/open.x").await;
    let body = [0_u8, 255, 0, 10, 13];
    let send = frame(
        Command::Send,
        &[
            ("destination", "/topic/open.x"),
            ("content-type", "application/octet-stream"),
        ],
    );
    anna.transmit(&send.body(body.to_vec())).await;
    assert_eq!(anna.message().await.body, body.as_slice());
}

#[tokio::test]
async fn subscriber_of_a_dead_connection_is_gone() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    let mut bert = app.connect("customer", "bert").await;
    bert.subscribe("s", "/topic/open.x").await;
    anna.subscribe("s", "/topic/open.x").await;
    drop(bert);
    while app.app().stats().sessions_open > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        app.app()
            .messenger()
            .send("/topic/open.x", "x")
            .await
            .unwrap(),
        1
    );
}

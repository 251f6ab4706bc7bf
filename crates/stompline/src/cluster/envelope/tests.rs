use proptest::prelude::*;

use super::*;

fn origin() -> Origin {
    Origin {
        node: NodeId::new("node-1").unwrap(),
        number: 7,
        sent_us: 1_000,
    }
}

fn somebody() -> UserKey {
    UserKey::new(
        Realm::new("customer").unwrap(),
        UserName::new("李").unwrap(),
    )
}

#[test]
fn tails_cross_as_bytes() {
    let (plain, key) = (
        Bytes::from_static(b"destination:/topic/a\n\nhi\0"),
        Some("k".to_owned()),
    );
    let tail = Tail::received(3, key, plain.clone());
    let envelope = topic(&origin(), "/topic/a", &Outbound::Tails(&[&tail]));
    let (from, letter) = open(envelope.clone()).unwrap();
    assert_eq!(from, origin());
    let Letter::Topic {
        destination,
        payload: Payload::Tails(tails),
    } = letter
    else {
        panic!("another kind came back");
    };
    assert_eq!((&*destination, tails.len()), ("/topic/a", 1));
    assert_eq!(tails[0].plain(), &plain[..]);
    assert_eq!(tails[0].key(), Some("k"));
    assert!(tails[0].is_text() && tails[0].is_utf8());
    // It is the envelope's own memory.
    let range = envelope.as_ptr_range();
    assert!(range.contains(&tails[0].plain().as_ptr()));
}

#[test]
fn every_kind_comes_back() {
    let nodes = [NodeId::new("a").unwrap(), NodeId::new("b").unwrap()];
    let (_, letter) = open(moved(&origin(), &somebody(), 9, &nodes)).unwrap();
    assert!(
        matches!(letter, Letter::Moved { user, version: 9, nodes: back }
        if user == somebody() && back == nodes)
    );
    for reason in [None, Some("enough")] {
        let (_, letter) = open(kick(&origin(), "s", reason)).unwrap();
        assert!(matches!(letter, Letter::Kick { session, reason: back }
            if session == "s" && back.as_deref() == reason));
    }
    let (_, letter) = open(question(&origin(), 4, "who", b"?")).unwrap();
    assert!(
        matches!(letter, Letter::Question { id: 4, subject, body } if subject == "who" && body == "?")
    );
    let (_, letter) = open(answer(&origin(), 4, None)).unwrap();
    assert!(matches!(letter, Letter::Answer { id: 4, body: None }));
    let mut headers = Headers::new();
    headers.push("a", "b:c");
    let body = Bytes::from_static(b"x");
    let sent = user(
        &origin(),
        &somebody(),
        "/user/queue/a",
        &Outbound::Parts(&headers, &body),
    );
    let (_, letter) = open(sent).unwrap();
    assert!(
        matches!(letter, Letter::User { payload: Payload::Parts(back, text), .. }
        if back.find("a") == Some("b:c") && text == "x")
    );
}

proptest! {
    #[test]
    fn noise_is_refused_or_read_without_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = open(noise.into());
    }

    #[test]
    fn cut_envelopes_are_refused(cut in 0usize..60) {
        let whole = kick(&origin(), "session", Some("why"));
        prop_assume!(cut < whole.len());
        prop_assert!(open(whole.slice(..cut)).is_err());
    }
}

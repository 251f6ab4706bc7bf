//! What the directory of every backplane must do, where no node behind it could show that.

use std::time::Duration;

use super::{Links, PATIENCE, customer};
use crate::backplane::{
    Backplane, BackplaneError, Inlet, Member, NodeId, Outlet, SessionEntry, Standing, Swept,
    UserState,
};

/// Sessions that a node registers at once.
const BATCH: usize = 256;

/// A link with no node behind it: what the directory does is asked of it directly.
struct Bare<L> {
    link: L,
    member: Member,
    /// Keeps what arrives from being refused.
    _outlet: Outlet,
}

impl<L: Backplane> Bare<L> {
    async fn start(links: &impl Links<Link = L>) -> Self {
        let link = links.link().await;
        let (inlet, outlet) = Inlet::pair();
        let member = Member {
            node: NodeId::fresh(),
            incarnation: 1,
        };
        link.start(&member.node, inlet);
        Self {
            link,
            member,
            _outlet: outlet,
        }
    }

    async fn enroll(&self, lease: Duration) -> Member {
        let enrolled = self.link.enroll(&self.member, lease).await;
        enrolled.expect("the directory answers")
    }

    fn entry(&self, n: usize) -> SessionEntry {
        SessionEntry {
            id: format!("session-{n}").into(),
            user: customer(&format!("user-{n}")),
            member: self.member.clone(),
            endpoint: "/ws/chat".into(),
            transport: "websocket".into(),
            since_ms: 1,
        }
    }

    async fn register(&self, count: usize, standing: Standing) -> Vec<UserState> {
        let mut states = Vec::new();
        while states.len() < count {
            let batch = states.len()..count.min(states.len() + BATCH);
            let sessions = batch.map(|n| (self.entry(n), standing)).collect();
            let registered = self.link.register(sessions, PATIENCE).await;
            states.extend(registered.expect("the directory answers"));
        }
        states
    }

    /// What is to be announced next.
    async fn next_news(&self, reap: bool, hold: Duration) -> Swept {
        loop {
            let swept = self.link.sweep(reap, Duration::ZERO, hold).await;
            let swept = swept.expect("the directory answers");
            if swept != Swept::default() {
                return swept;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Takes out what is due until so many sessions were lost and as many users are offline, each once. `began` runs as soon as there is
    /// something.
    async fn reap(&self, count: usize, mut began: impl AsyncFnMut()) {
        let (mut lost, mut offline) = (Vec::new(), Vec::new());
        while lost.len() < count || offline.len() < count {
            let swept = self.link.sweep(true, Duration::ZERO, PATIENCE).await;
            let swept = swept.expect("the directory answers");
            if swept.lost.is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            } else {
                began().await;
            }
            lost.extend(swept.lost.into_iter().map(|entry| entry.id.to_string()));
            offline.extend(swept.offline.into_iter().map(|user| user.to_string()));
        }
        for names in [&mut lost, &mut offline] {
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}

/// A member whose sessions were taken out must come back as another one. Then they are found again and their users are online again, each
/// said once.
pub async fn sessions_taken_out_are_found_again<L: Links>(links: &L) {
    const COUNT: usize = 3_000;
    let (mut away, other) = (Bare::start(links).await, Bare::start(links).await);
    let founder = away.enroll(Duration::from_millis(20)).await;
    assert_eq!(founder, away.member);
    let states = away.register(COUNT, Standing::New).await;
    assert!(
        states
            .iter()
            .all(|state| state.came_online && !state.was_lost)
    );
    other
        .reap(COUNT, async || {
            // Also while some of its sessions are still there.
            let renewed = away.link.renew(&away.member, PATIENCE).await;
            assert_eq!(renewed, Ok(false));
        })
        .await;
    away.member.incarnation = 2;
    assert_eq!(away.enroll(PATIENCE).await, founder);
    let states = away.register(COUNT, Standing::Known).await;
    assert!(
        states
            .iter()
            .all(|state| state.came_online && state.was_lost)
    );
    let again = away.register(COUNT, Standing::Known).await;
    assert!(
        again
            .iter()
            .all(|state| !state.came_online && !state.was_lost)
    );
    assert!(again.iter().all(|state| state.sessions.len() == 1));
    let swept = other.link.sweep(true, Duration::ZERO, PATIENCE).await;
    assert_eq!(swept, Ok(Swept::default()));
}

/// What was handed out and not said to be told is handed out again, as it is then; what was told is not.
pub async fn news_that_nobody_told_are_told_by_another<L: Links>(links: &L) {
    const HOLD: Duration = Duration::from_millis(20);
    let (mut away, other) = (Bare::start(links).await, Bare::start(links).await);
    let (user, now) = (customer("user-0"), Duration::ZERO);
    let told = async |told: Swept| other.link.told(told).await.expect("the directory answers");
    away.enroll(Duration::ZERO).await;
    // Its answer is lost.
    away.link
        .register(vec![(away.entry(0), Standing::New)], HOLD)
        .await
        .expect("the directory answers");
    let online = other.next_news(false, HOLD).await;
    let expected = Swept {
        online: vec![user.clone()],
        ..Swept::default()
    };
    assert_eq!(online, expected);
    told(online).await;

    let lost = other.next_news(true, HOLD).await;
    let expected = Swept {
        lost: vec![away.entry(0)],
        offline: vec![user.clone()],
        ..Swept::default()
    };
    assert_eq!(lost, expected);
    // Whoever was given it dies; the next one gets it, once that is certain.
    assert_eq!(other.next_news(true, HOLD).await, expected);
    // The session is back before anybody has told that it was lost.
    away.member.incarnation = 2;
    away.enroll(PATIENCE).await;
    let back = away
        .link
        .register(vec![(away.entry(0), Standing::Known)], now);
    back.await.expect("the directory answers");
    let found = other.next_news(true, PATIENCE).await;
    let expected = Swept {
        found: vec![away.entry(0)],
        online: vec![user],
        ..Swept::default()
    };
    assert_eq!(found, expected);
    told(found).await;
    for reap in [false, true] {
        let swept = other.link.sweep(reap, now, now).await;
        assert_eq!(swept, Ok(Swept::default()));
    }
}

/// What a member has claimed is found by others until it is released, taken over, or the member is gone.
pub async fn claims_last_as_long_as_their_member<L: Links>(links: &L) {
    let (one, other) = (Bare::start(links).await, Bare::start(links).await);
    let claim = async |bare: &Bare<L::Link>, name: &str, despite: Option<&NodeId>| {
        let claimed = bare.link.claim(&bare.member, name, despite).await;
        claimed.expect("the directory answers")
    };
    let locate = async |name: &str| {
        let located = other.link.locate(name).await;
        located.expect("the directory answers")
    };
    let early = one.link.claim(&one.member, "a", None).await;
    assert!(
        matches!(early, Err(BackplaneError::Refused(_))),
        "{early:?}"
    );
    let here = one.member.node.clone();
    let there = other.member.node.clone();
    one.enroll(PATIENCE).await;
    other.enroll(PATIENCE).await;
    assert_eq!(locate("a").await, None);
    for name in ["a", "b", "c", "c"] {
        assert_eq!(claim(&one, name, None).await, None);
    }
    assert_eq!(locate("a").await, Some(here.clone()));
    assert_eq!(claim(&other, "a", None).await, Some(here.clone()));
    assert_eq!(claim(&other, "b", Some(&here)).await, None);
    assert_eq!(locate("b").await, Some(there));
    let released = one.link.release(&one.member, vec!["c".into()]).await;
    assert_eq!((released, locate("c").await), (Ok(()), None));
    // A lease of no time is over.
    assert_eq!(one.link.renew(&one.member, Duration::ZERO).await, Ok(true));
    while locate("a").await.is_some() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(claim(&other, "a", None).await, None);
    let departed = other.link.depart(&other.member).await;
    assert_eq!((departed, locate("a").await), (Ok(()), None));
    other.enroll(PATIENCE).await;
    assert_eq!(locate("b").await, None);
}

/// A directory that has forgotten everything is filled again without a word, and a session ends whatever incarnation it was registered
/// under.
pub async fn sessions_end_under_any_incarnation<L: Links>(links: &L) {
    let (mut one, other) = (Bare::start(links).await, Bare::start(links).await);
    one.enroll(Duration::from_millis(20)).await;
    let state = one.register(1, Standing::Forgotten).await.remove(0);
    assert!(!state.came_online && !state.was_lost);
    one.member.incarnation = 2;
    one.enroll(PATIENCE).await;
    let ended = one
        .link
        .unregister(vec![one.entry(0)], Duration::ZERO)
        .await
        .expect("the directory answers");
    assert!(ended[0].sessions.is_empty());
    loop {
        let swept = other.link.sweep(true, Duration::ZERO, PATIENCE).await;
        let swept = swept.expect("the directory answers");
        assert!(swept.lost.is_empty());
        if swept.offline == [customer("user-0")] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Its first life is over by now, and nobody is missed.
    one.member.incarnation = 1;
    while one.link.renew(&one.member, Duration::ZERO).await == Ok(true) {
        let swept = other.link.sweep(true, Duration::ZERO, PATIENCE).await;
        assert_eq!(swept, Ok(Swept::default()));
    }
}

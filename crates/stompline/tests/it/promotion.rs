//! A directory that is served by a copy, all at once: the last writes are missing in it, and nothing has failed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{self, BoxFuture};
use stompline::{
    Realm, UserKey,
    backplane::{
        Address, Backplane, BackplaneError, Confirmation, Inlet, Interest, Member, MemoryBus,
        MemoryLink, NodeId, SessionEntry, Standing, Status, Swept, UserState,
    },
    testing::suite::{Links, TestNode},
};

type Answer<T> = BoxFuture<'static, Result<T, BackplaneError>>;

/// The original answers, and renewals do not reach the copy.
const ORIGINAL: u8 = 0;
/// The copy answers, and has not been asked to renew yet.
const COPY: u8 = 1;
const COPY_KNOWN: u8 = 2;

struct Replicated {
    copy: MemoryLink,
    stage: Arc<AtomicU8>,
}

impl Backplane for Replicated {
    fn renew(&self, member: &Member, lease: Duration) -> Answer<bool> {
        match self.stage.load(Ordering::Relaxed) {
            ORIGINAL => Box::pin(future::ready(Ok(true))),
            COPY => {
                self.stage.store(COPY_KNOWN, Ordering::Relaxed);
                Box::pin(future::ready(Ok(false)))
            }
            _ => self.copy.renew(member, lease),
        }
    }

    fn sweep(&self, reap: bool, grace: Duration, hold: Duration) -> Answer<Swept> {
        // Nobody reaps where it is not known.
        let is_known = self.stage.load(Ordering::Relaxed) == COPY_KNOWN;
        self.copy.sweep(reap && is_known, grace, hold)
    }

    fn start(&self, node: &NodeId, inlet: Inlet) {
        self.copy.start(node, inlet);
    }

    fn publish(&self, to: Address<'_>, envelope: Bytes) -> Confirmation {
        self.copy.publish(to, envelope)
    }

    fn join(&self, interest: Interest) -> Confirmation {
        self.copy.join(interest)
    }

    fn leave(&self, interest: Interest) -> Confirmation {
        self.copy.leave(interest)
    }

    fn status(&self) -> Status {
        self.copy.status()
    }

    fn enroll(&self, member: &Member, lease: Duration) -> Answer<Member> {
        self.copy.enroll(member, lease)
    }

    fn depart(&self, member: &Member) -> Confirmation {
        self.copy.depart(member)
    }

    fn register(
        &self,
        sessions: Vec<(SessionEntry, Standing)>,
        hold: Duration,
    ) -> Answer<Vec<UserState>> {
        self.copy.register(sessions, hold)
    }

    fn told(&self, swept: Swept) -> Confirmation {
        self.copy.told(swept)
    }

    fn unregister(&self, sessions: Vec<SessionEntry>, grace: Duration) -> Answer<Vec<UserState>> {
        self.copy.unregister(sessions, grace)
    }

    fn look_up(&self, users: Vec<UserKey>) -> Answer<Vec<UserState>> {
        self.copy.look_up(users)
    }

    fn find(&self, session: &str) -> Answer<Option<SessionEntry>> {
        self.copy.find(session)
    }

    fn online(&self, limit: usize) -> Answer<Vec<UserKey>> {
        self.copy.online(limit)
    }

    fn realms(&self) -> Answer<Vec<Realm>> {
        self.copy.realms()
    }

    fn claim(
        &self,
        member: &Member,
        name: &str,
        despite: Option<&NodeId>,
    ) -> Answer<Option<NodeId>> {
        self.copy.claim(member, name, despite)
    }

    fn release(&self, member: &Member, names: Vec<Arc<str>>) -> Confirmation {
        self.copy.release(member, names)
    }

    fn locate(&self, name: &str) -> Answer<Option<NodeId>> {
        self.copy.locate(name)
    }

    fn stop(&self) -> BoxFuture<'static, ()> {
        self.copy.stop()
    }
}

struct Bus {
    bus: MemoryBus,
    stage: Arc<AtomicU8>,
}

impl Links for Bus {
    type Link = Replicated;

    async fn link(&self) -> Replicated {
        Replicated {
            copy: self.bus.link(),
            stage: Arc::clone(&self.stage),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn expired_lease_in_a_copy_announces_nobody() {
    let bus = Bus {
        bus: MemoryBus::new(),
        stage: Arc::new(AtomicU8::new(ORIGINAL)),
    };
    let node = TestNode::start(&bus).await;
    let _anna = node.connect("anna").await;
    node.until("anna is online", || node.heard("online").len() == 1)
        .await;
    // In the copy the lease has run out long since.
    tokio::time::sleep(Duration::from_mins(1)).await;
    bus.stage.store(COPY, Ordering::Relaxed);
    node.until("the copy is known", || {
        bus.stage.load(Ordering::Relaxed) == COPY_KNOWN
    })
    .await;
    // The old lease is taken out meanwhile, and nothing of it is left.
    tokio::time::sleep(Duration::from_mins(1)).await;
    node.until_sessions("anna", 1).await;
    assert_eq!(node.heard("gone"), [""; 0]);
    assert_eq!(node.heard("offline"), [""; 0]);
}

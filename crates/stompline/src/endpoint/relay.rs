//! Sessions over HTTP on other nodes of the cluster: where they are, and how their requests get there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};
use stompline_sockjs::{Claim, Line, Relay, Responder, Unanswered};

use crate::{
    backplane::NodeId,
    cluster::Cluster,
    name::{Realm, UserKey, UserName},
};

/// What the questions are about, in a form that no application uses by accident.
pub(crate) const SUBJECT: &str = "stompline:sockjs";

type Owner = Option<UserKey>;

/// The endpoints of this node, for questions about their sessions.
#[derive(Default)]
pub(crate) struct Relays {
    responders: Mutex<HashMap<Box<str>, Responder<Owner>>>,
}

impl Relays {
    /// The answer to a question of another node; nothing if it makes no sense here.
    pub(crate) async fn answer(&self, letter: Bytes) -> Bytes {
        let Some((address, question)) = read(&letter) else {
            return Bytes::new();
        };
        let responder = self.with(|responders| responders.get(&*address.prefix).cloned());
        match responder {
            Some(responder) => {
                let question = letter.slice(letter.len() - question.len()..);
                responder.answer(address.owner, &address.id, question).await
            }
            None => Bytes::new(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Box<str>, Responder<Owner>>) -> T) -> T {
        let mut responders = self
            .responders
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        act(&mut responders)
    }
}

/// The cluster, for the sessions of one endpoint.
pub(super) struct EndpointRelay {
    cluster: Arc<Cluster>,
    relays: Arc<Relays>,
    prefix: Arc<str>,
}

impl EndpointRelay {
    pub(super) fn new(cluster: Arc<Cluster>, relays: Arc<Relays>, prefix: Arc<str>) -> Self {
        Self {
            cluster,
            relays,
            prefix,
        }
    }

    fn address(&self, owner: &Owner, id: &str) -> Address {
        Address {
            prefix: (&*self.prefix).into(),
            owner: owner.clone(),
            id: id.into(),
        }
    }
}

impl Relay<Owner> for EndpointRelay {
    fn locate(&self, owner: &Owner, id: &str) -> BoxFuture<'_, Option<Arc<dyn Line>>> {
        let address = self.address(owner, id);
        Box::pin(async move {
            let node = self.cluster.locate(&address.name()).await?;
            let relayed = &self.cluster.traffic.relayed;
            relayed.fetch_add(1, Ordering::Relaxed);
            Some(Arc::new(SessionLine {
                cluster: Arc::clone(&self.cluster),
                node,
                address,
            }) as Arc<dyn Line>)
        })
    }

    fn claim(
        &self,
        owner: &Owner,
        id: &str,
        despite: Option<&str>,
    ) -> BoxFuture<'_, Option<Claim>> {
        let name = self.address(owner, id).name();
        let despite = despite.and_then(NodeId::new);
        Box::pin(async move {
            let claimed = self.cluster.claim(name.into(), despite.as_ref()).await?;
            Some(Box::new(claimed) as Claim)
        })
    }

    fn attend(&self, responder: Responder<Owner>) {
        let prefix = (&*self.prefix).into();
        self.relays
            .with(|responders| responders.insert(prefix, responder));
    }
}

/// The way to one session.
struct SessionLine {
    cluster: Arc<Cluster>,
    node: NodeId,
    address: Address,
}

impl Line for SessionLine {
    fn node(&self) -> &str {
        self.node.as_str()
    }

    fn ask(
        &self,
        question: Bytes,
        within: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unanswered>> {
        let letter = self.address.write(&question);
        let (cluster, node) = (Arc::clone(&self.cluster), self.node.clone());
        Box::pin(async move {
            let answer = cluster.relay(&node, SUBJECT, &letter, within).await;
            answer.map_err(|error| {
                tracing::debug!(%error, %node, "a request for a session elsewhere got no answer");
                Unanswered
            })
        })
    }

    fn tell(&self, question: Bytes) {
        let letter = self.address.write(&question);
        self.cluster.tell(&self.node, SUBJECT, &letter);
    }
}

/// What a session over HTTP is found by on its node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    prefix: Box<str>,
    owner: Owner,
    id: Box<str>,
}

impl Address {
    /// Its name in the directory, which does not give the id away: where nobody is authenticated that is the only key to the session.
    fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.write(b"")))
    }

    /// The address and then `question`. Texts follow their length.
    fn write(&self, question: &[u8]) -> Vec<u8> {
        let mut letter = Vec::with_capacity(128 + question.len());
        let mut push = |text: &str| {
            // A path, a name and an id have bounds of their own.
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            letter.extend_from_slice(&len.to_be_bytes());
            letter.extend_from_slice(text.as_bytes());
        };
        push(&self.prefix);
        push(&self.id);
        // No realm is empty.
        push(self.owner.as_ref().map_or("", |user| user.realm().as_str()));
        push(self.owner.as_ref().map_or("", |user| user.name().as_str()));
        letter.extend_from_slice(question);
        letter
    }
}

/// The address and the question behind it.
fn read(letter: &[u8]) -> Option<(Address, &[u8])> {
    let mut rest = letter;
    let mut pull = || {
        let (len, after) = rest.split_first_chunk()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let (text, after) = after.split_at_checked(len)?;
        rest = after;
        std::str::from_utf8(text).ok()
    };
    let (prefix, id, realm, name) = (pull()?, pull()?, pull()?, pull()?);
    let owner = if realm.is_empty() {
        None
    } else {
        let (realm, name) = (Realm::new(realm).ok()?, UserName::new(name).ok()?);
        Some(UserKey::new(realm, name))
    };
    let address = Address {
        prefix: prefix.into(),
        owner,
        id: id.into(),
    };
    Some((address, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(owner: Option<(&str, &str)>, id: &str) -> Address {
        let owner = owner.map(|(realm, name)| {
            UserKey::new(Realm::new(realm).unwrap(), UserName::new(name).unwrap())
        });
        Address {
            prefix: "/ws/chat".into(),
            owner,
            id: id.into(),
        }
    }

    #[test]
    fn addresses_arrive_with_their_question() {
        for owner in [None, Some(("customer", "anna"))] {
            let address = address(owner, "abc");
            let letter = address.write(b"\x01why");
            assert_eq!(read(&letter), Some((address, &b"\x01why"[..])));
            assert_eq!(read(&letter[..20]), None);
        }
        assert_eq!(read(b""), None);
    }

    #[test]
    fn names_differ_as_their_sessions_do() {
        let anna = address(Some(("customer", "anna")), "abc");
        let mut names = vec![anna.name()];
        names.push(address(Some(("customer", "annaabc")), "").name());
        names.push(address(Some(("agent", "anna")), "abc").name());
        names.push(address(None, "abc").name());
        names.push(
            Address {
                prefix: "/ws/agent".into(),
                ..anna.clone()
            }
            .name(),
        );
        assert!(!names[0].contains("abc"));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 5);
        assert_eq!(anna.name(), anna.clone().name());
    }
}

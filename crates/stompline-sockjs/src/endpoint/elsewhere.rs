//! Sessions on other nodes: requests for them that come here, and what other nodes ask about those that are here.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;

use super::{
    Shared,
    session::{Answer as Response, refuse},
};
use crate::{
    exchange::AttachError,
    receiver::{Attachment, OCCUPIED, Source},
    relay::{Answer, Asked, Claim, First, Give, Line, ROOM_PATIENCE, Remote, Responder},
    service::Service,
    style::Style,
    table::Key,
};

/// The longest that another node may let its question wait here.
const PATIENCE_MAX: Duration = Duration::from_secs(10);

impl<S: Service> Shared<S> {
    /// The line to the other node where the session is, unless it is the one that has said that it is not.
    pub(super) async fn locate(
        &self,
        key: &Key<S::Owner>,
        despite: Option<&str>,
    ) -> Option<Arc<dyn Line>> {
        let relay = self.relay.as_ref()?;
        let line = relay.locate(&key.owner, &key.id).await?;
        (Some(line.node()) != despite).then_some(line)
    }

    /// Makes it known that the session is here from now on. `None` if it is elsewhere.
    pub(super) async fn claim(
        &self,
        key: &Key<S::Owner>,
        despite: Option<&str>,
    ) -> Option<Option<Claim>> {
        match &self.relay {
            Some(relay) => relay.claim(&key.owner, &key.id, despite).await.map(Some),
            None => Some(None),
        }
    }

    /// The response of a session that is at the other end of `line`; `None` if it is not there any more.
    pub(super) async fn receive_from(
        &self,
        line: &Arc<dyn Line>,
        style: &Style,
    ) -> Option<Response<S::Message>> {
        let bytes_max = self.settings.response_bytes_max;
        let (remote, first) = Remote::attach(Arc::clone(line), bytes_max).await;
        let source = Source::Elsewhere(remote);
        match first {
            First::Received(first) => Some(self.resume(style.clone(), source, Some(first)).await),
            First::Nothing => Some(self.resume(style.clone(), source, None).await),
            First::Occupied => Some(refuse(style, OCCUPIED)),
            First::Gone => None,
        }
    }

    /// Who answers other nodes for this endpoint.
    pub(super) fn responder(self: &Arc<Self>) -> Responder<S::Owner> {
        let shared: Weak<Self> = Arc::downgrade(self);
        Responder::new(move |owner, id, question| {
            let shared = shared.upgrade();
            Box::pin(async move {
                let answer = match shared {
                    Some(shared) => shared.respond(Key { owner, id }, &question).await,
                    None => Answer::Gone,
                };
                answer.encode()
            })
        })
    }

    async fn respond(&self, key: Key<S::Owner>, question: &Bytes) -> Answer {
        match Asked::decode(question) {
            Some(Asked::Give {
                receiver,
                bytes_max,
                patience,
            }) => {
                let patience = patience.min(PATIENCE_MAX);
                let give = Give {
                    bytes_max,
                    patience,
                };
                self.give(&key, receiver, give).await
            }
            Some(Asked::Done { receiver }) => {
                self.holders.done(receiver);
                Answer::Nothing
            }
            Some(Asked::Broken { receiver }) => {
                self.holders.broken(receiver);
                Answer::Nothing
            }
            Some(Asked::Take { messages }) => self.take(&key, messages).await,
            None => Answer::Gone,
        }
    }

    async fn give(&self, key: &Key<S::Owner>, receiver: u64, give: Give) -> Answer {
        if !self.holders.knows(receiver) {
            let Some(outbox) = self.sessions.find(key) else {
                return Answer::Gone;
            };
            match Attachment::settled(outbox, self.settings.heartbeat).await {
                Ok(attachment) => self.holders.hold(receiver, attachment, &self.tasks),
                Err(AttachError::Gone) => return Answer::Gone,
                Err(AttachError::Occupied | AttachError::Unsettled) => return Answer::Occupied,
            }
        }
        self.holders.give(receiver, give).await
    }

    async fn take(&self, key: &Key<S::Owner>, messages: Vec<String>) -> Answer {
        let Some(outbox) = self.sessions.find(key) else {
            return Answer::Gone;
        };
        let Some(exchange) = outbox.exchange() else {
            return Answer::Gone;
        };
        let delivered = tokio::time::timeout(ROOM_PATIENCE, async {
            let _turn = exchange.posting.lock().await;
            exchange.deliver(messages).await
        })
        .await;
        outbox.wake();
        match delivered {
            Ok(true) => Answer::Taken,
            Ok(false) => Answer::Gone,
            Err(_) => Answer::Full,
        }
    }
}

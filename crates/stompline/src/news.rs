//! What the application on one node tells itself on the others, behind the backs of all clients.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use futures_util::FutureExt;

use crate::{
    app::Core,
    backplane::{Confirmation, Interest},
    builder::Stompline,
    name::{NameError, Realm, UserKey, UserName},
};

/// What comes before a subject where destinations stand. Those begin with `/`, so no client can name one of these.
const MARK: char = '~';

impl Stompline {
    /// Tells the application on all other nodes something, for those that [hear](Self::hear_nodes) of this subject. No client sees it.
    /// What one node tells arrives in order, each at most once. The call does not wait: what it returns resolves when the cluster
    /// has taken it, and dropping that takes nothing back. Alone it is done at once.
    pub fn tell_nodes(&self, subject: &str, body: &Bytes) -> Confirmation {
        match &self.core.broker.cluster {
            Some(cluster) => cluster.tell_all(&Hearers::address(subject), body),
            None => std::future::ready(Ok(())).boxed(),
        }
    }

    /// Calls `hearer` with what other nodes [tell](Self::tell_nodes) about `subject`, in the order of each; in place of the hearer that
    /// the subject had. It holds up all that comes from other nodes and must not wait. From when what is returned resolves nothing
    /// is missed while the link works; if it fails, the subject is heard as soon as the link is there.
    pub fn hear_nodes(
        &self,
        subject: &str,
        hearer: impl Fn(Bytes) + Send + Sync + 'static,
    ) -> Confirmation {
        let address = Hearers::address(subject);
        self.core.broker.hearers.insert(&address, hearer);
        self.hears_nodes(subject)
    }

    /// Whether a subject that has a hearer is heard now: as [`hear_nodes`](Self::hear_nodes) says it. For asking again after a failure.
    pub fn hears_nodes(&self, subject: &str) -> Confirmation {
        let interest = Interest::Destination(Hearers::address(subject).into());
        match &self.core.broker.cluster {
            Some(cluster) => cluster.join(interest),
            None => std::future::ready(Ok(())).boxed(),
        }
    }
}

impl Core {
    /// Delivers to the sessions of the user `name` on this node, in one realm or in all. The number of deliveries.
    pub(crate) fn publish_to_name_here(
        &self,
        realm: Option<&str>,
        name: &str,
        address: (&str, &stompline_proto::Headers, &bytes::Bytes),
    ) -> Result<usize, NameError> {
        let name = UserName::new(name)?;
        let realms = match realm {
            Some(realm) => vec![Realm::new(realm)?],
            None => self.users.realms(),
        };
        let published = realms.into_iter().map(|realm| {
            let user = UserKey::new(realm, name.clone());
            self.broker.publish_to_user_here(&user, address).deliveries
        });
        Ok(published.sum())
    }
}

type Hearer = Arc<dyn Fn(Bytes) + Send + Sync>;

/// Who on this node hears what other nodes tell.
#[derive(Default)]
pub(crate) struct Hearers {
    by_address: RwLock<HashMap<Box<str>, Hearer>>,
}

impl Hearers {
    /// Where nodes tell each other about `subject`.
    pub(crate) fn address(subject: &str) -> String {
        format!("{MARK}{subject}")
    }

    pub(crate) fn is_address(destination: &str) -> bool {
        destination.starts_with(MARK)
    }

    /// The newest hearer of an address is the only one.
    pub(crate) fn insert(&self, address: &str, hearer: impl Fn(Bytes) + Send + Sync + 'static) {
        self.by_address
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address.into(), Arc::new(hearer));
    }

    pub(crate) fn hear(&self, address: &str, body: Bytes) {
        let hearer = self
            .by_address
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(address)
            .cloned();
        if let Some(hearer) = hearer {
            hearer(body);
        }
    }
}

impl fmt::Debug for Hearers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hearers")
    }
}

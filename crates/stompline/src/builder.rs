//! Putting an application together.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use stompline_sockjs::Overflow;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    access::AccessRules,
    app::Core,
    backplane::{Backplane, NodeId, Status},
    broker::Broker,
    close::CloseReason,
    cluster::{AskError, Cluster, ClusterSettings, Respondents},
    destination::Prefixes,
    endpoint::{Endpoint, Places, Relays, SUBJECT, Turnstile},
    event::Listener,
    filter::{Filters, OutboundFilter},
    handler::Handler,
    interceptor::Interceptor,
    limits::{Limits, SessionLimits},
    messenger::Messenger,
    name::{NameError, Realm, UserKey, UserName},
    pattern::DestinationPattern,
    presence::{Alone, Presence, PresenceListener},
    reply::{IntoReply, IntoSnapshot},
    router::{
        MessageRoute, Router, RouterError, SubscribeRoute, Unbound, message_route, subscribe_route,
    },
    session::Session,
    stats::{ClusterSnapshot, Snapshot, Stats},
};

/// A running application: one node. Cheap to clone.
#[derive(Clone)]
pub struct Stompline {
    pub(crate) core: Arc<Core>,
}

impl Stompline {
    /// Starts with the defaults: `/app` for handlers, `/topic` and `/queue` for the broker, `/user` for users.
    pub fn builder<S: Clone + Send + Sync + 'static>() -> Builder<S> {
        Builder {
            prefixes: Prefixes::default(),
            limits: Limits::default(),
            access: None,
            overflow: Vec::new(),
            filters: Filters::new(),
            interceptors: Vec::new(),
            listeners: Vec::new(),
            presence_listeners: Vec::new(),
            backplane: None,
            cluster: ClusterSettings::default(),
            respondents: Respondents::new(),
            messages: Vec::new(),
            subscriptions: Vec::new(),
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// An endpoint under `prefix`, `/ws/chat` for example.
    pub fn endpoint(&self, prefix: &str) -> Endpoint {
        Endpoint::new(Arc::clone(&self.core), prefix)
    }

    /// For sending from anywhere.
    pub fn messenger(&self) -> Messenger {
        Messenger::new(Arc::clone(&self.core))
    }

    /// The session with this id, if it is on this node.
    pub fn session(&self, id: &str) -> Option<Arc<Session>> {
        self.core.users.session(id)
    }

    /// The sessions of a user on this node.
    ///
    /// # Errors
    ///
    /// If realm or name is not one.
    pub fn sessions(&self, realm: &str, name: &str) -> Result<Vec<Arc<Session>>, NameError> {
        let user = UserKey::new(Realm::new(realm)?, UserName::new(name)?);
        Ok(self.core.users.of_user(&user))
    }

    /// Everybody with at least one session on this node, in no order.
    pub fn online(&self) -> Vec<UserKey> {
        self.core.users.online()
    }

    /// The realms of those who are online.
    pub fn realms(&self) -> Vec<Realm> {
        self.core.users.realms()
    }

    /// Ends a session, telling its client `why`. False if there is none.
    pub fn kick(&self, id: &str, why: impl Into<String>) -> bool {
        let session = self.core.users.session(id);
        if let Some(session) = &session {
            session.end(CloseReason::Kicked(why.into()));
        }
        session.is_some()
    }

    /// Who is there, on all nodes.
    pub fn presence(&self) -> Presence {
        Presence::new(Arc::clone(&self.core))
    }

    /// The name of this node, another with every start.
    pub fn node(&self) -> &NodeId {
        match &self.core.broker.cluster {
            Some(cluster) => cluster.node(),
            None => &self.core.alone,
        }
    }

    /// What of the cluster works, seen from here. `None` without a backplane.
    pub fn cluster_status(&self) -> Option<Status> {
        let cluster = self.core.broker.cluster.as_ref()?;
        Some(cluster.status())
    }

    /// What crossed between the nodes. `None` without a backplane.
    pub fn cluster_stats(&self) -> Option<ClusterSnapshot> {
        let cluster = self.core.broker.cluster.as_ref()?;
        Some(ClusterSnapshot::new(
            &cluster.traffic,
            cluster.interests_count(),
        ))
    }

    /// Asks another node, which must [answer](Builder::answer) questions of this subject.
    ///
    /// # Errors
    ///
    /// If there is no such node or no answer in time ([`ClusterSettings::answer_timeout`]), or this node is alone.
    pub async fn ask(&self, node: &NodeId, subject: &str, body: &[u8]) -> Result<Bytes, AskError> {
        let cluster = self.core.broker.cluster.as_ref().ok_or(AskError::Alone)?;
        cluster.ask(node, subject, body).await
    }

    /// Counters.
    pub fn stats(&self) -> Snapshot {
        self.core.snapshot()
    }

    /// Whether [`shutdown`](Self::shutdown) has begun: the node is not ready for new connections.
    pub fn is_draining(&self) -> bool {
        self.core.draining.is_cancelled()
    }

    /// Refuses new connections, ends all sessions with 1001, spread over `over`, and waits until they are gone. Then leaves the cluster.
    pub async fn shutdown(&self, over: Duration) {
        self.core.drain(over).await;
        self.core.leave_cluster().await;
    }

    /// The first half of [`shutdown`](Self::shutdown), for an application that has something to tell other nodes after its last session:
    /// the node is still in its cluster. Then call `shutdown`.
    pub async fn drain(&self, over: Duration) {
        self.core.drain(over).await;
    }
}

/// Why an application cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A route is wrong or there twice.
    #[error(transparent)]
    Router(#[from] RouterError),
}

/// An application under construction. `S` is the type of the state that its handlers share.
pub struct Builder<S = ()> {
    prefixes: Prefixes,
    limits: Limits,
    access: Option<AccessRules>,
    overflow: Vec<(DestinationPattern, Overflow)>,
    filters: Filters,
    interceptors: Vec<Arc<dyn Interceptor>>,
    listeners: Vec<Arc<dyn Listener>>,
    presence_listeners: Vec<Arc<dyn PresenceListener>>,
    backplane: Option<Arc<dyn Backplane>>,
    cluster: ClusterSettings,
    respondents: Respondents,
    messages: Vec<(String, Unbound<S, MessageRoute>)>,
    subscriptions: Vec<(String, Unbound<S, SubscribeRoute>)>,
}

impl<S: Clone + Send + Sync + 'static> Builder<S> {
    /// Handles SEND to the application prefix + `path`. `{name}` in the path stands for one segment.
    pub fn message<H, A>(mut self, path: &str, handler: H) -> Self
    where
        H: Handler<A, S>,
        H::Output: IntoReply,
        A: 'static,
    {
        self.messages
            .push((path.to_owned(), message_route(handler)));
        self
    }

    /// Answers SUBSCRIBE to the application prefix + `path` with one message; nothing is registered.
    pub fn subscribe<H, A>(mut self, path: &str, handler: H) -> Self
    where
        H: Handler<A, S>,
        H::Output: IntoSnapshot,
        A: 'static,
    {
        self.subscriptions
            .push((path.to_owned(), subscribe_route(handler)));
        self
    }

    /// Adds a link to the inbound chain; they run in the order in which they were added.
    pub fn interceptor(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }

    /// Tells `listener` what happens to sessions.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Connects this node with others. Without it the node is alone, and nothing of a cluster costs anything.
    pub fn backplane(self, backplane: impl Backplane) -> Self {
        Self {
            backplane: Some(Arc::new(backplane)),
            ..self
        }
    }

    /// The times of the cluster.
    pub fn cluster(self, settings: ClusterSettings) -> Self {
        Self {
            cluster: settings,
            ..self
        }
    }

    /// Tells `listener` who comes online and goes offline, that only after [`ClusterSettings::grace`]. Of the nodes of a cluster one is told
    /// of each event.
    pub fn presence(mut self, listener: impl PresenceListener) -> Self {
        self.presence_listeners.push(Arc::new(listener));
        self
    }

    /// Answers what other nodes [ask](Stompline::ask) about `subject`. At most 1,024 answers are under way at a time.
    pub fn answer<F, A>(mut self, subject: &str, answer: F) -> Self
    where
        F: Fn(Bytes) -> A + Send + Sync + 'static,
        A: Future<Output = Bytes> + Send + 'static,
    {
        let answer = move |question| Box::pin(answer(question)) as crate::BoxFuture<'static, Bytes>;
        self.respondents
            .insert(subject.to_owned(), Arc::new(answer));
        self
    }

    /// Who may do what. Default: what [`AccessRules::builder`] gives, which denies what is not listed there.
    pub fn access(self, access: AccessRules) -> Self {
        Self {
            access: Some(access),
            ..self
        }
    }

    /// The prefixes of destinations.
    pub fn prefixes(self, prefixes: Prefixes) -> Self {
        Self { prefixes, ..self }
    }

    /// The bounds.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// What happens to messages of `destinations` that do not fit into a slow session's outbox. The first rule that matches the
    /// subscribed destination counts; without one the session is closed with 4500.
    pub fn overflow(mut self, destinations: DestinationPattern, overflow: Overflow) -> Self {
        self.overflow.push((destinations, overflow));
        self
    }

    /// Lets `filter` decide, for each session, about messages to `destinations`. The first filter that matches counts.
    pub fn outbound(
        mut self,
        destinations: DestinationPattern,
        filter: impl OutboundFilter,
    ) -> Self {
        self.filters.push((destinations, Arc::new(filter)));
        self
    }

    /// Gives the handlers their state.
    pub fn with_state(self, state: S) -> Builder<()> {
        let bind = |(path, route): (String, Unbound<S, MessageRoute>)| {
            let bound = route(state.clone());
            (path, Box::new(move |()| bound) as Unbound<(), MessageRoute>)
        };
        let bind_subscribe = |(path, route): (String, Unbound<S, SubscribeRoute>)| {
            let bound = route(state.clone());
            (
                path,
                Box::new(move |()| bound) as Unbound<(), SubscribeRoute>,
            )
        };
        Builder {
            messages: self.messages.into_iter().map(bind).collect(),
            subscriptions: self.subscriptions.into_iter().map(bind_subscribe).collect(),
            prefixes: self.prefixes,
            limits: self.limits,
            access: self.access,
            overflow: self.overflow,
            filters: self.filters,
            interceptors: self.interceptors,
            listeners: self.listeners,
            presence_listeners: self.presence_listeners,
            backplane: self.backplane,
            cluster: self.cluster,
            respondents: self.respondents,
        }
    }
}

impl Builder<()> {
    /// Builds the application.
    ///
    /// # Errors
    ///
    /// If a path is not a route, or two handlers have the same one.
    ///
    /// # Panics
    ///
    /// With a backplane, outside a Tokio runtime: its tasks begin here.
    pub fn build(self) -> Result<Stompline, BuildError> {
        let mut router = Router::new();
        for (path, route) in self.messages {
            router.message(&path, route(()))?;
        }
        for (path, route) in self.subscriptions {
            router.subscribe(&path, route(()))?;
        }
        let stats = Arc::new(Stats::default());
        let (settings, mut respondents) = (self.cluster, self.respondents);
        let grace = settings.grace;
        let relays = Arc::<Relays>::default();
        let own = Arc::clone(&relays);
        let relay = move |letter| {
            let relays = Arc::clone(&own);
            Box::pin(async move { relays.answer(letter).await }) as crate::BoxFuture<'static, Bytes>
        };
        respondents.insert_relay(SUBJECT, Arc::new(relay));
        let cluster = self
            .backplane
            .map(|backplane| Cluster::new(backplane, settings, respondents));
        let is_watched = cluster.is_none() && !self.presence_listeners.is_empty();
        let core = Core {
            broker: Broker::new(Arc::clone(&stats), self.filters, cluster.clone()),
            presence_listeners: self.presence_listeners,
            alone: NodeId::fresh(),
            alone_presence: is_watched.then(|| Alone::new(grace)),
            users: crate::user::Users::default(),
            router,
            session_limits: SessionLimits::new(self.limits.clone()),
            turnstile: Turnstile::new(self.limits.connects_per_s),
            info_turnstile: Turnstile::new(self.limits.connects_per_s),
            places: Places::new(self.limits.authentications_max),
            access: self
                .access
                .unwrap_or_else(|| AccessRules::builder(&self.prefixes).build()),
            prefixes: self.prefixes,
            interceptors: self.interceptors,
            listeners: self.listeners,
            overflow: self.overflow,
            limits: self.limits,
            stats,
            relays,
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
        };
        let core = Arc::new(core);
        if let Some(cluster) = cluster {
            cluster.run(&Arc::downgrade(&core));
        }
        Ok(Stompline { core })
    }
}

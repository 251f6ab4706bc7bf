//! One node: everything its connections share.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use stompline_sockjs::Overflow;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    access::{self, AccessRequest, AccessRules, Decision},
    backplane::{Confirmation, Interest, Member, NodeId, SessionEntry},
    broker::{Broker, Published},
    close::CloseReason,
    destination::{AppDestination, Destination, DestinationError, Prefixes},
    endpoint::{Places, Relays, Turnstile},
    event::{Listener, SessionEvent},
    extract::{Inbound, Parts},
    interceptor::{Action, Effect, Interceptor, Next, Outcome, Request},
    limits::{Limits, SessionLimits},
    message::{Audience, Outgoing},
    messenger::Messenger,
    name::{NameError, Realm, UserKey, UserName},
    pattern::DestinationPattern,
    presence::{Alone, PresenceEvent, PresenceListener},
    rejection::Rejection,
    router::Router,
    session::Session,
    stats::Stats,
    subscription::Subscription,
    user::Users,
};

/// Where a session hears of refusals, behind the user prefix.
const ERRORS: &str = "/queue/errors";

/// What the connections of a node share.
pub(crate) struct Core {
    pub(crate) prefixes: Prefixes,
    pub(crate) broker: Broker,
    pub(crate) users: Users,
    pub(crate) router: Router,
    pub(crate) interceptors: Vec<Arc<dyn Interceptor>>,
    pub(crate) listeners: Vec<Arc<dyn Listener>>,
    pub(crate) presence_listeners: Vec<Arc<dyn PresenceListener>>,
    /// The name of a node without a cluster.
    pub(crate) alone: NodeId,
    /// Who comes and goes on such a node, if somebody wants to know.
    pub(crate) alone_presence: Option<Alone>,
    pub(crate) access: AccessRules,
    pub(crate) overflow: Vec<(DestinationPattern, Overflow)>,
    pub(crate) limits: Limits,
    /// The same for sessions of endpoints that have none of their own.
    pub(crate) session_limits: Arc<SessionLimits>,
    pub(crate) stats: Arc<Stats>,
    /// What other nodes ask about sessions over HTTP.
    pub(crate) relays: Arc<Relays>,
    pub(crate) tasks: TaskTracker,
    pub(crate) draining: CancellationToken,
    /// Connections and `/info` requests, counted apart: a SockJS client makes one of each.
    pub(crate) turnstile: Turnstile,
    pub(crate) info_turnstile: Turnstile,
    /// For handshakes and CONNECT frames whose authentication is under way.
    pub(crate) places: Places,
}

impl Core {
    pub(crate) fn tell(&self, event: &SessionEvent) {
        for listener in &self.listeners {
            let told = std::panic::catch_unwind(AssertUnwindSafe(|| listener.on_event(event)));
            if told.is_err() {
                tracing::error!("a session listener panicked");
            }
        }
    }

    /// Runs the interceptors and then the frame's effect.
    pub(crate) fn intercept(
        self: &Arc<Self>,
        request: Request,
    ) -> BoxFuture<'static, Result<Outcome, Rejection>> {
        let core = Arc::clone(self);
        Box::pin(async move {
            if core.interceptors.is_empty() {
                return core.perform(request).await;
            }
            Next {
                rest: &core.interceptors,
                core: &core,
            }
            .run(request)
            .await
        })
    }

    /// The effect of a frame, once every interceptor has let it pass.
    pub(crate) async fn perform(self: &Arc<Self>, request: Request) -> Result<Outcome, Rejection> {
        let effect = match request.action {
            Action::Send => self.send(request).await?,
            Action::Subscribe => self.subscribe(request).await?,
            _ => Effect::Nothing,
        };
        Ok(Outcome(effect))
    }

    /// Whether a SEND would be allowed, for frames that wait in a transaction.
    pub(crate) async fn check_send(&self, session: &Session, text: &str) -> Result<(), Rejection> {
        let destination = Destination::for_send(&self.prefixes, text)?;
        self.allow(session, access::Action::Send, &destination)
            .await
    }

    async fn allow(
        &self,
        session: &Session,
        action: access::Action,
        destination: &Destination,
    ) -> Result<(), Rejection> {
        let request = AccessRequest {
            principal: session.principal(),
            action,
            destination,
        };
        let denied = match self.access.decide(request) {
            Decision::Ready(decided) => decided,
            Decision::Pending(deciding) => deciding.await,
        };
        denied.map_err(|denied| Rejection::forbidden(denied.to_string()).fatal())
    }

    async fn send(self: &Arc<Self>, request: Request) -> Result<Effect, Rejection> {
        let destination = Destination::for_send(&self.prefixes, &request.destination)?;
        self.allow(&request.session, access::Action::Send, &destination)
            .await?;
        match destination {
            Destination::App(app) => self.call(&app, request).await,
            Destination::Broker(broker) => {
                let address = (broker.name(), &request.headers, &request.body);
                let published = self.broker.publish(address.0, address.1, address.2).await;
                Ok(Effect::Published(published))
            }
            Destination::User(user) => {
                let Some(owner) = user.owner() else {
                    return Ok(Effect::Nothing);
                };
                let queue = self.user_destination(user.queue());
                let address = (&*queue, &request.headers, &request.body);
                let realms = self.realms();
                Ok(Effect::Published(
                    self.publish_to_users(realms, owner, address).await,
                ))
            }
            Destination::Pattern(_) => Err(DestinationError::SendToPattern.into()),
        }
    }

    async fn call(
        self: &Arc<Self>,
        app: &AppDestination,
        request: Request,
    ) -> Result<Effect, Rejection> {
        let Some((route, variables)) = self.router.find_message(app.path()) else {
            return Err(Rejection::new(
                "no_handler",
                format!("nothing handles messages to {}", app.name()),
            ));
        };
        let inbound = self.inbound(request, variables);
        let reply = self.guard(route(inbound)).await?;
        Ok(Effect::Reply(reply))
    }

    async fn subscribe(self: &Arc<Self>, request: Request) -> Result<Effect, Rejection> {
        let destination = Destination::for_subscribe(&self.prefixes, &request.destination)?;
        self.allow(&request.session, access::Action::Subscribe, &destination)
            .await?;
        if let Destination::App(app) = &destination {
            let Some((route, variables)) = self.router.find_subscribe(app.path()) else {
                return Err(Rejection::new(
                    "no_handler",
                    format!("nothing answers subscriptions to {}", app.name()),
                ));
            };
            let inbound = self.inbound(request, variables);
            return Ok(Effect::Snapshot(self.guard(route(inbound)).await?));
        }
        let Some((id, ack)) = &request.subscription else {
            return Ok(Effect::Nothing);
        };
        let overflow = self.overflow_of(&request.destination);
        let text = match &destination {
            Destination::User(_) => self.broker.registry.shared_queue(destination.text()),
            _ => self.broker.registry.shared(destination.text()),
        };
        let subscription = Subscription::new(&request.session, id, text, *ack, overflow);
        let joined = self.join(&destination, &subscription);
        Ok(Effect::Subscribed(subscription, joined))
    }

    /// Makes a subscription live here, and in the cluster when what is returned resolves.
    fn join(
        &self,
        destination: &Destination,
        subscription: &Arc<Subscription>,
    ) -> Option<Confirmation> {
        let registry = &self.broker.registry;
        let cluster = self.broker.cluster.as_ref();
        match destination {
            Destination::Pattern(pattern) => {
                registry.join_pattern(pattern, Arc::clone(subscription));
                cluster.map(|cluster| cluster.join(Interest::Everything))
            }
            Destination::User(user) => {
                let session = subscription.session();
                registry.join_user(session.key(), Arc::clone(subscription));
                // Refusals come from this node alone, also when the cluster is away.
                cluster
                    .filter(|_| user.queue() != ERRORS)
                    .map(|cluster| cluster.registered(session.id()))
            }
            Destination::App(_) | Destination::Broker(_) => {
                registry.join(subscription);
                let name = Arc::clone(subscription.destination());
                cluster.map(|cluster| cluster.join(Interest::Destination(name)))
            }
        }
    }

    /// Ends a subscription: when this returns, nothing more is delivered for it.
    pub(crate) fn leave(&self, subscription: &Arc<Subscription>) {
        subscription.end();
        let registry = &self.broker.registry;
        match Destination::for_subscribe(&self.prefixes, subscription.destination()) {
            Ok(Destination::Pattern(pattern)) => {
                registry.leave_pattern(&pattern, subscription);
                if let Some(cluster) = &self.broker.cluster {
                    cluster.leave(Interest::Everything);
                }
            }
            Ok(Destination::User(_)) => {
                registry.leave_user(subscription.session().key(), subscription);
            }
            _ => {
                registry.leave(subscription);
                if let Some(cluster) = &self.broker.cluster {
                    let name = Arc::clone(subscription.destination());
                    cluster.leave(Interest::Destination(name));
                }
            }
        }
    }

    /// Publishes what a handler answered. Gives the outboxes that are getting full, and why other nodes did not get it if they did not.
    pub(crate) async fn publish_reply(
        self: Arc<Self>,
        session: Arc<Session>,
        messages: Vec<Outgoing>,
    ) -> (Published, Option<Rejection>) {
        let mut published = Published::default();
        for Outgoing { audience, message } in messages {
            let (headers, body) = (&message.headers, &message.body);
            let one = match audience {
                Audience::Topic(topic) => self.broker.publish(&topic, headers, body).await,
                Audience::Sender { destination } => {
                    let destination = self.user_destination(&destination);
                    self.broker
                        .publish_to_user(session.key(), true, (&destination, headers, body))
                        .await
                }
                Audience::Session { destination } => {
                    let destination = self.user_destination(&destination);
                    let address = (&*destination, headers, body);
                    self.broker
                        .publish_to_session(session.key(), session.id(), address)
                }
                Audience::User {
                    realm,
                    name,
                    destination,
                } => {
                    let destination = self.user_destination(&destination);
                    let address = (&*destination, headers, body);
                    self.publish_to_name(realm.as_deref(), &name, address)
                        .await
                        .unwrap_or_else(|error| {
                            tracing::error!(%error, "a handler answers a user who cannot exist");
                            Published::default()
                        })
                }
            };
            published.add(one);
        }
        let failed = published.confirmed().await.err().map(|error| {
            tracing::debug!(%error, "an answer reached this node's subscribers only");
            Rejection::cluster_unavailable()
        });
        (published, failed)
    }

    /// Delivers to the sessions of the user `name`, in one realm or in all.
    pub(crate) async fn publish_to_name(
        &self,
        realm: Option<&str>,
        name: &str,
        address: (&str, &stompline_proto::Headers, &bytes::Bytes),
    ) -> Result<Published, NameError> {
        let name = UserName::new(name)?;
        let realms = match realm {
            Some(realm) => vec![Realm::new(realm)?],
            None => self.realms(),
        };
        Ok(self.publish_to_users(realms, &name, address).await)
    }

    /// The realms of this node, or of all nodes.
    pub(crate) fn realms(&self) -> Vec<Realm> {
        let here = self.users.realms();
        match &self.broker.cluster {
            Some(cluster) => cluster.realms(here),
            None => here,
        }
    }

    /// Users of that realm may be on any node, also before one was heard of: all nodes of a cluster have the same endpoints.
    pub(crate) fn expect_realm(&self, realm: &str) {
        if let (Some(cluster), Ok(realm)) = (&self.broker.cluster, Realm::new(realm)) {
            cluster.learn_realms([realm]);
        }
    }

    /// What the directory of a cluster shows of a session of this node.
    pub(crate) fn entry(&self, session: &Session) -> SessionEntry {
        match &self.broker.cluster {
            Some(cluster) => cluster.entry(session),
            None => session.entry(Member {
                node: self.alone.clone(),
                incarnation: 1,
            }),
        }
    }

    /// The limit that this node keeps by itself: the cluster counts all sessions of a user, once it answers.
    pub(crate) fn sessions_max_here(&self) -> usize {
        match &self.broker.cluster {
            Some(cluster) if cluster.status().is_well() => 0,
            _ => self.limits.sessions_per_user_max,
        }
    }

    /// A session was let in.
    pub(crate) fn arrive(&self, session: &Arc<Session>) {
        let add = || self.users.add(session, self.sessions_max_here());
        match &self.alone_presence {
            Some(alone) => alone.arrive(session, add),
            None => {
                add();
            }
        }
    }

    /// A session has ended.
    pub(crate) fn depart(self: &Arc<Self>, session: &Session) {
        let remove = || self.users.remove(session);
        match &self.alone_presence {
            Some(alone) => alone.depart(self, session, remove),
            None => {
                remove();
            }
        }
    }

    pub(crate) fn tell_presence(&self, event: &PresenceEvent) {
        for listener in &self.presence_listeners {
            let told = std::panic::catch_unwind(AssertUnwindSafe(|| listener.on_presence(event)));
            if told.is_err() {
                tracing::error!("a presence listener panicked");
            }
        }
    }

    async fn publish_to_users(
        &self,
        realms: Vec<Realm>,
        name: &UserName,
        address: (&str, &stompline_proto::Headers, &bytes::Bytes),
    ) -> Published {
        let mut published = Published::default();
        for realm in realms {
            let user = UserKey::new(realm, name.clone());
            let is_here = self.broker.cluster.is_some() && self.users.has(&user);
            let one = self.broker.publish_to_user(&user, is_here, address);
            published.add(one.await);
        }
        published
    }

    /// `/queue/x` as its subscribers name it: `/user/queue/x`.
    pub(crate) fn user_destination(&self, destination: &str) -> String {
        format!("{}{destination}", self.prefixes.user())
    }

    fn inbound(
        self: &Arc<Self>,
        request: Request,
        variables: crate::pattern::Variables,
    ) -> Inbound {
        let parts = Parts {
            session: request.session,
            destination: request.destination.into(),
            variables,
            headers: request.headers,
            receipt: request.receipt,
            messenger: Messenger::new(Arc::clone(self)),
        };
        Inbound {
            parts,
            body: request.body,
        }
    }

    /// A handler's time is limited, and its panic is nobody else's.
    pub(crate) async fn guard<T>(
        &self,
        call: BoxFuture<'static, Result<T, Rejection>>,
    ) -> Result<T, Rejection> {
        let limit = self.limits.handler_timeout;
        let call = AssertUnwindSafe(call).catch_unwind();
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => {
                tracing::error!(panic = panic_text(&*panic), "a handler panicked");
                Err(Rejection::internal())
            }
            Err(_elapsed) => {
                let text = format!("the handler took longer than {} s", limit.as_secs());
                Err(Rejection::new("timeout", text))
            }
        }
    }

    /// [`guard`](Self::guard) for a future that outlives the call.
    pub(crate) fn guard_owned<T: Send + 'static>(
        self: Arc<Self>,
        call: BoxFuture<'static, Result<T, Rejection>>,
    ) -> BoxFuture<'static, Result<T, Rejection>> {
        Box::pin(async move { self.guard(call).await })
    }

    fn overflow_of(&self, destination: &str) -> Overflow {
        self.overflow
            .iter()
            .find(|(pattern, _)| pattern.matches(destination))
            .map(|(_, overflow)| *overflow)
            .unwrap_or_default()
    }

    /// Ends all sessions, spread evenly over `over`, and waits for their connections.
    pub(crate) async fn drain(&self, over: Duration) {
        self.draining.cancel();
        let sessions = self.users.all();
        let pause = over / u32::try_from(sessions.len().max(1)).unwrap_or(u32::MAX);
        let start = tokio::time::Instant::now();
        for (index, session) in sessions.into_iter().enumerate() {
            // Somewhere in its own share of the time, so that clients do not come back in step.
            let due = start
                + pause.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX))
                + crate::cluster::jitter(pause);
            if due > tokio::time::Instant::now() {
                tokio::time::sleep_until(due).await;
            }
            session.end(CloseReason::Drain);
        }
        for session in self.users.all() {
            session.end(CloseReason::Drain);
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Leaves the cluster, if there is one. Nothing comes from other nodes or goes to them any more.
    pub(crate) async fn leave_cluster(&self) {
        if let Some(cluster) = &self.broker.cluster {
            cluster.shut_down().await;
        }
    }

    pub(crate) fn snapshot(&self) -> crate::stats::Snapshot {
        let (sessions, users) = self.users.counts();
        self.stats
            .snapshot(sessions, users, self.broker.registry.destinations())
    }

    pub(crate) fn note_rejection(&self) {
        self.stats.rejections.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a panic said, for the log only.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}

impl From<DestinationError> for Rejection {
    /// A destination that cannot exist ends the session: the client is not what it should be.
    fn from(error: DestinationError) -> Self {
        Self::new(error.code(), error.to_string()).fatal()
    }
}

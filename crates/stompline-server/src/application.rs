//! The chat on Stompline, as the configuration wants it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use stompline::access::{AccessRule, Action, Target};
use stompline::auth::{JwtAuthenticator, OriginRules, TrustedProxies};
use stompline::rate::Rate;
use stompline::{
    ClusterSettings, DecodeLimits, FrameLog, Heartbeat, Limits, PatternSyntax, Prefixes,
    SessionEvent, SockJsSettings, Stompline,
};
use stompline_chat::app::{Chat, ChatSettings};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cluster::{self, PresenceNews};
use crate::config::{self, Config, Endpoint, UserType};
use crate::failure::Failure;
use crate::session_log::SessionsEnded;
use crate::store;

/// How long a node may take at its start to hear the others: a few round trips to Redis.
const IN_STEP: Duration = Duration::from_secs(5);

/// The running application and its store.
#[derive(Clone)]
pub(crate) struct Application {
    pub stompline: Stompline,
    pub chat: Chat,
    pub ended: SessionsEnded,
    /// What runs beside the chat.
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Application {
    /// Opens the store and builds the application.
    pub(crate) async fn start(config: &Config, data: &Path) -> Result<Self, Failure> {
        let (store, committed) = store::open(config, data).await?;
        let chat = Chat::new(store, chat_settings(config)?);
        let backplane = cluster::connect(&config.redis).await?;
        let prefixes = prefixes(config);
        // The first policy that fits counts, and the operator's word comes first.
        let policies = config.limits.slow_readers.iter();
        let builder = policies.fold(Stompline::builder(), |builder, rule| {
            builder.overflow(rule.destination.clone(), rule.policy.into())
        });
        let mut builder = chat
            .install(builder)
            .limits(limits(config, &config.limits))
            .access(access(config, &prefixes)?)
            .prefixes(prefixes);
        let ended = SessionsEnded::default();
        let note = ended.clone();
        builder = builder.listener(move |event: &SessionEvent| note.note(event));
        if config.log.frames {
            builder = builder.interceptor(FrameLog::default());
        }
        for rule in &config.limits.content {
            builder = builder.interceptor(rule.rules());
        }
        let (news, listener) = PresenceNews::new();
        let mut times = ClusterSettings::default();
        times.grace = Duration::from_secs(config.redis.grace_s.into());
        builder = builder.cluster(times).presence(listener);
        if let Some(backplane) = backplane {
            builder = builder.backplane(backplane);
        }
        let stompline = builder.with_state(chat.clone()).build().map_err(other)?;
        chat.start(&stompline, committed);
        if tokio::time::timeout(IN_STEP, chat.in_step()).await.is_err() {
            tracing::warn!(
                "events of other nodes do not arrive yet; sessions fetch them from the store"
            );
        }
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        news.start(&stompline, &tasks, stop.clone());
        tasks.close();
        Ok(Self {
            stompline,
            chat,
            ended,
            tasks,
            stop,
        })
    }

    /// The routes of all endpoints that are switched on.
    pub(crate) fn endpoints(
        &self,
        config: &Config,
        authenticator: &JwtAuthenticator,
    ) -> Result<Router, Failure> {
        let proxies = TrustedProxies::parse(&config.trusted_proxies).map_err(other)?;
        let mut router = Router::new();
        for endpoint in enabled(&config.endpoints) {
            let origins = OriginRules::parse(&endpoint.origins).map_err(other)?;
            let mut built = self
                .stompline
                .endpoint(&endpoint.path)
                .authenticate(authenticator.clone())
                .limits(endpoint_limits(config, endpoint))
                .origins(origins)
                .trusted_proxies(proxies.clone())
                .late_authentication(endpoint.late_authentication);
            match endpoint.user_type {
                UserType::Customer => built = built.require_type("customer"),
                UserType::Agent => built = built.require_type("agent"),
                UserType::Any => {}
            }
            if endpoint.sockjs {
                built = built.sockjs_with(sockjs(endpoint));
            }
            if let Some(cookie) = &config.auth.cookie {
                built = built.token_cookie(cookie);
            }
            router = router.merge(built.into_router().map_err(other)?);
        }
        Ok(router)
    }

    /// Opens no sessions any more and ends all there are over `drain`. Their requests must still be served until this returns.
    pub(crate) async fn drain(&self, drain: Duration) {
        self.stompline.drain(drain).await;
    }

    /// Writes what is held back, closes the store and leaves the cluster. No request may come any more.
    pub(crate) async fn close(&self) {
        // Other nodes are waiting for what the chat writes last.
        self.chat.shutdown().await;
        self.stompline.shutdown(Duration::ZERO).await;
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn enabled(endpoints: &BTreeMap<String, Endpoint>) -> impl Iterator<Item = &Endpoint> {
    endpoints.values().filter(|endpoint| endpoint.enabled)
}

fn sockjs(endpoint: &Endpoint) -> SockJsSettings {
    let settings = SockJsSettings::new()
        .websocket(endpoint.sockjs_websocket)
        .jsonp(endpoint.sockjs_jsonp)
        .cookie_needed(endpoint.sockjs_cookie)
        .response_bytes_max(endpoint.sockjs_response_bytes as usize)
        .heartbeat(Duration::from_secs(endpoint.sockjs_heartbeat_s.into()))
        .disconnect_delay(Duration::from_secs(endpoint.sockjs_disconnect_s.into()));
    match endpoint.sockjs_client_library.as_str() {
        "none" => settings,
        address => settings.client_library(address),
    }
}

fn chat_settings(config: &Config) -> Result<ChatSettings, Failure> {
    let rate = &config.chat.rate;
    let mut settings = ChatSettings::default();
    settings.customer_rate =
        Rate::new(rate.customer_per_s.into(), rate.customer_burst).map_err(other)?;
    settings.hold_max = Duration::from_millis(config.chat.hold_ms.into());
    settings.agent_rate = Rate::new(rate.agent_per_s.into(), rate.agent_burst).map_err(other)?;
    Ok(settings)
}

fn prefixes(config: &Config) -> Prefixes {
    let access = &config.access;
    Prefixes::default().with_patterns(PatternSyntax {
        separator: match access.separator {
            config::Separator::Slash => stompline::Separator::Slash,
            config::Separator::Dot => stompline::Separator::Dot,
        },
        star: access.star,
        double_star: access.double_star,
    })
}

fn access(config: &Config, prefixes: &Prefixes) -> Result<stompline::access::AccessRules, Failure> {
    let mut rules = Chat::access(prefixes)
        .map_err(other)?
        .public_subscribe(config.access.public_subscribe);
    for rule in &config.access.rules {
        let target = Target::Pattern(rule.destination.clone());
        let built = match rule.effect {
            config::Effect::Allow => AccessRule::allow(rule.who.clone(), target),
            config::Effect::Deny => AccessRule::deny(rule.who.clone(), target),
        };
        rules = rules.first(match rule.action {
            config::RuleAction::Send => built.on(Action::Send),
            config::RuleAction::Subscribe => built.on(Action::Subscribe),
            config::RuleAction::Any => built,
        });
    }
    Ok(rules.build())
}

/// The limits with what the endpoint has of its own.
fn endpoint_limits(config: &Config, own: &Endpoint) -> Limits {
    let mut from = config.limits.clone();
    for (general, own) in [
        (&mut from.frame_bytes, own.frame_bytes),
        (&mut from.outbox_bytes, own.outbox_bytes),
        (&mut from.subscriptions, own.subscriptions),
        (&mut from.frames_per_s, own.frames_per_s),
        (
            &mut from.connects_per_s_per_address,
            own.connects_per_s_per_address,
        ),
    ] {
        *general = own.unwrap_or(*general);
    }
    limits(config, &from)
}

/// The limits of `from`, with what stands elsewhere in the configuration.
fn limits(config: &Config, from: &config::Limits) -> Limits {
    let mut limits = Limits::default();
    limits.frame = DecodeLimits::default()
        .frame_bytes_max(count(from.frame_bytes))
        .frame_bytes_max_before_connect(count(from.opening_frame_bytes))
        .headers_max(count(from.headers))
        .header_name_bytes_max(count(from.header_name_bytes))
        .header_value_bytes_max(count(from.header_value_bytes));
    limits.heartbeat = Heartbeat {
        send_ms: config.heartbeat.send_ms,
        receive_ms: config.heartbeat.receive_ms,
    };
    limits.connect_timeout = seconds(from.connect_timeout_s);
    limits.body_timeout = seconds(from.body_timeout_s);
    limits.subscriptions_max = count(from.subscriptions);
    limits.outbox_bytes_max = count(from.outbox_bytes);
    limits.write_stall = seconds(from.write_stall_s);
    limits.sessions_per_user_max = from.sessions_per_user as usize;
    limits.connects_per_s = from.connects_per_s;
    limits.connects_per_s_per_address = from.connects_per_s_per_address;
    limits.authentications_max = from.authentications as usize;
    limits.frames_per_s = from.frames_per_s;
    limits.transaction_frames_max = count(from.transaction_frames);
    limits.transaction_bytes_max = count(from.transaction_bytes);
    limits.handler_timeout = seconds(from.handler_timeout_s);
    limits.expiry_leeway = Duration::from_secs(config.auth.leeway_s.into());
    limits.expiry_notice = Duration::from_secs(config.auth.expiry_notice_s.into());
    limits
}

/// A number where 0 is off. Half of all numbers leaves room to add to it.
fn count(number: u32) -> usize {
    if number == 0 {
        usize::MAX / 2
    } else {
        number as usize
    }
}

/// A time where 0 is off: a year is longer than any process should wait for one thing.
fn seconds(number: u32) -> Duration {
    if number == 0 {
        Duration::from_hours(365 * 24)
    } else {
        Duration::from_secs(number.into())
    }
}

fn other(error: impl std::fmt::Display) -> Failure {
    Failure::Other(error.to_string())
}

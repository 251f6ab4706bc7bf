//! Hooks around the handshake, and the one way to refuse it.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::BoxFuture;
use super::attributes::Attributes;
use super::error::AuthError;
use super::request::HandshakeRequest;

/// A refusal before the upgrade: an HTTP status and a JSON body `{code, message}`.
///
/// `Display` is `code: message`, or `code: reason` if a reason for the log was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeRefusal {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    reason: Option<Box<str>>,
    retry_after: Option<Duration>,
}

impl HandshakeRefusal {
    /// A refusal with a status (400 or above; anything else becomes 403), a machine-readable code and a
    /// message for people, both of which the client sees.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let refuses = status.is_client_error() || status.is_server_error();
        let status = if refuses {
            status
        } else {
            StatusCode::FORBIDDEN
        };
        let (code, message) = (code.into(), message.into());
        Self {
            status,
            code,
            message,
            reason: None,
            retry_after: None,
        }
    }

    /// With a reason that only the log sees.
    pub fn with_reason(mut self, reason: impl Into<Box<str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// With the time after which to try again, sent as `Retry-After` in whole seconds.
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The machine-readable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What the client is told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the log is told: the reason, or else the message.
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or(&self.message)
    }

    /// When to try again, if that was said.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for HandshakeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.reason())
    }
}

impl std::error::Error for HandshakeRefusal {}

impl From<AuthError> for HandshakeRefusal {
    fn from(error: AuthError) -> Self {
        Self::new(error.status(), error.code(), error.message()).with_reason(error.to_string())
    }
}

/// How a handshake ended, for the `after` hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeOutcome<'a> {
    /// The connection was upgraded, or the SockJS session opened.
    Accepted,
    /// It was refused, by a later hook or by anything after the hooks.
    Refused(&'a HandshakeRefusal),
    /// The client went away, or the server failed, before there was an answer.
    Abandoned,
}

/// A hook around the handshake.
///
/// Hooks run before authentication, in the order in which they were added.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot intercept handshakes",
    note = "implement `stompline::auth::HandshakeInterceptor`: `before` may add attributes or refuse"
)]
pub trait HandshakeInterceptor: Send + Sync + 'static {
    /// Looks at the request; may add attributes, which the session keeps, or refuse it.
    fn before<'a>(
        &'a self,
        request: &'a HandshakeRequest<'a>,
        attributes: &'a Attributes,
    ) -> BoxFuture<'a, Result<(), HandshakeRefusal>>;

    /// Learns how the handshake ended. It runs exactly once for each `before` that did not refuse, in
    /// the reverse order. A panic is logged and stops nothing. By default it does nothing.
    fn after(&self, request: &HandshakeRequest<'_>, outcome: HandshakeOutcome<'_>) {
        let _ = (request, outcome);
    }
}

/// The hooks of an endpoint, in order. A clone shares them.
#[derive(Clone, Default)]
pub struct HandshakeChain {
    interceptors: Arc<[Arc<dyn HandshakeInterceptor>]>,
}

impl HandshakeChain {
    /// These hooks, in this order.
    pub fn new(interceptors: Vec<Arc<dyn HandshakeInterceptor>>) -> Self {
        Self {
            interceptors: interceptors.into(),
        }
    }

    /// Runs the `before` hooks in order, up to the first that refuses.
    ///
    /// Say how it went on with [`Entered::finish`]; if that is dropped instead, the hooks learn that the
    /// handshake was abandoned.
    ///
    /// # Errors
    ///
    /// A hook refused. The `after` hooks of those before it have run then.
    pub async fn enter<'a>(
        &'a self,
        request: &'a HandshakeRequest<'a>,
        attributes: &'a Attributes,
    ) -> Result<Entered<'a>, HandshakeRefusal> {
        let mut entered = Entered {
            interceptors: &self.interceptors,
            count: 0,
            request,
        };
        for interceptor in &*self.interceptors {
            if let Err(refusal) = interceptor.before(request, attributes).await {
                entered.finish(HandshakeOutcome::Refused(&refusal));
                return Err(refusal);
            }
            entered.count += 1;
        }
        Ok(entered)
    }

    /// Whether there are no hooks.
    pub fn is_empty(&self) -> bool {
        self.interceptors.is_empty()
    }
}

impl fmt::Debug for HandshakeChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "HandshakeChain({} interceptors)",
            self.interceptors.len()
        )
    }
}

/// Hooks whose `before` has passed and whose `after` is still owed.
#[must_use = "say how the handshake ended with `finish`"]
pub struct Entered<'a> {
    interceptors: &'a [Arc<dyn HandshakeInterceptor>],
    /// How many of them have passed.
    count: usize,
    request: &'a HandshakeRequest<'a>,
}

impl Entered<'_> {
    /// Runs the `after` hooks in reverse order.
    pub fn finish(mut self, outcome: HandshakeOutcome<'_>) {
        self.run(outcome);
    }

    fn run(&mut self, outcome: HandshakeOutcome<'_>) {
        while self.count > 0 {
            self.count -= 1;
            let interceptor = &self.interceptors[self.count];
            // One hook's bug must not keep the others from learning the outcome.
            let call = AssertUnwindSafe(|| interceptor.after(self.request, outcome));
            if catch_unwind(call).is_err() {
                tracing::error!(
                    path = self.request.path(),
                    "a handshake hook panicked in `after`"
                );
            }
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.run(HandshakeOutcome::Abandoned);
    }
}

impl fmt::Debug for Entered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entered({} interceptors)", self.count)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use http::{HeaderMap, Method, Uri};

    use super::*;

    type Log = Arc<Mutex<Vec<String>>>;

    struct Hook {
        name: &'static str,
        refuses: bool,
        panics: bool,
        log: Log,
    }

    impl HandshakeInterceptor for Hook {
        fn before<'a>(
            &'a self,
            _request: &'a HandshakeRequest<'a>,
            attributes: &'a Attributes,
        ) -> BoxFuture<'a, Result<(), HandshakeRefusal>> {
            Box::pin(async move {
                self.log
                    .lock()
                    .unwrap()
                    .push(format!("before {}", self.name));
                if self.refuses {
                    let status = StatusCode::UNAUTHORIZED;
                    return Err(HandshakeRefusal::new(
                        status,
                        "no_ticket",
                        "a ticket is required",
                    ));
                }
                attributes.insert(self.name, true);
                Ok(())
            })
        }

        fn after(&self, _request: &HandshakeRequest<'_>, outcome: HandshakeOutcome<'_>) {
            let outcome = match outcome {
                HandshakeOutcome::Refused(refusal) => refusal.code().to_owned(),
                outcome => format!("{outcome:?}"),
            };
            self.log
                .lock()
                .unwrap()
                .push(format!("after {} {outcome}", self.name));
            assert!(!self.panics, "the hook's own bug");
        }
    }

    fn chain(log: &Log, refuses: &str, panics: &str) -> HandshakeChain {
        let hook = |name: &'static str| -> Arc<dyn HandshakeInterceptor> {
            let (refuses, panics) = (name == refuses, name == panics);
            Arc::new(Hook {
                name,
                refuses,
                panics,
                log: Arc::clone(log),
            })
        };
        HandshakeChain::new(vec![hook("a"), hook("b"), hook("c")])
    }

    /// Runs a chain and returns the log.
    async fn run(
        refuses: &str,
        panics: &str,
        outcome: Option<HandshakeOutcome<'_>>,
    ) -> Vec<String> {
        let log = Log::default();
        let (uri, headers, attributes) =
            (Uri::from_static("/ws"), HeaderMap::new(), Attributes::new());
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let request = HandshakeRequest::new(&Method::GET, &uri, &headers, peer);
        let chain = chain(&log, refuses, panics);
        match (chain.enter(&request, &attributes).await, outcome) {
            (Ok(entered), Some(outcome)) => entered.finish(outcome),
            (Ok(entered), None) => drop(entered),
            (Err(refusal), _) => assert_eq!(refusal.status(), StatusCode::UNAUTHORIZED),
        }
        drop(chain);
        Arc::into_inner(log).unwrap().into_inner().unwrap()
    }

    #[tokio::test]
    async fn hooks_run_in_order_and_back() {
        assert_eq!(
            run("", "", Some(HandshakeOutcome::Accepted)).await,
            [
                "before a",
                "before b",
                "before c",
                "after c Accepted",
                "after b Accepted",
                "after a Accepted"
            ]
        );
    }

    #[tokio::test]
    async fn refusal_skips_the_rest() {
        assert_eq!(
            run("b", "", None).await,
            ["before a", "before b", "after a no_ticket"]
        );
    }

    #[tokio::test]
    async fn dropped_handshake_is_abandoned() {
        let log = run("", "", None).await;
        assert_eq!(
            log[3..],
            [
                "after c Abandoned",
                "after b Abandoned",
                "after a Abandoned"
            ]
        );
    }

    #[tokio::test]
    async fn panicking_after_hook_stops_nothing() {
        let log = run("", "b", Some(HandshakeOutcome::Accepted)).await;
        assert_eq!(
            log[3..],
            ["after c Accepted", "after b Accepted", "after a Accepted"]
        );
    }

    #[tokio::test]
    async fn attributes_of_hooks_are_kept() {
        let (uri, headers, attributes) =
            (Uri::from_static("/ws"), HeaderMap::new(), Attributes::new());
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let request = HandshakeRequest::new(&Method::GET, &uri, &headers, peer);
        let chain = chain(&Log::default(), "", "");
        chain
            .enter(&request, &attributes)
            .await
            .unwrap()
            .finish(HandshakeOutcome::Accepted);
        assert_eq!(attributes.value("a"), Some(true.into()));
    }

    #[test]
    fn refusals_tell_clients_little() {
        let refusal = HandshakeRefusal::from(AuthError::UnknownKey);
        assert_eq!(refusal.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            (refusal.code(), refusal.message()),
            ("token_unknown_key", "the token is not valid")
        );
        assert_eq!(refusal.reason(), "the token names an unknown key");
        let accepting = HandshakeRefusal::new(StatusCode::OK, "x", "y");
        assert_eq!(accepting.status(), StatusCode::FORBIDDEN);
    }
}

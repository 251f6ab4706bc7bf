//! Who may send to and subscribe to what.
//!
//! An [`AccessRules`] list is asked for every SEND and SUBSCRIBE of a client; the first rule that
//! applies decides, and what no rule mentions is denied. [`AccessRules::builder`] starts from the list
//! that is built in:
//!
//! 1. `/app/agent.*` is for agents.
//! 2. Everybody may SEND and SUBSCRIBE to `/app/**`, and SUBSCRIBE to `/user/queue/**`.
//! 3. The application's own rules.
//! 4. Everybody may SUBSCRIBE to other plain broker names, unless that is switched off.
//! 5. Agents may SUBSCRIBE to patterns of broker names.
//! 6. Everything else is denied.

mod builder;
mod rule;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::auth::Principal;
use crate::destination::Destination;

pub use self::builder::AccessRulesBuilder;
pub use self::rule::{AccessRule, Shape, Target, Who};

use self::rule::Effect;

/// What a client wants to do with a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// SEND a message to it.
    Send,
    /// SUBSCRIBE to it.
    Subscribe,
}

impl fmt::Display for Action {
    /// The STOMP command.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
        })
    }
}

/// What is to be judged. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct AccessRequest<'a> {
    /// Who wants it.
    pub principal: &'a Principal,
    /// What they want to do.
    pub action: Action,
    /// With what. For a SUBSCRIBE it may be a pattern.
    pub destination: &'a Destination,
}

/// What an [`AccessCheck`] says.
pub enum Verdict<'a> {
    /// They may.
    Allow,
    /// They may not.
    Deny,
    /// It is not for this check to say; the next rule is asked.
    Pass,
    /// It has to be found out first.
    Pending(Pin<Box<dyn Future<Output = Verdict<'a>> + Send + 'a>>),
}

impl fmt::Debug for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
            Self::Pass => "Pass",
            Self::Pending(_) => "Pending",
        })
    }
}

/// A rule that is code: may this agent watch this conversation?
///
/// It is asked for the destinations and people of its rule only. Answer at once where you can; where a
/// store must be asked, return [`Verdict::Pending`]. An `Allow` for a pattern counts only if the rule's
/// own pattern contains it.
///
/// A function of [`AccessRequest`] that answers at once is a check, too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot decide about access",
    note = "implement `AccessCheck`, or use a closure `|request: AccessRequest<'_>| -> bool`"
)]
pub trait AccessCheck: Send + Sync + 'static {
    /// Whether the request is allowed.
    fn check<'a>(&'a self, request: AccessRequest<'a>) -> Verdict<'a>;
}

impl<F> AccessCheck for F
where
    F: Fn(AccessRequest<'_>) -> bool + Send + Sync + 'static,
{
    fn check<'a>(&'a self, request: AccessRequest<'a>) -> Verdict<'a> {
        if self(request) {
            Verdict::Allow
        } else {
            Verdict::Deny
        }
    }
}

/// A refusal by the access rules. Its text is for the client: it names what was refused and what is
/// allowed in general, and no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} to {destination} is not allowed; {allowed}")]
pub struct Denied {
    action: Action,
    destination: Arc<str>,
    allowed: Arc<str>,
}

impl Denied {
    /// The machine-readable code: `forbidden`.
    pub fn code(&self) -> &'static str {
        "forbidden"
    }

    /// What was refused.
    pub fn action(&self) -> Action {
        self.action
    }

    /// With which destination, as the client named it.
    pub fn destination(&self) -> &str {
        &self.destination
    }
}

/// The answer of a rule list.
pub enum Decision<'a> {
    /// Known at once, which is the usual case.
    Ready(Result<(), Denied>),
    /// A check has to find out first.
    Pending(Pin<Box<dyn Future<Output = Result<(), Denied>> + Send + 'a>>),
}

impl Decision<'_> {
    /// The answer, waited for if need be.
    ///
    /// # Errors
    ///
    /// It is not allowed.
    pub async fn resolve(self) -> Result<(), Denied> {
        match self {
            Self::Ready(result) => result,
            Self::Pending(future) => future.await,
        }
    }
}

impl fmt::Debug for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// A list of rules: the first that applies decides, and without one it is denied.
///
/// A SUBSCRIBE to a pattern is judged more strictly, since it stands for many names: it passes only if
/// a rule that allows contains it whole and no rule before that denies any part of it.
///
/// Judging costs a comparison per rule and allocates nothing, unless a check has to wait. A clone
/// shares the list.
///
/// ```
/// use stompline::access::{AccessRequest, AccessRules, Action, Who};
/// use stompline::auth::Principal;
/// use stompline::{Destination, Prefixes, Realm, UserName};
///
/// let prefixes = Prefixes::default();
/// let rules = AccessRules::builder(&prefixes)
///     .only(Who::realm("agent")?, "/topic/queue.*/**")?
///     .build();
///
/// let customer = Principal::new(Realm::new("customer")?, UserName::new("7")?);
/// let may_subscribe = |name| {
///     let destination = Destination::for_subscribe(&prefixes, name).unwrap();
///     let request = AccessRequest {
///         principal: &customer,
///         action: Action::Subscribe,
///         destination: &destination,
///     };
///     rules.permits(request)
/// };
/// assert!(may_subscribe("/topic/news"));
/// assert!(!may_subscribe("/topic/queue.default"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AccessRules {
    rules: Arc<[AccessRule]>,
    /// What is allowed in general, for refusals.
    allowed: Arc<str>,
}

impl AccessRules {
    /// Exactly these rules and nothing built in. `allowed` is said with each refusal, such as `ask the
    /// administrator`.
    pub fn new(rules: impl IntoIterator<Item = AccessRule>, allowed: impl Into<Arc<str>>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            allowed: allowed.into(),
        }
    }

    /// Judges a request.
    pub fn decide<'a>(&'a self, request: AccessRequest<'a>) -> Decision<'a> {
        self.decide_from(0, request)
    }

    /// Whether a request is allowed without waiting for anything. Meant for rules without checks that
    /// wait; where one would have to, the answer is no.
    pub fn permits(&self, request: AccessRequest<'_>) -> bool {
        matches!(self.decide(request), Decision::Ready(Ok(())))
    }

    /// The rules in order.
    pub fn rules(&self) -> &[AccessRule] {
        &self.rules
    }

    fn decide_from<'a>(&'a self, from: usize, request: AccessRequest<'a>) -> Decision<'a> {
        for (at, rule) in self.rules.iter().enumerate().skip(from) {
            if !rule.concerns(request) {
                continue;
            }
            let verdict = match &rule.effect {
                Effect::Allow => Verdict::Allow,
                Effect::Deny => Verdict::Deny,
                Effect::Check(check) => check.check(request),
            };
            match verdict {
                Verdict::Allow if rule.covers(request) => return Decision::Ready(Ok(())),
                Verdict::Deny => return Decision::Ready(Err(self.denied(request))),
                Verdict::Allow | Verdict::Pass => {}
                Verdict::Pending(_) => {
                    return Decision::Pending(Box::pin(self.finish(at, verdict, request)));
                }
            }
        }
        Decision::Ready(Err(self.denied(request)))
    }

    /// Goes on with rule `at`, whose check has to wait.
    async fn finish<'a>(
        &'a self,
        at: usize,
        mut verdict: Verdict<'a>,
        request: AccessRequest<'a>,
    ) -> Result<(), Denied> {
        while let Verdict::Pending(future) = verdict {
            verdict = future.await;
        }
        match verdict {
            Verdict::Allow if self.rules[at].covers(request) => Ok(()),
            Verdict::Deny => Err(self.denied(request)),
            _ => self.decide_from(at + 1, request).resolve().await,
        }
    }

    fn denied(&self, request: AccessRequest<'_>) -> Denied {
        Denied {
            action: request.action,
            destination: Arc::clone(request.destination.text()),
            allowed: Arc::clone(&self.allowed),
        }
    }
}

impl fmt::Debug for AccessRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.iter()).finish()
    }
}

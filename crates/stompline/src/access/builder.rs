//! The rules that are built in, and where an application adds its own.

use std::sync::Arc;

use crate::destination::Prefixes;
use crate::name::Realm;
use crate::pattern::{DestinationPattern, PatternError};

use super::rule::{AccessRule, Shape, Target, Who};
use super::{AccessCheck, AccessRules, Action};

impl AccessRules {
    /// Starts from the built-in rules for these prefixes; see the [module](super).
    #[expect(
        clippy::missing_panics_doc,
        reason = "it cannot: the name is a constant"
    )]
    pub fn builder(prefixes: &Prefixes) -> AccessRulesBuilder {
        AccessRulesBuilder {
            prefixes: prefixes.clone(),
            agents: Realm::new("agent").expect("a plain word is a realm"),
            public_subscribe: true,
            first: Vec::new(),
            own: Vec::new(),
        }
    }
}

/// Makes [`AccessRules`] out of the built-in rules and an application's own.
#[derive(Debug, Clone)]
pub struct AccessRulesBuilder {
    prefixes: Prefixes,
    agents: Realm,
    public_subscribe: bool,
    first: Vec<AccessRule>,
    own: Vec<AccessRule>,
}

impl AccessRulesBuilder {
    /// Which users are agents. Default: those of type `agent`.
    pub fn agents(mut self, realm: Realm) -> Self {
        self.agents = realm;
        self
    }

    /// Whether everybody may SUBSCRIBE to plain broker names that no other rule mentions. Default: yes,
    /// so that a first topic works without configuration; name them one by one in production.
    pub fn public_subscribe(mut self, public: bool) -> Self {
        self.public_subscribe = public;
        self
    }

    /// Adds a rule before all built-in ones, after those added so before: the operator's word.
    pub fn first(mut self, rule: AccessRule) -> Self {
        self.first.push(rule);
        self
    }

    /// Adds a rule after the built-in ones about handlers and users and before the public ones.
    pub fn rule(mut self, rule: AccessRule) -> Self {
        self.own.push(rule);
        self
    }

    /// Reserves names for some: they may SUBSCRIBE, nobody else may do anything. Place as
    /// [`rule`](Self::rule).
    ///
    /// # Errors
    ///
    /// The text is no pattern.
    pub fn only(self, who: Who, pattern: &str) -> Result<Self, PatternError> {
        let target = Target::Pattern(DestinationPattern::parse(pattern)?);
        let allow = AccessRule::allow(who, target.clone()).on(Action::Subscribe);
        Ok(self.rule(allow).rule(AccessRule::deny(Who::Anyone, target)))
    }

    /// Reserves names for some as far as a check allows: what it passes, and everybody else, is denied.
    /// The check is asked for SEND and for SUBSCRIBE. Place as [`rule`](Self::rule).
    ///
    /// # Errors
    ///
    /// The text is no pattern.
    pub fn only_checked(
        self,
        who: Who,
        pattern: &str,
        check: Arc<dyn AccessCheck>,
    ) -> Result<Self, PatternError> {
        let target = Target::Pattern(DestinationPattern::parse(pattern)?);
        let check = AccessRule::check(who, target.clone(), check);
        Ok(self.rule(check).rule(AccessRule::deny(Who::Anyone, target)))
    }

    /// The finished list.
    pub fn build(self) -> AccessRules {
        let allowed = self.allowed();
        let mut rules = self.first;
        rules.extend(handler_rules(&self.prefixes, &self.agents));
        rules.extend(self.own);
        rules.extend(broker_rules(
            &self.prefixes,
            &self.agents,
            self.public_subscribe,
        ));
        AccessRules::new(rules, allowed)
    }

    /// What is allowed in general, for refusals.
    fn allowed(&self) -> String {
        let (app, user) = (self.prefixes.app(), self.prefixes.user());
        let own = format!("SEND is for {app}/**, SUBSCRIBE for {app}/** and {user}/queue/**");
        if !self.public_subscribe {
            return own;
        }
        let brokers: Vec<_> = self.prefixes.brokers().collect();
        format!("{own} and public names below {}", brokers.join(" and "))
    }
}

fn handler_rules(prefixes: &Prefixes, agents: &Realm) -> [AccessRule; 4] {
    // The `**` leaves no way around: `/app/agent.x/y` is for agents as well.
    let for_agents = below(prefixes.app(), "agent.*/**");
    let own_queues = below(prefixes.user(), "queue/**");
    [
        AccessRule::allow(Who::Realm(agents.clone()), for_agents.clone()),
        AccessRule::deny(Who::Anyone, for_agents),
        AccessRule::allow(Who::Anyone, below(prefixes.app(), "**")),
        AccessRule::allow(Who::Anyone, own_queues).on(Action::Subscribe),
    ]
}

fn broker_rules(prefixes: &Prefixes, agents: &Realm, public: bool) -> Vec<AccessRule> {
    let targets: Vec<_> = prefixes
        .brokers()
        .map(|prefix| below(prefix, "**"))
        .collect();
    let subscribe = |who: &Who, target: &Target, shape| {
        AccessRule::allow(who.clone(), target.clone())
            .on(Action::Subscribe)
            .shaped(shape)
    };
    let agents = Who::Realm(agents.clone());
    let plain = targets.iter().filter(|_| public);
    let plain = plain.map(|target| subscribe(&Who::Anyone, target, Shape::Plain));
    let patterns = targets
        .iter()
        .map(|target| subscribe(&agents, target, Shape::Pattern));
    plain.chain(patterns).collect()
}

fn below(prefix: &str, rest: &str) -> Target {
    let pattern = DestinationPattern::parse(&format!("{prefix}/{rest}"));
    Target::Pattern(pattern.expect("a checked prefix with a short pattern below it is a pattern"))
}

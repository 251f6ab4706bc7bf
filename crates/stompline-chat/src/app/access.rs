//! Who may hear what is said on the chat's topics.

use std::sync::Arc;

use serde_json::Value;
use stompline::{
    Prefixes,
    access::{AccessRequest, AccessRules, AccessRulesBuilder, Action, Who},
};

use super::{AccessError, Chat};

/// The site of those whose token names none.
const DEFAULT_SITE: &str = "default";

/// The claim that names the sites of a user: one, or a list.
const CLAIM: &str = "site";

impl Chat {
    /// Adds the chat's names to the access rules: they are for agents, except `/topic/site.{id}`, which is for those whose claim `site`
    /// names it, or without that claim for `default`.
    ///
    /// # Errors
    ///
    /// Never, as long as the names are what they are.
    pub fn access(prefixes: &Prefixes) -> Result<AccessRulesBuilder, AccessError> {
        let mut rules = AccessRules::builder(prefixes);
        for names in [
            "queue.*",
            "inbox.*",
            "presence.*",
            "conversation.*",
            "metrics.*",
        ] {
            rules = rules.only(Who::realm("agent")?, &format!("/topic/{names}/**"))?;
        }
        Ok(rules.only_checked(Who::Anyone, "/topic/site.*/**", Arc::new(is_own_site))?)
    }
}

fn is_own_site(request: AccessRequest<'_>) -> bool {
    let rest = request.destination.name().strip_prefix("/topic/site.");
    let Some(rest) = rest.filter(|_| request.action == Action::Subscribe) else {
        return false;
    };
    let site = rest.split('/').next().unwrap_or_default();
    match request.principal.claim(CLAIM) {
        None => site == DEFAULT_SITE,
        Some(Value::Array(sites)) => sites.iter().any(|own| own.as_str() == Some(site)),
        Some(own) => own.as_str() == Some(site),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stompline::{
        Destination, Prefixes, Realm, UserName,
        access::{AccessRequest, Action},
        auth::Principal,
    };

    use super::Chat;

    #[test]
    fn news_of_a_site_are_for_its_people() {
        let rules = Chat::access(&Prefixes::default()).unwrap().build();
        let user = |realm| Principal::new(Realm::new(realm).unwrap(), UserName::new("7").unwrap());
        let of_shop = user("customer").with_claim("site", "shop");
        let of_both = user("agent").with_claim("site", json!(["shop", "blog"]));
        let odd = user("customer").with_claim("site", 7);
        for (principal, shop, blog, default) in [
            (user("customer"), false, false, true),
            (user("agent"), false, false, true),
            (of_shop, true, false, false),
            (of_both, true, true, false),
            (odd, false, false, false),
        ] {
            let may = |action, name: &str| {
                let parsed = match action {
                    Action::Send => Destination::for_send(&Prefixes::default(), name),
                    Action::Subscribe => Destination::for_subscribe(&Prefixes::default(), name),
                };
                rules.permits(AccessRequest {
                    principal: &principal,
                    action,
                    destination: &parsed.unwrap(),
                })
            };
            let hears = |site| may(Action::Subscribe, &format!("/topic/site.{site}"));
            let heard = (hears("shop"), hears("blog"), hears("default"));
            assert_eq!(heard, (shop, blog, default), "{principal:?}");
            assert_eq!(may(Action::Subscribe, "/topic/site.shop/offers"), shop);
            assert!(!may(Action::Subscribe, "/topic/site.*"));
            assert!(!may(Action::Send, "/topic/site.default"));
        }
    }
}

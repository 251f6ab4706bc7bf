//! `stompline token`: a token that the server with the same configuration accepts.

use std::time::SystemTime;

use stompline::auth::Principal;
use stompline::{Realm, UserName};

use crate::cli::TokenArgs;
use crate::config::{self, Origin};
use crate::failure::Failure;
use crate::keyring::Keyring;

/// Makes the token that the arguments describe.
pub(crate) fn make(args: &TokenArgs) -> Result<String, Failure> {
    let data = args
        .data
        .dir
        .as_deref()
        .map(|text| ("--data", "data", text));
    let origin = Origin {
        file: args.config.file.as_deref(),
        environment: config::environment(),
        flags: data.into_iter().collect(),
    };
    let config = config::load(origin)?.config;
    let signer = Keyring::read(&config)?.signer()?;
    let now = SystemTime::now();
    let token = signer.sign(&principal(args, now)?, now);
    token.map_err(|error| Failure::Other(error.to_string()))
}

fn principal(args: &TokenArgs, now: SystemTime) -> Result<Principal, Failure> {
    let realm = Realm::new(args.user_type.claim())
        .map_err(|error| Failure::Misuse(format!("--type: {error}")))?;
    let name = UserName::new(args.user.as_str())
        .map_err(|error| Failure::Misuse(format!("--user: {error}")))?;
    let expires_at = now
        .checked_add(args.ttl)
        .ok_or_else(|| Failure::Misuse("--ttl: no clock goes that far".to_owned()))?;
    let mut principal = Principal::new(realm, name).with_expiry(expires_at);
    if let Some(display) = &args.name {
        principal = principal.with_display(display.as_str());
    }
    for (name, value) in &args.claims {
        principal = principal.with_claim(name.as_str(), value.as_str());
    }
    Ok(principal)
}

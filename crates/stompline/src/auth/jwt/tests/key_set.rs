//! Keys that change while tokens are checked.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;

use super::*;

fn public(pem: &str) -> JwtKey {
    JwtKey::public_pem(pem).unwrap()
}

fn changed(added: usize, withdrawn: usize) -> KeyChange {
    KeyChange { added, withdrawn }
}

/// A set of its own and what checks with it.
fn with_set(keys: impl IntoIterator<Item = JwtKey>) -> (JwtKeySet, JwtAuthenticator) {
    let set = JwtKeySet::new();
    let jwt = JwtSettings::new(keys).key_set(set.clone());
    (set, jwt.build().unwrap())
}

/// Whether a token was missed since this was last asked.
fn was_missed(set: &JwtKeySet) -> bool {
    set.missed().now_or_never().is_some()
}

#[test]
fn replaced_keys_are_the_only_ones() {
    let (set, jwt) = with_set([]);
    let (p256, ed25519) = (fixture::ES256_TOKEN, fixture::EDDSA_TOKEN);
    assert_eq!(set.replace([public(fixture::P256)]), changed(1, 0));
    assert_eq!(verdict(&jwt, p256), "ok");
    assert_eq!(verdict(&jwt, ed25519), "token_unsupported_algorithm");
    let both = || [public(fixture::ED25519), public(fixture::P256)];
    assert_eq!(set.replace(both()), changed(1, 0));
    assert_eq!(set.len(), 2);
    assert_eq!((verdict(&jwt, p256), verdict(&jwt, ed25519)), ("ok", "ok"));
    assert_eq!(set.replace([public(fixture::ED25519)]), changed(0, 1));
    assert_eq!(verdict(&jwt, p256), "token_unsupported_algorithm");
    assert_eq!(verdict(&jwt, ed25519), "ok");
    assert_eq!(set.replace([]), changed(0, 1));
    assert!(set.is_empty());
    assert_eq!(verdict(&jwt, ed25519), "token_unsupported_algorithm");
}

/// Whatever generation of the cache it is in: what was checked with a key ends with the key.
#[test]
fn remembered_token_ends_with_its_key() {
    let (set, jwt) = with_set([key(SECRET)]);
    let other = |n: u64| token_with(&json!({"jti": n}));
    for others in [0, 5_000, 9_999] {
        set.replace([public(fixture::P256)]);
        let first = verify(&jwt, fixture::ES256_TOKEN).unwrap();
        for n in 0..others {
            assert!(verify(&jwt, &other(n)).is_ok());
        }
        let again = verify(&jwt, fixture::ES256_TOKEN).unwrap();
        assert_eq!(first, again);
        set.replace([public(fixture::ED25519)]);
        let token = fixture::ES256_TOKEN;
        assert_eq!(verdict(&jwt, token), "token_unsupported_algorithm");
        assert!(jwt.verify_ignoring_expiry(token).is_err());
    }
    assert_eq!(verdict(&jwt, &other(0)), "ok");
}

#[test]
fn key_that_comes_back_is_accepted_again() {
    let (set, jwt) = with_set([]);
    for round in 0..3 {
        set.replace([public(fixture::P256)]);
        assert_eq!(verdict(&jwt, fixture::ES256_TOKEN), "ok", "{round}");
        set.replace([public(fixture::P384)]);
        assert_ne!(verdict(&jwt, fixture::ES256_TOKEN), "ok", "{round}");
    }
}

#[test]
fn token_of_a_key_that_stays_is_remembered() {
    let (set, jwt) = with_set([]);
    set.replace([public(fixture::P256).with_id("a")]);
    let first = verify(&jwt, fixture::ES256_TOKEN).unwrap();
    let keys = [public(fixture::P384), public(fixture::P256).with_id("a")];
    assert_eq!(set.replace(keys), changed(1, 0));
    let again = verify(&jwt, fixture::ES256_TOKEN).unwrap();
    assert!(std::ptr::eq(first.name(), again.name()), "it is a look-up");
    // The same numbers under another id or for another algorithm are another key.
    let renamed = public(fixture::P256).with_id("b");
    assert_eq!(set.replace([renamed.clone()]), changed(1, 2));
    let restricted = renamed.with_algorithm(Algorithm::ES256);
    assert_eq!(set.replace([restricted.clone(), restricted]), changed(1, 1));
    assert_eq!(set.len(), 1);
}

#[test]
fn fixed_keys_and_fetched_ones_go_together() {
    let (set, jwt) = with_set([key(SECRET).with_id("k")]);
    let own = token_with(&json!({}));
    assert_eq!(verdict(&jwt, &own), "ok");
    set.replace([public(fixture::RSA_2048).with_id("k")]);
    assert_eq!(verdict(&jwt, &own), "ok");
    assert_eq!(verdict(&jwt, fixture::RS256_TOKEN), "ok");
    let forged = signed(
        &json!({"alg": "HS256", "kid": "k"}),
        &agent_claims(),
        fixture::RSA_2048,
    );
    assert_eq!(verdict(&jwt, &forged), "token_bad_signature");
    set.replace([]);
    assert_eq!(verdict(&jwt, &own), "ok");
}

#[test]
fn set_that_was_never_filled_is_no_verdict() {
    let (set, jwt) = with_set([key(SECRET)]);
    assert_eq!(verdict(&jwt, fixture::ES256_TOKEN), "auth_unavailable");
    assert!(was_missed(&set));
    assert_eq!(verdict(&jwt, &token_with(&json!({}))), "ok");
    let none = signed(&json!({"alg": "none"}), &agent_claims(), SECRET);
    assert_eq!(verdict(&jwt, &none), "token_unsupported_algorithm");
    assert!(!was_missed(&set));
}

/// The token with a header of its own; its signature fits no more.
fn renamed(header: &Value, token: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn only_what_newer_keys_could_check_is_missed() {
    let (set, jwt) = with_set([key(SECRET)]);
    set.replace([public(fixture::P256).with_id("a")]);
    for (header, verdict_is, missed) in [
        (
            json!({"alg": "ES256", "kid": "b"}),
            "token_unknown_key",
            true,
        ),
        (
            json!({"alg": "EdDSA", "kid": "a"}),
            "token_unsupported_algorithm",
            true,
        ),
        (json!({"alg": "ES256"}), "token_bad_signature", true),
        (
            json!({"alg": "ES256", "kid": "a"}),
            "token_bad_signature",
            false,
        ),
        (
            json!({"alg": "HS256", "kid": "b"}),
            "token_bad_signature",
            false,
        ),
        (json!({"alg": "HS512"}), "token_bad_signature", false),
        (
            json!({"alg": "none", "kid": "b"}),
            "token_unsupported_algorithm",
            false,
        ),
    ] {
        let token = renamed(&header, fixture::ES256_TOKEN);
        for _ in 0..3 {
            assert_eq!(verdict(&jwt, &token), verdict_is, "{header}");
        }
        assert_eq!(was_missed(&set), missed, "{header}");
        assert!(!was_missed(&set), "it is told once: {header}");
    }
    assert_eq!(verdict(&jwt, fixture::ES256_TOKEN), "ok");
    assert!(!was_missed(&set));
}

/// Ends the other threads, also when the test fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// With keys coming and going, a token is refused as soon as `replace` has returned.
#[test]
fn withdrawal_is_seen_by_every_thread() {
    let (set, jwt) = with_set([]);
    set.replace([public(fixture::ED25519)]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stops = Stops(&stop);
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = verify(&jwt, fixture::EDDSA_TOKEN);
                }
            });
        }
        for _ in 0..50 {
            set.replace([public(fixture::P256)]);
            assert_ne!(verdict(&jwt, fixture::EDDSA_TOKEN), "ok");
            set.replace([public(fixture::ED25519)]);
            assert_eq!(verdict(&jwt, fixture::EDDSA_TOKEN), "ok");
        }
    });
}

#[test]
fn debug_shows_ids_only() {
    let (set, jwt) = with_set([]);
    set.replace([key(SECRET).with_id("k")]);
    let shown = format!("{set:?} {jwt:?}");
    assert!(
        shown.contains("\"k\"") && !shown.contains("thirty"),
        "{shown}"
    );
}

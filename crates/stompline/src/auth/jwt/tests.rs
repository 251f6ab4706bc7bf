mod fixture;
mod jwk;
mod key_set;

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::name::{Realm, UserName};

const SECRET: &str = "a secret of at least thirty-two bytes";
const OTHER_SECRET: &str = "another one, thirty-two bytes or more";

/// The time at which most tests take place, in seconds since 1970.
const NOW_S: u64 = 1_700_000_000;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn key(secret: &str) -> JwtKey {
    JwtKey::secret(secret).unwrap()
}

fn jwt() -> JwtAuthenticator {
    JwtSettings::new([key(SECRET)]).build().unwrap()
}

/// A token with exactly these parts, signed with the secret.
fn signed(header: &Value, claims: &Value, secret: &str) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let algorithm = header["alg"].as_str().and_then(|name| name.parse().ok());
    let signature = jsonwebtoken::crypto::sign(
        message.as_bytes(),
        &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()),
        algorithm.unwrap_or(Algorithm::HS256),
    );
    format!("{message}.{}", signature.unwrap())
}

fn agent_claims() -> Value {
    json!({"sub": "7", "userType": "agent", "exp": NOW_S + 60})
}

/// The usual token, with some claims set or, where `null`, taken away.
fn token_with(changes: &Value) -> String {
    let mut claims = agent_claims();
    let all = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        all.insert(name.clone(), value.clone());
    }
    all.retain(|_, value| !value.is_null());
    signed(&json!({"alg": "HS256"}), &claims, SECRET)
}

fn verify(jwt: &JwtAuthenticator, token: &str) -> Result<Principal, AuthError> {
    jwt.verify_at(token, at(NOW_S))
}

/// The code of the refusal, or `ok`.
fn verdict(jwt: &JwtAuthenticator, token: &str) -> &'static str {
    verify(jwt, token).map_or_else(|error| error.code(), |_| "ok")
}

#[test]
fn claims_become_the_principal() {
    let token = token_with(&json!({
        "sub": "u/42", "name": "Anna", "roles": ["lead", "night"], "jti": "j", "site": "s1",
        "iat": 1, "nbf": 1, "iss": "x", "aud": ["y"]
    }));
    let anna = verify(&jwt(), &token).unwrap();
    assert_eq!(
        (anna.user_type(), anna.name().as_str(), anna.display()),
        ("agent", "u/42", "Anna")
    );
    assert!(anna.has_role("lead") && anna.has_role("night") && !anna.has_role("admin"));
    assert_eq!(
        anna.claims().collect::<Vec<_>>(),
        [("jti", &json!("j")), ("site", &json!("s1"))]
    );
    assert_eq!(anna.expires_at(), Some(at(NOW_S + 60)));
}

#[test]
fn claims_are_judged_one_by_one() {
    for (changes, want) in [
        (json!({}), "ok"),
        (json!({"sub": 42}), "ok"),
        (json!({"sub": null}), "token_missing_claim"),
        (json!({"sub": ""}), "token_missing_claim"),
        (json!({"sub": "a\nb"}), "token_missing_claim"),
        (json!({"sub": 4.5}), "token_missing_claim"),
        (json!({"sub": ["7"]}), "token_missing_claim"),
        (json!({"userType": "customer"}), "ok"),
        (json!({"userType": null}), "token_missing_claim"),
        (json!({"userType": 1}), "token_missing_claim"),
        (json!({"userType": "root"}), "wrong_user_type"),
        (json!({"userType": "Agent"}), "wrong_user_type"),
        (json!({"name": 7}), "ok"),
        (json!({"exp": null}), "token_missing_claim"),
        (json!({"exp": "soon"}), "token_missing_claim"),
        (json!({"exp": -1}), "token_missing_claim"),
        (json!({"exp": 1e300}), "ok"),
        (json!({"exp": u64::MAX}), "ok"),
        (json!({"exp": NOW_S}), "ok"),
        (json!({"exp": NOW_S - 4}), "ok"),
        (json!({"exp": NOW_S - 5}), "token_expired"),
        (json!({"exp": 0}), "token_expired"),
        (json!({"nbf": NOW_S + 5}), "ok"),
        (json!({"nbf": NOW_S + 6}), "token_not_yet_valid"),
        (json!({"nbf": 1_700_000_005.5}), "token_not_yet_valid"),
        (json!({"nbf": "x"}), "token_missing_claim"),
        (json!({"iss": "anybody", "aud": "anything"}), "ok"),
    ] {
        assert_eq!(verdict(&jwt(), &token_with(&changes)), want, "{changes}");
    }
}

#[test]
fn issuer_and_audience_are_required_once_named() {
    let settings = JwtSettings::new([key(SECRET)])
        .issuer("us")
        .issuer("them")
        .audience("chat");
    let jwt = settings.build().unwrap();
    for (issuer, audience, want) in [
        (json!("us"), json!("chat"), "ok"),
        (json!("them"), json!(["mail", "chat"]), "ok"),
        (json!("who"), json!("chat"), "token_wrong_issuer"),
        (json!(null), json!("chat"), "token_missing_claim"),
        (json!(["us"]), json!("chat"), "token_missing_claim"),
        (json!("us"), json!("mail"), "token_wrong_audience"),
        (json!("us"), json!(["mail"]), "token_wrong_audience"),
        (json!("us"), json!(null), "token_missing_claim"),
        (json!("us"), json!([]), "token_missing_claim"),
    ] {
        let token = token_with(&json!({"iss": issuer, "aud": audience}));
        assert_eq!(verdict(&jwt, &token), want, "{issuer} {audience}");
    }
}

#[test]
fn malformed_tokens_are_named() {
    let good = token_with(&json!({}));
    let (message, _) = good.rsplit_once('.').unwrap();
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let long = format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX));
    let claims_no_json = {
        let message = format!("{}.{}", encoded("{\"alg\":\"HS256\"}"), encoded("[1]"));
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    for (token, want) in [
        ("", "token_missing"),
        ("x", "token_malformed"),
        ("a.b", "token_malformed"),
        ("!.b.c", "token_malformed"),
        (long.as_str(), "token_malformed"),
        (&format!("{}.e30.x", encoded("[]")), "token_malformed"),
        (&format!("{}.e30.x", encoded("{}")), "token_malformed"),
        (
            &format!(
                "{}.e30.x",
                encoded("{\"alg\":\"HS256\",\"crit\":[\"b64\"]}")
            ),
            "token_malformed",
        ),
        (&format!("{message}.!"), "token_malformed"),
        (&format!("{good}.more"), "token_bad_signature"),
        (&format!("{message}."), "token_bad_signature"),
        (&format!("{message}.AAAA"), "token_bad_signature"),
        (&claims_no_json, "token_malformed"),
    ] {
        assert_eq!(verdict(&jwt(), token), want, "{token}");
    }
}

#[test]
fn unsigned_tokens_are_never_accepted() {
    for alg in ["none", "None", "NONE", "nOnE", "", "HS257"] {
        let token = signed(&json!({"alg": alg}), &agent_claims(), SECRET);
        let (message, _) = token.rsplit_once('.').unwrap();
        for token in [token.clone(), format!("{message}.")] {
            assert_eq!(
                verdict(&jwt(), &token),
                "token_unsupported_algorithm",
                "{alg}"
            );
        }
    }
    let error = verify(&jwt(), &signed(&json!({"alg": "none"}), &json!({}), SECRET)).unwrap_err();
    assert_eq!(error.to_string(), "no key for the algorithm \"none\"");
}

#[test]
fn every_hash_of_a_secret_is_accepted() {
    for alg in ["HS256", "HS384", "HS512"] {
        assert_eq!(
            verdict(
                &jwt(),
                &signed(&json!({"alg": alg}), &agent_claims(), SECRET)
            ),
            "ok"
        );
    }
}

#[test]
fn rotated_keys_are_chosen_by_id() {
    let settings = JwtSettings::new([key(SECRET).with_id("old"), key(OTHER_SECRET).with_id("new")]);
    let jwt = settings.build().unwrap();
    for (kid, secret, want) in [
        (None, SECRET, "ok"),
        (None, OTHER_SECRET, "ok"),
        (Some("old"), SECRET, "ok"),
        (Some("new"), OTHER_SECRET, "ok"),
        (Some("old"), OTHER_SECRET, "token_bad_signature"),
        (Some("x"), SECRET, "token_unknown_key"),
        (
            None,
            "a third secret that nobody knows here",
            "token_bad_signature",
        ),
    ] {
        let mut header = json!({"alg": "HS256"});
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        assert_eq!(
            verdict(&jwt, &signed(&header, &agent_claims(), secret)),
            want,
            "{kid:?}"
        );
    }
    // A key without an id may be the one that a token names.
    let named = signed(
        &json!({"alg": "HS256", "kid": "x"}),
        &agent_claims(),
        SECRET,
    );
    assert_eq!(verdict(&self::jwt(), &named), "ok");
}

#[test]
fn public_keys_check_their_algorithm() {
    use fixture::{ED25519, EDDSA_TOKEN, ES256_TOKEN, ES384_TOKEN, P256, P384};
    use fixture::{PS384_TOKEN, RS256_TOKEN, RSA_2048};
    let all = [
        (RSA_2048, RS256_TOKEN),
        (RSA_2048, PS384_TOKEN),
        (P256, ES256_TOKEN),
        (P384, ES384_TOKEN),
        (ED25519, EDDSA_TOKEN),
    ];
    for (pem, own) in all {
        let jwt = JwtSettings::new([JwtKey::public_pem(pem).unwrap()])
            .build()
            .unwrap();
        for (other_pem, token) in all {
            let want = if other_pem == pem {
                "ok"
            } else {
                "token_unsupported_algorithm"
            };
            assert_eq!(verdict(&jwt, token), want, "{token} with {pem}");
        }
        let (message, signature) = own.rsplit_once('.').unwrap();
        let forged = format!("{message}.{}", signature.chars().rev().collect::<String>());
        // The reverse may not be base64url, which is as good a refusal.
        let refused = ["token_bad_signature", "token_malformed"];
        assert!(refused.contains(&verdict(&jwt, &forged)), "{forged}");
    }
    let keys = [RSA_2048, P256, P384, ED25519].map(|pem| JwtKey::public_pem(pem).unwrap());
    let jwt = JwtSettings::new(keys).build().unwrap();
    assert!(all.iter().all(|(_, token)| verdict(&jwt, token) == "ok"));
}

/// The classic confusion: a public key, which everybody has, taken for a shared secret.
#[test]
fn public_key_is_no_secret() {
    let jwt = JwtSettings::new([JwtKey::public_pem(fixture::RSA_2048).unwrap()])
        .build()
        .unwrap();
    let forged = signed(&json!({"alg": "HS256"}), &agent_claims(), fixture::RSA_2048);
    assert_eq!(verdict(&jwt, &forged), "token_unsupported_algorithm");
}

#[test]
fn bad_keys_are_refused_with_advice() {
    let error = JwtKey::secret("short").unwrap_err().to_string();
    assert!(error.contains("at least 32 bytes, this one has 5") && error.contains("openssl rand"));
    assert!(JwtKey::secret([0; 32]).is_ok());
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n";
    for (pem, want) in [
        (private, KeyError::PrivateKey),
        ("", KeyError::NotAPublicKey),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            KeyError::NotAPublicKey,
        ),
        (fixture::SECP256K1, KeyError::NotAPublicKey),
        (fixture::RSA_1024, KeyError::RsaSize),
    ] {
        assert_eq!(JwtKey::public_pem(pem).unwrap_err(), want, "{pem}");
    }
}

#[test]
fn senseless_settings_are_refused() {
    let with_key = || JwtSettings::new([key(SECRET)]);
    assert_eq!(
        JwtSettings::new([]).build().unwrap_err(),
        SettingsError::NoKeys
    );
    assert_eq!(
        with_key().realms([]).build().unwrap_err(),
        SettingsError::NoRealms
    );
    let endless = with_key().leeway(Duration::MAX).build();
    assert_eq!(
        endless.unwrap_err().to_string(),
        "the leeway is at most 600 s"
    );
    let twice = JwtSettings::new([key(SECRET).with_id("k"), key(OTHER_SECRET).with_id("k")]);
    assert_eq!(
        twice.build().unwrap_err().to_string(),
        "two keys have the id \"k\"; each key needs its own"
    );
}

#[test]
fn realms_are_configurable() {
    let realm = |name| Realm::new(name).unwrap();
    let settings = JwtSettings::new([key(SECRET)]).realms([realm("staff")]);
    let strict = settings.clone().build().unwrap();
    let lax = settings.default_realm(realm("user")).build().unwrap();
    for (user_type, strictly, laxly) in [
        (json!("staff"), "ok", "ok"),
        (json!("user"), "wrong_user_type", "ok"),
        (json!("agent"), "wrong_user_type", "wrong_user_type"),
        (json!(null), "token_missing_claim", "ok"),
    ] {
        let token = token_with(&json!({"userType": user_type}));
        assert_eq!(
            (verdict(&strict, &token), verdict(&lax, &token)),
            (strictly, laxly)
        );
    }
}

#[test]
fn other_claim_names_are_read() {
    let names = ClaimNames {
        user: "uid".into(),
        realm: "kind".into(),
        ..ClaimNames::default()
    };
    let settings = JwtSettings::new([key(SECRET)]).claim_names(names);
    let signer = settings.signer().unwrap();
    let jwt = settings.build().unwrap();
    let token = token_with(&json!({"uid": "9", "kind": "customer"}));
    let user = verify(&jwt, &token).unwrap();
    assert_eq!(user.key().to_string(), "customer:9");
    let again = signer.sign(&user, at(NOW_S)).unwrap();
    assert_eq!(verify(&jwt, &again).unwrap().key(), user.key());
}

#[test]
fn missing_expiry_is_allowed_on_request() {
    let jwt = JwtSettings::new([key(SECRET)])
        .allow_missing_expiry()
        .build()
        .unwrap();
    let user = verify(&jwt, &token_with(&json!({"exp": null}))).unwrap();
    assert_eq!(user.expires_at(), None);
    assert_eq!(
        verdict(&jwt, &token_with(&json!({"exp": 1}))),
        "token_expired"
    );
}

#[test]
fn later_requests_ignore_expiry_only() {
    let expired = token_with(&json!({"exp": 1}));
    assert_eq!(
        jwt()
            .verify_ignoring_expiry(&expired)
            .unwrap()
            .key()
            .to_string(),
        "agent:7"
    );
    let forged = signed(&json!({"alg": "HS256"}), &agent_claims(), OTHER_SECRET);
    assert_eq!(
        jwt().verify_ignoring_expiry(&forged).unwrap_err(),
        AuthError::BadSignature
    );
}

#[test]
fn remembered_token_still_expires() {
    let jwt = jwt();
    let token = token_with(&json!({"nbf": NOW_S}));
    let first = verify(&jwt, &token).unwrap();
    let again = verify(&jwt, &token).unwrap();
    assert!(
        std::ptr::eq(first.name(), again.name()),
        "the second check is a look-up"
    );
    assert_eq!(jwt.verify_at(&token, at(NOW_S + 64)).unwrap(), first);
    assert_eq!(
        jwt.verify_at(&token, at(NOW_S + 65)),
        Err(AuthError::Expired)
    );
    assert_eq!(
        jwt.verify_at(&token, at(NOW_S - 6)),
        Err(AuthError::NotYetValid)
    );
    assert_eq!(jwt.verify_ignoring_expiry(&token).unwrap(), first);
}

#[tokio::test]
async fn authenticator_reads_the_token() {
    let jwt = jwt();
    let expired = token_with(&json!({"exp": 1}));
    let missing = jwt.authenticate(Credentials::none()).await;
    assert_eq!(missing.unwrap_err(), AuthError::Missing);
    let refused = jwt
        .authenticate(Credentials::of_token(expired.as_str()))
        .await;
    assert_eq!(refused.unwrap_err(), AuthError::Expired);
    let shared: Arc<dyn Authenticator> = Arc::new(jwt);
    let known = shared
        .recognize(Credentials::of_token(expired.as_str()))
        .await;
    assert_eq!(known.unwrap().key().to_string(), "agent:7");
}

#[test]
fn signer_fits_its_settings() {
    let public = JwtKey::public_pem(fixture::P256).unwrap();
    assert!(JwtSettings::new([public.clone()]).signer().is_none());
    let settings = JwtSettings::new([public, key(SECRET).with_id("k")])
        .issuer("us")
        .audience("chat");
    let signer = settings.signer().unwrap();
    let jwt = settings.build().unwrap();
    let user = Principal::new(Realm::new("customer").unwrap(), UserName::new("1").unwrap())
        .with_expiry(at(NOW_S + 1));
    assert_eq!(
        verify(&jwt, &signer.sign(&user, at(NOW_S)).unwrap()),
        Ok(user.clone())
    );
    let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(signer.sign(&user, early), Err(SignError::TimeTooEarly));
}

#[test]
fn debug_shows_no_secret() {
    let settings = JwtSettings::new([key(SECRET).with_id("k")]);
    let shown = format!(
        "{settings:?} {:?} {:?}",
        settings.signer().unwrap(),
        settings.clone().build().unwrap()
    );
    assert!(
        shown.contains("\"k\"") && !shown.contains("thirty"),
        "{shown}"
    );
    let bytes = format!("{:?}", SECRET.as_bytes());
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
}

/// Errors end in logs and on the wire: neither may hold what the token held.
#[test]
fn refusals_hold_no_token() {
    let token = token_with(&json!({"sub": "", "secret": "swordfish"}));
    let error = verify(&jwt(), &token).unwrap_err();
    let shown = format!("{error} {error:?} {} {}", error.code(), error.message());
    assert!(
        !shown.contains("swordfish") && !shown.contains(&token[..20]),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn signed_principal_is_read_back(
        name in "[a-zA-Z0-9/é*%]{1,40}",
        display in prop::option::of("[a-z \"]{0,10}"),
        roles in prop::collection::vec("[a-z]{1,5}", 0..3),
        site in prop::option::of("[a-z]{0,5}"),
        algorithm in prop::sample::select(vec![
            HmacAlgorithm::Hs256, HmacAlgorithm::Hs384, HmacAlgorithm::Hs512,
        ]),
    ) {
        let mut user = Principal::new(Realm::new("customer").unwrap(), UserName::new(name).unwrap())
            .with_roles(roles)
            .with_expiry(at(NOW_S + 9));
        if let Some(display) = display {
            user = user.with_display(display);
        }
        if let Some(site) = site {
            user = user.with_claim("site", site);
        }
        let token = JwtSigner::new(algorithm, SECRET).unwrap().sign(&user, at(NOW_S)).unwrap();
        prop_assert_eq!(verify(&jwt(), &token), Ok(user));
    }

    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..128) {
        let token = token_with(&json!({}));
        let mut bytes = token.clone().into_bytes();
        let index = at.index(bytes.len());
        bytes[index] ^= flip;
        if let Ok(forged) = String::from_utf8(bytes) {
            prop_assert!(verify(&jwt(), &forged).is_err(), "{forged}");
        }
    }
}

//! Keys as JSON.

use super::*;

/// The JWK with some members set or, where `null`, taken away.
fn jwk_with(jwk: &str, changes: &Value) -> String {
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    let all = jwk.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        all.insert(name.clone(), value.clone());
    }
    all.retain(|_, value| !value.is_null());
    jwk.to_string()
}

fn set(jwks: &[&str]) -> String {
    format!(r#"{{"keys": [{}]}}"#, jwks.join(", "))
}

#[test]
fn every_kind_of_jwk_checks_its_tokens() {
    let kinds = [
        (fixture::RSA_2048_JWK, fixture::RSA_2048, "RS256"),
        (fixture::RSA_2048_JWK, fixture::RSA_2048, "PS384"),
        (fixture::P256_JWK, fixture::P256, "ES256"),
        (fixture::P384_JWK, fixture::P384, "ES384"),
        (fixture::ED25519_JWK, fixture::ED25519, "EdDSA"),
    ];
    let tokens = [
        fixture::RS256_TOKEN,
        fixture::PS384_TOKEN,
        fixture::ES256_TOKEN,
        fixture::ES384_TOKEN,
        fixture::EDDSA_TOKEN,
    ];
    for ((jwk, pem, algorithm), own) in kinds.into_iter().zip(tokens) {
        let key = JwtKey::jwk(jwk).unwrap();
        assert!(key.is_same(&JwtKey::public_pem(pem).unwrap()), "{jwk}");
        let any = JwtSettings::new([key]).build().unwrap();
        assert_eq!(verdict(&any, own), "ok", "{algorithm}");
        let members = json!({"alg": algorithm, "use": "sig", "key_ops": ["verify"], "kid": "k"});
        let key = JwtKey::jwk(jwk_with(jwk, &members)).unwrap();
        assert_eq!(key.id(), Some("k"));
        let only = JwtSettings::new([key]).build().unwrap();
        for token in tokens {
            let want = if token == own {
                "ok"
            } else {
                "token_unsupported_algorithm"
            };
            assert_eq!(verdict(&only, token), want, "{algorithm}");
        }
    }
}

fn rsa(changes: &Value) -> String {
    jwk_with(fixture::RSA_2048_JWK, changes)
}

fn p256(changes: &Value) -> String {
    jwk_with(fixture::P256_JWK, changes)
}

fn ed25519(changes: &Value) -> String {
    jwk_with(fixture::ED25519_JWK, changes)
}

fn bad(member: &'static str) -> JwkError {
    JwkError::BadMember { member }
}

#[track_caller]
fn check_refused<const N: usize>(rows: [(String, JwkError); N]) {
    for (jwk, want) in rows {
        assert_eq!(JwtKey::jwk(&jwk).unwrap_err(), want, "{jwk}");
    }
}

#[test]
fn jwk_for_something_else_is_refused() {
    let private = |member| JwkError::PrivateMember { member };
    let other = |member| JwkError::OtherUse { member };
    let algorithm = |name: &str| JwkError::UnsupportedAlgorithm {
        algorithm: name.into(),
    };
    check_refused([
        ("[]".to_owned(), JwkError::NotAnObject),
        ("{".to_owned(), JwkError::NotAnObject),
        ("{}".to_owned(), bad("kty")),
        (
            r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(),
            JwkError::Symmetric,
        ),
        (rsa(&json!({"d": "AQAB"})), private("d")),
        (rsa(&json!({"dp": 1, "use": "enc"})), private("dp")),
        (ed25519(&json!({"d": "x"})), private("d")),
        (rsa(&json!({"use": "enc"})), other("use")),
        (rsa(&json!({"use": 1})), bad("use")),
        (rsa(&json!({"key_ops": ["sign"]})), other("key_ops")),
        (rsa(&json!({"key_ops": "verify"})), bad("key_ops")),
        (rsa(&json!({"alg": "RSA-OAEP"})), algorithm("RSA-OAEP")),
        (rsa(&json!({"alg": "ES256"})), algorithm("ES256")),
        (rsa(&json!({"alg": "HS256"})), algorithm("HS256")),
        (rsa(&json!({"alg": "none"})), algorithm("none")),
        (rsa(&json!({"kid": 7})), bad("kid")),
        (rsa(&json!({"kid": "x".repeat(257)})), bad("kid")),
    ]);
}

#[test]
fn jwk_with_wrong_numbers_is_refused() {
    let kind = |kind: &str| JwkError::UnsupportedKind { kind: kind.into() };
    let numbers = || JwkError::Key(KeyError::BadNumbers);
    let size = || JwkError::Key(KeyError::RsaSize);
    // Of the right length, and not on the curve.
    let off = json!({"y": "5FzqM9wR2s3DOJWncrWUJ7hI7_OD77yyc3I1gkkCh4s"});
    check_refused([
        (rsa(&json!({"n": null})), bad("n")),
        (rsa(&json!({"n": "a+b"})), bad("n")),
        (rsa(&json!({"n": ""})), size()),
        (rsa(&json!({"n": "A".repeat(684)})), size()),
        (rsa(&json!({"n": "_".repeat(684)})), size()),
        (fixture::RSA_1024_JWK.to_owned(), size()),
        (rsa(&json!({"e": "AQ"})), numbers()),
        (rsa(&json!({"e": "Ag"})), numbers()),
        (rsa(&json!({"e": ""})), numbers()),
        (rsa(&json!({"e": "AQAAAAE"})), numbers()),
        (p256(&json!({"crv": null})), bad("crv")),
        (p256(&json!({"crv": "P-521"})), kind("P-521")),
        (fixture::SECP256K1_JWK.to_owned(), kind("secp256k1")),
        (p256(&json!({"crv": "P-384"})), bad("x")),
        (p256(&json!({"y": "AAAA"})), bad("y")),
        (p256(&off), numbers()),
        (ed25519(&json!({"crv": "X25519"})), kind("X25519")),
        (ed25519(&json!({"x": "AAAA"})), numbers()),
        (r#"{"kty":"AKP"}"#.to_owned(), kind("AKP")),
    ]);
}

#[test]
fn numbers_with_zeros_in_front_are_the_same_key() {
    let key: Value = serde_json::from_str(fixture::RSA_2048_JWK).unwrap();
    let n = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let padded = URL_SAFE_NO_PAD.encode([&[0][..], &n].concat());
    let changes = json!({"n": padded, "e": "AAEAAQ"});
    let key = JwtKey::jwk(jwk_with(fixture::RSA_2048_JWK, &changes)).unwrap();
    assert!(key.is_same(&JwtKey::public_pem(fixture::RSA_2048).unwrap()));
}

#[test]
fn set_skips_what_it_cannot_use_and_says_why() {
    let encrypting = jwk_with(fixture::RSA_2048_JWK, &json!({"use": "enc", "kid": "e"}));
    let text = set(&[
        r#"{"kty":"oct","k":"c3dvcmRmaXNo","kid":"s"}"#,
        &encrypting,
        "7",
        fixture::ED25519_JWK,
    ]);
    let read = JwkSet::parse(&text).unwrap();
    assert_eq!(read.keys().len(), 1);
    let skipped: Vec<_> = read
        .skipped()
        .iter()
        .map(|skipped| (skipped.id.as_deref(), &skipped.reason))
        .collect();
    assert_eq!(
        skipped,
        [
            (Some("s"), &JwkError::Symmetric),
            (Some("e"), &JwkError::OtherUse { member: "use" }),
            (None, &JwkError::NotAnObject),
        ]
    );
    let shown = format!("{read:?} {}", read.skipped()[0].reason);
    assert!(
        !shown.contains("c3dvcmRmaXNo") && !shown.contains("swordfish"),
        "{shown}"
    );
    let jwt = JwtSettings::new(read.into_keys()).build().unwrap();
    assert_eq!(verdict(&jwt, fixture::EDDSA_TOKEN), "ok");
}

#[test]
fn wrong_sets_are_named() {
    let full = |count: usize| set(&vec![fixture::ED25519_JWK; count]);
    assert_eq!(JwkSet::parse(full(32)).unwrap().keys().len(), 32);
    let padded = format!(
        "{}{}",
        set(&[fixture::ED25519_JWK]),
        " ".repeat(JWK_SET_BYTES_MAX)
    );
    let rows = [
        ("<html>".to_owned(), "not a key set, which is JSON"),
        ("[]".to_owned(), "not a key set"),
        (r#"{"keys": {}}"#.to_owned(), "not a key set"),
        (fixture::ED25519_JWK.to_owned(), "not a key set"),
        (r#"{"keys": []}"#.to_owned(), "holds no key"),
        (
            set(&[fixture::RSA_1024_JWK, "{}"]),
            "none of the 2 keys can be used; the first is an RSA key has 2,048",
        ),
        (full(33), "at most 32 keys, this one has 33"),
        (padded, "at most 262144 bytes, this one has"),
    ];
    for (text, told) in rows {
        let error = JwkSet::parse(&text).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = JwkSet::parse(format!(r#"{{"keys": [{text}]}}"#));
        let encoded = URL_SAFE_NO_PAD.encode(&bytes);
        for (jwk, members) in [
            (fixture::RSA_2048_JWK, ["n", "e"].as_slice()),
            (fixture::P256_JWK, &["x", "y"]),
            (fixture::ED25519_JWK, &["x"]),
        ] {
            for member in members {
                let mut changes = json!({});
                changes[*member] = json!(encoded);
                if let Ok(key) = JwtKey::jwk(jwk_with(jwk, &changes)) {
                    let jwt = JwtSettings::new([key]).build().unwrap();
                    for token in [fixture::RS256_TOKEN, fixture::ES256_TOKEN, fixture::EDDSA_TOKEN] {
                        prop_assert!(verify(&jwt, token).is_err(), "{jwk} {member} {encoded}");
                    }
                }
            }
        }
    }
}

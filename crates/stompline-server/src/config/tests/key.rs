//! The keys that tokens are checked with.

use super::{complains, from_text};

#[test]
fn contradictory_keys_are_refused() {
    let rows = [
        ("kid = 'a'", "neither `secret` nor `file`"),
        ("secret = 'short'", "32 characters"),
        ("secret = 'x'\nfile = 'x'", "not both"),
    ];
    for (key, expected) in rows {
        complains(
            from_text(&format!("[[auth.keys]]\n{key}")),
            &["s.toml:1", expected],
        );
    }
    let twice = "[[auth.keys]]\nkid='a'\nfile='a'\n".repeat(2);
    complains(from_text(&twice), &["two keys have the id \"a\""]);
}

#[test]
fn key_sets_come_encrypted() {
    for (url, expected) in [
        (
            "http://id.example.com/keys",
            "must begin with https://: over http",
        ),
        ("id.example.com/keys", "must begin with https://"),
        ("https://a:b@id.example.com/", "a name or password"),
    ] {
        let expected = format!("`auth.jwks_url` {expected}");
        let expected = expected.replace("` a name", "` has a name");
        complains(
            from_text(&format!("[auth]\njwks_url = '{url}'")),
            &["s.toml:2", &expected],
        );
    }
    for url in ["https://id.example.com/keys?p=1", "http://127.0.0.1:8081/"] {
        let config = from_text(&format!("[auth]\njwks_url = '{url}'")).expect("it is valid");
        assert_eq!(config.config.auth.jwks_refresh_s, 300);
    }
    complains(
        from_text("[auth]\njwks_refresh_s = 0"),
        &["`auth.jwks_refresh_s` must be", "from 1 to 86400"],
    );
}

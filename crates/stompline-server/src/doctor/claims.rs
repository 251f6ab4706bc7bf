//! What a token says about itself. Nothing is proved by it: only the server checks the signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// How far clocks may differ by default, in seconds: the default of `auth.leeway_s`.
pub(super) const LEEWAY_S: i64 = 5;

/// A token with less time left than this is told as such.
const SOON_S: i64 = 60;

use super::report::Finding;

/// The claims that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    pub algorithm: String,
    pub sub: Option<String>,
    pub user_type: Option<String>,
    pub exp: Option<i64>,
    pub nbf: Option<i64>,
    pub iat: Option<i64>,
}

impl Claims {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// What is wrong with the form.
    pub(super) fn read(token: &str) -> Result<Self, &'static str> {
        let parts: Vec<_> = token.split('.').collect();
        let [head, body, signature] = parts[..] else {
            return Err("a JWT has three parts with dots between them");
        };
        let head = object(head).ok_or("its first part is not JSON in base64url")?;
        let body = object(body).ok_or("its second part is not JSON in base64url")?;
        let algorithm = head["alg"].as_str().unwrap_or_default().to_owned();
        if signature.is_empty() || algorithm.is_empty() || algorithm.eq_ignore_ascii_case("none") {
            return Err("it is not signed");
        }
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let time = |name: &str| {
            let value = &body[name];
            #[allow(
                clippy::cast_possible_truncation,
                reason = "a time beyond the range is as good as its end"
            )]
            let whole = value.as_f64().map(|seconds| seconds as i64);
            value.as_i64().or(whole)
        };
        Ok(Self {
            algorithm,
            sub: text("sub"),
            user_type: text("userType"),
            exp: time("exp"),
            nbf: time("nbf"),
            iat: time("iat"),
        })
    }

    /// For people: who, what, how, how long.
    fn summary(&self, now: i64) -> String {
        let left = match self.exp {
            Some(exp) if exp <= now => format!("expired {} ago", span(now - exp)),
            Some(exp) => format!("expires in {}", span(exp - now)),
            None => "exp missing".to_owned(),
        };
        format!(
            "sub {}, userType {}, {left}, signed with {}",
            self.sub.as_deref().unwrap_or("missing"),
            self.user_type.as_deref().unwrap_or("missing"),
            self.algorithm,
        )
    }
}

/// What the token is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// Seconds since 1970 by this machine.
    pub here: i64,
    /// The same by the server, if it says so.
    pub there: Option<i64>,
}

/// Judges what the token says; `wanted` is the user type that the endpoint is for, if that is known.
pub(super) fn judge(claims: &Claims, clocks: Clocks, wanted: Option<&str>) -> Finding {
    let now = clocks.there.unwrap_or(clocks.here);
    let seen = claims.summary(clocks.here);
    let missing = [("sub", claims.sub.is_none()), ("exp", claims.exp.is_none())];
    if let Some((claim, _)) = missing.iter().find(|(_, missing)| *missing) {
        let advice = format!("whoever signs tokens must set the claim {claim}");
        return Finding::failed(seen, advice);
    }
    if claims.exp.is_some_and(|exp| exp + LEEWAY_S <= now) {
        let skewed = claims.exp.is_some_and(|exp| exp > clocks.here);
        let advice = if skewed {
            "by the server's clock it is over already: set both clocks by NTP".to_owned()
        } else {
            "get a new one: ask whoever signs tokens, or on the server: stompline token --user ID --type TYPE"
                .to_owned()
        };
        return Finding::failed(seen, advice);
    }
    if let Some(nbf) = claims.nbf.filter(|nbf| *nbf > now + LEEWAY_S) {
        let seen = format!("{seen}, not valid before {} from now", span(nbf - now));
        return Finding::failed(
            seen,
            "the signer's clock is ahead of the server's, or nbf is set too late: set both clocks by NTP",
        );
    }
    match (&claims.user_type, wanted) {
        (None, _) => {
            return Finding::failed(
                seen,
                "whoever signs tokens must set the claim userType to customer or agent",
            );
        }
        (Some(found), Some(wanted)) if found != wanted => {
            let advice = format!(
                "this endpoint is for userType {wanted}: connect to the other endpoint, or get a token of that type"
            );
            return Finding::failed(seen, advice);
        }
        _ => {}
    }
    if claims.iat.is_some_and(|iat| iat > now + LEEWAY_S) {
        return Finding::warning(
            format!("{seen}, issued in the future"),
            "the signer's clock is ahead of the server's: set both by NTP",
        );
    }
    if claims.exp.is_some_and(|exp| exp < now + SOON_S) {
        return Finding::warning(
            seen,
            "it ends soon; sessions end with it unless they renew it",
        );
    }
    Finding::ok(seen)
}

/// Judges how far the server's clock is from this one's.
pub(super) fn judge_clock(clocks: Clocks) -> Finding {
    let Some(there) = clocks.there else {
        return Finding::skipped("the server's answers have no Date");
    };
    let skew = there - clocks.here;
    // Date has whole seconds, and the answer has travelled.
    if skew.abs() <= 2 {
        return Finding::ok("the server's clock agrees with this one's");
    }
    let direction = if skew > 0 { "ahead of" } else { "behind" };
    let seen = format!(
        "the server's clock is {} {direction} this machine's",
        span(skew.abs())
    );
    if skew.abs() <= LEEWAY_S {
        return Finding::warning(
            seen,
            "tokens are checked with 5 s of leeway; set both clocks by NTP",
        );
    }
    Finding::warning(
        seen,
        "tokens may be refused as expired or not yet valid: set both clocks by NTP (timedatectl)",
    )
}

/// A time as people say it.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn object(part: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    value.is_object().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict::{self, Failed, Ok as Fine, Skipped, Warning};

    const NOW: i64 = 1_800_000_000;

    fn token(head: &str, body: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.sig", part(head), part(body))
    }

    #[test]
    fn claims_are_read() {
        let token = token(
            r#"{"alg":"HS256"}"#,
            r#"{"sub":"u1","userType":"agent","exp":5,"nbf":1.9,"iat":"x"}"#,
        );
        let claims = Claims::read(&token).unwrap();
        assert_eq!(claims.algorithm, "HS256");
        assert_eq!(claims.sub.as_deref(), Some("u1"));
        assert_eq!(claims.user_type.as_deref(), Some("agent"));
        assert_eq!(
            (claims.exp, claims.nbf, claims.iat),
            (Some(5), Some(1), None)
        );
    }

    #[test]
    fn what_is_no_token_is_named() {
        let rows = [
            ("", "three parts"),
            ("a.b", "three parts"),
            ("!.e30.x", "first part"),
            ("e30.W10.x", "second part"),
            ("e30.e30.x", "not signed"),
            (&token(r#"{"alg":"none"}"#, "{}"), "not signed"),
            ("eyJhbGciOiJIUzI1NiJ9.e30.", "not signed"),
        ];
        for (text, told) in rows {
            assert!(Claims::read(text).unwrap_err().contains(told), "{text}");
        }
    }

    fn claims(exp: i64) -> Claims {
        Claims {
            algorithm: "HS256".to_owned(),
            sub: Some("u1".to_owned()),
            user_type: Some("customer".to_owned()),
            exp: Some(NOW + exp),
            nbf: None,
            iat: None,
        }
    }

    type Row = (
        Claims,
        Option<i64>,
        Option<&'static str>,
        Verdict,
        &'static str,
    );

    #[test]
    fn tokens_are_judged() {
        let same = Some(0);
        let customer = Some("customer");
        let with = |change: fn(&mut Claims)| {
            let mut claims = claims(3600);
            change(&mut claims);
            claims
        };
        let rows: [Row; 14] = [
            (claims(3600), same, customer, Fine, "expires in 60 min"),
            (claims(3600), None, None, Fine, "sub u1, userType customer"),
            (claims(-720), same, customer, Failed, "expired 12 min ago"),
            (claims(-720), None, customer, Failed, "get a new one"),
            (claims(-2), same, customer, Warning, "ends soon"),
            (
                claims(100),
                Some(200),
                customer,
                Failed,
                "by the server's clock",
            ),
            (claims(30), same, customer, Warning, "ends soon"),
            (claims(3600), same, Some("agent"), Failed, "userType agent"),
            (with(|c| c.sub = None), same, customer, Failed, "claim sub"),
            (with(|c| c.exp = None), same, customer, Failed, "claim exp"),
            (
                with(|c| c.user_type = None),
                same,
                None,
                Failed,
                "claim userType",
            ),
            (
                with(|c| c.nbf = Some(NOW + 300)),
                same,
                customer,
                Failed,
                "not valid before 5 min",
            ),
            (
                with(|c| c.nbf = Some(NOW + 300)),
                Some(300),
                customer,
                Fine,
                "expires",
            ),
            (
                with(|c| c.iat = Some(NOW + 30)),
                same,
                customer,
                Warning,
                "issued in the future",
            ),
        ];
        for (claims, skew, wanted, verdict, told) in rows {
            let clocks = Clocks {
                here: NOW,
                there: skew.map(|skew| NOW + skew),
            };
            let found = judge(&claims, clocks, wanted);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(format!("{found:?}").contains(told), "{told}: {found:?}");
        }
    }

    #[test]
    fn clocks_are_judged() {
        let rows = [
            (None, Skipped, "no Date"),
            (Some(0), Fine, "agrees"),
            (Some(-2), Fine, "agrees"),
            (Some(4), Warning, "4 s ahead"),
            (Some(-300), Warning, "5 min behind"),
        ];
        for (skew, verdict, told) in rows {
            let there = skew.map(|skew| NOW + skew);
            let found = judge_clock(Clocks { here: NOW, there });
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.seen.contains(told), "{found:?}");
        }
    }

    #[test]
    fn spans_are_rounded_down() {
        let rows = [
            (0, "0 s"),
            (119, "119 s"),
            (3600, "60 min"),
            (7200, "2 h"),
            (200_000, "2 days"),
        ];
        for (seconds, text) in rows {
            assert_eq!(span(seconds), text);
        }
    }
}

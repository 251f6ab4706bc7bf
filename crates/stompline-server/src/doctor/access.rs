//! Is somebody let in, and may pages of this origin ask?

use super::report::Finding;
use crate::client::fault::Fault;
use crate::client::http::Answer;

/// Judges the answer to `/info`, which the server checks by the same rules as a connection.
pub(super) fn judge(info: &Result<Answer, Fault>, with_token: bool) -> Finding {
    let answer = match info {
        Ok(answer) => answer,
        Err(fault) => {
            return Finding::failed(fault.to_string(), "check the server's log and the proxy's");
        }
    };
    match (answer.status, answer.code().as_deref(), with_token) {
        (200, _, true) => Finding::ok("the token is let in"),
        (200, _, false) => Finding::warning(
            "the handshake needs no token",
            "fine if tokens come with CONNECT (`late_authentication`)",
        ),
        (401, Some("token_missing"), false) => {
            Finding::ok("without a token it refuses, as it should")
        }
        // SockJS is off, so that only a handshake can tell.
        (404, Some("not_found"), true) => {
            Finding::skipped("SockJS is off here; the handshake will tell")
        }
        _ => Finding::failed(answer.to_string(), advice(answer, with_token)),
    }
}

/// Judges the headers by which a browser lets a page of `origin` read the answer to `/info`.
pub(super) fn judge_origin(origin: &str, info: &Result<Answer, Fault>) -> Finding {
    let answer = match info {
        Ok(answer) => answer,
        Err(fault) => {
            return Finding::failed(fault.to_string(), "check the server's log and the proxy's");
        }
    };
    if answer.status == 403 {
        return Finding::failed(format!("{origin}: {answer}"), advice(answer, true));
    }
    let allowed: Vec<_> = answer.values("access-control-allow-origin").collect();
    let credentials = answer.header("access-control-allow-credentials");
    let fault = match allowed[..] {
        [] => (
            "the answer has no Access-Control-Allow-Origin".to_owned(),
            "Stompline sends it, so a proxy takes it away: let it pass the headers of answers on",
        ),
        [one] if one == origin && credentials == Some("true") => {
            return Finding::ok(format!("pages of {origin} may connect and read answers"));
        }
        [one] if one == origin => (
            "Access-Control-Allow-Credentials is not true".to_owned(),
            "sockjs-client asks with credentials: let the proxy pass on what Stompline sends",
        ),
        ["*"] => (
            "Access-Control-Allow-Origin is * where the origin itself is needed".to_owned(),
            "sockjs-client asks with credentials, for which browsers take no *: remove the header that the proxy adds",
        ),
        [one] => (
            format!("Access-Control-Allow-Origin is {one}"),
            "a proxy puts another origin there: let it pass on what Stompline sends",
        ),
        _ => (
            format!("Access-Control-Allow-Origin comes {} times", allowed.len()),
            "browsers refuse that: Stompline sends it already, remove the one that the proxy adds",
        ),
    };
    Finding::failed(format!("{origin}: {}", fault.0), fault.1)
}

/// What to do about an answer that refuses.
pub(super) fn advice(answer: &Answer, with_token: bool) -> String {
    if let Some(advice) = answer.code().and_then(|code| of_code(&code, with_token)) {
        return advice.to_owned();
    }
    let text = match answer.status {
        301..=308 => {
            "it is a redirect, which WebSocket clients do not follow: use the address that it names"
        }
        401 => {
            "this is not Stompline's refusal: a proxy wants a login of its own; exempt this path from it"
        }
        403 => "this is not Stompline's refusal: a proxy or firewall forbids it; check its rules",
        404 => "check the path, and that a proxy passes it on unchanged",
        413 => "a proxy refuses the size: raise its limit (nginx: client_max_body_size)",
        429 => "a proxy limits the rate: raise its limit for this path",
        500 => "an error of the server or of a proxy: its log says which",
        502..=504 => {
            "a proxy answers for Stompline, which it does not reach or wait for: check its upstream address and time limits, and that the server runs"
        }
        _ => "the log of the server and of the proxy say more",
    };
    text.to_owned()
}

/// What to do about a code of Stompline's.
pub(super) fn of_code(code: &str, with_token: bool) -> Option<&'static str> {
    Some(match code {
        "token_missing" if with_token => {
            "a token was sent and did not arrive: a proxy takes the header Authorization away; let it pass, or send ?token="
        }
        "token_missing" => "connect with a token: ?token=, or the header Authorization: Bearer",
        "token_malformed" => "the token is cut or is no JWT: copy it whole",
        "token_bad_signature" => {
            "it was signed with another key than the server checks with: compare `auth.secrets`, `auth.secret_file`, `auth.keys`, `auth.jwks_url`, or the file `secret` of the data directory"
        }
        "token_expired" => {
            "get a new token; if it is new, set the clocks of signer and server by NTP"
        }
        "token_not_yet_valid" => "set the clocks of signer and server by NTP, or wait for nbf",
        "token_wrong_issuer" => "the claim iss must be what the key `auth.issuer` says",
        "token_wrong_audience" => "the claim aud must hold what the key `auth.audience` says",
        "token_unknown_key" => {
            "the token names a kid that neither `auth.keys` nor the set of `auth.jwks_url` has: add the key, correct the kid, or see in the server's log whether it can fetch the set"
        }
        "token_unsupported_algorithm" => {
            "no key of the server is for this alg: sign in another way, or add a key for it"
        }
        "token_missing_claim" => {
            "the claims sub, userType and exp are needed, each in its form, and iss and aud where `auth.issuer` and `auth.audience` are set"
        }
        "wrong_user_type" => {
            "the token is for another endpoint: customers connect to /ws/chat, agents to /ws/agent"
        }
        "wrong_login" => "connect with the login and passcode of a user",
        "origin_forbidden" => {
            "the page's origin is not allowed: add it to the key `endpoints.NAME.origins`"
        }
        "busy" => {
            "the server limits how many connect at once, or is stopping: come back after Retry-After, or raise `limits.connects_per_s`"
        }
        "auth_unavailable" => "the server cannot check tokens now: its log says why",
        "forbidden" => "the access rules do not allow it: see the table `access`",
        "no_handler" | "unknown_destination" => {
            "nothing is served at this destination: check its spelling"
        }
        "unavailable" => "the store or the cluster does not answer: check /readyz and the log",
        "not_found" => {
            "nothing is served at this path: check it, and that a proxy passes it on unchanged"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict::{self, Failed, Ok as Fine, Skipped, Warning};

    fn answer(status: u16, body: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Answer {
            status,
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[track_caller]
    fn check(found: &Finding, verdict: Verdict, told: &str) {
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(format!("{found:?}").contains(told), "{told}: {found:?}");
    }

    #[test]
    fn access_is_judged() {
        let rows = [
            (200, "{}", true, Fine, "let in"),
            (200, "{}", false, Warning, "late_authentication"),
            (
                401,
                r#"{"code":"token_missing"}"#,
                false,
                Fine,
                "as it should",
            ),
            (
                401,
                r#"{"code":"token_missing"}"#,
                true,
                Failed,
                "Authorization away",
            ),
            (
                401,
                r#"{"code":"token_expired"}"#,
                true,
                Failed,
                "get a new token",
            ),
            (
                401,
                r#"{"code":"token_bad_signature"}"#,
                true,
                Failed,
                "auth.secrets",
            ),
            (
                401,
                r#"{"code":"token_not_yet_valid"}"#,
                true,
                Failed,
                "NTP",
            ),
            (401, "<html>", true, Failed, "proxy wants a login"),
            (
                403,
                r#"{"code":"wrong_user_type"}"#,
                true,
                Failed,
                "/ws/agent",
            ),
            (403, "", true, Failed, "firewall"),
            (
                404,
                r#"{"code":"not_found"}"#,
                true,
                Skipped,
                "SockJS is off",
            ),
            (404, "", true, Failed, "check the path"),
            (503, r#"{"code":"busy"}"#, true, Failed, "Retry-After"),
            (503, "Service Unavailable", true, Failed, "upstream"),
            (302, "", true, Failed, "redirect"),
            (418, "", true, Failed, "log"),
        ];
        for (status, body, with_token, verdict, told) in rows {
            check(
                &judge(&Ok(answer(status, body, &[])), with_token),
                verdict,
                told,
            );
        }
        let lost = Err(Fault::Ended { doing: "waiting" });
        check(&judge(&lost, true), Failed, "log");
    }

    type Row<'a> = (u16, &'a str, &'a [(&'a str, &'a str)], Verdict, &'a str);

    #[test]
    fn origins_are_judged() {
        const ALLOW: &str = "Access-Control-Allow-Origin";
        const WITH: (&str, &str) = ("Access-Control-Allow-Credentials", "true");
        let ours = (ALLOW, "https://a.example");
        let forbidden = r#"{"code":"origin_forbidden"}"#;
        let rows: [Row<'_>; 8] = [
            (200, "{}", &[ours, WITH], Fine, "may connect"),
            (401, "{}", &[ours, WITH], Fine, "may connect"),
            (200, "{}", &[WITH], Failed, "no Access-Control-Allow-Origin"),
            (200, "{}", &[ours], Failed, "Credentials"),
            (200, "{}", &[(ALLOW, "*")], Failed, "is *"),
            (
                200,
                "{}",
                &[(ALLOW, "https://b.example"), WITH],
                Failed,
                "is https://b.example",
            ),
            (
                200,
                "{}",
                &[ours, (ALLOW, "*"), WITH],
                Failed,
                "comes 2 times",
            ),
            (
                403,
                forbidden,
                &[ours, WITH],
                Failed,
                "endpoints.NAME.origins",
            ),
        ];
        for (status, body, headers, verdict, told) in rows {
            let info = Ok(answer(status, body, headers));
            check(&judge_origin("https://a.example", &info), verdict, told);
        }
    }

    #[test]
    fn every_refusal_of_a_token_has_advice() {
        use stompline::auth::AuthError;
        let errors = [
            AuthError::Missing,
            AuthError::Malformed { reason: "x" },
            AuthError::BadSignature,
            AuthError::Expired,
            AuthError::NotYetValid,
            AuthError::WrongIssuer,
            AuthError::WrongAudience,
            AuthError::UnknownKey,
            AuthError::UnsupportedAlgorithm {
                algorithm: "none".into(),
            },
            AuthError::MissingClaim {
                claim: "sub".into(),
            },
            AuthError::WrongUserType {
                expected: "agent".into(),
                found: "customer".into(),
            },
            AuthError::WrongLogin,
            AuthError::unavailable("x"),
        ];
        for error in errors {
            assert!(of_code(error.code(), true).is_some(), "{}", error.code());
        }
    }
}

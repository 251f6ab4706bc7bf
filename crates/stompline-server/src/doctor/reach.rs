//! Is there a server, is it Stompline, is it ready, and is the endpoint where it is looked for?

use std::net::SocketAddr;
use std::time::Duration;

use super::report::Finding;
use crate::client::fault::Fault;
use crate::client::http::Answer;
use crate::client::target::Target;

/// What SockJS servers say at the root of an endpoint.
const GREETING: &str = "Welcome to SockJS!";

/// Judges the connection.
pub(super) fn judge_address(
    target: &Target,
    opened: &Result<(SocketAddr, Duration), Fault>,
) -> Finding {
    let place = target.authority();
    match opened {
        Ok((peer, took)) => {
            let how = if target.secure {
                ", encrypted, with a trusted certificate"
            } else {
                ""
            };
            Finding::ok(format!(
                "{place} answers at {peer} in {} ms{how}",
                took.as_millis()
            ))
        }
        Err(fault) => Finding::failed(format!("{place}: {fault}"), connect_advice(fault)),
    }
}

fn connect_advice(fault: &Fault) -> &'static str {
    match fault {
        Fault::Resolve(_) => "check the spelling of the host, and DNS",
        Fault::Tls(_) => {
            "check that this port speaks TLS, and the certificate's name, date and chain; without a proxy Stompline itself speaks http"
        }
        Fault::Timeout { .. } => {
            "a firewall drops the packets, or the host is down: check its rules and the address"
        }
        _ => {
            "is the server running? `stompline serve` prints `listening on http://ADDR:PORT`; the default 127.0.0.1:8080 is reachable from its own machine only: set `listen` for others"
        }
    }
}

/// What was asked to find out what kind of server this is.
#[derive(Debug)]
pub(super) struct Signs {
    pub health: Result<Answer, Fault>,
    pub description: Result<Answer, Fault>,
    pub greeting: Result<Answer, Fault>,
}

/// Judges whether this is Stompline at all, and alive.
pub(super) fn judge_server(signs: &Signs) -> Finding {
    let health = match &signs.health {
        Ok(health) => health,
        Err(fault) => {
            return Finding::failed(
                format!("/healthz: {fault}"),
                "something else listens here, or http and https are mixed up: check scheme and port",
            );
        }
    };
    let title = |answer: &Answer| {
        answer
            .json()
            .is_some_and(|json| json["info"]["title"] == "Stompline")
    };
    let described = signs.description.as_ref().is_ok_and(title);
    let healthy = health.status == 200 && health.excerpt() == "ok";
    match (described, healthy) {
        (true, true) => Finding::ok("it is Stompline, and /healthz says ok"),
        (_, false) if matches!(health.status, 502..=504) => Finding::failed(
            format!("/healthz: {health}"),
            "a proxy answers, and Stompline behind it does not: start it, and check the proxy's upstream address",
        ),
        _ if signs.greeting.as_ref().is_ok_and(is_greeting) => Finding::warning(
            format!("the endpoint answers, but /healthz gives {health}"),
            "fine if a proxy passes only the endpoints on; run doctor on the server's own address too",
        ),
        _ => Finding::failed(
            format!("this is not Stompline: /healthz gives {health}"),
            "another program listens here, or a proxy passes these paths elsewhere: check port and proxy",
        ),
    }
}

/// Judges what `/readyz` says: whether the server takes clients, and what it needs is there.
pub(super) fn judge_ready(ready: &Result<Answer, Fault>) -> Finding {
    match ready {
        Ok(answer) if answer.status == 200 && is_page(answer) => Finding::warning(
            "/readyz is not passed on by the proxy",
            "run doctor on the server's own address to see whether it is ready",
        ),
        Ok(answer) if answer.status == 200 && is_dark(answer, |link| link == "jwks") => {
            Finding::warning(
                format!("/readyz: {}", answer.excerpt()),
                "this server knows the keys that it has and learns no new ones until this is mended: check that it reaches `auth.jwks_url`; its log says since when",
            )
        }
        Ok(answer) if answer.status == 200 && is_dark(answer, |_| true) => Finding::warning(
            format!("/readyz: {}", answer.excerpt()),
            "this node serves its own clients, and what is named is cut off from the other nodes until it is mended: check that Redis runs and that this server reaches it (the table `redis`); its log says since when",
        ),
        Ok(answer) if answer.status == 200 => Finding::ok(format!("/readyz: {}", answer.excerpt())),
        Ok(answer) if answer.status == 503 && answer.excerpt() == "stopping" => Finding::failed(
            "/readyz: stopping",
            "the server was told to stop and takes nobody new: start it again, or wait for the new one",
        ),
        Ok(answer) if answer.status == 503 => Finding::failed(
            format!("/readyz: {answer}"),
            "the answer names what is missing: check that Redis and the database run and that this server reaches them; its log says why",
        ),
        Ok(answer) => Finding::warning(
            format!("/readyz: {answer}"),
            "run doctor on the server's own address to see whether it is ready",
        ),
        Err(fault) => Finding::failed(
            format!("/readyz: {fault}"),
            "the server is too slow or broken: check its log and the machine's load",
        ),
    }
}

/// Judges whether the endpoint is where it is looked for.
pub(super) fn judge_path(greeting: &Result<Answer, Fault>) -> Finding {
    let answer = match greeting {
        Ok(answer) => answer,
        Err(fault) => {
            return Finding::failed(fault.to_string(), "check the server's log and the proxy's");
        }
    };
    if is_greeting(answer) {
        return Finding::ok("the endpoint is here");
    }
    let advice = match answer.status {
        200..=299 => {
            "another page is served here: check the path, and which paths the proxy passes on"
        }
        300..=399 => {
            "it is a redirect, which WebSocket clients do not follow: use the address that it names"
        }
        401 => {
            "the greeting needs no token, so a proxy wants a login of its own: exempt this path from it"
        }
        403 if answer.code().is_some() => {
            "the page's origin is not allowed: see the key `endpoints.NAME.origins`"
        }
        403 => "a proxy or firewall forbids this path: check its rules",
        404 => {
            "nothing is served at this path: the endpoints are /ws/chat and /ws/agent unless the configuration says otherwise (stompline config explain), and a proxy must pass the path on unchanged; then use --endpoint"
        }
        _ => return Finding::failed(answer.to_string(), super::access::advice(answer, false)),
    };
    Finding::failed(answer.to_string(), advice)
}

pub(super) fn is_greeting(answer: &Answer) -> bool {
    answer.status == 200 && answer.excerpt() == GREETING
}

/// Whether the server names things that it does not reach, and all of them are such.
fn is_dark(answer: &Answer, such: impl Fn(&str) -> bool) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    let dark = text.lines().filter_map(|line| line.strip_prefix("dark: "));
    let mut links = dark.map(|line| line.split(':').next().unwrap_or(line));
    let Some(first) = links.next() else {
        return false;
    };
    such(first) && links.all(such)
}

fn is_page(answer: &Answer) -> bool {
    answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict::{self, Failed, Ok as Fine, Warning};

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    const SELF: &str = r#"{"info":{"title":"Stompline"}}"#;

    #[track_caller]
    fn check(found: &Finding, verdict: Verdict, told: &str) {
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(format!("{found:?}").contains(told), "{told}: {found:?}");
    }

    #[test]
    fn servers_are_told_apart() {
        let rows = [
            (
                (200, "ok\n"),
                (200, SELF),
                (200, "Welcome to SockJS!\n"),
                Fine,
                "it is Stompline",
            ),
            (
                (200, "ok\n"),
                (200, SELF),
                (404, ""),
                Fine,
                "it is Stompline",
            ),
            (
                (404, ""),
                (404, ""),
                (200, "Welcome to SockJS!\n"),
                Warning,
                "status 404",
            ),
            (
                (200, "ok"),
                (404, ""),
                (200, "Welcome to SockJS!\n"),
                Warning,
                "passes only",
            ),
            ((404, ""), (404, ""), (404, ""), Failed, "not Stompline"),
            (
                (200, "<html>"),
                (200, "<html>"),
                (200, "<html>"),
                Failed,
                "not Stompline",
            ),
            (
                (502, "Bad Gateway"),
                (502, ""),
                (502, ""),
                Failed,
                "upstream",
            ),
        ];
        for (health, description, greeting, verdict, told) in rows {
            let signs = Signs {
                health: Ok(answer(health.0, health.1)),
                description: Ok(answer(description.0, description.1)),
                greeting: Ok(answer(greeting.0, greeting.1)),
            };
            check(&judge_server(&signs), verdict, told);
        }
    }

    #[test]
    fn readiness_is_judged() {
        let mut page = answer(200, "<html>");
        page.headers
            .push(("Content-Type".to_owned(), "text/html".to_owned()));
        let rows = [
            (Ok(answer(200, "ready\n")), Fine, "ready"),
            (
                Ok(answer(
                    200,
                    "ready\ndark: redis commands: connection refused\n",
                )),
                Warning,
                "redis commands: connection refused",
            ),
            (
                Ok(answer(200, "ready\ndark: jwks: status 503\n")),
                Warning,
                "`auth.jwks_url`",
            ),
            (
                Ok(answer(
                    200,
                    "ready\ndark: redis commands: no\ndark: jwks: status 503\n",
                )),
                Warning,
                "check that Redis runs",
            ),
            (Ok(page), Warning, "not passed on"),
            (Ok(answer(503, "stopping\n")), Failed, "told to stop"),
            (
                Ok(answer(503, "redis: partition 7 dark")),
                Failed,
                "partition 7 dark",
            ),
            (Ok(answer(404, "")), Warning, "own address"),
            (
                Err(Fault::Timeout { doing: "waiting" }),
                Failed,
                "nothing came in time",
            ),
        ];
        for (ready, verdict, told) in rows {
            check(&judge_ready(&ready), verdict, told);
        }
    }

    #[test]
    fn paths_are_judged() {
        let rows = [
            (Ok(answer(200, "Welcome to SockJS!\n")), Fine, "here"),
            (Ok(answer(200, "<html>")), Failed, "another page"),
            (Ok(answer(301, "")), Failed, "redirect"),
            (Ok(answer(401, "")), Failed, "login of its own"),
            (Ok(answer(403, "")), Failed, "firewall"),
            (
                Ok(answer(403, r#"{"code":"origin_forbidden"}"#)),
                Failed,
                "origins",
            ),
            (Ok(answer(404, "")), Failed, "--endpoint"),
            (Ok(answer(502, "")), Failed, "proxy"),
            (Err(Fault::Ended { doing: "waiting" }), Failed, "ended"),
        ];
        for (greeting, verdict, told) in rows {
            check(&judge_path(&greeting), verdict, told);
        }
    }

    #[test]
    fn connections_are_judged() {
        let target = Target::parse("http://127.0.0.1:9").unwrap();
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let rows = [
            (
                Ok((
                    SocketAddr::from(([127, 0, 0, 1], 9)),
                    Duration::from_millis(3),
                )),
                Fine,
                "in 3 ms",
            ),
            (Err(Fault::Connect(refused())), Failed, "stompline serve"),
            (Err(Fault::Resolve(refused())), Failed, "DNS"),
            (
                Err(Fault::Timeout {
                    doing: "connecting",
                }),
                Failed,
                "firewall",
            ),
            (
                Err(Fault::Tls("bad name".to_owned())),
                Failed,
                "certificate",
            ),
        ];
        for (opened, verdict, told) in rows {
            check(&judge_address(&target, &opened), verdict, told);
        }
    }
}

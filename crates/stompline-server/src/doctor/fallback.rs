//! SockJS, for networks that break WebSocket.

use std::time::Duration;

use super::access;
use super::carrier::Way;
use super::report::Finding;
use super::session::judge_socket;
use crate::client::fault::Fault;
use crate::client::http::Answer;

/// Where a session over SockJS got stuck.
#[derive(Debug)]
pub(super) struct Stall {
    pub stage: Stage,
    pub fault: Fault,
}

/// How far a session over SockJS came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its first frame had not come.
    Opening,
    /// CONNECT was sent; CONNECTED had not come.
    Connecting,
    /// It was open.
    Leaving,
}

/// Judges what SockJS clients ask first.
pub(super) fn judge_info(info: &Result<Answer, Fault>) -> Finding {
    let answer = match info {
        Ok(answer) => answer,
        Err(fault) => {
            return Finding::failed(fault.to_string(), "check the server's log and the proxy's");
        }
    };
    if answer.status == 404 && answer.code().is_some() {
        return Finding::warning(
            "/info: SockJS is off at this endpoint",
            "clients behind proxies that break WebSocket cannot connect: set `endpoints.NAME.sockjs = true`",
        );
    }
    if answer.status != 200 {
        return Finding::failed(format!("/info: {answer}"), access::advice(answer, true));
    }
    let json = answer.json().unwrap_or_default();
    let Some(websocket) = json["websocket"].as_bool() else {
        return Finding::failed(
            format!("/info is not that of SockJS: {:?}", answer.excerpt()),
            "a proxy serves another page here: let it pass on everything below the endpoint",
        );
    };
    if !json["entropy"].is_number() {
        return Finding::warning(
            "/info has no entropy",
            "a cache or proxy answers in the server's place: let it pass this path on",
        );
    }
    if !websocket {
        return Finding::warning(
            "/info tells clients not to try WebSocket",
            "they stream or poll, which costs more: set `endpoints.NAME.sockjs_websocket = true`",
        );
    }
    let cookie = if json["cookie_needed"] == true {
        ", with a cookie for load balancers"
    } else {
        ""
    };
    Finding::ok(format!("/info: WebSocket and all else{cookie}"))
}

/// Judges a whole short session over one transport of SockJS.
pub(super) fn judge_way(way: Way, went: &Result<Duration, Stall>) -> Finding {
    let stall = match went {
        Ok(took) => {
            return Finding::ok(format!(
                "a session came and went in {} ms",
                took.as_millis()
            ));
        }
        Err(stall) => stall,
    };
    let streams = matches!(way, Way::XhrStreaming | Way::EventSource);
    match (&stall.fault, stall.stage) {
        (fault, Stage::Opening) if way == Way::SockJsWebSocket => judge_socket(way, Err(fault)),
        (Fault::Timeout { .. }, Stage::Opening) if streams => {
            Finding::warning("nothing of the stream arrived while it was open", HELD_BACK)
        }
        (Fault::Timeout { .. }, _) if streams => Finding::warning(
            "the stream began, and what came later in it was held back",
            HELD_BACK,
        ),
        (Fault::Status(answer), Stage::Connecting | Stage::Leaving) if answer.status == 404 => {
            Finding::failed(
                format!("the session was lost between two requests: {answer}"),
                "requests of one session reach different servers that do not share a Redis, or cannot reach it now: set `redis.url`, or let the load balancer route by the segment behind the endpoint (/ws/chat/{server}/) or by the cookie of `sockjs_cookie`",
            )
        }
        (Fault::Status(answer), _) => {
            Finding::failed(answer.to_string(), access::advice(answer, true))
        }
        (fault @ (Fault::Ended { .. } | Fault::Http(_) | Fault::Handshake(_)), _) => {
            Finding::failed(
                fault.to_string(),
                "a proxy cuts or changes the answer: see docs/proxy for configurations that work",
            )
        }
        (fault, _) => Finding::failed(
            fault.to_string(),
            "check the server's log, and the time limits of the proxy",
        ),
    }
}

/// What to do about a proxy that collects an answer before it passes it on.
const HELD_BACK: &str = "a proxy or virus scanner collects answers before it passes them on: turn that off (nginx: proxy_buffering off); until then clients poll by themselves, which works and costs more";

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

    #[track_caller]
    fn check(found: &Finding, verdict: Verdict, told: &str) {
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(format!("{found:?}").contains(told), "{told}: {found:?}");
    }

    #[test]
    fn info_is_judged() {
        let rows = [
            (
                200,
                r#"{"websocket":true,"cookie_needed":false,"entropy":1}"#,
                Fine,
                "all else",
            ),
            (
                200,
                r#"{"websocket":true,"cookie_needed":true,"entropy":1}"#,
                Fine,
                "cookie",
            ),
            (
                200,
                r#"{"websocket":false,"entropy":1}"#,
                Warning,
                "sockjs_websocket",
            ),
            (200, r#"{"websocket":true}"#, Warning, "entropy"),
            (200, "<html>", Failed, "another page"),
            (404, r#"{"code":"not_found"}"#, Warning, "SockJS is off"),
            (404, "", Failed, "check the path"),
            (401, r#"{"code":"token_expired"}"#, Failed, "new token"),
        ];
        for (status, body, verdict, told) in rows {
            check(&judge_info(&Ok(answer(status, body))), verdict, told);
        }
    }

    #[test]
    fn transports_are_judged() {
        use Stage::{Connecting, Leaving, Opening};
        let late = || Fault::Timeout { doing: "waiting" };
        let status = |status| Fault::Status(Box::new(answer(status, "")));
        let rows = [
            (
                Way::XhrStreaming,
                Opening,
                late(),
                Warning,
                "nothing of the stream",
            ),
            (Way::XhrStreaming, Connecting, late(), Warning, "held back"),
            (
                Way::EventSource,
                Leaving,
                late(),
                Warning,
                "proxy_buffering",
            ),
            (Way::Xhr, Opening, late(), Failed, "time limits"),
            (Way::Xhr, Connecting, status(404), Failed, "load balancer"),
            (
                Way::XhrStreaming,
                Opening,
                status(404),
                Failed,
                "check the path",
            ),
            (Way::Xhr, Opening, status(502), Failed, "upstream"),
            (
                Way::EventSource,
                Opening,
                Fault::Ended { doing: "x" },
                Failed,
                "docs/proxy",
            ),
            (Way::SockJsWebSocket, Opening, late(), Failed, "swallows"),
            (
                Way::SockJsWebSocket,
                Opening,
                status(404),
                Failed,
                "sockjs_websocket",
            ),
        ];
        for (way, stage, fault, verdict, told) in rows {
            check(&judge_way(way, &Err(Stall { stage, fault })), verdict, told);
        }
        check(
            &judge_way(Way::Xhr, &Ok(Duration::from_millis(5))),
            Fine,
            "5 ms",
        );
    }
}

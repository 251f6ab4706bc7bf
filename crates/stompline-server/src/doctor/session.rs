//! Does a WebSocket open, who is one then, and do messages come?

use std::time::Duration;

use stompline_proto::client::{Config, Connected, Message};

use super::access;
use super::carrier::Way;
use super::reach::is_greeting;
use super::report::Finding;
use crate::client::fault::Fault;
use crate::client::http::Answer;

/// Many proxies end a connection that is silent for a minute; beats must come well before.
const BEAT_MAX: Duration = Duration::from_secs(55);

/// Judges the opening of a WebSocket.
pub(super) fn judge_socket(way: Way, opened: Result<Duration, &Fault>) -> Finding {
    let fault = match opened {
        Ok(took) => return Finding::ok(format!("open in {} ms", took.as_millis())),
        Err(fault) => fault,
    };
    let advice = match fault {
        Fault::Status(answer) if lost_upgrade(answer) => {
            return Finding::failed(
                format!("no WebSocket: {answer}"),
                "a proxy drops the headers Upgrade and Connection: for nginx, proxy_http_version 1.1 and proxy_set_header for both, see docs/proxy; until then only SockJS clients connect, over HTTP",
            );
        }
        Fault::Status(answer) if answer.status == 404 && way == Way::SockJsWebSocket => {
            "the endpoint does not offer it: see the keys `sockjs` and `sockjs_websocket`".to_owned()
        }
        Fault::Status(answer) => access::advice(answer, true),
        Fault::Timeout { .. } => {
            "something between swallows it: an old proxy or a virus scanner; over https most let it pass".to_owned()
        }
        Fault::Handshake(_) | Fault::WebSocket(_) | Fault::SockJs(_) => {
            "a proxy changes what passes: let it pass WebSocket on untouched, or use https".to_owned()
        }
        Fault::Closed { code, .. } => of_close(*code).to_owned(),
        _ => "the log of the server and of the proxy say more".to_owned(),
    };
    Finding::failed(format!("no WebSocket: {fault}"), advice)
}

/// Whether the server saw an ordinary request where a handshake was sent.
///
/// The plain path refuses with a code, those of SockJS with a sentence that names the header.
fn lost_upgrade(answer: &Answer) -> bool {
    let names_it = || {
        answer.code().map_or_else(
            || answer.excerpt().contains("\"Upgrade\""),
            |code| code == "bad_handshake",
        )
    };
    is_greeting(answer) || answer.status == 426 || (answer.status == 400 && names_it())
}

/// Judges CONNECTED: is this session the token's user?
pub(super) fn judge_connected(connected: Result<&Connected, &Fault>, sub: Option<&str>) -> Finding {
    let connected = match connected {
        Ok(connected) => connected,
        Err(fault) => return failed("CONNECT", fault),
    };
    let server = connected
        .server
        .as_deref()
        .unwrap_or("a server without a name");
    let name = connected.user_name.as_deref();
    let version = connected.version.as_str();
    let seen = format!(
        "CONNECTED by {server}, STOMP {version}, user-name {}",
        name.unwrap_or("missing")
    );
    match (name, sub) {
        (None, Some(_)) => Finding::failed(
            seen,
            "the server does not know who this is, so nothing sent to the user arrives: does it check tokens at this endpoint?",
        ),
        (Some(name), Some(sub)) if name != sub => Finding::failed(
            seen,
            format!(
                "the token is that of {sub}: messages to that user go elsewhere; is there a login or cookie of somebody else?"
            ),
        ),
        _ => Finding::ok(seen),
    }
}

/// Judges what was agreed on heart-beats.
pub(super) fn judge_heartbeat(connected: &Connected) -> Finding {
    let agreed = Config::default().heartbeat.agree(connected.heartbeat);
    let every = |time: Option<Duration>| {
        time.map_or_else(
            || "never".to_owned(),
            |time| format!("every {} s", time.as_secs_f32()),
        )
    };
    let seen = format!(
        "the server beats {}, the client {}",
        every(agreed.expect_every),
        every(agreed.send_every)
    );
    match agreed.expect_every {
        None => Finding::warning(
            seen,
            "without heart-beats proxies cut quiet connections and nobody notices dead ones: set `heartbeat.send_ms`",
        ),
        Some(every) if every > BEAT_MAX => Finding::warning(
            seen,
            "many proxies cut a connection after a minute of silence: lower `heartbeat.send_ms`, or raise their limit",
        ),
        Some(_) => Finding::ok(format!("{seen}; time limits of proxies must be longer")),
    }
}

/// Judges whether a subscription to one's own messages is confirmed.
pub(super) fn judge_subscribe(destination: &str, subscribed: Result<Duration, &Fault>) -> Finding {
    match subscribed {
        Ok(took) => Finding::ok(format!(
            "{destination} confirmed in {} ms",
            took.as_millis()
        )),
        Err(fault) => failed(&format!("SUBSCRIBE {destination}"), fault),
    }
}

/// Judges the answer of a handler: its message before the receipt, for the right user.
pub(super) fn judge_round_trip(
    destination: &str,
    answered: Result<(&[Message], Duration), &Fault>,
    sub: Option<&str>,
) -> Finding {
    let (messages, took) = match answered {
        Ok(answered) => answered,
        Err(fault) => return failed(&format!("SUBSCRIBE {destination}"), fault),
    };
    let Some(message) = messages
        .iter()
        .find(|message| message.destination == destination)
    else {
        return Finding::failed(
            format!("{destination}: a RECEIPT, but no MESSAGE"),
            "the handler answered nothing: the server's log says why",
        );
    };
    let me = serde_json::from_slice::<serde_json::Value>(&message.body)
        .ok()
        .and_then(|body| Some(body["me"]["id"].as_str()?.to_owned()));
    let seen = format!(
        "{destination} answered {} bytes in {} ms",
        message.body.len(),
        took.as_millis()
    );
    match (me.as_deref(), sub) {
        (Some(me), Some(sub)) if me != sub => Finding::failed(
            format!("{seen}, for {me}"),
            format!("the token is that of {sub}: is there a login or cookie of somebody else?"),
        ),
        (None, _) => Finding::warning(
            format!("{seen}, without `me`"),
            "this is not the chat's answer: does another application serve this destination?",
        ),
        _ => Finding::ok(seen),
    }
}

/// Judges whether the connection lived through a time with nothing but heart-beats.
pub(super) fn judge_idle(time: Duration, fault: Option<&Fault>) -> Finding {
    let seconds = time.as_secs();
    match fault {
        None => Finding::ok(format!(
            "alive after {seconds} s with nothing but heart-beats"
        )),
        Some(Fault::Ended { .. } | Fault::Io { .. }) => Finding::failed(
            format!("cut within {seconds} s of quiet, without a close"),
            "a proxy's time limit is shorter than the heart-beats: raise it (nginx: proxy_read_timeout 180s), or lower `heartbeat.send_ms`",
        ),
        Some(Fault::Timeout { .. }) => Finding::failed(
            "the server's heart-beats stay away",
            "a proxy holds small messages back or has lost the connection: check its buffering and time limits",
        ),
        Some(fault) => failed("resting", fault),
    }
}

/// Judges the end.
pub(super) fn judge_goodbye(fault: Option<&Fault>) -> Finding {
    match fault {
        None => Finding::ok("DISCONNECT confirmed, closed"),
        Some(fault) => Finding::warning(
            format!("DISCONNECT: {fault}"),
            "nothing is lost by it; a proxy may hold back the last message of a connection",
        ),
    }
}

fn failed(doing: &str, fault: &Fault) -> Finding {
    let advice = match fault {
        Fault::Error { code, .. } => {
            access::of_code(code, true).unwrap_or("docs/wire.md says what the code means")
        }
        Fault::Closed { code, .. } => of_close(*code),
        Fault::Timeout { .. } => {
            "the server is too slow, or a proxy holds messages back: check the server's log and load"
        }
        Fault::Stomp(_) | Fault::WebSocket(_) | Fault::SockJs(_) => {
            "something else answers at this path, or a proxy changes what passes"
        }
        Fault::Status(answer) => {
            return Finding::failed(format!("{doing}: {fault}"), access::advice(answer, true));
        }
        _ => "the log of the server and of the proxy say more",
    };
    Finding::failed(format!("{doing}: {fault}"), advice)
}

/// What to do about a close code (docs/wire.md).
fn of_close(code: u16) -> &'static str {
    match code {
        1001 => "the server is stopping: try again in a moment",
        1008 => "the access rules do not allow it: see the table `access`",
        1009 => "a message was too big: see the table `limits`",
        4401 => "get a new token",
        4408 => "nothing arrived at the server in time: a proxy holds messages back",
        4409 => {
            "somebody ended the session, or the user has more sessions than `limits.sessions_per_user` allows"
        }
        4500 => "messages were not read fast enough: is the network slow?",
        _ => "docs/wire.md says what the code means, and the server's log why",
    }
}

#[cfg(test)]
mod tests;

//! Requests of sessions over HTTP: those that receive, those that send, and the one that opens the session.

use std::{future::poll_fn, sync::Arc};

use axum::{body::Body, response::Response};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use super::{Shared, answer, body::TimedBody, route::Action};
use crate::{
    connection::{Carrier, Connection},
    exchange::{AttachError, Presence},
    flush::batched,
    now,
    outbox::Outbox,
    receiver::{Attachment, OCCUPIED, OPEN, Received, Source, Stream},
    relay::Claim,
    service::{Purpose, Refusal, Request, Service},
    style::Style,
    table::Key,
};

/// How often a request looks for a session that others open and end meanwhile. Its client has one such request at a time.
const ATTEMPTS_MAX: usize = 8;

/// Longest name of a callback: what clients make up has 20 characters or so.
const CALLBACK_BYTES_MAX: usize = 32;

/// The bodies of requests that have none worth reading.
const IGNORED_BODY_BYTES_MAX: usize = 64 * 1024;

/// The cookie that load balancers of the Java world look for.
const COOKIE: &str = "JSESSIONID";

/// The answer to a request of a session.
pub(super) struct Answer<M: crate::Outgoing> {
    pub(super) response: Response,
    /// Its body, if that lasts.
    pub(super) stream: Option<Stream<M>>,
}

impl<M: crate::Outgoing> Answer<M> {
    fn stream(style: &Style, stream: Stream<M>) -> Self {
        Self {
            response: head(style, Body::empty()),
            stream: Some(stream),
        }
    }
}

impl<M: crate::Outgoing> From<Response> for Answer<M> {
    fn from(response: Response) -> Self {
        Self {
            response,
            stream: None,
        }
    }
}

impl Action {
    /// The method that does it, and what `Allow` says.
    fn method(self) -> (Method, &'static str) {
        match self {
            Self::Xhr | Self::XhrStreaming | Self::XhrSend | Self::JsonpSend => {
                (Method::POST, "OPTIONS, POST")
            }
            Self::EventSource | Self::HtmlFile | Self::Jsonp => (Method::GET, "OPTIONS, GET"),
        }
    }
}

impl<S: Service> Shared<S> {
    /// Whether the endpoint's settings allow it.
    pub(super) fn serves(&self, action: Action) -> bool {
        self.settings.jsonp || !matches!(action, Action::Jsonp | Action::JsonpSend)
    }

    pub(super) async fn session(
        &self,
        parts: &Parts,
        body: Body,
        (id, action): (&str, Action),
    ) -> Result<Answer<S::Message>, Refusal> {
        let (method, allowed) = action.method();
        let mut answer = if parts.method == Method::OPTIONS {
            answer::preflight(allowed).into()
        } else if parts.method == method {
            let mut answer = self.act(parts, body, (id, action)).await?;
            answer::never_cache(answer.response.headers_mut());
            answer
        } else {
            answer::method_not_allowed(allowed).into()
        };
        self.set_cookie(parts, &mut answer.response);
        Ok(answer)
    }

    /// Gives the client the cookie that it has, or a first one, if it needs any (SockJS protocol, "JSESSIONID cookie").
    pub(super) fn set_cookie(&self, parts: &Parts, response: &mut Response) {
        if !self.settings.cookie_needed {
            return;
        }
        if let Ok(cookie) = HeaderValue::from_str(&format!("{COOKIE}={}; path=/", cookie(parts))) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }

    async fn act(
        &self,
        parts: &Parts,
        body: Body,
        (id, action): (&str, Action),
    ) -> Result<Answer<S::Message>, Refusal> {
        let style = match style_of(action, parts) {
            Ok(style) => style,
            Err(text) => return Ok(failure(text).into()),
        };
        let owner = self
            .service
            .identify(Request::new(parts, Purpose::Session))
            .await?;
        let key = Key {
            owner,
            id: id.into(),
        };
        match style {
            Some(style) => {
                let body = TimedBody::new(body, self.settings.body_timeout);
                body.ignore(IGNORED_BODY_BYTES_MAX).await?;
                self.receive(parts, &key, style).await
            }
            None => Ok(self.send(parts, body, (&key, action)).await.into()),
        }
    }

    /// A request that waits for frames, and opens the session if there is none.
    async fn receive(
        &self,
        parts: &Parts,
        key: &Key<S::Owner>,
        style: Style,
    ) -> Result<Answer<S::Message>, Refusal> {
        // A node that has said that the session is not there.
        let mut despite = None;
        for _ in 0..ATTEMPTS_MAX {
            if let Some(outbox) = self.sessions.find(key) {
                match Attachment::settled(outbox, self.settings.heartbeat).await {
                    Ok(attachment) => {
                        return Ok(self.resume(style, Source::Here(attachment), None).await);
                    }
                    Err(AttachError::Occupied | AttachError::Unsettled) => {
                        return Ok(refuse(&style, OCCUPIED));
                    }
                    Err(AttachError::Gone) => {}
                }
            }
            if let Some(line) = self.locate(key, despite.as_deref()).await {
                match self.receive_from(&line, &style).await {
                    Some(answer) => return Ok(answer),
                    None => despite = Some(line.node().to_owned()),
                }
            }
            let admission = self
                .service
                .open(Request::new(parts, Purpose::Open))
                .await?;
            if let Some(claim) = self.claim(key, despite.as_deref()).await
                && let Some(outbox) = self.start(key, claim, &style, admission)
            {
                return Ok(self.begin(&style, outbox));
            }
            // Another request has opened the session meanwhile.
        }
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Err(Refusal::new(status, "busy", "the session comes and goes"))
    }

    /// Starts a session, unless there is one by now.
    fn start(
        &self,
        key: &Key<S::Owner>,
        claim: Option<Claim>,
        style: &Style,
        admission: S::Admission,
    ) -> Option<Arc<Outbox<S::Message>>> {
        let presence = if style.is_polling() {
            Presence::Detached(now())
        } else {
            Presence::Attached
        };
        let (outbox, connection) = self.sessions.insert(key, claim, |registration| {
            let carrier = Carrier::new(self.settings.disconnect_delay, registration);
            let connection =
                Connection::over_http(style.transport(), presence, &self.settings, carrier);
            (Arc::clone(connection.outbox()), connection)
        })?;
        let service = Arc::clone(&self.service);
        self.tasks
            .spawn(batched(service.serve(admission, connection)));
        Some(outbox)
    }

    /// The first response of a session.
    fn begin(&self, style: &Style, outbox: Arc<Outbox<S::Message>>) -> Answer<S::Message> {
        if style.is_polling() {
            return whole(style, OPEN.to_vec()).into();
        }
        let attachment = Attachment::attached(outbox, self.settings.heartbeat);
        let bytes_max = self.settings.response_bytes_max;
        Answer::stream(style, Stream::opening(style.clone(), attachment, bytes_max))
    }

    /// A later response of a session. `first` was received already.
    pub(super) async fn resume(
        &self,
        style: Style,
        mut source: Source<S::Message>,
        first: Option<Received>,
    ) -> Answer<S::Message> {
        let bytes_max = self.settings.response_bytes_max;
        if !style.is_polling() {
            let stream = Stream::receiving(style.clone(), source, first, bytes_max);
            return Answer::stream(&style, stream);
        }
        let received = match first {
            Some(first) => Some(first),
            None => poll_fn(|context| source.poll_receive(context, bytes_max)).await,
        };
        source.leave();
        match received {
            Some(received) => whole(&style, received.frame).into(),
            // The session broke while this request waited; an empty answer makes the client ask again and learn it.
            None => head(&style, Body::empty()).into(),
        }
    }
}

/// How an action shows its frames: `None` for those that send. The error is the protocol's text for a bad callback.
fn style_of(action: Action, parts: &Parts) -> Result<Option<Style>, &'static str> {
    Ok(Some(match action {
        Action::XhrSend | Action::JsonpSend => return Ok(None),
        Action::Xhr => Style::XhrPolling,
        Action::XhrStreaming => Style::XhrStreaming,
        Action::EventSource => Style::EventSource,
        Action::HtmlFile => Style::HtmlFile {
            callback: callback(parts)?,
        },
        Action::Jsonp => Style::Jsonp {
            callback: callback(parts)?,
        },
    }))
}

/// The function that a script or page calls for each frame. Nothing but a name may get into them. Clients put it behind the query that
/// their address has already, which may well know a `c` or `callback` of its own.
fn callback(parts: &Parts) -> Result<Box<str>, &'static str> {
    let query = parts.uri.query().unwrap_or_default();
    let last = |name| query.rsplit('&').find_map(|pair| pair.strip_prefix(name));
    let encoded = last("c=")
        .or_else(|| last("callback="))
        .filter(|name| !name.is_empty())
        .ok_or("\"callback\" parameter required")?;
    let name = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy();
    let is_name = name.len() <= CALLBACK_BYTES_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if is_name {
        Ok(name.into())
    } else {
        Err("invalid \"callback\" parameter")
    }
}

/// A response of one frame.
fn whole(style: &Style, frame: Vec<u8>) -> Response {
    head(style, Body::from(style.wrap(frame)))
}

/// A response that is the session's only word for this request.
pub(super) fn refuse<M: crate::Outgoing>(style: &Style, frame: &'static [u8]) -> Answer<M> {
    if style.is_polling() {
        return whole(style, frame.to_vec()).into();
    }
    Answer::stream(style, Stream::refusing(style.clone(), frame))
}

fn head(style: &Style, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, style.content_type());
    if matches!(style, Style::Jsonp { .. }) {
        let nosniff = HeaderValue::from_static("nosniff");
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    }
    if !style.is_polling() {
        // nginx would hold a stream back until its buffer is full.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    response
}

/// The protocol's way to say that a request makes no sense.
pub(super) fn failure(text: &str) -> Response {
    let mut response = answer::text(text.to_owned());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// The value of the client's cookie. It means nothing here.
fn cookie(parts: &Parts) -> &str {
    parts
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE && !value.is_empty()).then_some(value))
        .unwrap_or("dummy")
}

//! The request that opens a connection, and the credentials in it.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::header::{AUTHORIZATION, AsHeaderName, COOKIE, HOST};
use http::uri::Authority;
use http::{HeaderMap, Method, Uri};

use super::attributes::Attributes;
use super::error::AuthError;

/// The longest token that is looked at, in bytes.
///
/// Tokens of large identity providers have 2 to 4 KiB; common HTTP servers allow 8 KiB for a header.
pub const TOKEN_BYTES_MAX: usize = 8 * 1_024;

/// The HTTP request that asks for a connection, as interceptors and authenticators see it.
#[derive(Clone, Copy)]
pub struct HandshakeRequest<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    peer: SocketAddr,
    client: IpAddr,
}

impl<'a> HandshakeRequest<'a> {
    /// A view of a request that came over a connection from `peer`.
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, peer: SocketAddr) -> Self {
        Self {
            method,
            uri,
            headers,
            peer,
            client: peer.ip(),
        }
    }

    /// With the client's address as [`TrustedProxies`](super::TrustedProxies) found it. Default: the
    /// peer's.
    pub fn with_client(mut self, client: IpAddr) -> Self {
        self.client = client;
        self
    }

    /// The method; GET except for some SockJS transports.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The path, not decoded.
    pub fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// The query without its question mark, not decoded. It may hold a token: do not log it.
    pub fn query(&self) -> Option<&'a str> {
        self.uri.query()
    }

    /// The first value of the parameter `name` in the query, with percent signs decoded.
    ///
    /// A plus means itself. `None` as well if the value is not UTF-8 after decoding.
    pub fn query_value(&self, name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = pairs(self.query()?).find(|(known, _)| *known == name)?;
        percent_decode(value)
    }

    /// All headers. Some hold credentials: do not log them.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The first value of a header, if it is text.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The host and port the client asked for: the `Host` header, or else the target's authority.
    pub fn authority(&self) -> Option<&'a str> {
        self.header(HOST)
            .or_else(|| self.uri.authority().map(Authority::as_str))
    }

    /// The other end of the TCP connection, which may be a proxy.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The client's address, behind trusted proxies too.
    pub fn client(&self) -> IpAddr {
        self.client
    }
}

impl fmt::Debug for HandshakeRequest<'_> {
    /// Neither the query nor any header, which may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandshakeRequest")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("peer", &self.peer)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Where a request may carry its token.
///
/// In this order: `Authorization: Bearer ..`, the parameter `token` of the query (browsers can set no
/// header on a WebSocket), a cookie if one is named. The first that is there decides; an empty one
/// counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenSources {
    cookie: Option<Box<str>>,
}

impl TokenSources {
    /// Header and query. No cookie: a browser adds those by itself, so any page could connect in the
    /// user's name unless origins are restricted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the token from this cookie too. Allow only one's own origins then.
    pub fn with_cookie(mut self, name: impl Into<Box<str>>) -> Self {
        self.cookie = Some(name.into());
        self
    }

    /// The cookie that may hold the token, if any.
    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// The token of a request; `None` if there is none.
    ///
    /// # Errors
    ///
    /// There is one, but it is not text or has more than [`TOKEN_BYTES_MAX`] bytes.
    pub fn token<'a>(
        &self,
        request: &HandshakeRequest<'a>,
    ) -> Result<Option<Cow<'a, str>>, AuthError> {
        let token = match bearer(request.headers())? {
            Some(token) => Some(Cow::Borrowed(token)),
            None => match query_token(request)? {
                Some(token) => Some(token),
                None => self.cookie_token(request).map(Cow::Borrowed),
            },
        };
        match token {
            Some(token) if token.len() > TOKEN_BYTES_MAX => Err(too_long()),
            token => Ok(token),
        }
    }

    /// The token of a CONNECT frame, for endpoints that allow authentication as late as that.
    ///
    /// `header` looks a STOMP header up. In this order: `Authorization` (with or without `Bearer`),
    /// `token`, `passcode`.
    ///
    /// # Errors
    ///
    /// The token has more than [`TOKEN_BYTES_MAX`] bytes.
    pub fn connect_token<'a>(
        header: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Option<&'a str>, AuthError> {
        let authorization = header("Authorization").or_else(|| header("authorization"));
        let authorization = authorization.map(|value| strip_bearer(value).unwrap_or(value.trim()));
        let sources = [authorization, header("token"), header("passcode")];
        match sources
            .into_iter()
            .flatten()
            .find(|token| !token.is_empty())
        {
            Some(token) if token.len() > TOKEN_BYTES_MAX => Err(too_long()),
            token => Ok(token),
        }
    }

    fn cookie_token<'a>(&self, request: &HandshakeRequest<'a>) -> Option<&'a str> {
        let wanted = self.cookie.as_deref()?;
        let headers = request.headers().get_all(COOKIE).into_iter();
        let cookies = headers
            .filter_map(|header| header.to_str().ok())
            .flat_map(|h| h.split(';'));
        let values = cookies.filter_map(|cookie| cookie.trim().split_once('='));
        let mut values = values.filter(|(name, _)| *name == wanted);
        let (_, value) = values.find(|(_, value)| !value.is_empty())?;
        // A cookie value may stand in quotes (RFC 6265, section 4.1.1).
        Some(
            value
                .strip_prefix('"')
                .and_then(|v| v.strip_suffix('"'))
                .unwrap_or(value),
        )
    }
}

fn too_long() -> AuthError {
    AuthError::Malformed {
        reason: "more than 8 KiB",
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let value = value.to_str();
    let value = value.map_err(|_| AuthError::Malformed {
        reason: "Authorization is not text",
    })?;
    // Another scheme, such as Basic for a proxy in front, says nothing to us.
    Ok(strip_bearer(value).filter(|token| !token.is_empty()))
}

/// What follows `Bearer`, in any case (RFC 9110, section 11.1).
fn strip_bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn query_token<'a>(request: &HandshakeRequest<'a>) -> Result<Option<Cow<'a, str>>, AuthError> {
    let parameters = pairs(request.query().unwrap_or_default());
    let mut tokens = parameters.filter(|(name, value)| *name == "token" && !value.is_empty());
    let Some((_, value)) = tokens.next() else {
        return Ok(None);
    };
    let token = percent_decode(value);
    token.map(Some).ok_or(AuthError::Malformed {
        reason: "?token= is not text",
    })
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Decodes `%41`; a percent sign without two digits means itself. `None` if the result is no UTF-8.
fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |at: usize| {
            after
                .get(at)
                .and_then(|byte| char::from(*byte).to_digit(16))
        };
        let code = digit(0)
            .zip(digit(1))
            .and_then(|(h, l)| u8::try_from(h * 16 + l).ok());
        let code = code.filter(|_| *first == b'%');
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// What somebody brings to prove who they are.
///
/// `Debug` shows none of it.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Credentials<'a> {
    /// The token, wherever it was found.
    pub token: Option<&'a str>,
    /// The `login` header of CONNECT, if authentication happens there.
    pub login: Option<&'a str>,
    /// The request of the handshake; `None` when authentication happens at CONNECT.
    pub request: Option<&'a HandshakeRequest<'a>>,
    /// The attributes of the session to be, which an authenticator may add to.
    pub attributes: Option<&'a Attributes>,
}

impl<'a> Credentials<'a> {
    /// Nothing at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// A token, or its absence.
    pub fn of_token(token: impl Into<Option<&'a str>>) -> Self {
        Self {
            token: token.into(),
            ..Self::default()
        }
    }

    /// With the login of a CONNECT frame.
    pub fn with_login(mut self, login: impl Into<Option<&'a str>>) -> Self {
        self.login = login.into();
        self
    }

    /// With the request of the handshake.
    pub fn with_request(mut self, request: &'a HandshakeRequest<'a>) -> Self {
        self.request = Some(request);
        self
    }

    /// With the attributes of the session to be.
    pub fn with_attributes(mut self, attributes: &'a Attributes) -> Self {
        self.attributes = Some(attributes);
        self
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("token", &self.token.map(|_| "[hidden]"))
            .field("login", &self.login.map(|_| "[hidden]"))
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderName;

    use super::*;

    fn token_of(
        sources: &TokenSources,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> Result<Option<String>, AuthError> {
        let uri: Uri = uri.parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let request = HandshakeRequest::new(&Method::GET, &uri, &map, peer);
        Ok(sources.token(&request)?.map(Cow::into_owned))
    }

    #[test]
    fn token_is_found_in_order() {
        let sources = TokenSources::new().with_cookie("sid");
        let bearer = ("authorization", "Bearer h");
        let cookie = ("cookie", "a=1; sid=c; b=2");
        for (uri, headers, want) in [
            ("/ws", vec![], None),
            ("/ws?token=q", vec![bearer, cookie], Some("h")),
            ("/ws?token=q", vec![cookie], Some("q")),
            ("/ws", vec![cookie], Some("c")),
            ("/ws?token=", vec![cookie], Some("c")),
            ("/ws?token=&token=2", vec![], Some("2")),
            ("/ws?a=1&token=q&token=r", vec![], Some("q")),
            ("/ws?mytoken=x", vec![], None),
            ("/ws?token=a%2Eb%2e%zz%4", vec![], Some("a.b.%zz%4")),
            ("/ws?token=a+b", vec![], Some("a+b")),
            ("/ws", vec![("authorization", "bEaReR   x ")], Some("x")),
            (
                "/ws?token=q",
                vec![("authorization", "Basic dTpw")],
                Some("q"),
            ),
            ("/ws?token=q", vec![("authorization", "Bearer ")], Some("q")),
            (
                "/ws",
                vec![("cookie", "x=1"), ("cookie", "sid=\"c\"")],
                Some("c"),
            ),
        ] {
            assert_eq!(
                token_of(&sources, uri, &headers).unwrap().as_deref(),
                want,
                "{uri} {headers:?}"
            );
        }
    }

    #[test]
    fn cookie_is_ignored_unless_named() {
        assert_eq!(
            token_of(&TokenSources::new(), "/ws", &[("cookie", "sid=c")]),
            Ok(None)
        );
    }

    #[test]
    fn unreadable_token_is_malformed() {
        let sources = TokenSources::new();
        let long = format!("/ws?token={}", "x".repeat(TOKEN_BYTES_MAX + 1));
        for uri in ["/ws?token=%ff", long.as_str()] {
            let error = token_of(&sources, uri, &[]).unwrap_err();
            assert_eq!(error.code(), "token_malformed", "{uri}");
        }
        let header = token_of(
            &sources,
            "/ws?token=q",
            &[("authorization", "Bearer \u{e9}")],
        );
        assert_eq!(header.unwrap_err().code(), "token_malformed");
    }

    #[test]
    fn connect_frame_carries_token_in_order() {
        for (headers, want) in [
            (vec![], None),
            (vec![("passcode", "p")], Some("p")),
            (vec![("passcode", "p"), ("token", "t")], Some("t")),
            (
                vec![("token", "t"), ("Authorization", "Bearer a")],
                Some("a"),
            ),
            (vec![("authorization", "a")], Some("a")),
            (vec![("Authorization", "Bearer"), ("token", "t")], Some("t")),
        ] {
            let header = |name: &str| {
                headers
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, v)| *v)
            };
            assert_eq!(TokenSources::connect_token(header), Ok(want), "{headers:?}");
        }
    }

    #[test]
    fn debug_hides_credentials() {
        let uri: Uri = "/ws?token=secret".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "Bearer secret".parse().unwrap());
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let request = HandshakeRequest::new(&Method::GET, &uri, &headers, peer);
        let credentials = Credentials::of_token("secret")
            .with_login("secret")
            .with_request(&request);
        assert!(!format!("{credentials:?}").contains("secret"));
    }

    #[test]
    fn request_is_seen_in_parts() {
        let uri: Uri = "/ws/chat/info?site=s%201&x".parse().unwrap();
        let headers = HeaderMap::new();
        let peer = SocketAddr::from(([10, 0, 0, 1], 9));
        let request = HandshakeRequest::new(&Method::GET, &uri, &headers, peer);
        assert_eq!(
            (request.method(), request.path()),
            (&Method::GET, "/ws/chat/info")
        );
        assert_eq!(request.query_value("site").as_deref(), Some("s 1"));
        assert_eq!(request.query_value("x").as_deref(), Some(""));
        assert_eq!(request.query_value("y"), None);
        assert_eq!((request.peer(), request.client()), (peer, peer.ip()));
        let client = IpAddr::from([1, 2, 3, 4]);
        assert_eq!(request.with_client(client).client(), client);
    }
}

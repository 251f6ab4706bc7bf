//! Which server is asked.

/// The address of a server, read from what a person writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub secure: bool,
    pub host: String,
    pub port: u16,
    /// What the address says behind the host, without the slash at its end; `None` for the root.
    pub path: Option<String>,
}

impl Target {
    /// Reads `http://host[:port][/path]`, also with `https`, `ws` or `wss`.
    ///
    /// # Errors
    ///
    /// What the address has that it must not. The text itself is not repeated: people paste tokens.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("no scheme")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err("a scheme that is not known"),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err("a name or password before the host");
        }
        if text.contains(['?', '#']) {
            return Err("a query; a token belongs behind --token, not in the address");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("blanks or characters outside ASCII");
        }
        let (host, port) = split_port(authority, if secure { 443 } else { 80 })?;
        let path = Some(path.trim_end_matches('/')).filter(|path| !path.is_empty());
        Ok(Self {
            secure,
            host,
            port,
            path: path.map(str::to_owned),
        })
    }

    /// What the header `Host` says.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Whether this is surely the same machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }
}

fn split_port(authority: &str, default: u16) -> Result<(String, u16), &'static str> {
    let bad_port = "a port that is not a number from 1 to 65535";
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest
                .split_once(']')
                .ok_or("an IPv6 address without its `]`")?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(bad_port),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err("no host");
    }
    let port = match port {
        Some(text) => text.parse().map_err(|_| bad_port)?,
        None => default,
    };
    if port == 0 {
        return Err(bad_port);
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let rows = [
            ("http://a", (false, "a", 80, None), "a"),
            (
                "https://a.example/",
                (true, "a.example", 443, None),
                "a.example",
            ),
            (
                "ws://127.0.0.1:8080/ws/chat/",
                (false, "127.0.0.1", 8080, Some("/ws/chat")),
                "127.0.0.1:8080",
            ),
            ("WSS://[::1]:8443", (true, "::1", 8443, None), "[::1]:8443"),
            ("http://[::1]", (false, "::1", 80, None), "[::1]"),
        ];
        for (text, (secure, host, port, path), authority) in rows {
            let target = Target::parse(text).unwrap();
            let read = (
                target.secure,
                target.host.as_str(),
                target.port,
                target.path.as_deref(),
            );
            assert_eq!(read, (secure, host, port, path), "{text}");
            assert_eq!(target.authority(), authority, "{text}");
        }
    }

    #[test]
    fn wrong_addresses_are_named_and_not_repeated() {
        let rows = [
            ("localhost:8080", "no scheme"),
            ("ftp://secretive", "scheme"),
            ("http://", "no host"),
            ("http://a:0", "port"),
            ("http://a:99999", "port"),
            ("http://[::1", "`]`"),
            ("http://[::1]x", "port"),
            ("http://user:secretive@a", "password"),
            ("http://a/ws/chat?token=secretive", "--token"),
            ("http://a b", "blanks"),
            ("secretive", "no scheme"),
        ];
        for (text, told) in rows {
            let error = Target::parse(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("secretive"), "{error}");
        }
    }

    #[test]
    fn loopback_is_known() {
        for (url, is) in [
            ("http://localhost", true),
            ("http://127.8.0.1", true),
            ("http://[::1]:8080", true),
            ("http://192.0.2.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(Target::parse(url).unwrap().is_loopback(), is, "{url}");
        }
    }
}

//! What a URL says: one server, the sentinels that know it, or some of a cluster.

use std::{fmt, sync::Arc};

use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, TlsCertificates,
};

use crate::SettingsError;

/// Where sentinels listen unless the URL says otherwise.
const SENTINEL_PORT: u16 = 26_379;

/// Servers that a URL may name.
const HOSTS_MAX: usize = 64;

/// How the servers belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One server.
    One,
    /// The master of this name, which sentinels know.
    Sentinel(String),
    /// A Redis Cluster.
    Cluster,
}

/// What a URL says.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) layout: Layout,
    /// The servers that the URL names: those to use, or to ask.
    pub(crate) seeds: Vec<Server>,
    /// How to get into servers that are not named, except where they are.
    template: ConnectionInfo,
}

/// One server and the way into it. Two are the same if host and port are. A clone shares everything.
#[derive(Clone)]
pub(crate) struct Server(Arc<Place>);

struct Place {
    name: String,
    client: Client,
}

impl Address {
    pub(crate) fn parse(url: &str, tls: &TlsCertificates) -> Result<Self, SettingsError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("no scheme"))?;
        let Some((base, kind)) = scheme.split_once('+').filter(|(_, kind)| *kind != "unix") else {
            let template = connection_info(url, tls)?;
            return Ok(Self {
                layout: Layout::One,
                seeds: vec![Server::new(template.clone())?],
                template,
            });
        };
        if !["redis", "rediss"].contains(&base) {
            return Err(wrong("an unknown scheme"));
        }
        let parts = Parts::of(rest)?;
        match kind {
            "cluster" => Self::cluster(base, &parts, tls),
            "sentinel" => Self::sentinel(base, &parts, tls),
            _ => Err(wrong("an unknown scheme")),
        }
    }

    fn cluster(
        base: &str,
        parts: &Parts<'_>,
        tls: &TlsCertificates,
    ) -> Result<Self, SettingsError> {
        if !["", "0"].contains(&parts.path) {
            return Err(wrong("a cluster has the database 0 only"));
        }
        let mut infos = Vec::with_capacity(parts.hosts.len());
        for host in &parts.hosts {
            let url = format!("{base}://{}{host}", parts.user);
            infos.push(connection_info(&url, tls)?);
        }
        Self::of(Layout::Cluster, infos.clone(), infos.swap_remove(0))
    }

    fn sentinel(
        base: &str,
        parts: &Parts<'_>,
        tls: &TlsCertificates,
    ) -> Result<Self, SettingsError> {
        let (master, database) = parts.path.split_once('/').unwrap_or((parts.path, ""));
        if master.is_empty() {
            return Err(wrong("the name of the master is missing"));
        }
        let template = connection_info(
            &format!("{base}://{}{}/{database}", parts.user, parts.hosts[0]),
            tls,
        )?;
        let user = parts.sentinel_user()?;
        let mut infos = Vec::with_capacity(parts.hosts.len());
        for host in &parts.hosts {
            let named = after_brackets(host).contains(':');
            let port = if named {
                String::new()
            } else {
                format!(":{SENTINEL_PORT}")
            };
            infos.push(connection_info(
                &format!("{base}://{user}{host}{port}"),
                tls,
            )?);
        }
        Self::of(Layout::Sentinel(master.to_owned()), infos, template)
    }

    fn of(
        layout: Layout,
        seeds: Vec<ConnectionInfo>,
        template: ConnectionInfo,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            layout,
            seeds: seeds
                .into_iter()
                .map(Server::new)
                .collect::<Result<_, _>>()?,
            template,
        })
    }

    /// Another server of the same installation.
    pub(crate) fn server(&self, host: &str, port: u16) -> Result<Server, SettingsError> {
        let host = host.to_owned();
        let place = match self.template.addr().clone() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure,
                tls_params,
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        Server::new(self.template.clone().set_addr(place))
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.template.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// The servers that the URL names, for logs.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.seeds.iter().map(Server::name).collect();
        names.join(", ")
    }
}

impl Server {
    fn new(info: ConnectionInfo) -> Result<Self, SettingsError> {
        let name = info.addr().to_string();
        let client = Client::open(info).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self(Arc::new(Place { name, client })))
    }

    /// Host and port.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Where it is without the port; nothing for one that is reached by a file.
    pub(crate) fn host(&self) -> &str {
        match self.0.client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
            _ => "",
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }
}

impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Server {}

impl std::hash::Hash for Server {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What follows the scheme, in a form that names several hosts.
struct Parts<'a> {
    /// User and password with the `@`, or nothing.
    user: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Result<Self, SettingsError> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let at = authority.rfind('@').map_or(0, |at| at + 1);
        let (user, hosts) = authority.split_at(at);
        let hosts: Vec<&str> = hosts.split(',').collect();
        if hosts.len() > HOSTS_MAX || hosts.iter().any(|host| host.is_empty()) {
            return Err(wrong("hosts are separated by single commas"));
        }
        Ok(Self {
            user,
            hosts,
            path: path.trim_end_matches('/'),
            query,
        })
    }

    /// Who asks the sentinels, as the part of a URL.
    fn sentinel_user(&self) -> Result<String, SettingsError> {
        let (mut user, mut password) = ("", None);
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sentinel_username", value)) => user = value,
                Some(("sentinel_password", value)) => password = Some(value),
                _ => return Err(wrong("an unknown parameter")),
            }
        }
        match password {
            Some(password) => Ok(format!("{user}:{password}@")),
            None if user.is_empty() => Ok(String::new()),
            None => Err(wrong("sentinel_username without sentinel_password")),
        }
    }
}

/// The part of a host that may hold a port: addresses of IPv6 have colons of their own.
fn after_brackets(host: &str) -> &str {
    host.rsplit_once(']').map_or(host, |(_, rest)| rest)
}

fn connection_info(url: &str, tls: &TlsCertificates) -> Result<ConnectionInfo, SettingsError> {
    let failed = |error: redis::RedisError| wrong(&error.to_string());
    let mut info = url.into_connection_info().map_err(failed)?;
    if tls.root_cert.is_some() || tls.client_tls.is_some() {
        if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(SettingsError::Certificates(
                "they are of use with rediss:// only".to_owned(),
            ));
        }
        let client = Client::build_with_tls(info, tls.clone())
            .map_err(|error| SettingsError::Certificates(error.to_string()))?;
        info = client.get_connection_info().clone();
    }
    let server = info.redis_settings().clone();
    Ok(info.set_redis_settings(server.set_protocol(ProtocolVersion::RESP3)))
}

fn wrong(what: &str) -> SettingsError {
    SettingsError::Url(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: TlsCertificates = TlsCertificates {
        client_tls: None,
        root_cert: None,
    };

    #[test]
    fn urls_name_what_they_mean() {
        for (url, layout, seeds) in [
            ("redis://a", Layout::One, "a:6379"),
            ("rediss://u:p@a:1/2", Layout::One, "a:1"),
            ("redis+unix:///tmp/x", Layout::One, "/tmp/x"),
            (
                "redis+cluster://u:p%40@a,b:7/0",
                Layout::Cluster,
                "a:6379, b:7",
            ),
            (
                "rediss+cluster://[::1]:7,b",
                Layout::Cluster,
                "::1:7, b:6379",
            ),
            (
                "redis+sentinel://:p@a,[::1],b:7/main/3?sentinel_password=s",
                Layout::Sentinel("main".to_owned()),
                "a:26379, ::1:26379, b:7",
            ),
        ] {
            let address = Address::parse(url, &PLAIN).unwrap();
            assert_eq!((address.layout.clone(), &*address.names()), (layout, seeds));
        }
    }

    #[test]
    fn credentials_go_where_they_belong() {
        let of = |url: &str| {
            let address = Address::parse(url, &PLAIN).unwrap();
            let data = address.server("x", 1).unwrap();
            [address.seeds[0].clone(), data].map(|server| {
                let info = server.client().get_connection_info().redis_settings();
                let text = |part: Option<&str>| part.unwrap_or("-").to_owned();
                (text(info.username()), text(info.password()), info.db())
            })
        };
        let both = ("u".to_owned(), "p@".to_owned(), 0);
        assert_eq!(of("redis+cluster://u:p%40@a"), [both.clone(), both]);
        let [sentinel, data] =
            of("redis+sentinel://:p@a/m/3?sentinel_username=s&sentinel_password=t");
        assert_eq!(sentinel, ("s".to_owned(), "t".to_owned(), 0));
        assert_eq!(data, ("-".to_owned(), "p".to_owned(), 3));
    }

    #[test]
    fn wrong_urls_are_refused_without_their_secrets() {
        for url in [
            "nothing",
            "http://:hunter2@x",
            "redis+ring://:hunter2@x",
            "http+cluster://:hunter2@x",
            "redis+cluster://:hunter2@x/1",
            "redis+cluster://:hunter2@x,,y",
            "redis+cluster://:hunter2@x:port",
            "redis+sentinel://:hunter2@x",
            "redis+sentinel://x/m?sentinel_username=hunter2",
            "redis+sentinel://x/m?password=hunter2",
        ] {
            let error = Address::parse(url, &PLAIN).err().expect(url);
            let text = format!("{error} {error:?}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        let tls = TlsCertificates {
            root_cert: Some(Vec::new()),
            ..PLAIN
        };
        let error = Address::parse("redis://x", &tls).err().unwrap();
        assert!(error.to_string().contains("rediss://"), "{error}");
    }
}

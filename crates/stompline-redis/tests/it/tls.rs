//! Redis behind TLS, with an authority of its own.

use std::{fs, path::Path, time::Duration};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use stompline::testing::suite::{self, Links};
use stompline_redis::{ConnectError, RedisBackplane, RedisSettings};

use crate::{
    redis_cluster::RedisCluster,
    server::{Redis, free_port},
};

/// An authority, and what it has signed.
pub(crate) struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

/// A certificate and its key, in PEM.
struct Identity {
    chain: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = named("authority", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap(),
            key,
        }
    }

    fn pem(&self) -> String {
        self.certificate.pem()
    }

    fn sign(&self, names: &[&str]) -> Identity {
        let mut params = named("member", names);
        // Servers of a cluster are clients of each other.
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.certificate, &self.key);
        Identity {
            chain: signed.unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// Options of a server with a certificate for `name` that looks at those of its clients or not.
    fn options(&self, directory: &Path, name: &str, asks_clients: &str) -> Vec<String> {
        let identity = self.sign(&[name]);
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let [certificate, key, authority] = [
            file("server.pem", &identity.chain),
            file("server.key", &identity.key),
            file("ca.pem", &self.pem()),
        ];
        let port = free_port().to_string();
        [
            ["--tls-port", &port],
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &authority],
            ["--tls-auth-clients", asks_clients],
        ]
        .concat()
        .into_iter()
        .map(ToOwned::to_owned)
        .collect()
    }

    fn server(&self, name: &str, asks_clients: &str) -> Redis {
        Redis::start_by(|_, directory| self.options(directory, name, asks_clients))
    }
}

/// Issuer and subject must not have the same name, or a certificate looks self-signed.
fn named(common: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common);
    params
}

fn url(redis: &Redis) -> String {
    format!("rediss://127.0.0.1:{}", redis.argument("--tls-port"))
}

/// Nodes that trust an authority, and have certificates of their own if there are any.
struct Trusting {
    url: String,
    authority: String,
    identity: Option<Identity>,
}

impl Trusting {
    fn settings(&self) -> RedisSettings {
        let settings = RedisSettings::new(&self.url).unwrap();
        let settings = settings.deadline(Duration::from_secs(10));
        let settings = settings.authority(self.authority.as_bytes()).unwrap();
        match &self.identity {
            Some(own) => settings.identity(own.chain.as_bytes(), own.key.as_bytes()),
            None => Ok(settings),
        }
        .unwrap()
    }
}

impl Links for Trusting {
    type Link = RedisBackplane;

    async fn link(&self) -> RedisBackplane {
        RedisBackplane::connect(self.settings()).await.unwrap()
    }
}

async fn refusal(settings: RedisSettings) -> String {
    match RedisBackplane::connect(settings).await {
        Err(error @ ConnectError::Unreachable { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it should be refused"),
    }
}

async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(2), test)
        .await
        .expect("in bounded time")
}

#[tokio::test]
async fn own_authority_is_trusted_when_it_is_named() {
    within(async {
        let authority = Authority::new();
        let redis = authority.server("127.0.0.1", "no");
        let trusting = Trusting {
            url: url(&redis),
            authority: authority.pem(),
            identity: None,
        };
        suite::presence_is_told_once(&trusting).await;
        suite::topic_crosses_in_order(&trusting).await;
        let blind = crate::startup::patient(&url(&redis));
        let refused = refusal(blind).await;
        assert!(refused.contains("certificate"), "{refused}");
        let other = Trusting {
            authority: Authority::new().pem(),
            ..trusting
        };
        let refused = refusal(other.settings()).await;
        assert!(refused.contains("certificate"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn certificate_for_another_name_is_refused() {
    within(async {
        let authority = Authority::new();
        let redis = authority.server("redis.example", "no");
        let trusting = Trusting {
            url: url(&redis),
            authority: authority.pem(),
            identity: None,
        };
        let refused = refusal(trusting.settings()).await;
        assert!(refused.contains("certificate"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn client_certificate_is_shown_where_it_is_wanted() {
    within(async {
        let authority = Authority::new();
        let redis = authority.server("127.0.0.1", "yes");
        let anonymous = Trusting {
            url: url(&redis),
            authority: authority.pem(),
            identity: None,
        };
        refusal(anonymous.settings()).await;
        let stranger = Trusting {
            identity: Some(Authority::new().sign(&["node"])),
            ..anonymous
        };
        refusal(stranger.settings()).await;
        let known = Trusting {
            identity: Some(authority.sign(&["node"])),
            ..stranger
        };
        suite::topic_crosses_in_order(&known).await;
    })
    .await;
}

#[tokio::test]
async fn cluster_is_encrypted_on_all_its_masters() {
    within(async {
        let authority = Authority::new();
        let cluster = RedisCluster::start_by(|directory| {
            let mut options = authority.options(directory, "127.0.0.1", "yes");
            options.extend(["--tls-cluster", "yes"].map(ToOwned::to_owned));
            options
        })
        .await;
        let seed = &cluster.servers[0];
        let trusting = Trusting {
            url: url(seed).replace("rediss://", "rediss+cluster://"),
            authority: authority.pem(),
            identity: Some(authority.sign(&["node"])),
        };
        suite::presence_is_told_once(&trusting).await;
        suite::topic_crosses_in_order(&trusting).await;
        suite::pattern_and_name_get_each_once(&trusting).await;
    })
    .await;
}

#[tokio::test]
async fn cluster_is_reached_by_the_names_it_announces() {
    within(async {
        let authority = Authority::new();
        let cluster = RedisCluster::start_by(|directory| {
            let mut options = authority.options(directory, "localhost", "no");
            let named = [
                ["--tls-cluster", "yes"],
                ["--cluster-announce-hostname", "localhost"],
                ["--cluster-preferred-endpoint-type", "hostname"],
            ];
            options.extend(named.concat().into_iter().map(ToOwned::to_owned));
            options
        })
        .await;
        let port = cluster.servers[0].argument("--tls-port");
        let trusting = Trusting {
            url: format!("rediss+cluster://localhost:{port}"),
            authority: authority.pem(),
            identity: None,
        };
        suite::topic_crosses_in_order(&trusting).await;
    })
    .await;
}

#[tokio::test]
async fn sentinels_and_master_are_encrypted_alike() {
    within(async {
        let authority = Authority::new();
        let master = authority.server("127.0.0.1", "yes");
        let monitored = master.argument("--tls-port");
        let sentinel = Redis::start_sentinel(|port, directory| {
            let options = authority.options(directory, "127.0.0.1", "yes");
            let mut text = format!("port {port}\nbind 127.0.0.1\ntls-replication yes\n");
            for pair in options.chunks_exact(2) {
                text.extend([pair[0].trim_start_matches("--"), " ", &pair[1], "\n"]);
            }
            let monitor = format!("sentinel monitor main 127.0.0.1 {monitored} 1\n");
            text + &monitor
        });
        let configured = fs::read_to_string(sentinel.path("sentinel.conf")).unwrap();
        let port = configured
            .lines()
            .find_map(|line| line.strip_prefix("tls-port "));
        let trusting = Trusting {
            url: format!("rediss+sentinel://127.0.0.1:{}/main", port.unwrap()),
            authority: authority.pem(),
            identity: Some(authority.sign(&["node"])),
        };
        suite::topic_crosses_in_order(&trusting).await;
    })
    .await;
}

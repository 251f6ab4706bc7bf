//! A proxy that speaks TLS, as in front of most servers.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Findings, SECRET, serve, token};
use crate::binary::stompline;

/// A certificate for `localhost` and 127.0.0.1 that signed itself, and its key, made for this test.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/doctor")
        .join(name)
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("localhost.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("localhost.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A proxy before `upstream`, and its port. It runs as long as the runtime does.
pub(crate) fn before(upstream: &str) -> (Runtime, u16) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(pass(listener, upstream.to_owned()));
    (runtime, port)
}

/// Takes TLS and passes on what is in it.
async fn pass(listener: TcpListener, upstream: String) {
    let acceptor = acceptor();
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
        connections.spawn(async move {
            // Whoever does not trust the certificate leaves.
            let Ok(mut client) = acceptor.accept(client).await else {
                return;
            };
            let mut server = TcpStream::connect(upstream).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

#[test]
fn encrypted_address_is_examined() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let (_proxy, port) = before(&server.address);

    let (url, token) = (format!("https://127.0.0.1:{port}"), token(SECRET, 3600));
    let args = ["doctor", &url, "--json", "--token", &token];
    let examine = |roots: &PathBuf| {
        let mut command = stompline(dir.path(), &args);
        command
            .env("SSL_CERT_FILE", roots)
            .env_remove("SSL_CERT_DIR");
        Findings::of_command(&mut command)
    };
    let found = examine(&file("localhost.crt"));
    found
        .says("address", "ok", "trusted certificate")
        .ends(0, &[]);

    let none = dir.path().join("empty.pem");
    fs::write(&none, "").unwrap();
    let found = examine(&none);
    found
        .says("address", "failed", "certificate")
        .ends(1, &["address"]);
}

#[test]
fn plain_server_under_https_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let found = Findings::of(&format!("https://{}", server.address), &[]);
    found.says("address", "failed", "TLS").ends(1, &["address"]);
}

//! A connection to the server, encrypted or not, on which nothing waits longer than allowed.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::fault::Fault;
use super::target::Target;

/// Room for one read at least.
const READ_BYTES: usize = 16 * 1024;

/// Addresses of a name that are tried at most.
const ADDRESSES_MAX: usize = 4;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection.
pub(crate) struct Link {
    stream: Box<dyn Duplex>,
    /// Where it goes to.
    pub peer: SocketAddr,
}

impl Link {
    /// Connects to the first address of the host that answers.
    pub(crate) async fn open(target: &Target, until: Instant) -> Result<Self, Fault> {
        let doing = "connecting";
        let opened = timeout_at(until, async {
            let (stream, peer) = connect(target).await?;
            let stream: Box<dyn Duplex> = if target.secure {
                Box::new(encrypt(target, stream).await?)
            } else {
                Box::new(stream)
            };
            Ok(Self { stream, peer })
        });
        opened.await.unwrap_or(Err(Fault::Timeout { doing }))
    }

    /// Writes all of `bytes`.
    pub(crate) async fn write(
        &mut self,
        bytes: &[u8],
        until: Instant,
        doing: &'static str,
    ) -> Result<(), Fault> {
        let written = timeout_at(until, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        });
        let written = written.await.map_err(|_| Fault::Timeout { doing })?;
        written.map_err(Fault::io(doing))
    }

    /// Appends what has come to `buffer`; `false` at the end. Dropping the future loses nothing.
    pub(crate) async fn read(
        &mut self,
        buffer: &mut Vec<u8>,
        until: Instant,
        doing: &'static str,
    ) -> Result<bool, Fault> {
        buffer.reserve(READ_BYTES);
        let read = timeout_at(until, self.stream.read_buf(buffer)).await;
        match read.map_err(|_| Fault::Timeout { doing })? {
            Ok(count) => Ok(count > 0),
            // Servers often end an encrypted connection without saying so.
            Err(why) if why.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(why) => Err(Fault::io(doing)(why)),
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

async fn connect(target: &Target) -> Result<(TcpStream, SocketAddr), Fault> {
    let found = lookup_host((target.host.as_str(), target.port)).await;
    let mut failed = None;
    for address in found.map_err(Fault::Resolve)?.take(ADDRESSES_MAX) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A frame is small and waits for an answer.
                stream.set_nodelay(true).map_err(Fault::Connect)?;
                return Ok((stream, address));
            }
            Err(why) => failed = Some(why),
        }
    }
    Err(Fault::Connect(failed.unwrap_or_else(|| {
        std::io::Error::other("the name stands for no address")
    })))
}

async fn encrypt(
    target: &Target,
    stream: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Fault> {
    let tls = |why: &dyn fmt::Display| Fault::Tls(why.to_string());
    let mut roots = RootCertStore::empty();
    // A hundred files, which other tasks of this thread should not wait for.
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
    let found = found.await.map_err(|why| tls(&why))?;
    // Certificates of the system that cannot be read are none that could be trusted.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(tls(
            &"this system has no root certificates (Debian: apt install ca-certificates)",
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| tls(&why))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(target.host.clone()).map_err(|why| tls(&why))?;
    let connector = TlsConnector::from(Arc::new(config));
    connector
        .connect(name, stream)
        .await
        .map_err(|why| tls(&why))
}

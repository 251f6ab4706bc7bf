//! From a socket to an open STOMP session.

use std::{io, net::SocketAddr};

use stompline_ws::handshake::{ClientRequest, RESPONSE_BYTES_MAX, new_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{ClientError, Opening, sockjs};

/// How much of a refusal's body is shown.
const REFUSAL_BYTES_MAX: usize = 300;

/// Whom to connect to, and how.
#[derive(Clone, Copy)]
pub(super) struct Dial {
    address: SocketAddr,
    source: Option<SocketAddr>,
    receive_buffer_bytes: Option<u32>,
}

impl From<&Opening<'_>> for Dial {
    fn from(opening: &Opening<'_>) -> Self {
        Self {
            address: opening.target.address,
            source: opening.source,
            receive_buffer_bytes: opening.receive_buffer_bytes,
        }
    }
}

/// A TCP connection from the source address, if that is given.
pub(super) async fn connect(dial: impl Into<Dial>) -> Result<TcpStream, ClientError> {
    let opening = dial.into();
    let address = opening.address;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    };
    let socket = socket.map_err(ClientError::io("making a socket"))?;
    if let Some(bytes) = opening.receive_buffer_bytes {
        socket
            .set_recv_buffer_size(bytes)
            .map_err(ClientError::io("setting SO_RCVBUF"))?;
    }
    if let Some(source) = opening.source {
        socket
            .bind(source)
            .map_err(ClientError::io("binding to a source address"))?;
    }
    let stream = socket
        .connect(address)
        .await
        .map_err(ClientError::io("connecting"))?;
    stream
        .set_nodelay(true)
        .map_err(ClientError::io("setting TCP_NODELAY"))?;
    Ok(stream)
}

/// Upgrades the connection. Returns what came behind the answer, which are frames already.
pub(super) async fn upgrade(
    stream: &mut TcpStream,
    opening: &Opening<'_>,
    framed: bool,
) -> Result<Vec<u8>, ClientError> {
    let key = new_key().map_err(ClientError::io("drawing a key"))?;
    let bearer = opening.token.map(|token| format!("Bearer {token}"));
    let header = bearer.as_deref().map(|bearer| ("Authorization", bearer));
    let path = if framed {
        format!(
            "{}/websocket",
            sockjs::session_path(opening.path, random()?)
        )
    } else {
        opening.path.to_owned()
    };
    let request = ClientRequest {
        host: &opening.target.host,
        path: &path,
        key: &key,
        protocols: if framed { &[] } else { &["v12.stomp"] },
        headers: header.as_slice(),
    };
    let mut bytes = Vec::with_capacity(1024);
    request.write(&mut bytes)?;
    stream
        .write_all(&bytes)
        .await
        .map_err(ClientError::io("sending the handshake"))?;
    bytes.clear();
    loop {
        read_some(stream, &mut bytes).await?;
        let Some((response, consumed)) = request.read_response(&bytes)? else {
            continue;
        };
        let rest = bytes.split_off(consumed);
        if response.status == 101 {
            return Ok(rest);
        }
        let body = &rest[..rest.len().min(REFUSAL_BYTES_MAX)];
        return Err(ClientError::Refused {
            status: response.status,
            body: String::from_utf8_lossy(body).into_owned(),
        });
    }
}

/// Eight bytes for the name of a session.
pub(super) fn random() -> Result<[u8; 8], ClientError> {
    let mut masker = stompline_ws::Masker::new();
    let mut draw = || masker.key().map_err(ClientError::io("drawing a name"));
    let (first, second) = (draw()?, draw()?);
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&first);
    bytes[4..].copy_from_slice(&second);
    Ok(bytes)
}

async fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), ClientError> {
    let mut piece = [0; 2048];
    let count = stream
        .read(&mut piece)
        .await
        .map_err(ClientError::io("reading the handshake"))?;
    if count == 0 || bytes.len() > RESPONSE_BYTES_MAX {
        let why = io::Error::from(io::ErrorKind::UnexpectedEof);
        return Err(ClientError::io("reading the handshake")(why));
    }
    bytes.extend_from_slice(&piece[..count]);
    Ok(())
}

//! Services without STOMP, as the tests of SockJS clients and servers want them: `/echo` sends every message back, `/close` says goodbye at
//! once, `/disabled_websocket_echo` offers no WebSocket, `/cookie_needed_echo` sets cookies, `/amplify` answers a number with that power of
//! two of `x`. Streaming responses end after 4096 bytes.
//!
//! Run it with `cargo run -p stompline-sockjs --example sockjs_echo -- --listen 127.0.0.1:8081`; `--message-bytes-max N` and
//! `--fragment-bytes-max N` lift the limits of a message and of a fragment.

use std::{
    env,
    error::Error,
    future::poll_fn,
    net::SocketAddr,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use axum::{Router, serve::ListenerExt};
use stompline_sockjs::{
    Close, Connection, Endpoint, Form, Incoming, Outgoing, Refusal, Request, Service, Settings,
    json,
};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// A message that goes back as it came: text as text, binary as binary.
struct Echo {
    text: bool,
    payload: Box<[u8]>,
}

impl Outgoing for Echo {
    fn len(&self, form: Form) -> usize {
        match form {
            Form::Plain => self.payload.len(),
            Form::Escaped => json::escaped_len(&self.payload),
        }
    }

    fn write(&self, form: Form, out: &mut Vec<u8>) {
        match form {
            Form::Plain => out.extend_from_slice(&self.payload),
            Form::Escaped => json::escape(&self.payload, out),
        }
    }

    fn is_text(&self) -> bool {
        self.text
    }
}

/// After so much silence a WebSocket gets a sign of life, as the SockJS protocol wants it.
const HEARTBEAT: Duration = Duration::from_secs(25);

/// The least time between two looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// What a service does with a message.
enum Behaviour {
    Echo,
    Close,
    Amplify,
}

impl Service for Behaviour {
    type Message = Echo;
    type Admission = ();
    type Owner = ();

    async fn admit(&self, _request: Request<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    async fn open(&self, _request: Request<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    async fn identify(&self, _request: Request<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    async fn serve(self: Arc<Self>, (): (), mut connection: Connection<Echo>) {
        if matches!(*self, Self::Close) {
            connection.outbox().close(Close::new(3000, "Go away!"));
        }
        let outbox = Arc::clone(connection.outbox());
        let mut idle = Box::pin(tokio::time::sleep(HEARTBEAT));
        poll_fn(|context| {
            if connection.poll_flush(context).is_ready() {
                return Poll::Ready(());
            }
            while idle.as_mut().poll(context).is_ready() {
                let due = outbox.last_write() + HEARTBEAT;
                if due <= Instant::now() {
                    connection.keep_alive();
                }
                idle.as_mut().reset(due.max(Instant::now() + TICK).into());
            }
            // A peer that does not read its own echoes is not read any more.
            if outbox.poll_relief(context).is_pending() {
                return Poll::Pending;
            }
            let received = connection.poll_receive(context, &mut |incoming| {
                outbox.push(self.answer(incoming));
            });
            match received {
                Poll::Ready(Ok(())) => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Ready(Err(_)) => Poll::Ready(()),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        connection.finish(Duration::from_secs(2)).await;
    }
}

impl Behaviour {
    fn answer(&self, incoming: Incoming<'_>) -> Echo {
        let text = matches!(incoming, Incoming::Text(_));
        let payload = match self {
            Self::Echo | Self::Close => incoming.bytes().into(),
            Self::Amplify => {
                let asked = std::str::from_utf8(incoming.bytes()).ok();
                let power = asked
                    .and_then(|text| text.trim().parse::<u32>().ok())
                    .unwrap_or(1);
                vec![b'x'; 1 << power.clamp(1, 19)].into()
            }
        };
        Echo { text, payload }
    }
}

struct Arguments {
    listen: String,
    message_bytes_max: usize,
    fragment_bytes_max: Option<usize>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut found = Arguments {
        listen: "127.0.0.1:8081".to_owned(),
        message_bytes_max: 128 * 1024,
        fragment_bytes_max: None,
    };
    let mut given = env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--listen" => found.listen = value,
            "--message-bytes-max" => found.message_bytes_max = value.parse()?,
            "--fragment-bytes-max" => found.fragment_bytes_max = Some(value.parse()?),
            _ => {
                return Err(format!(
                    "{name} is not known; use --listen, --message-bytes-max, --fragment-bytes-max"
                )
                .into());
            }
        }
    }
    Ok(found)
}

/// The services, each under its name.
fn services(settings: &Settings) -> [(&'static str, Behaviour, Settings); 5] {
    let settings = || settings.clone();
    [
        ("/echo", Behaviour::Echo, settings()),
        ("/close", Behaviour::Close, settings()),
        (
            "/disabled_websocket_echo",
            Behaviour::Echo,
            settings().websocket(false),
        ),
        (
            "/cookie_needed_echo",
            Behaviour::Echo,
            settings().cookie_needed(true),
        ),
        ("/amplify", Behaviour::Amplify, settings()),
    ]
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let tasks = TaskTracker::new();
    let message_bytes_max = arguments.message_bytes_max;
    let settings = Settings::default()
        .sockjs(true)
        .client_library(Some("/sockjs.min.js"))
        .response_bytes_max(4096)
        .message_bytes_max(message_bytes_max)
        .fragment_bytes_max(arguments.fragment_bytes_max.unwrap_or(message_bytes_max))
        .outbox_bytes_max(4 * message_bytes_max.max(512 * 1024));
    let mut router = Router::new();
    for (prefix, behaviour, settings) in services(&settings) {
        let endpoint = Endpoint::new(prefix, Arc::new(behaviour), settings, tasks.clone());
        router = router.merge(endpoint);
    }
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // A small frame must not wait for the next one.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?;
    Ok(())
}

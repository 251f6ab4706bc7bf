//! `stompline serve`: from the configuration to a server that runs until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use stompline::auth::TrustedProxies;

use crate::api::{self, Api, Guests};
use crate::application::Application;
use crate::cli::ServeArgs;
use crate::config::{self, Config, Origin};
use crate::data_dir::DataDir;
use crate::descriptor;
use crate::failure::Failure;
use crate::http::{self, MetricsAccess, Status};
use crate::jwks::{Address, Jwks};
use crate::keyring::Keyring;
use crate::listener::{Bounds, Listener, seconds};
use crate::logging;
use crate::metrics::Metrics;
use crate::pages::{self, Pages};

/// How long closing may take once the drain is over: the last receipts and the store.
const STOP_TIME: Duration = Duration::from_secs(15);

/// Runs the server. Returns when it has stopped in good order.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = load(args)?;
    if args.demo && !Keyring::is_configured(&config.auth) {
        DataDir::prepare(&config.data)?.ensure_secret()?;
    }
    let keyring = Keyring::read(&config)?;
    let data = DataDir::prepare(&config.data)?;
    logging::start(&config.log);
    descriptor::raise();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("cannot start threads: {error}")))?;
    runtime.block_on(serve(&config, &keyring, &data, args.demo))
}

fn load(args: &ServeArgs) -> Result<Config, Failure> {
    let listen = args
        .listen
        .as_deref()
        .map(|text| ("--listen", "listen", text));
    let data = args
        .data
        .dir
        .as_deref()
        .map(|text| ("--data", "data", text));
    let origin = Origin {
        file: args.config.file.as_deref(),
        environment: config::environment(),
        flags: listen.into_iter().chain(data).collect(),
    };
    Ok(config::load(origin)?.config)
}

async fn serve(
    config: &Config,
    keyring: &Keyring,
    data: &DataDir,
    demo: bool,
) -> Result<(), Failure> {
    let bounds = Bounds::new(&config.limits);
    let public = Listener::bind(config.listen, bounds)?;
    let private = match config.api.metrics_listen {
        Some(address) => Some(Listener::bind(address, bounds)?),
        None => None,
    };
    let jwks = fetch_keys(config, keyring).await?;
    let mut signals = Signals::catch()
        .map_err(|error| Failure::Other(format!("cannot catch signals: {error}")))?;
    let application = Application::start(config, data.path()).await?;
    let metrics = Metrics::new(
        application.stompline.clone(),
        application.chat.clone(),
        &application.ended,
        jwks.clone(),
    );
    let status = Arc::new(Status {
        metrics,
        metrics_access: if demo {
            MetricsAccess::Open
        } else {
            MetricsAccess::Keys(config.api.keys.clone())
        },
        ready: AtomicBool::new(true),
    });
    if let Some(private) = &private
        && let Ok(address) = private.address()
    {
        info!(%address, "metrics and health on an address of their own");
    }
    let address = public.address().unwrap_or(config.listen);
    let routes = http::routes(Arc::clone(&status))
        .merge(application.endpoints(config, &keyring.authenticator()?)?)
        .merge(api::routes(api(
            config,
            keyring,
            &application,
            demo.then_some(address),
        )?))
        .merge(pages::routes(Pages::new(config, demo)?));
    let stop = CancellationToken::new();
    let listeners = TaskTracker::new();
    listeners.spawn(public.run(routes, stop.clone()));
    if let Some(private) = private {
        listeners.spawn(private.run(http::private_routes(Arc::clone(&status)), stop.clone()));
    }
    if let Some(jwks) = jwks {
        listeners.spawn(jwks.keep_current(stop.clone()));
    }
    listeners.close();
    announce(address, keyring, data)?;

    signals.next().await;
    status.ready.store(false, Ordering::Relaxed);
    let drain = Duration::from_secs(config.shutdown.drain_s.into());
    end(&application, drain, (&stop, &listeners), &mut signals).await;
    Ok(())
}

/// Lets the sessions go over `drain`, then the listeners; a second signal cuts it short.
async fn end(
    application: &Application,
    drain: Duration,
    (stop, listeners): (&CancellationToken, &TaskTracker),
    signals: &mut Signals,
) {
    let end = async {
        // A client that polls hears the end of its session only if it can ask. What the log says holds already: nobody new is let in.
        let told = async { info!(drain_s = drain.as_secs(), "stopping") };
        tokio::join!(biased; application.drain(drain), told);
        stop.cancel();
        listeners.wait().await;
        application.close().await;
    };
    tokio::select! {
        () = end => {}
        () = tokio::time::sleep(drain + STOP_TIME) => warn!("stopped before every client had left"),
        () = signals.next() => warn!("stopped at once by a second signal"),
    }
}

/// Fetches the keys of the identity provider, if one is configured.
async fn fetch_keys(config: &Config, keyring: &Keyring) -> Result<Option<Jwks>, Failure> {
    let (Some(url), Some(keys)) = (&config.auth.jwks_url, keyring.key_set()) else {
        return Ok(None);
    };
    let address = Address::parse(url).map_err(Failure::Other)?;
    let fetched = Jwks::start(address, keys.clone(), &config.auth).await;
    let advice = "The server does not start without them: check the address, and whether this machine reaches it";
    fetched
        .map(Some)
        .map_err(|why| Failure::Other(format!("{why}\n{advice}")))
}

/// What the API works on. `demo` is the address of a demonstration, which lets visitors in wherever
/// it is, and gives out agents only on this machine.
fn api(
    config: &Config,
    keyring: &Keyring,
    application: &Application,
    demo: Option<SocketAddr>,
) -> Result<Api, Failure> {
    let demo_agents = demo.is_some_and(|address| address.ip().is_loopback());
    let guests = if config.api.guests || demo.is_some() {
        let ttl = Duration::from_secs(config.api.guest_ttl_s.into());
        let per_minute = config.api.guest_per_minute;
        Some(Guests::new(keyring.signer()?, ttl, per_minute))
    } else {
        None
    };
    let proxies = TrustedProxies::parse(&config.trusted_proxies)
        .map_err(|error| Failure::Other(error.to_string()))?;
    Ok(Api {
        stompline: application.stompline.clone(),
        keys: config.api.keys.clone(),
        guests,
        demo_agents,
        proxies,
        body_timeout: seconds(config.limits.body_timeout_s),
    })
}

/// Tells where the server is, first on stdout, for people and for scripts that wait for the line.
fn announce(address: SocketAddr, keyring: &Keyring, data: &DataDir) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::Other(format!("cannot write to stdout: {error}")))?;
    let version = env!("CARGO_PKG_VERSION");
    let data = data.path().display();
    info!(%address, version, %data, keys = keyring.key_count(), "started");
    Ok(())
}

/// The signals that end the server: from a person at the keyboard, and from whatever runs it.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self {
            interrupt,
            terminate,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

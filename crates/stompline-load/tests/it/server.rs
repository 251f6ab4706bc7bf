//! A server on a free port of this machine.

use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use stompline::access::{AccessRule, AccessRules, Action, Target as Names, Who};
use stompline::auth::{JwtKey, JwtSettings, Principal};
use stompline::{
    DestinationPattern, IntoReply, Message, Outgoing, Prefixes, Reply, State, Stompline, Variables,
};
use stompline_load::client::Transport;
use stompline_load::process::Process;
use stompline_load::scenario::Setup;
use stompline_load::target::Target;
use stompline_load::token::Tokens;
use tokio::net::TcpListener;
use tokio::task::{JoinSet, LocalSet};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// How the server takes what scenarios send.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    /// Customers may SEND to topics, and there is a chat.
    Open,
    /// Neither.
    Closed,
}

/// Runs `scenario` against a server that lives as long as it does.
pub(crate) fn with_server<T, F: Future<Output = T>>(
    manner: Manner,
    scenario: impl FnOnce(Rc<Setup>) -> F,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(axum::serve(listener, routes(manner)).into_future());
        scenario(Rc::new(setup(&format!("ws://{address}"), SECRET))).await
    })
}

/// A setup for the server at `url` with tokens signed with `secret`.
pub(crate) fn setup(url: &str, secret: &str) -> Setup {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(secret.as_bytes()).unwrap();
    Setup {
        target: Target::parse(url, false).unwrap(),
        tokens: Tokens::from_secret_file(file.path()).unwrap(),
        login: None,
        transport: Transport::WebSocket,
        destination: "/topic/load.{name}".to_owned(),
        customer_path: "/ws/chat".to_owned(),
        agent_path: "/ws/agent".to_owned(),
        process: Some(Process::new(std::process::id())),
        run: Setup::fresh_run(),
        time_max: Duration::from_secs(20),
    }
}

fn routes(manner: Manner) -> Router {
    let mut rules = AccessRules::builder(&Prefixes::default());
    let mut builder = Stompline::builder();
    if manner == Manner::Open {
        let names = Names::Pattern(DestinationPattern::parse("/topic/load.*").unwrap());
        rules = rules.first(AccessRule::allow(Who::Anyone, names).on(Action::Send));
        builder = builder
            .message("/send", say)
            .message("/agent.take", take)
            .message("/to/{user}", pass_on);
    }
    let builder = builder.access(rules.build());
    let app = builder.with_state(Said::default()).build().unwrap();
    let keys = [JwtKey::secret(SECRET).unwrap()];
    let jwt = JwtSettings::new(keys).build().unwrap();
    ["customer", "agent"]
        .into_iter()
        .zip(["/ws/chat", "/ws/agent"])
        .fold(Router::new(), |router, (user_type, path)| {
            let endpoint = app.endpoint(path).sockjs().authenticate(jwt.clone());
            router.merge(endpoint.require_type(user_type).into_router().unwrap())
        })
}

/// How many messages each conversation has.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<HashMap<String, u64>>>);

/// A chat in small: a customer and the agent of the same name share a conversation of that name. Acknowledges a
/// message, and tells both.
async fn say(sender: Principal, State(said): State<Said>) -> Reply {
    let name = sender.name().as_str();
    let seq = {
        let mut said = said.0.lock().unwrap();
        let count = said.entry(name.to_owned()).or_default();
        *count += 1;
        *count
    };
    let event = || Message::text("event").header("seq", &seq.to_string());
    let tell = |realm| Outgoing::user(realm, name, "/queue/messages", event());
    let told = vec![acknowledge(name, seq), tell("customer"), tell("agent")];
    told.into_reply().unwrap()
}

async fn take(agent: Principal) -> Outgoing {
    acknowledge(agent.name().as_str(), 0)
}

fn acknowledge(conversation: &str, seq: u64) -> Outgoing {
    let ack = format!(r#"{{"ok":true,"conversationId":"{conversation}","seq":{seq}}}"#);
    Outgoing::session("/queue/acks", Message::new("application/json", ack))
}

/// Passes a message on to another customer, as the example `direct` does.
async fn pass_on(to: Variables, body: Bytes) -> Reply {
    let name = to.get("user").unwrap_or_default();
    let message = Message::new("text/plain", body);
    Reply::one(Outgoing::user("customer", name, "/queue/direct", message))
}

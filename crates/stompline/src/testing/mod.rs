//! Drives an application without a socket, in virtual time if the test wants it.
//!
//! ```
//! use stompline::{Json, Stompline, ToTopic, testing::TestApp};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let app = Stompline::builder()
//!     .message("/increment", async |Json(n): Json<u32>| ToTopic::new("/topic/increment", Json(n + 1)))
//!     .build()
//!     .unwrap();
//! let app = TestApp::new(app);
//! let mut anna = app.connect("customer", "anna").await;
//! anna.subscribe("s", "/topic/increment").await;
//! anna.send("/app/increment", "5").await;
//! assert_eq!(anna.message().await.body, "6");
//! # }
//! ```

mod client;
pub mod suite;

use std::sync::Arc;

use stompline_sockjs::{Connection, Transport};
use tokio::io::DuplexStream;

use crate::{
    auth::{Attributes, Principal},
    builder::Stompline,
    connection::Driver,
    endpoint::{Admission, Rules},
    name::{Realm, UserName},
};
pub use client::{Received, TestClient};

/// Bytes that the in-memory connection holds in each direction, like a socket's buffer.
const PIPE_BYTES: usize = 64 * 1024;

/// An application whose connections are made in memory.
#[derive(Clone)]
pub struct TestApp {
    app: Stompline,
}

impl TestApp {
    /// Drives `app`.
    pub fn new(app: Stompline) -> Self {
        Self { app }
    }

    /// The application.
    pub fn app(&self) -> &Stompline {
        &self.app
    }

    /// Stops what keeps this node in its cluster, without a word to the others: to them it is dead.
    pub async fn crash(&self) {
        if let Some(cluster) = &self.app.core().broker.cluster {
            cluster.crash().await;
        }
    }

    /// A client that has sent nothing yet.
    ///
    /// # Panics
    ///
    /// If realm or name is not one.
    pub fn open(&self, realm: &str, name: &str) -> TestClient<DuplexStream> {
        let realm = Realm::new(realm).expect("a test names a realm that can be one");
        let name = UserName::new(name).expect("a test names a user that can be one");
        self.open_as(Principal::new(realm, name), Transport::WebSocket)
    }

    /// A client with this principal over this transport that has sent nothing yet.
    pub fn open_as(&self, principal: Principal, transport: Transport) -> TestClient<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let core = Arc::clone(self.app.core());
        let settings = core.limits.transport();
        let connection = Connection::over(ours, transport, &settings);
        let rules = Arc::new(Rules::open("/test", &core.session_limits));
        let admission = Admission {
            principal: Some(principal),
            attributes: Attributes::new(),
        };
        let tasks = core.tasks.clone();
        let mut driver = Driver::new(core, rules, admission, connection);
        tasks.spawn(stompline_sockjs::batched(async move { driver.run().await }));
        TestClient::new(theirs, transport)
    }

    /// A client that is connected.
    ///
    /// # Panics
    ///
    /// If the application refuses it.
    pub async fn connect(&self, realm: &str, name: &str) -> TestClient<DuplexStream> {
        let mut client = self.open(realm, name);
        client.connect().await;
        client
    }
}

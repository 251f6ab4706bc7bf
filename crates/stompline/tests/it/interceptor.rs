use std::sync::{Arc, Mutex};

use stompline::{
    Action, BoxFuture, Interceptor, Next, Outcome, Rejection, Request, testing::TestApp,
};
use stompline_proto::{Command, Frame};

use crate::support::{Client, frame, header, open_broker, test_app};

type Act = fn(&mut Request) -> Result<(), Rejection>;

/// A link of the chain that writes down what it sees, and does what its function says.
#[derive(Clone)]
struct Link {
    name: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
    act: Act,
}

impl Link {
    fn new(name: &'static str, act: Act) -> Self {
        let seen = Arc::default();
        Self { name, seen, act }
    }

    /// Another link that writes into the same list.
    fn and(&self, name: &'static str) -> Self {
        let seen = Arc::clone(&self.seen);
        let act: Act = |_| Ok(());
        Self { name, seen, act }
    }

    /// An application with this link alone.
    fn app(&self) -> TestApp {
        test_app(open_broker().interceptor(self.clone()))
    }

    /// What was seen since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    fn note(&self, text: &str) {
        let line = format!("{} {text}", self.name);
        self.seen.lock().unwrap().push(line);
    }
}

impl Interceptor for Link {
    fn intercept<'a>(
        &'a self,
        mut request: Request,
        next: Next<'a>,
    ) -> BoxFuture<'a, Result<Outcome, Rejection>> {
        Box::pin(async move {
            self.note(request.action.command());
            (self.act)(&mut request)?;
            let outcome = next.run(request).await;
            self.note(if outcome.is_ok() { "done" } else { "refused" });
            outcome
        })
    }
}

fn no(action: Action) -> Act {
    match action {
        Action::Connect => |request| refused_if(request, Action::Connect),
        Action::Commit => |request| refused_if(request, Action::Commit),
        Action::Unsubscribe => |request| refused_if(request, Action::Unsubscribe),
        _ => |request| refused_if(request, Action::Disconnect),
    }
}

fn refused_if(request: &Request, action: Action) -> Result<(), Rejection> {
    if request.action == action {
        return Err(Rejection::new("closed", "not today"));
    }
    Ok(())
}

fn send(body: &str) -> Frame {
    frame(Command::Send, &[("destination", "/topic/open.x")]).body(body.to_owned())
}

/// Sends a frame that is confirmed.
async fn confirmed(client: &mut Client, sent: Frame) {
    client.transmit(&sent.header("receipt", "confirmed")).await;
    client.await_receipt("confirmed").await;
}

/// The code of the next refusal that leaves the session alive.
async fn refusal(client: &mut Client) -> String {
    let told = client.message().await;
    assert_eq!(header(&told, "destination"), "/user/queue/errors");
    header(&told, "code").to_owned()
}

#[tokio::test]
async fn links_see_a_frame_in_order_and_its_outcome_in_reverse() {
    let outer = Link::new("outer", |_| Ok(()));
    let builder = open_broker().interceptor(outer.clone());
    let app = test_app(builder.interceptor(outer.and("inner")));
    let mut anna = app.connect("customer", "anna").await;
    let seen = ["outer CONNECT", "inner CONNECT", "inner done", "outer done"];
    assert_eq!(outer.take(), seen);
    confirmed(&mut anna, send("1")).await;
    let seen = ["outer SEND", "inner SEND", "inner done", "outer done"];
    assert_eq!(outer.take(), seen);
}

#[tokio::test]
async fn what_a_link_changes_takes_effect() {
    let link = Link::new("link", |request| {
        if request.action == Action::Send {
            request.destination = "/topic/open.y".to_owned();
            request.headers.push("checked", "yes");
            request.body = "changed".into();
        }
        Ok(())
    });
    let app = link.app();
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("x", "/topic/open.x").await;
    anna.subscribe("y", "/topic/open.y").await;
    confirmed(&mut anna, send("1")).await;
    let message = anna.message().await;
    assert_eq!(message.body, "changed");
    assert_eq!(header(&message, "subscription"), "y");
    assert_eq!(header(&message, "checked"), "yes");
}

#[tokio::test]
async fn link_that_refuses_a_send_is_heard() {
    let link = Link::new("link", |request| match request.body.as_ref() {
        b"bad" => Err(Rejection::new("content", "mind your words")),
        _ => Ok(()),
    });
    let app = link.app();
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("x", "/topic/open.x").await;
    anna.subscribe("e", "/user/queue/errors").await;
    anna.transmit(&send("bad").header("receipt", "r")).await;
    assert_eq!(refusal(&mut anna).await, "content");
    confirmed(&mut anna, send("good")).await;
    assert_eq!(anna.message().await.body, "good");
}

#[tokio::test]
async fn refused_connect_is_an_error_and_the_end() {
    let app = Link::new("link", no(Action::Connect)).app();
    let mut anna = app.open("customer", "anna");
    anna.transmit(&frame(
        Command::Connect,
        &[("accept-version", "1.2"), ("host", "x")],
    ))
    .await;
    let (error, code) = anna.error().await;
    assert_eq!(header(&error, "code"), "closed");
    assert_eq!(code, Some(1008));
    assert!(app.app().sessions("customer", "anna").unwrap().is_empty());
}

#[tokio::test]
async fn nothing_of_a_refused_transaction_is_applied() {
    let link = Link::new("link", no(Action::Commit));
    let app = link.app();
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("x", "/topic/open.x").await;
    anna.subscribe("e", "/user/queue/errors").await;
    let transaction = ("transaction", "t");
    confirmed(&mut anna, frame(Command::Begin, &[transaction])).await;
    confirmed(&mut anna, send("staged").header("transaction", "t")).await;
    let commit = frame(Command::Commit, &[transaction, ("receipt", "c")]);
    anna.transmit(&commit).await;
    assert_eq!(refusal(&mut anna).await, "closed");
    // The transaction is over, and the session goes on.
    confirmed(&mut anna, frame(Command::Begin, &[transaction])).await;
    confirmed(&mut anna, send("after")).await;
    assert_eq!(anna.message().await.body, "after");
}

#[tokio::test]
async fn frames_of_a_transaction_are_seen_when_they_are_applied() {
    let link = Link::new("link", |_| Ok(()));
    let app = link.app();
    let mut anna = app.connect("customer", "anna").await;
    let subscribe = [
        ("id", "x"),
        ("destination", "/topic/open.x"),
        ("ack", "client"),
    ];
    confirmed(&mut anna, frame(Command::Subscribe, &subscribe)).await;
    confirmed(&mut anna, send("1")).await;
    let message = anna.message().await;
    let transaction = ("transaction", "t");
    confirmed(&mut anna, frame(Command::Begin, &[transaction])).await;
    let ack = ("id", header(&message, "ack"));
    confirmed(&mut anna, frame(Command::Ack, &[ack, transaction])).await;
    confirmed(&mut anna, send("2").header("transaction", "t")).await;
    link.take();
    confirmed(&mut anna, frame(Command::Commit, &[transaction])).await;
    let seen = link.take();
    let frames: Vec<_> = seen.iter().filter(|line| !line.ends_with("done")).collect();
    assert_eq!(frames, ["link COMMIT", "link ACK", "link SEND"]);
}

#[tokio::test]
async fn what_ends_something_ends_it_whatever_a_link_says() {
    let app = Link::new("link", no(Action::Unsubscribe)).app();
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("x", "/topic/open.x").await;
    anna.subscribe("e", "/user/queue/errors").await;
    anna.transmit(&frame(
        Command::Unsubscribe,
        &[("id", "x"), ("receipt", "u")],
    ))
    .await;
    assert_eq!(refusal(&mut anna).await, "closed");
    confirmed(&mut anna, send("unheard")).await;

    let app = Link::new("link", no(Action::Disconnect)).app();
    let mut anna = app.connect("customer", "anna").await;
    anna.transmit(&frame(Command::Disconnect, &[])).await;
    anna.closed().await;
    while !app.app().sessions("customer", "anna").unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

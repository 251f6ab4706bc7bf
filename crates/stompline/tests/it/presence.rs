use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use stompline::{ClusterSettings, PresenceEvent, Stompline, testing::TestApp};
use tokio::time::sleep;

use crate::support::test_app;

const GRACE: Duration = Duration::from_secs(5);

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn app(&self) -> TestApp {
        let heard = self.clone();
        let mut settings = ClusterSettings::default();
        settings.grace = GRACE;
        let builder = Stompline::builder().cluster(settings);
        test_app(builder.presence(move |event: &PresenceEvent| {
            heard.0.lock().unwrap().push(match event {
                PresenceEvent::Online(user) => format!("online {user}"),
                PresenceEvent::Offline(user) => format!("offline {user}"),
                other => format!("{other:?}"),
            });
        }))
    }

    fn so_far(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn first_session_comes_and_last_goes() {
    let heard = Heard::default();
    let app = heard.app();
    let phone = app.connect("customer", "anna").await;
    let laptop = app.connect("customer", "anna").await;
    let agent = app.connect("agent", "anna").await;
    assert_eq!(
        heard.so_far(),
        ["online customer:anna", "online agent:anna"]
    );
    drop(phone);
    sleep(2 * GRACE).await;
    assert_eq!(heard.so_far().len(), 2, "one session is left");
    drop(laptop);
    sleep(GRACE / 2).await;
    assert_eq!(heard.so_far().len(), 2, "the time of grace runs");
    sleep(GRACE).await;
    assert_eq!(heard.so_far()[2..], ["offline customer:anna"]);
    drop(agent);
    sleep(2 * GRACE).await;
    assert_eq!(heard.so_far()[3..], ["offline agent:anna"]);
}

#[tokio::test(start_paused = true)]
async fn short_absence_is_not_spoken_of() {
    let heard = Heard::default();
    let app = heard.app();
    for _ in 0..5 {
        let anna = app.connect("customer", "anna").await;
        sleep(GRACE).await;
        drop(anna);
        sleep(GRACE / 2).await;
    }
    assert_eq!(heard.so_far(), ["online customer:anna"]);
    sleep(GRACE).await;
    assert_eq!(heard.so_far()[1..], ["offline customer:anna"]);
    let _back = app.connect("customer", "anna").await;
    assert_eq!(heard.so_far()[2..], ["online customer:anna"]);
}

#[tokio::test(start_paused = true)]
async fn each_is_told_after_a_time_of_grace_of_its_own() {
    let heard = Heard::default();
    let app = heard.app();
    let anna = app.connect("customer", "anna").await;
    let ben = app.connect("customer", "ben").await;
    drop(anna);
    sleep(GRACE / 2).await;
    drop(ben);
    sleep(3 * GRACE / 4).await;
    assert_eq!(heard.so_far()[2..], ["offline customer:anna"]);
    sleep(GRACE).await;
    assert_eq!(heard.so_far()[3..], ["offline customer:ben"]);
}

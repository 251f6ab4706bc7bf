//! Topics with one publisher and several subscribers each: fan-out, rooms, and readers that stop.

mod member;
mod room;
mod stalled;
mod tally;

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::member::{Publisher, listen};
use self::room::Room;
use self::stalled::{Fates, RECEIVE_BUFFER_BYTES, doze};
use self::tally::{Listener, PART, Tally};
use super::churn::Comings;
use super::measured::{Meter, Spent};
use super::rush::{close_all, open_all};
use super::{ScenarioError, Setup};
use crate::client::{Client, ClientError};
use crate::progress::Progress;
use crate::report::Report;
use crate::template::Template;

/// How publishers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many messages of each topic that not all have received.
    Outstanding(u32),
    /// So many messages a second, of all topics together, whatever was received.
    Rate(u32),
}

/// The scenarios `fanout`, `rooms` and `slow`.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// What the report calls it.
    pub name: &'static str,
    /// How many topics.
    pub topics: u32,
    /// Subscribers of each topic.
    pub members: u32,
    /// Whether a member publishes or somebody who does not subscribe.
    pub member_publishes: bool,
    /// How publishers send.
    pub pace: Pace,
    /// Bytes of each body; at least 21, which hold the number and a mark.
    pub body_bytes: usize,
    /// Runs for so long before anything is measured.
    pub warm_up: Duration,
    /// Measures for so long.
    pub duration: Duration,
    /// Members of the first topic that subscribe and then read nothing.
    pub stalled: u32,
    /// If set, these wake after so long, read all that waits, and stop again.
    pub doze: Option<Duration>,
    /// Further sessions that connect, subscribe to something else and leave all the while.
    pub visitors: u32,
    /// Whether the report has latencies over time and the greatest memory.
    pub series: bool,
}

/// A session that has done its part, with what it heard.
type Played = Result<(Client, Option<Rc<Listener>>), ClientError>;

/// Everybody who takes part.
struct Cast {
    listeners: Vec<Rc<Listener>>,
    stalled: Vec<(Client, Rc<Listener>)>,
    rooms: Vec<Rc<Room>>,
    playing: JoinSet<Played>,
}

impl Cast {
    /// Lets a session receive all the time.
    fn listen(&mut self, client: Client, listener: Rc<Listener>) {
        self.listeners.push(Rc::clone(&listener));
        self.playing.spawn_local(async move {
            let client = listen(client, Rc::clone(&listener)).await?;
            Ok((client, Some(listener)))
        });
    }

    /// Lets a session receive now and then.
    fn doze(&mut self, client: Client, listener: Rc<Listener>, pause: Duration) {
        self.listeners.push(Rc::clone(&listener));
        self.playing.spawn_local(async move {
            let client = doze(client, Rc::clone(&listener), pause).await?;
            Ok((client, Some(listener)))
        });
    }

    fn publish(&mut self, publisher: Publisher) {
        self.playing.spawn_local(async move {
            let listener = publisher.listener.clone();
            Ok((publisher.run().await?, listener))
        });
    }
}

impl Crowd {
    /// Publishes for the time that is set, and checks that every message came to everybody once and
    /// in order.
    ///
    /// # Errors
    ///
    /// A session could not be opened, or the server's process cannot be looked at. What goes wrong
    /// later is a fault in the report.
    pub async fn run(self, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
        let apart = u32::from(!self.member_publishes);
        let sessions = self.topics.saturating_mul(self.members + apart);
        setup.check_descriptors(sessions + self.visitors)?;
        let tally = Rc::new(Tally::new(Instant::now(), self.series));
        let mut cast = self.assemble(setup, &tally).await?;

        let mut report = Report::new(self.name);
        report.count("sessions", sessions.into());
        let spent = self.measure(setup, &tally, &mut cast, &mut report).await?;
        tally.stopping.set(true);
        for room in &cast.rooms {
            room.progress.notify_one();
        }
        let ended = timeout(
            setup.time_max,
            end(&mut cast.playing, cast.stalled, &mut report),
        );
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => report.faults([error.to_string()]),
            Err(_) => report.faults([ScenarioError::Time(setup.time_max).to_string()]),
        }
        for listener in &cast.listeners {
            let faults = listener.sequence.borrow().faults(listener.room.sent());
            report.faults(faults);
        }
        if self.doze.is_some() {
            let body = u64::try_from(self.body_bytes).unwrap_or(u64::MAX);
            let backlog = cast.rooms[0].backlog().saturating_mul(body);
            report.count("backlog_bytes_max", backlog);
        }
        spent.tell(&mut report, setup, "deliveries", tally.deliveries.get());
        report.latency("delivery", &tally.latency.borrow());
        Ok(report)
    }

    /// Opens all sessions and lets everybody begin.
    async fn assemble(&self, setup: &Rc<Setup>, tally: &Rc<Tally>) -> Result<Cast, ScenarioError> {
        let members = self.members.max(1);
        let live = |topic: u32| match topic {
            0 => members.saturating_sub(self.stalled),
            _ => members,
        };
        let start = Instant::now();
        let rooms: Vec<_> = (0..self.topics.max(1))
            .map(|topic| {
                let name = setup.topic(&format!("{}.{topic}", self.name));
                Rc::new(Room::new(name, live(topic), start))
            })
            .collect();
        let total = members.saturating_mul(self.topics.max(1));
        let subscribers = open_all(total, |number| {
            let room = &rooms[(number / members) as usize];
            self.subscriber(setup, number, room)
        });
        let mut cast = Cast {
            listeners: Vec::new(),
            stalled: Vec::new(),
            rooms: rooms.clone(),
            playing: JoinSet::new(),
        };
        let mut publishers = Vec::new();
        for (number, client) in (0..).zip(subscribers.await?) {
            let (topic, place) = (number / members, number % members);
            if let Some(pause) = self.doze.filter(|_| number < self.stalled) {
                let listener = Listener::apart(Rc::clone(&rooms[0]), Rc::clone(tally));
                cast.doze(client, Rc::new(listener), pause);
                continue;
            }
            let listener = Rc::new(Listener::new(
                Rc::clone(&rooms[topic as usize]),
                Rc::clone(tally),
            ));
            if number < self.stalled {
                cast.stalled.push((client, listener));
                continue;
            }
            if self.member_publishes && place == members - 1 {
                cast.listeners.push(Rc::clone(&listener));
                publishers.push((topic, client, Some(listener)));
                continue;
            }
            cast.listen(client, listener);
        }
        if !self.member_publishes {
            let apart = open_all(self.topics.max(1), |topic| setup.customer(total + topic));
            publishers.extend(
                (0..)
                    .zip(apart.await?)
                    .map(|(topic, client)| (topic, client, None)),
            );
        }
        for (topic, client, listener) in publishers {
            let publisher =
                self.publisher((topic, &rooms[topic as usize]), client, listener, tally);
            cast.publish(publisher);
        }
        Ok(cast)
    }

    async fn subscriber(
        &self,
        setup: &Setup,
        number: u32,
        room: &Room,
    ) -> Result<Client, ScenarioError> {
        let mut client = if number < self.stalled {
            setup.narrow_customer(number, RECEIVE_BUFFER_BYTES).await?
        } else {
            setup.customer(number).await?
        };
        client.subscribe("s", &room.topic).await?;
        Ok(client)
    }

    fn publisher(
        &self,
        (topic, room): (u32, &Rc<Room>),
        client: Client,
        listener: Option<Rc<Listener>>,
        tally: &Rc<Tally>,
    ) -> Publisher {
        let pause = match self.pace {
            Pace::Outstanding(_) => Duration::ZERO,
            Pace::Rate(rate) => Duration::from_secs(1) * self.topics.max(1) / rate.max(1),
        };
        Publisher {
            template: Template::new(
                client.session().send(&room.topic, ""),
                self.body_bytes.max(21),
            ),
            client,
            room: Rc::clone(room),
            tally: Rc::clone(tally),
            listener,
            pace: self.pace,
            pause,
            // Topics take turns.
            delay: pause * topic / self.topics.max(1),
        }
    }

    /// Warms up, then measures; ends early when a session fails.
    async fn measure(
        &self,
        setup: &Rc<Setup>,
        tally: &Tally,
        cast: &mut Cast,
        report: &mut Report,
    ) -> Result<Spent, ScenarioError> {
        let failed = async {
            match cast.playing.join_next().await {
                Some(Ok(Err(error))) => error.to_string(),
                Some(Err(error)) => error.to_string(),
                Some(Ok(Ok(_))) | None => "a session ended before it was told to".to_owned(),
            }
        };
        let measured = async {
            sleep(self.warm_up).await;
            tally.begin();
            let meter = Meter::start(setup)?;
            let above = self.topics.saturating_mul(self.members + 1);
            let comings = Comings::new(setup, above, self.duration);
            let (peak, visits) = tokio::try_join!(self.watch(setup), comings.run(self.visitors))?;
            let spent = meter.stop(setup)?;
            let points = tally.points();
            tally.end();
            Ok::<_, ScenarioError>((spent, peak, visits, points))
        };
        let (spent, peak, visits, points) = tokio::select! {
            measured = measured => measured?,
            failed = failed => {
                report.faults([failed]);
                return Ok(Spent::default());
            }
        };
        if self.visitors > 0 {
            report.count("visits", visits);
        }
        if self.series {
            report.count("server_resident_bytes_max", peak);
            report.series(points);
        }
        Ok(spent)
    }

    /// Waits until the measured time is over. Gives the greatest memory of the server, if a series
    /// is wanted and its process known: looking costs it a little.
    async fn watch(&self, setup: &Setup) -> Result<u64, ScenarioError> {
        let end = Instant::now() + self.duration;
        let total = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX);
        let mut progress = Progress::new("measuring (ms)", total);
        let mut peak = 0;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(peak);
            }
            sleep(left.min(PART)).await;
            let left = u64::try_from(left.as_millis()).unwrap_or(0);
            progress.set(total.saturating_sub(left));
            if let Some(process) = setup.process.filter(|_| self.series) {
                peak = peak.max(process.resident_bytes()?);
            }
        }
    }
}

/// Waits for everybody, then closes; what comes twice comes before the receipt for DISCONNECT.
async fn end(
    playing: &mut JoinSet<Played>,
    stalled: Vec<(Client, Rc<Listener>)>,
    report: &mut Report,
) -> Result<(), ScenarioError> {
    let mut closing = Vec::new();
    while let Some(ended) = playing.join_next().await {
        let (client, listener) = ended??;
        closing.push((client, move |body: &[u8]| {
            if let Some(listener) = &listener {
                listener.hear(body, Instant::now());
            }
        }));
    }
    if !stalled.is_empty() {
        let mut fates = Fates::default();
        for (client, listener) in stalled {
            fates.follow(client, &listener).await;
        }
        fates.tell(report);
    }
    close_all(closing).await
}

//! `stompline doctor`: looks at a running server from outside and says what is wrong.
//!
//! Each module pairs what is asked with how the answer is judged: [`reach`] the server and the path,
//! [`claims`] the token, [`access`] refusals and origins, [`session`] WebSocket and STOMP, [`fallback`]
//! SockJS. Judgements are pure; all asking is in this file and in the client below it.

mod access;
mod carrier;
mod claims;
mod dialog;
mod fallback;
mod plan;
mod reach;
mod report;
mod session;
mod sockjs;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use self::carrier::{Carrier, Way};
use self::claims::Clocks;
use self::dialog::Dialog;
use self::fallback::{Stage, Stall};
use self::plan::{Plan, Subject};
use self::report::{Finding, Report};
use crate::cli::DoctorArgs;
use crate::client::fault::Fault;
use crate::client::http::{Answer, Visit, fetch};
use crate::client::link::Link;
use crate::failure::Failure;

/// How long one step may take.
const STEP_TIME: Duration = Duration::from_secs(5);

/// How long a stream may take to bring what was written into it at once.
const STREAM_TIME: Duration = Duration::from_secs(3);

/// One's own messages.
const INBOX: &str = "/user/queue/messages";

/// A handler that answers and changes nothing.
const HANDLER: &str = "/app/bootstrap";

/// The steps of a session behind its opening, in order.
const SESSION_STEPS: [&str; 6] = [
    "connect",
    "heart-beat",
    "subscribe",
    "round-trip",
    "idle",
    "goodbye",
];

/// Examines the server that the arguments name, and prints what it finds.
pub(crate) fn run(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("cannot start: {error}")))?;
    let plan = runtime.block_on(Plan::make(args))?;
    let mut report = Report::new(io::stdout(), args.json);
    for token in plan
        .subjects
        .iter()
        .filter_map(|subject| subject.token.as_ref())
    {
        report.hide(token.secret.expose());
    }
    let mut examination = Examination {
        plan: &plan,
        report,
        ends: Instant::now() + plan.time,
        skew_s: None,
        has_rested: false,
    };
    runtime.block_on(examination.run());
    Ok(examination.report.finish())
}

/// An examination under way.
struct Examination<'a, W> {
    plan: &'a Plan,
    report: Report<W>,
    ends: Instant,
    /// How far the server's clock is ahead of this one's.
    skew_s: Option<i64>,
    /// Whether `--idle` is done.
    has_rested: bool,
}

/// How to give a token.
const TOKEN_ADVICE: &str =
    "give --token T, or --data DIR or --config FILE of the server on this machine";

/// Nothing of what would follow makes sense.
struct Hopeless;

impl<'a, W: Write> Examination<'a, W> {
    async fn run(&mut self) {
        if self.reach().await.is_err() {
            return;
        }
        for (index, subject) in self.plan.subjects.iter().enumerate() {
            if self.endpoint(subject, index == 0).await.is_err() {
                return;
            }
        }
    }

    /// Whether the server is there and what it is.
    async fn reach(&mut self) -> Result<(), Hopeless> {
        let (plan, visit) = (self.plan, self.anonymous());
        let start = Instant::now();
        let opened = Link::open(&plan.target, visit.until).await;
        let opened = opened.map(|link| (link.peer, start.elapsed()));
        let found = reach::judge_address(&plan.target, &opened);
        self.tell("address", None, &found)?;
        let health = fetch(&visit, "GET", "/healthz", None).await;
        // Right behind the answer: each further request would look like skew.
        self.skew_s = health.as_ref().ok().and_then(skew_s);
        let signs = reach::Signs {
            health,
            description: fetch(&visit, "GET", "/api/v1/openapi.json", None).await,
            greeting: fetch(&visit, "GET", &plan.subjects[0].path, None).await,
        };
        self.tell("server", None, &reach::judge_server(&signs))?;
        let ready = fetch(&self.anonymous(), "GET", "/readyz", None).await;
        // A server that is not ready may well be looked at further.
        self.report.step("ready", None, &reach::judge_ready(&ready));
        self.report
            .step("clock", None, &claims::judge_clock(self.clocks()));
        Ok(())
    }

    /// All about one endpoint; SockJS and origins only at the first, since they share one code and
    /// one proxy.
    async fn endpoint(&mut self, subject: &Subject, is_first: bool) -> Result<(), Hopeless> {
        self.check_time()?;
        let path = subject.path.as_str();
        let greeting = fetch(&self.anonymous(), "GET", path, None).await;
        let found = reach::judge_path(&greeting);
        let is_here = found.is_usable();
        self.report.step("path", Some(path), &found);
        if !is_here {
            // The other endpoint may be where it should.
            return Ok(());
        }
        self.token(subject);
        let info_path = format!("{path}/info");
        let info = fetch(&self.visit(subject, false), "GET", &info_path, None).await;
        let with_token = subject.token.is_some();
        let found = access::judge(&info, with_token);
        let is_open = found.verdict != report::Verdict::Failed;
        self.report.step("access", Some(path), &found);
        if is_first {
            self.origin(subject, &info_path).await;
        }
        if !with_token && !info.as_ref().is_ok_and(|answer| answer.status == 200) {
            let why = Finding::skipped(TOKEN_ADVICE);
            self.report.step("websocket", Some(path), &why);
            return Ok(());
        }
        if !is_open {
            self.report.step(
                "websocket",
                Some(path),
                &Finding::skipped("access is refused"),
            );
            return Ok(());
        }
        self.check_time()?;
        self.session(subject).await;
        if is_first {
            self.check_time()?;
            self.fallbacks(subject, &info).await?;
        }
        Ok(())
    }

    /// What the token says.
    fn token(&mut self, subject: &Subject) {
        let path = Some(subject.path.as_str());
        let Some(token) = &subject.token else {
            let found = Finding::warning(
                "there is none, so nothing behind the handshake can be looked at",
                TOKEN_ADVICE,
            );
            return self.report.step("token", path, &found);
        };
        let mut found = match &token.claims {
            Ok(claims) => claims::judge(claims, self.clocks(), subject.wanted.as_deref()),
            Err(why) => Finding::failed(
                format!("this is no token: {why}"),
                "copy it whole, from `eyJ` to the end",
            ),
        };
        if token.is_own {
            found.seen = format!("made here for this examination: {}", found.seen);
        }
        if let Some(why) = token.refused.as_ref().filter(|_| found.is_usable()) {
            found = Finding::failed(
                format!("{}; the configuration here refuses it: {why}", found.seen),
                "see the table `auth` (stompline config explain)",
            );
        }
        self.report.step("token", path, &found);
    }

    /// Whether a page of the given origin may connect.
    async fn origin(&mut self, subject: &Subject, info_path: &str) {
        let path = Some(subject.path.as_str());
        let found = match self.plan.origin.as_deref() {
            None => Finding::skipped(
                "--origin https://shop.example checks whether its pages may connect",
            ),
            Some(origin) => {
                let info = fetch(&self.visit(subject, true), "GET", info_path, None).await;
                access::judge_origin(origin, &info)
            }
        };
        self.report.step("origin", path, &found);
    }

    /// A session over WebSocket, or over polling where that does not open.
    async fn session(&mut self, subject: &Subject) {
        let path = Some(subject.path.as_str());
        let start = Instant::now();
        let visit = self.visit(subject, true);
        let opened = Carrier::open(&visit, Way::WebSocket, &subject.path).await;
        let found = session::judge_socket(Way::WebSocket, opened.as_ref().map(|_| start.elapsed()));
        self.report.step("websocket", path, &found);
        let carrier = match opened {
            Ok(carrier) => Ok(carrier),
            Err(_) => Carrier::open(&self.visit(subject, true), Way::Xhr, &subject.path).await,
        };
        let done = match carrier {
            Ok(carrier) => self.talk(subject, carrier).await,
            Err(_) => 0,
        };
        for step in &SESSION_STEPS[done..] {
            let found = Finding::skipped("what it needs has failed");
            self.report.step(step, path, &found);
        }
    }

    /// CONNECT to DISCONNECT. Returns how many steps were told.
    async fn talk(&mut self, subject: &Subject, carrier: Carrier) -> usize {
        let path = Some(subject.path.as_str());
        let sub = subject.token.as_ref().and_then(plan::Token::sub);
        let opened = Dialog::open(carrier, &self.visit(subject, true)).await;
        let found = session::judge_connected(opened.as_ref().map(|(_, connected)| connected), sub);
        self.report.step(SESSION_STEPS[0], path, &found);
        let Ok((mut dialog, connected)) = opened else {
            return 1;
        };
        self.report.step(
            SESSION_STEPS[1],
            path,
            &session::judge_heartbeat(&connected),
        );

        let start = Instant::now();
        let subscribed = dialog
            .subscribe(&self.visit(subject, true), "inbox", INBOX)
            .await;
        let took = subscribed.as_ref().map(|_| start.elapsed());
        self.report.step(
            SESSION_STEPS[2],
            path,
            &session::judge_subscribe(INBOX, took),
        );
        if subscribed.is_err() {
            return 3;
        }
        let start = Instant::now();
        let answered = dialog
            .subscribe(&self.visit(subject, true), "start", HANDLER)
            .await;
        let took = answered
            .as_ref()
            .map(|messages| (messages.as_slice(), start.elapsed()));
        self.report.step(
            SESSION_STEPS[3],
            path,
            &session::judge_round_trip(HANDLER, took, sub),
        );
        if answered.is_err() || !self.rest(subject, &mut dialog).await {
            return if answered.is_err() { 4 } else { 5 };
        }
        let closed = dialog.close(&self.visit(subject, true)).await;
        self.report.step(
            SESSION_STEPS[5],
            path,
            &session::judge_goodbye(closed.as_ref().err()),
        );
        SESSION_STEPS.len()
    }

    /// Waits with nothing but heart-beats, if that is wanted. Returns whether the session lives.
    async fn rest(&mut self, subject: &Subject, dialog: &mut Dialog) -> bool {
        let path = Some(subject.path.as_str());
        let time = match (self.plan.idle, self.has_rested) {
            (Some(time), false) => time,
            (None, _) => {
                let why = "--idle 2m finds time limits of proxies that end quiet connections";
                self.report
                    .step(SESSION_STEPS[4], path, &Finding::skipped(why));
                return true;
            }
            (Some(_), true) => {
                let found =
                    Finding::skipped("once is enough: the way to both endpoints is the same");
                self.report.step(SESSION_STEPS[4], path, &found);
                return true;
            }
        };
        self.has_rested = true;
        self.ends += time;
        let mut visit = self.visit(subject, true);
        visit.until += time;
        let rested = dialog.rest(&visit, time).await;
        let found = session::judge_idle(time, rested.as_ref().err());
        self.report.step(SESSION_STEPS[4], path, &found);
        rested.is_ok()
    }

    /// SockJS, and each of its transports that clients use today.
    async fn fallbacks(
        &mut self,
        subject: &Subject,
        info: &Result<Answer, Fault>,
    ) -> Result<(), Hopeless> {
        let path = Some(subject.path.as_str());
        let found = fallback::judge_info(info);
        let is_offered = found.is_usable() && info.as_ref().is_ok_and(|info| info.status == 200);
        self.report.step("sockjs", path, &found);
        let json = info
            .as_ref()
            .ok()
            .and_then(Answer::json)
            .unwrap_or_default();
        for way in [
            Way::SockJsWebSocket,
            Way::XhrStreaming,
            Way::EventSource,
            Way::Xhr,
        ] {
            let is_off = way == Way::SockJsWebSocket && json["websocket"] == false;
            if !is_offered || is_off {
                let found = Finding::skipped("the endpoint does not offer it");
                self.report.step(way.name(), path, &found);
                continue;
            }
            self.check_time()?;
            let start = Instant::now();
            let went = self.come_and_go(subject, way).await;
            let went = went.map(|()| start.elapsed());
            self.report
                .step(way.name(), path, &fallback::judge_way(way, &went));
        }
        Ok(())
    }

    /// A whole short session.
    async fn come_and_go(&self, subject: &Subject, way: Way) -> Result<(), Stall> {
        let stalled = |stage| move |fault| Stall { stage, fault };
        let mut visit = self.visit(subject, true);
        if matches!(way, Way::XhrStreaming | Way::EventSource) {
            visit.until = visit.until.min(Instant::now() + STREAM_TIME);
        }
        let opened = Carrier::open(&visit, way, &subject.path).await;
        let carrier = opened.map_err(stalled(Stage::Opening))?;
        let opened = Dialog::open(carrier, &visit).await;
        let (dialog, _) = opened.map_err(stalled(Stage::Connecting))?;
        dialog.close(&visit).await.map_err(stalled(Stage::Leaving))
    }

    /// Tells a finding without which nothing that follows makes sense.
    fn tell(&mut self, step: &str, path: Option<&str>, found: &Finding) -> Result<(), Hopeless> {
        self.report.step(step, path, found);
        if found.is_usable() {
            Ok(())
        } else {
            Err(Hopeless)
        }
    }

    /// Says so if the time is over: what was not looked at is not fine.
    fn check_time(&mut self) -> Result<(), Hopeless> {
        if Instant::now() < self.ends {
            return Ok(());
        }
        let seen = format!(
            "{} s were over before everything was looked at",
            self.plan.time.as_secs()
        );
        let found = Finding::failed(
            seen,
            "the steps above say what is slow; --timeout 2m waits longer",
        );
        self.report.step("time", None, &found);
        Err(Hopeless)
    }

    fn visit<'v>(&self, subject: &'v Subject, with_origin: bool) -> Visit<'v>
    where
        'a: 'v,
    {
        Visit {
            token: subject.token.as_ref().map(|token| token.secret.expose()),
            origin: self.plan.origin.as_deref().filter(|_| with_origin),
            ..self.anonymous()
        }
    }

    fn anonymous(&self) -> Visit<'a> {
        Visit {
            target: &self.plan.target,
            token: None,
            origin: None,
            agent: "stompline-doctor",
            until: self.ends.min(Instant::now() + STEP_TIME),
        }
    }

    fn clocks(&self) -> Clocks {
        let here = now_s();
        Clocks {
            here,
            there: self.skew_s.map(|skew| here + skew),
        }
    }
}

/// How far the server's clock is ahead, by the header `Date` of an answer that has just come.
fn skew_s(answer: &Answer) -> Option<i64> {
    let date = ::httpdate::parse_http_date(answer.header("date")?).ok()?;
    Some(seconds(date) - now_s())
}

fn now_s() -> i64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

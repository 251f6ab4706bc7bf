//! Commands to whichever server has what they are about: one line to each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future};
use redis::Cmd;
use stompline::backplane::BackplaneError;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    RedisSettings,
    address::Server,
    dial::reason,
    key::{Tag, describe},
    line::{Answer, Line},
    script::Script,
    table::Table,
    topology::Doubt,
};

/// How long nothing is published under a tag that has moved to another server. A message that the old one still passes on does not come
/// behind it then, and other nodes have joined at the new place before anything comes that they would miss.
const SETTLE: Duration = Duration::from_millis(100);

/// Hands commands to the lines. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Commands(Arc<Shared>);

struct Shared {
    settings: RedisSettings,
    doubt: Doubt,
    routes: Mutex<Routes>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Routes {
    table: Arc<Table>,
    lines: HashMap<Server, Line>,
    /// What has moved to another server, and until when nothing is published there.
    moved: BTreeMap<Tag, Instant>,
}

const MOVED: &str = "it has just moved to another server";

impl Commands {
    pub(crate) fn new(
        settings: &RedisSettings,
        doubt: Doubt,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self(Arc::new(Shared {
            settings: settings.clone(),
            doubt,
            routes: Mutex::default(),
            stop,
            tasks,
        }))
    }

    /// Goes by `table` from now on. Lines to servers that own nothing any more end, and what waits in them fails.
    pub(crate) fn apply(&self, table: &Arc<Table>) {
        let mut routes = self.lock();
        let until = Instant::now() + SETTLE;
        for tag in Tag::all().filter(|tag| *tag != Tag::DIRECTORY) {
            let before = routes.table.owner(tag).cloned();
            if before.is_some() && before.as_ref() != table.owner(tag) {
                routes.moved.insert(tag, until);
            }
        }
        routes.table = Arc::clone(table);
        let servers: Vec<Server> = table.servers().into_iter().map(|one| one.0).collect();
        routes.lines.retain(|server, line| {
            let stays = servers.contains(server);
            if !stays {
                line.stop.cancel();
            }
            stays
        });
        for server in servers {
            routes.lines.entry(server).or_insert_with_key(|server| {
                let stop = self.0.stop.child_token();
                let (line, task) = Line::new(&self.0.settings, server, &self.0.doubt, stop);
                self.0.tasks.spawn(task.run());
                line
            });
        }
    }

    /// Resolves when every line has tried to connect once.
    pub(crate) async fn tried(&self) {
        let lines: Vec<Line> = self.lock().lines.values().cloned().collect();
        future::join_all(lines.iter().map(Line::tried)).await;
    }

    /// Hands over commands about `tag` that answer together. To one server they are in the order of the calls. What meets a tag that
    /// has just moved is refused and not sent again, since it would come behind what was sent to the new place.
    pub(crate) fn call(
        &self,
        tag: Tag,
        commands: Vec<Cmd>,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let routes = self.lock();
        match routes.line(tag) {
            Ok(line) => line.call(commands).left_future(),
            Err(error) => future::ready(Err(error)).right_future(),
        }
    }

    /// A command that runs `script` on the directory.
    pub(crate) fn script(script: Script, base: &str) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.digest()).arg(1).arg(base);
        command
    }

    /// Why commands about `tag` fail now, if they do.
    pub(crate) fn obstacle(&self, tag: Tag) -> Option<BackplaneError> {
        let routes = self.lock();
        routes.line(tag).map_or_else(Some, Line::dark)
    }

    /// The history that the server of `tag` is in.
    pub(crate) fn history(&self, tag: Tag) -> Option<Arc<str>> {
        self.lock().line(tag).ok()?.history()
    }

    /// The lines that are dark, and tags that nobody has.
    pub(crate) fn dark(&self) -> Vec<(String, String)> {
        let routes = self.lock();
        let mut dark = Vec::new();
        for (server, tags) in routes.table.servers() {
            let why = routes.lines.get(&server).and_then(Line::dark);
            if let Some(why) = why {
                let link = self.label("redis commands", &server, &tags);
                dark.push((link, reason(&why).to_string()));
            }
        }
        let unsettled = routes.unsettled();
        if !unsettled.is_empty() {
            let moving = format!("redis {}", describe(&unsettled));
            dark.push((moving, MOVED.to_owned()));
        }
        if let Some(ownerless) = routes.table.ownerless() {
            dark.push((format!("redis {ownerless}"), "no server has it".to_owned()));
        }
        dark
    }

    /// The name of a link: in a cluster with its server and what hangs on it.
    pub(crate) fn label(&self, link: &str, server: &Server, tags: &[Tag]) -> String {
        if self.0.settings.is_cluster() {
            format!("{link} at {} ({})", server.name(), describe(tags))
        } else {
            link.to_owned()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Routes> {
        self.0.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Routes {
    fn unsettled(&self) -> Vec<Tag> {
        let now = Instant::now();
        let moved = self.moved.iter().filter(|(_, until)| **until > now);
        moved.map(|(tag, _)| *tag).collect()
    }

    fn line(&self, tag: Tag) -> Result<&Line, BackplaneError> {
        if self
            .moved
            .get(&tag)
            .is_some_and(|until| *until > Instant::now())
        {
            return Err(BackplaneError::Unreachable(MOVED.into()));
        }
        let line = self.table.owner(tag).and_then(|one| self.lines.get(one));
        line.ok_or_else(|| {
            let none = format!("no server has {}", describe(&[tag]));
            BackplaneError::Unreachable(none.into())
        })
    }
}

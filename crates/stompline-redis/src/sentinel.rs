//! Sentinels, which know where the master is, and say so when it is another.

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::{
    AsyncConnectionConfig, PushInfo, PushKind, Value,
    aio::{MultiplexedConnection, SendError},
};
use stompline::backplane::BackplaneError;

use crate::{
    RedisSettings,
    address::{Layout, Server},
    dial::{connect, unreachable},
    table::Table,
    topology::{Doubt, text},
};

/// What sentinels announce a new master with.
const NEWS: &str = "+switch-master";

/// How long the others may take once most have answered.
const LATE: Duration = Duration::from_millis(100);

/// The sentinels that the address names.
pub(crate) struct Sentinels(Vec<Sentinel>);

struct Sentinel {
    server: Server,
    doubt: Doubt,
    /// It is kept, so that news come at once.
    connection: Option<MultiplexedConnection>,
}

impl Sentinels {
    pub(crate) fn new(settings: &RedisSettings, doubt: &Doubt) -> Self {
        let seeds = match settings.address.layout {
            Layout::Sentinel(_) => settings.address.seeds.as_slice(),
            Layout::One | Layout::Cluster => &[],
        };
        let sentinel = |server: &Server| Sentinel {
            server: server.clone(),
            doubt: doubt.clone(),
            connection: None,
        };
        Self(seeds.iter().map(sentinel).collect())
    }

    /// Asks all: one that is cut off from the others may name a master that is none any more, of an older epoch.
    pub(crate) async fn find(
        &mut self,
        settings: &RedisSettings,
        master: &str,
    ) -> Result<Table, BackplaneError> {
        let count = self.0.len();
        let sentinels = self.0.iter_mut();
        let mut asked: FuturesUnordered<_> =
            sentinels.map(|one| one.ask(settings, master)).collect();
        let mut best: Option<(u64, Server)> = None;
        let mut failure = BackplaneError::Unreachable("no sentinel".into());
        let mut answers = 0;
        loop {
            let next = asked.next();
            // With most answers here, one that is away holds up nobody.
            let answer = if answers * 2 > count {
                tokio::time::timeout(LATE, next).await.ok().flatten()
            } else {
                next.await
            };
            let Some(answer) = answer else {
                break;
            };
            answers += usize::from(answer.is_ok());
            match answer {
                Ok((epoch, server)) if best.as_ref().is_none_or(|best| best.0 < epoch) => {
                    best = Some((epoch, server));
                }
                Ok(_) => {}
                Err(error) => failure = error,
            }
        }
        best.map(|(_, server)| Table::whole(&server)).ok_or(failure)
    }
}

impl Sentinel {
    async fn ask(
        &mut self,
        settings: &RedisSettings,
        master: &str,
    ) -> Result<(u64, Server), BackplaneError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.listen(settings).await?,
        };
        let mut question = redis::cmd("SENTINEL");
        question.arg("MASTER").arg(master);
        // A connection that fails is not kept. It has the deadline as its own.
        let answer = connection.send_packed_command(&question).await;
        let answer = answer.map_err(|error| unreachable(&error))?;
        self.connection = Some(connection);
        match answer {
            Value::ServerError(error) => Err(BackplaneError::Refused(error.to_string().into())),
            answer => read(settings, &answer).ok_or_else(|| {
                BackplaneError::Refused("a sentinel's answer makes no sense".into())
            }),
        }
    }

    /// Connects, and listens for a new master.
    async fn listen(
        &self,
        settings: &RedisSettings,
    ) -> Result<MultiplexedConnection, BackplaneError> {
        let doubt = self.doubt.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.deadline))
            .set_response_timeout(Some(settings.deadline))
            .set_push_sender(move |info: PushInfo| {
                if matches!(info.kind, PushKind::Message | PushKind::Disconnection) {
                    doubt.raise();
                }
                Ok::<(), SendError>(())
            });
        let mut connection = connect(settings, &self.server, &config).await?;
        let joined = connection.subscribe(NEWS).await;
        joined.map_err(|error| unreachable(&error))?;
        Ok(connection)
    }
}

/// The epoch of the master's configuration, and where it is.
fn read(settings: &RedisSettings, answer: &Value) -> Option<(u64, Server)> {
    let fields = fields(answer)?;
    let find = |key: &str| {
        let found = fields.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    };
    let epoch = find("config-epoch")?.parse().ok()?;
    let server = settings
        .address
        .server(find("ip")?, find("port")?.parse().ok()?);
    Some((epoch, server.ok()?))
}

/// Names and values, as a map or as a list of both in turn.
fn fields(value: &Value) -> Option<Vec<(String, String)>> {
    match value {
        Value::Map(pairs) => pairs
            .iter()
            .map(|(name, value)| Some((text(name)?, text(value)?)))
            .collect(),
        Value::Array(list) => list
            .chunks_exact(2)
            .map(|pair| Some((text(&pair[0])?, text(&pair[1])?)))
            .collect(),
        _ => None,
    }
}

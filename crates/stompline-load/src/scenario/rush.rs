//! Opening and closing many sessions, so many at a time that one core is enough for both sides.

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use super::{CLOSING_TIME, ScenarioError};
use crate::client::{Client, ClientError};
use crate::progress::Progress;

/// Sessions that are being opened or closed at a time.
const AT_ONCE: usize = 64;

/// The sessions 0, 1, 2 and so on, in this order, opened by `open`.
pub(super) async fn open_all<T, F>(
    count: u32,
    open: impl Fn(u32) -> F,
) -> Result<Vec<T>, ScenarioError>
where
    F: Future<Output = Result<T, ScenarioError>>,
{
    let mut progress = Progress::new("opening sessions", count.into());
    let opened = stream::iter((0..count).map(open)).buffered(AT_ONCE);
    opened
        .inspect_ok(|_| progress.advance(1))
        .try_collect()
        .await
}

/// Closes all sessions in good order; bodies that come meanwhile go to the function beside each.
pub(super) async fn close_all<F: FnMut(&[u8])>(
    sessions: Vec<(Client, F)>,
) -> Result<(), ScenarioError> {
    let count = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
    let mut progress = Progress::new("closing sessions", count);
    let closing = sessions
        .into_iter()
        .map(|(client, on_body)| close(client, on_body));
    let closing = stream::iter(closing)
        .buffer_unordered(AT_ONCE)
        .inspect_ok(|()| progress.advance(1))
        .try_collect::<Vec<()>>();
    // Each batch of closes is bounded; so are all together.
    match timeout(CLOSING_TIME * 6, closing).await {
        Ok(closed) => Ok(closed.map(|_| ())?),
        Err(_) => Err(ScenarioError::Time(CLOSING_TIME * 6)),
    }
}

async fn close(client: Client, mut on_body: impl FnMut(&[u8])) -> Result<(), ClientError> {
    client
        .close(|frame| {
            if frame.command == stompline_proto::Command::Message {
                on_body(&frame.body);
            }
            Ok(())
        })
        .await
}

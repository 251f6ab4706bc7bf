//! Where conversations are kept: one trait, one suite that every implementation passes.

use std::sync::Arc;

use crate::body::{HistoryBody, ListBody, SyncBody};
use crate::command::Command;
use crate::error::Error;
use crate::head::Head;
use crate::id::ConversationId;
use crate::person::{Person, UserRef};
use crate::reply::{Bootstrap, Checkpoint, HistoryPage, ListPage, QueueSnapshot, SyncPage};

mod command;
mod fault;
mod ledger;
mod line;
pub mod pending;
#[cfg(feature = "postgres")]
pub mod postgres;
mod read;
mod round;
mod row;
mod settings;
mod snapshot;
pub mod sqlite;

pub use self::pending::Pending;

use futures_util::future::BoxFuture;

/// The most customers that one question names: as many look-ups in an index.
pub const CUSTOMERS_MAX: usize = 256;

/// An answer that the store is reading.
pub type Reading<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Keeps conversations, and is the only judge of what is true about them.
///
/// Every implementation promises:
///
/// - A command happens entirely or not at all, and what it did is on disk before anybody hears of it: its result
///   resolves, and its events leave, only after the commit.
/// - Commands take effect in the order of the [`Store::submit`] calls of one caller.
/// - `rev` grows by one with every change over the whole store, in the order of the commits, so that a node sees from
///   the stamps alone whether it has heard of everything; and the
///   [`Batch`](crate::event::Batch)es handed to the publisher are in that order without a gap; where several nodes
///   share a store, each hands over what was submitted to it. A batch is handed over before its results resolve.
/// - A question is answered from one moment: what an answer with cursor `c` does not hold has a stamp above `c`.
/// - Every call ends within its deadline. A command that ended with [`Error::Unavailable`] may have taken effect
///   nevertheless; repeated with the same `clientId` it has no second effect.
pub trait Store: Send + Sync + 'static {
    /// Puts a command in line, at once and in order; the result is awaited separately, so that commands of one
    /// session share a commit. Whether the result is awaited or not, the command is carried out.
    ///
    /// When the line is full the result is [`Error::Unavailable`] and nothing will happen.
    fn submit(&self, command: Command) -> Pending;

    /// What changed for somebody since their cursor.
    fn sync(&self, who: UserRef, request: SyncBody) -> Reading<'_, SyncPage>;

    /// Messages of one conversation, by place.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::Forbidden`] for those who may not read it.
    fn history(&self, who: UserRef, request: HistoryBody) -> Reading<'_, HistoryPage>;

    /// An agent's own conversations, page by page.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] for customers.
    fn list(&self, agent: UserRef, request: ListBody) -> Reading<'_, ListPage>;

    /// All that somebody's client needs for its first screen.
    fn bootstrap(&self, who: Person) -> Reading<'_, Bootstrap>;

    /// One conversation as it stands, to find its participants.
    ///
    /// # Errors
    ///
    /// As [`Store::history`].
    fn head(&self, who: UserRef, conversation_id: ConversationId) -> Reading<'_, Head>;

    /// The stamps of what changed for somebody since that cursor, to find out whether pushed events arrive. When more
    /// changed than one answer holds, its cursor is that of the last one named.
    fn checkpoint(&self, who: UserRef, since: u64) -> Reading<'_, Checkpoint>;

    /// Those of `customers` for whom something changed since that cursor. At most [`CUSTOMERS_MAX`] are asked about.
    fn customers_behind(&self, customers: Vec<Arc<str>>, since: u64) -> Reading<'_, Vec<Arc<str>>>;

    /// The stamp of the last commit, by whichever node: what a sync would end at now. It is asked for all the time.
    fn settled(&self) -> Reading<'_, u64>;

    /// Who waits.
    fn queue(&self) -> Reading<'_, QueueSnapshot>;

    /// Finishes the commands in line, refuses new ones, and lets go of everything. Later calls of anything end with
    /// [`Error::Unavailable`]. The publisher must go on taking batches meanwhile, or be gone.
    fn close(&self) -> BoxFuture<'_, ()>;
}

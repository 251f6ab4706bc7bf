//! The receivers of other nodes, where their sessions are.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::{Answer, HOLD};
use crate::{outgoing::Outgoing, receiver::Attachment};

/// Orders that may wait for a holder: its receiver gives one at a time, and perhaps the word that it broke.
const ORDERS_MAX: usize = 4;

/// Who holds what for which receiver. A session has one receiver, so there are never more than sessions.
#[derive(Clone, Default)]
pub(crate) struct Holders(Arc<Mutex<HashMap<u64, mpsc::Sender<Order>>>>);

/// What a receiver wants next.
pub(crate) struct Give {
    pub(crate) bytes_max: usize,
    pub(crate) patience: Duration,
}

enum Order {
    Give(Give, oneshot::Sender<Answer>),
    Done,
}

impl Holders {
    /// Whether `receiver` has asked before and is waited for.
    pub(crate) fn knows(&self, receiver: u64) -> bool {
        self.lock().contains_key(&receiver)
    }

    /// Holds `attachment` for `receiver`, which gives its orders from now on.
    pub(crate) fn hold<M: Outgoing>(
        &self,
        receiver: u64,
        attachment: Attachment<M>,
        tasks: &TaskTracker,
    ) {
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        self.lock().insert(receiver, sender);
        let place = Place {
            holders: self.clone(),
            receiver,
        };
        tasks.spawn(hold(attachment, orders, place));
    }

    /// The answer to what a known receiver wants.
    pub(crate) async fn give(&self, receiver: u64, give: Give) -> Answer {
        let (sender, answer) = oneshot::channel();
        let ordered = match self.lock().get(&receiver) {
            Some(orders) => orders.try_send(Order::Give(give, sender)).is_ok(),
            None => false,
        };
        if !ordered {
            return Answer::Ended;
        }
        answer.await.unwrap_or(Answer::Ended)
    }

    /// The receiver's response is whole.
    pub(crate) fn done(&self, receiver: u64) {
        if let Some(orders) = self.lock().get(&receiver) {
            // One that is full has a receiver that does not know what it wants; it ends in time.
            let _ = orders.try_send(Order::Done);
        }
    }

    /// The receiver broke off: whoever holds for it lets go.
    pub(crate) fn broken(&self, receiver: u64) {
        self.lock().remove(&receiver);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<Order>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the holders, given back when dropped.
struct Place {
    holders: Holders,
    receiver: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.holders.broken(self.receiver);
    }
}

/// Holds an attachment until its receiver is done. Any other end drops it, which ends the session.
async fn hold<M: Outgoing>(
    mut attachment: Attachment<M>,
    mut orders: mpsc::Receiver<Order>,
    _place: Place,
) {
    loop {
        let order = tokio::time::timeout(HOLD, orders.recv()).await;
        let (give, answer) = match order {
            Ok(Some(Order::Give(give, answer))) => (give, answer),
            Ok(Some(Order::Done)) => {
                attachment.leave();
                return;
            }
            Ok(None) | Err(_) => return,
        };
        attachment.await_word(false);
        let received = tokio::select! {
            // While it waits a receiver says nothing but that it broke.
            _ = orders.recv() => return,
            received = poll_fn(|context| attachment.poll_receive(context, give.bytes_max)) => received,
            () = tokio::time::sleep(give.patience) => {
                let _ = answer.send(Answer::Nothing);
                continue;
            }
        };
        let Some(received) = received else {
            let _ = answer.send(Answer::Ended);
            return;
        };
        let is_last = received.is_last;
        if is_last {
            attachment.leave();
        } else {
            attachment.await_word(true);
        }
        let frame = received.frame;
        let _ = answer.send(Answer::Frame { frame, is_last });
        if is_last {
            return;
        }
    }
}

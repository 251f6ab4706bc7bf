//! Who comes and goes on a node that has no others.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, time::Instant};

use super::PresenceEvent;
use crate::{app::Core, name::UserKey, session::Session};

/// Notices a user's first session and the absence after the last one. It costs something only for users who have just left.
pub(crate) struct Alone {
    grace: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Users without a session of whom it was not said yet that they are offline, and since when.
    leaving: HashMap<UserKey, Instant>,
    /// The same in the order of their leaving, with some who have come back.
    queue: VecDeque<(UserKey, Instant)>,
    /// Events in their order, still to be told.
    untold: VecDeque<PresenceEvent>,
    /// Somebody tells them.
    telling: bool,
    /// A task looks after the queue.
    watching: bool,
}

impl Alone {
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            grace,
            state: Mutex::default(),
        }
    }

    /// Adds a session by `add`, which says whether it is its user's only one.
    pub(crate) fn arrive(&self, session: &Session, add: impl FnOnce() -> bool) {
        let mut state = self.lock();
        if add() && state.leaving.remove(session.key()).is_none() {
            let online = PresenceEvent::Online(session.key().clone());
            state.untold.push_back(online);
        }
    }

    /// Removes a session by `remove`, which says whether it was its user's only one.
    pub(crate) fn depart(
        &self,
        core: &Arc<Core>,
        session: &Session,
        remove: impl FnOnce() -> bool,
    ) {
        let mut state = self.lock();
        if !remove() {
            return;
        }
        // A node that stops has nobody left to tell, and perhaps no runtime any more.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (user, now) = (session.key(), Instant::now());
        state.leaving.insert(user.clone(), now);
        state.queue.push_back((user.clone(), now));
        if !std::mem::replace(&mut state.watching, true) {
            core.tasks.spawn_on(watch(Arc::clone(core)), &runtime);
        }
    }

    /// Tells what has happened. Events are told in their order, by one at a time.
    pub(crate) fn tell(&self, core: &Core) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.telling, true) {
            return;
        }
        while let Some(event) = state.untold.pop_front() {
            drop(state);
            core.tell_presence(&event);
            state = self.lock();
        }
        state.telling = false;
    }

    /// Notes who has been away for the time of grace. When to look again, if anybody else has left.
    fn sweep(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        while let Some((user, since)) = state.queue.pop_front() {
            let due = since + self.grace;
            if due > now {
                state.queue.push_front((user, since));
                return Some(due);
            }
            if state.leaving.get(&user) == Some(&since) {
                state.leaving.remove(&user);
                state.untold.push_back(PresenceEvent::Offline(user));
            }
        }
        state.queue = VecDeque::new();
        state.watching = false;
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after those who have left, until nobody is left to look after or the node stops.
async fn watch(core: Arc<Core>) {
    let Some(alone) = &core.alone_presence else {
        return;
    };
    while let Some(due) = alone.sweep(Instant::now()) {
        alone.tell(&core);
        tokio::select! {
            () = core.draining.cancelled() => return,
            () = tokio::time::sleep_until(due) => {}
        }
    }
    alone.tell(&core);
}

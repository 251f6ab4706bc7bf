//! What other nodes sent: it is delivered here, and goes no further.

use std::sync::{Arc, Weak, atomic::Ordering};

use tokio::time::Instant;

use super::{
    Cluster,
    envelope::{self, Letter, Origin},
    now_us,
    seen::Seen,
};
use crate::{
    app::Core,
    backplane::{Arrival, Outlet, Route},
    broker::Reach,
    close::CloseReason,
};

impl Cluster {
    pub(super) async fn receive(self: Arc<Self>, core: Weak<Core>, mut outlet: Outlet) {
        let gauge = outlet.gauge();
        let mut seen = Seen::default();
        loop {
            let arrival = tokio::select! {
                () = self.stop.cancelled() => return,
                arrival = outlet.next() => arrival,
            };
            let (Some(arrival), Some(core)) = (arrival, core.upgrade()) else {
                return;
            };
            // What other nodes said meanwhile may be among what was lost.
            if gauge.take_loss() {
                self.locations.clear();
                self.traffic
                    .dropped
                    .store(gauge.dropped(), Ordering::Relaxed);
            }
            let mut next = Some(arrival);
            // What has come together is written together.
            stompline_sockjs::batched(async {
                while let Some(arrival) = next.take() {
                    self.take(&core, &mut seen, arrival).await;
                    next = outlet.next_ready();
                }
            })
            .await;
        }
    }

    async fn take(self: &Arc<Self>, core: &Arc<Core>, seen: &mut Seen, arrival: Arrival) {
        let Arrival { route, envelope } = arrival;
        let (origin, letter) = match envelope::open(envelope) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, "an envelope was dropped; is another version in this cluster?");
                return;
            }
        };
        if origin.node == self.node || !seen.is_new(&origin.node, route, origin.number) {
            return;
        }
        self.measure(&origin);
        match letter {
            Letter::Topic {
                destination,
                payload,
            } => {
                let reach = match route {
                    Route::Everything => Reach::Patterns,
                    Route::Destination | Route::Direct => Reach::Names,
                };
                core.broker
                    .deliver_remote(&destination, payload, reach)
                    .await;
            }
            Letter::User {
                user,
                destination,
                payload,
            } => core
                .broker
                .deliver_remote_to_user(&user, &destination, payload),
            Letter::Kick { session, reason } => {
                if let Some(session) = core.users.session(&session) {
                    session.end(reason.map_or(CloseReason::Replaced, CloseReason::Kicked));
                }
            }
            Letter::Moved {
                user,
                version,
                nodes,
            } => {
                self.learn_realms([user.realm().clone()]);
                self.locations.learn(&user, version, nodes, Instant::now());
            }
            Letter::Question { id, subject, body } => {
                self.answer(origin.node, id, &subject, body);
            }
            Letter::Answer { id, body } => self.answered(id, body),
        }
    }

    /// Clocks differ between machines; a negative lag counts as none.
    fn measure(&self, origin: &Origin) {
        let lag = now_us().saturating_sub(origin.sent_us);
        self.traffic.received.fetch_add(1, Ordering::Relaxed);
        self.traffic.lag_us.fetch_add(lag, Ordering::Relaxed);
        self.traffic.lag_us_max.fetch_max(lag, Ordering::Relaxed);
    }
}

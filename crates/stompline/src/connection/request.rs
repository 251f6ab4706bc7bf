//! What each frame of an open session does.

use std::sync::Arc;

use stompline_proto::{
    AckMode, Command, Frame,
    server::{Request as Stomp, Send, Settle, Staged, Subscribe},
};

use super::{
    Driver, now,
    result::{Origin, Waiting},
};
use crate::{
    close::CloseReason,
    event::SessionEvent,
    interceptor::{Action, Effect, Outcome, Request},
    rejection::Rejection,
    reply::Reply,
    subscription::Subscription,
};

impl Driver {
    pub(super) async fn perform(
        &mut self,
        request: Stomp<Arc<Subscription>>,
    ) -> Result<(), CloseReason> {
        match request {
            Stomp::Connect(connect) => self.connect(connect).await,
            Stomp::Send(send) => self.send(send).await,
            Stomp::Subscribe(subscribe) => self.subscribe(subscribe).await,
            Stomp::Unsubscribe { removed, receipt } => {
                self.observe(Action::Unsubscribe, receipt, |driver| {
                    if let Some((id, subscription)) = removed {
                        driver.core.leave(&subscription);
                        driver.core.tell(&SessionEvent::Unsubscribed {
                            session: Arc::clone(&driver.session),
                            id: id.as_str().into(),
                            destination: Arc::clone(subscription.destination()),
                        });
                    }
                    Ok(())
                })
                .await
            }
            Stomp::Ack(settle) => self.settle_frame(Action::Ack, settle).await,
            Stomp::Nack(settle) => self.settle_frame(Action::Nack, settle).await,
            Stomp::Begin { receipt, .. } => self.observe(Action::Begin, receipt, |_| Ok(())).await,
            Stomp::Abort { receipt } => self.observe(Action::Abort, receipt, |_| Ok(())).await,
            Stomp::Commit { staged, receipt } => self.commit(staged, receipt).await,
            Stomp::Disconnect { receipt } => Err(self.disconnect(receipt).await),
        }
    }

    /// Holds frames back that come faster than the session may send: nothing behind them is read meanwhile.
    pub(super) async fn limit_rate(&mut self, frame: &Frame) -> Result<(), CloseReason> {
        let opens = matches!(frame.command, Command::Connect | Command::Stomp);
        while let Some(bucket) = &mut self.frame_rate {
            let Err(wait) = bucket.try_take(now()) else {
                break;
            };
            if opens {
                break;
            }
            let pause = Box::pin(tokio::time::sleep(wait));
            self.alongside(pause).await?;
        }
        Ok(())
    }

    async fn send(&mut self, mut send: Send) -> Result<(), CloseReason> {
        if let Some(transaction) = send.transaction.take() {
            let core = Arc::clone(&self.core);
            let session = Arc::clone(&self.session);
            let text = send.destination.clone();
            let check = Box::pin(async move { core.check_send(&session, &text).await });
            let checked = self.alongside(check).await?;
            let origin = Origin {
                receipt: send.receipt.take(),
                destination: Some(send.destination.clone()),
                ..Origin::default()
            };
            return match checked {
                Ok(()) => self.stage(&transaction, Staged::Send(send), origin).await,
                Err(rejection) => self.conclude(origin, Waiting::Ready(Err(rejection))),
            };
        }
        let origin = Origin {
            receipt: send.receipt.clone(),
            destination: Some(send.destination.clone()),
            ..Origin::default()
        };
        let result = self.run_send(send).await?;
        self.conclude(origin, Waiting::Ready(result))
    }

    /// Runs a SEND up to its reply.
    async fn run_send(&mut self, send: Send) -> Result<Result<Reply, Rejection>, CloseReason> {
        if self.is_renewal(&send.destination) {
            return self.renew(&send.body).await;
        }
        let mut request = Request::new(Action::Send, &self.session);
        request.destination = send.destination;
        request.headers = send.headers;
        request.body = send.body;
        request.receipt = send.receipt;
        let effect = self.core.intercept(request);
        Ok(match self.alongside(effect).await? {
            Ok(Outcome(Effect::Reply(reply))) => Ok(reply),
            Ok(Outcome(Effect::Published(mut published))) => {
                self.note_congested(std::mem::take(&mut published.congested));
                Ok(published.into_reply())
            }
            Ok(Outcome(_)) => Ok(Reply::none()),
            Err(rejection) => Err(rejection),
        })
    }

    async fn subscribe(&mut self, subscribe: Subscribe) -> Result<(), CloseReason> {
        let Subscribe {
            id,
            destination,
            ack,
            headers,
            receipt,
        } = subscribe;
        let mut request = Request::new(Action::Subscribe, &self.session);
        request.destination.clone_from(&destination);
        request.headers = headers;
        request.receipt.clone_from(&receipt);
        request.subscription = Some((id.clone(), ack));
        let effect = self.core.intercept(request);
        let outcome = self.alongside(effect).await?;
        let mut origin = Origin {
            receipt,
            destination: Some(destination.clone()),
            is_subscribe: true,
            joining: None,
        };
        let waiting = match outcome {
            Ok(Outcome(Effect::Subscribed(subscription, joined))) => {
                let text = Arc::clone(subscription.destination());
                // Without a RECEIPT nothing is promised: it is live here, and everywhere once the cluster knows.
                let joined = joined.filter(|_| origin.receipt.is_some());
                if joined.is_some() {
                    origin.joining = Some(Arc::clone(&subscription));
                }
                self.stomp
                    .subscribed(id.clone(), Some(&destination), subscription);
                self.core.tell(&SessionEvent::Subscribed {
                    session: Arc::clone(&self.session),
                    id: id.as_str().into(),
                    destination: text,
                });
                match joined {
                    Some(joined) => Waiting::joining(joined),
                    None => Waiting::Ready(Ok(Reply::none())),
                }
            }
            Ok(Outcome(Effect::Snapshot(message))) => {
                let once = Subscription::new(
                    &self.session,
                    &id,
                    destination.as_str().into(),
                    AckMode::Auto,
                    stompline_sockjs::Overflow::Refuse,
                );
                self.stomp.forget(id);
                Waiting::Answer(once, message)
            }
            Ok(Outcome(_)) => Waiting::Ready(Ok(Reply::none())),
            Err(rejection) => Waiting::Ready(Err(rejection)),
        };
        self.conclude(origin, waiting)
    }

    async fn settle_frame(
        &mut self,
        action: Action,
        mut settle: Settle,
    ) -> Result<(), CloseReason> {
        let receipt = settle.receipt.take();
        if let Some(transaction) = settle.transaction.take() {
            let staged = match action {
                Action::Nack => Staged::Nack(settle),
                _ => Staged::Ack(settle),
            };
            let origin = Origin {
                receipt,
                ..Origin::default()
            };
            return self.stage(&transaction, staged, origin).await;
        }
        self.observe(action, receipt, |driver| driver.acknowledge(&settle))
            .await
    }

    /// Settles deliveries. What belongs to an automatic or just removed subscription, or is settled already, is ignored; what this
    /// session never got is an error.
    fn acknowledge(&self, settle: &Settle) -> Result<(), Rejection> {
        if settle.known_removed {
            return Ok(());
        }
        let number = settle
            .id
            .strip_prefix(self.session.id())
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|number| number.parse::<u64>().ok());
        let named = settle
            .subscription
            .as_deref()
            .and_then(|id| self.stomp.subscription(id));
        if named.is_some_and(|subscription| subscription.ack() == AckMode::Auto) {
            return Ok(());
        }
        match number.filter(|number| *number <= self.session.outbox().number()) {
            Some(number) => {
                for (_, subscription) in self.stomp.subscriptions() {
                    if subscription.settle(number).is_some() {
                        break;
                    }
                }
                Ok(())
            }
            None => Err(Rejection::new(
                "unknown_ack",
                "this session was sent no message with that id; use the ack header of the MESSAGE",
            )
            .fatal()),
        }
    }

    async fn stage(
        &mut self,
        transaction: &str,
        staged: Staged,
        origin: Origin,
    ) -> Result<(), CloseReason> {
        if let Err(error) = self.stomp.stage(transaction, staged) {
            return Err(self.fail(&error.to_frame(), CloseReason::Protocol).await);
        }
        self.conclude(origin, Waiting::Ready(Ok(Reply::none())))
    }

    /// Applies what a transaction held, in order; the first refusal stops the rest and is reported with COMMIT's receipt. Interceptors
    /// see COMMIT first: if they refuse it, nothing is applied.
    async fn commit(
        &mut self,
        staged: Vec<Staged>,
        receipt: Option<String>,
    ) -> Result<(), CloseReason> {
        self.settled().await?;
        let mut origin = Origin {
            receipt,
            ..Origin::default()
        };
        let mut applied = self
            .allow(Action::Commit, origin.receipt.as_deref())
            .await?;
        for frame in staged {
            if applied.is_err() {
                break;
            }
            origin.destination = match &frame {
                Staged::Send(send) => Some(send.destination.clone()),
                Staged::Ack(_) | Staged::Nack(_) => None,
            };
            applied = self.apply(frame).await?;
        }
        let result = applied.map(|()| Reply::none());
        if result.is_ok() {
            origin.destination = None;
        }
        self.conclude(origin, Waiting::Ready(result))
    }

    async fn apply(&mut self, staged: Staged) -> Result<Result<(), Rejection>, CloseReason> {
        let (action, settle) = match staged {
            Staged::Send(send) => return self.apply_send(send).await,
            Staged::Ack(settle) => (Action::Ack, settle),
            Staged::Nack(settle) => (Action::Nack, settle),
        };
        let allowed = self.allow(action, None).await?;
        Ok(allowed.and_then(|()| self.acknowledge(&settle)))
    }

    /// Runs a SEND until its last message is published.
    async fn apply_send(&mut self, send: Send) -> Result<Result<(), Rejection>, CloseReason> {
        let mut reply = match self.run_send(send).await? {
            Ok(reply) => reply,
            Err(rejection) => return Ok(Err(rejection)),
        };
        loop {
            let core = Arc::clone(&self.core);
            let publish = Box::pin(core.publish_reply(Arc::clone(&self.session), reply.messages));
            let (published, failed) = self.alongside(publish).await?;
            self.note_congested(published.congested);
            if let Some(rejection) = reply.refused.or(failed) {
                return Ok(Err(rejection));
            }
            let Some(pending) = reply.pending else {
                return Ok(Ok(()));
            };
            let pending = Arc::clone(&self.core).guard_owned(pending);
            reply = match self.alongside(pending).await? {
                Ok(reply) => reply,
                Err(rejection) => return Ok(Err(rejection)),
            };
        }
    }

    /// What interceptors say of a frame whose effect is inside the session.
    async fn allow(
        &mut self,
        action: Action,
        receipt: Option<&str>,
    ) -> Result<Result<(), Rejection>, CloseReason> {
        if self.core.interceptors.is_empty() {
            return Ok(Ok(()));
        }
        let mut request = Request::new(action, &self.session);
        request.receipt = receipt.map(str::to_owned);
        let effect = self.core.intercept(request);
        Ok(self.alongside(effect).await?.map(|_| ()))
    }

    /// Frames whose effect is inside the session: interceptors see them, then `act` runs.
    async fn observe(
        &mut self,
        action: Action,
        receipt: Option<String>,
        act: impl FnOnce(&mut Self) -> Result<(), Rejection>,
    ) -> Result<(), CloseReason> {
        let allowed = self.allow(action, receipt.as_deref()).await?;
        let result = match allowed {
            // What ends something ends it, whatever an interceptor says.
            Err(rejection) if action == Action::Unsubscribe => act(self).and(Err(rejection)),
            Err(rejection) => Err(rejection),
            Ok(()) => act(self),
        };
        let origin = Origin {
            receipt,
            ..Origin::default()
        };
        self.conclude(origin, Waiting::Ready(result.map(|()| Reply::none())))
    }

    /// DISCONNECT: its receipt is the last frame, after all that came before.
    async fn disconnect(&mut self, receipt: Option<String>) -> CloseReason {
        let wants_receipt = receipt.is_some();
        if let Err(reason) = self.observe(Action::Disconnect, receipt, |_| Ok(())).await {
            return reason;
        }
        if let Err(reason) = self.settled().await {
            return reason;
        }
        if !wants_receipt {
            self.session.end(CloseReason::Disconnect);
        }
        CloseReason::Disconnect
    }

    /// Queues a result behind those of earlier frames, and sends what has its turn.
    fn conclude(&mut self, origin: Origin, waiting: Waiting) -> Result<(), CloseReason> {
        if self.results.is_empty() && !matches!(waiting, Waiting::Pending(_)) {
            self.settle(origin, waiting)?;
        } else {
            self.results.push(origin, waiting);
        }
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match self.poll_results(&mut context) {
            std::task::Poll::Ready(reason) => Err(reason),
            std::task::Poll::Pending => Ok(()),
        }
    }
}

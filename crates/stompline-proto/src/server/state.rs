use std::time::Instant;

use super::{
    Config, Connect, Request, Send, Settle, Staged, Subscribe,
    request::{owned, required},
    table::Table,
    transaction::Transactions,
};
use crate::{Agreed, Command, Frame, Heartbeat, Version, error::Fault};

/// Where a session stands; each state holds what exists only then.
#[derive(Debug)]
pub(super) enum State {
    Opening(Opening),
    Open(Open),
    Closing(Closing),
}

/// No CONNECTED has been sent.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) deadline: Option<Instant>,
    /// What the client's CONNECT asked for, when it has come.
    pub(super) offer: Option<Offer>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) version: Version,
    pub(super) heartbeat: Heartbeat,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) version: Version,
    pub(super) agreed: Agreed,
    pub(super) transactions: Transactions,
}

/// Frames of the client are ignored.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) version: Version,
    pub(super) agreed: Agreed,
    /// None between DISCONNECT and `Session::close`: answers to earlier frames still leave.
    pub(super) deadline: Option<Instant>,
}

impl Opening {
    pub(super) fn receive(&mut self, frame: &mut Frame) -> Result<Connect, Fault> {
        match frame.command {
            Command::Connect | Command::Stomp if self.offer.is_some() => {
                Err(Fault::AlreadyConnected)
            }
            Command::Connect | Command::Stomp => {
                let connect = Connect::parse(frame)?;
                self.offer = Some(Offer {
                    version: connect.version,
                    heartbeat: connect.heartbeat,
                });
                Ok(connect)
            }
            command => Err(Fault::NotConnected { command }),
        }
    }
}

impl Open {
    pub(super) fn receive<T>(
        &mut self,
        frame: &mut Frame,
        subscriptions: &mut Table<T>,
        config: &Config,
    ) -> Result<Request<T>, Fault> {
        Ok(match frame.command {
            Command::Send => {
                self.check_transaction(frame)?;
                Request::Send(Send::parse(frame)?)
            }
            Command::Subscribe => self.subscribe(frame, subscriptions, config)?,
            Command::Unsubscribe => self.unsubscribe(frame, subscriptions)?,
            Command::Ack => Request::Ack(self.settle(frame, subscriptions)?),
            Command::Nack => Request::Nack(self.settle(frame, subscriptions)?),
            Command::Begin => {
                let transaction = required(frame, "transaction")?;
                self.transactions.begin(&transaction, config)?;
                Request::Begin {
                    transaction,
                    receipt: owned(frame, "receipt"),
                }
            }
            Command::Commit => {
                let staged = self.end_transaction(frame)?;
                Request::Commit {
                    staged,
                    receipt: owned(frame, "receipt"),
                }
            }
            Command::Abort => {
                self.end_transaction(frame)?;
                Request::Abort {
                    receipt: owned(frame, "receipt"),
                }
            }
            Command::Disconnect => Request::Disconnect {
                receipt: owned(frame, "receipt"),
            },
            Command::Connect | Command::Stomp => return Err(Fault::AlreadyConnected),
            Command::Connected | Command::Message | Command::Receipt | Command::Error => {
                return Err(Fault::ServerFrameFromClient {
                    command: frame.command,
                });
            }
        })
    }

    fn subscribe<T>(
        &self,
        frame: &mut Frame,
        subscriptions: &Table<T>,
        config: &Config,
    ) -> Result<Request<T>, Fault> {
        if subscriptions.len() >= config.subscriptions_max {
            return Err(Fault::SubscriptionsMax {
                subscriptions_max: config.subscriptions_max,
            });
        }
        let id = Subscribe::parse_id(frame, self.version)?;
        if subscriptions.find(id.as_str()).is_some() {
            return Err(Fault::SubscriptionInUse);
        }
        Ok(Request::Subscribe(Subscribe::parse(frame, id)?))
    }

    fn unsubscribe<T>(
        &self,
        frame: &Frame,
        subscriptions: &mut Table<T>,
    ) -> Result<Request<T>, Fault> {
        let removed = match (frame.headers.find("id"), frame.headers.find("destination")) {
            (Some(id), _) => subscriptions.remove(id),
            (None, Some(destination)) if self.version == Version::V1_0 => {
                subscriptions.remove_destination(destination)
            }
            _ => {
                return Err(Fault::MissingHeader {
                    command: frame.command,
                    name: "id",
                });
            }
        };
        Ok(Request::Unsubscribe {
            removed,
            receipt: owned(frame, "receipt"),
        })
    }

    fn settle<T>(&self, frame: &Frame, subscriptions: &Table<T>) -> Result<Settle, Fault> {
        self.check_transaction(frame)?;
        let mut settle = Settle::parse(frame, self.version)?;
        settle.known_removed = settle
            .subscription
            .as_deref()
            .is_some_and(|id| subscriptions.was_removed(id));
        Ok(settle)
    }

    fn end_transaction(&mut self, frame: &Frame) -> Result<Vec<Staged>, Fault> {
        self.transactions.end(&required(frame, "transaction")?)
    }

    fn check_transaction(&self, frame: &Frame) -> Result<(), Fault> {
        match frame.headers.find("transaction") {
            Some(name) if !self.transactions.contains(name) => Err(Fault::UnknownTransaction),
            _ => Ok(()),
        }
    }
}

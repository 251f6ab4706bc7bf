//! Sending from anywhere in the process.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::{
    app::Core,
    backplane::BackplaneError,
    destination::{Destination, DestinationError},
    message::{Audience, Message, Outgoing},
    name::NameError,
    session::Session,
};

/// Sends messages to destinations and users: the counterpart of Spring's `SimpMessagingTemplate`. Cheap to clone. Sending never waits
/// for slow subscribers.
#[derive(Clone)]
pub struct Messenger {
    core: Arc<Core>,
}

impl fmt::Debug for Messenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Messenger")
    }
}

/// Why a message could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The destination has no such form, or no prefix of this server.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// Messages cannot be published to handlers (`/app`).
    #[error("{0:?} belongs to a handler; publish to a broker destination such as /topic/news")]
    NotPublishable(String),
    /// The user's name or realm is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The payload cannot be written as JSON.
    #[error("the payload cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The message was delivered on this node, and perhaps not on others.
    #[error("delivered on this node only: {0}")]
    Cluster(#[from] BackplaneError),
}

impl Messenger {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Sends `payload` as JSON to everybody subscribed to `destination`. Returns the number of deliveries on this node.
    ///
    /// # Errors
    ///
    /// If `destination` is not one of the broker's, or the payload is not JSON.
    pub async fn send<T: Serialize + ?Sized>(
        &self,
        destination: &str,
        payload: &T,
    ) -> Result<usize, PublishError> {
        self.publish(Outgoing::topic(destination, Message::json(payload)?))
            .await
    }

    /// Sends `payload` as JSON to all sessions of `user`, whatever the realm: if a customer and an agent have the same name, both receive
    /// it. Use [`send_to_user_in`](Self::send_to_user_in) where that matters.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_to_user<T: Serialize + ?Sized>(
        &self,
        user: &str,
        destination: &str,
        payload: &T,
    ) -> Result<usize, PublishError> {
        let message = Message::json(payload)?;
        let (name, destination) = (user.to_owned(), destination.to_owned());
        let audience = Audience::User {
            realm: None,
            name,
            destination,
        };
        self.publish(Outgoing { audience, message }).await
    }

    /// Sends `payload` as JSON to all sessions of the user `name` of `realm`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_to_user_in<T: Serialize + ?Sized>(
        &self,
        (realm, name): (&str, &str),
        destination: &str,
        payload: &T,
    ) -> Result<usize, PublishError> {
        self.publish(Outgoing::user(
            realm,
            name,
            destination,
            Message::json(payload)?,
        ))
        .await
    }

    /// Sends any message. Returns the number of deliveries on this node.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn publish(&self, outgoing: Outgoing) -> Result<usize, PublishError> {
        let message = &outgoing.message;
        match outgoing.audience {
            Audience::Topic(destination) => self.publish_to_topic(&destination, message).await,
            Audience::User {
                realm,
                name,
                destination,
            } => {
                let destination = self.core.user_destination(&destination);
                let address = (&*destination, &message.headers, &message.body);
                let mut published = self
                    .core
                    .publish_to_name(realm.as_deref(), &name, address)
                    .await?;
                published.confirmed().await?;
                Ok(published.deliveries)
            }
            Audience::Sender { destination } | Audience::Session { destination } => {
                Err(PublishError::NotPublishable(destination))
            }
        }
    }

    /// Sends a message made by [`Outgoing::user`] to the sessions that are on this node, and to no others: for an application that
    /// brings it to the other nodes by itself, with [`Stompline::tell_nodes`](crate::Stompline::tell_nodes) for example. Returns the
    /// number of deliveries.
    ///
    /// # Errors
    ///
    /// If it is for something else, or for a user who cannot exist.
    pub fn publish_here(&self, outgoing: &Outgoing) -> Result<usize, PublishError> {
        let Audience::User {
            realm,
            name,
            destination,
        } = &outgoing.audience
        else {
            return Err(PublishError::NotPublishable(
                "what is not for a user".to_owned(),
            ));
        };
        let destination = self.core.user_destination(destination);
        let Message { headers, body } = &outgoing.message;
        let address = (&*destination, headers, body);
        Ok(self
            .core
            .publish_to_name_here(realm.as_deref(), name, address)?)
    }

    /// Sends a message made by [`Outgoing::session`] to that one session. Returns the number of deliveries.
    pub fn publish_to_session(&self, session: &Session, outgoing: Outgoing) -> usize {
        let Audience::Session { destination } = outgoing.audience else {
            return 0;
        };
        let destination = self.core.user_destination(&destination);
        let Message { headers, body } = &outgoing.message;
        let address = (&*destination, headers, body);
        self.core
            .broker
            .publish_to_session(session.key(), session.id(), address)
            .deliveries
    }

    async fn publish_to_topic(
        &self,
        destination: &str,
        message: &Message,
    ) -> Result<usize, PublishError> {
        match Destination::for_send(&self.core.prefixes, destination)? {
            Destination::Broker(_) => {
                let broker = &self.core.broker;
                let mut published = broker
                    .publish(destination, &message.headers, &message.body)
                    .await;
                published.confirmed().await?;
                Ok(published.deliveries)
            }
            _ => Err(PublishError::NotPublishable(destination.to_owned())),
        }
    }
}

//! Finds the handler of a destination.

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    extract::Inbound,
    handler::Handler,
    message::Message,
    pattern::{RouteConflict, RouteError, RouteMap, RoutePattern, Variables},
    rejection::Rejection,
    reply::{IntoReply, IntoSnapshot, Reply},
};

/// A handler of SEND, with its state.
pub(crate) type MessageRoute =
    Box<dyn Fn(Inbound) -> BoxFuture<'static, Result<Reply, Rejection>> + Send + Sync>;

/// A handler of SUBSCRIBE, with its state.
pub(crate) type SubscribeRoute =
    Box<dyn Fn(Inbound) -> BoxFuture<'static, Result<Message, Rejection>> + Send + Sync>;

/// A handler that still waits for the application's state.
pub(crate) type Unbound<S, R> = Box<dyn FnOnce(S) -> R + Send>;

pub(crate) fn message_route<H, A, S>(handler: H) -> Unbound<S, MessageRoute>
where
    H: Handler<A, S>,
    H::Output: IntoReply,
    S: Clone + Send + Sync + 'static,
    A: 'static,
{
    Box::new(move |state: S| {
        Box::new(move |inbound| {
            let call = handler.clone().call(inbound, state.clone());
            Box::pin(call.map(|output| output?.into_reply()))
        })
    })
}

pub(crate) fn subscribe_route<H, A, S>(handler: H) -> Unbound<S, SubscribeRoute>
where
    H: Handler<A, S>,
    H::Output: IntoSnapshot,
    S: Clone + Send + Sync + 'static,
    A: 'static,
{
    Box::new(move |state: S| {
        Box::new(move |inbound| {
            let call = handler.clone().call(inbound, state.clone());
            Box::pin(call.map(|output| output?.into_snapshot()))
        })
    })
}

/// Why a route cannot be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouterError {
    /// The path is not a route.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// Two handlers for the same destinations.
    #[error(transparent)]
    Conflict(#[from] RouteConflict),
}

/// The handlers of an application.
pub(crate) struct Router {
    messages: RouteMap<MessageRoute>,
    subscriptions: RouteMap<SubscribeRoute>,
}

impl Router {
    pub(crate) fn new() -> Self {
        Self {
            messages: RouteMap::new(),
            subscriptions: RouteMap::new(),
        }
    }

    pub(crate) fn message(&mut self, path: &str, route: MessageRoute) -> Result<(), RouterError> {
        Ok(self.messages.insert(RoutePattern::parse(path)?, route)?)
    }

    pub(crate) fn subscribe(
        &mut self,
        path: &str,
        route: SubscribeRoute,
    ) -> Result<(), RouterError> {
        Ok(self
            .subscriptions
            .insert(RoutePattern::parse(path)?, route)?)
    }

    pub(crate) fn find_message(&self, path: &str) -> Option<(&MessageRoute, Variables)> {
        self.messages.find(path)
    }

    pub(crate) fn find_subscribe(&self, path: &str) -> Option<(&SubscribeRoute, Variables)> {
        self.subscriptions.find(path)
    }
}

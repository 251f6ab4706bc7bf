//! CONNECT: who is it, and is it let in?

use std::sync::{Arc, atomic::Ordering};

use stompline_proto::{
    Frame,
    server::{Accept, Connect},
};

use super::{Driver, now};
use crate::{
    auth::Principal,
    close::CloseReason,
    event::SessionEvent,
    interceptor::{Action, Request},
};

/// What CONNECTED says about this server.
const SERVER: &str = concat!("stompline/", env!("CARGO_PKG_VERSION"));

impl Driver {
    /// Answers CONNECT with CONNECTED, or with ERROR and a close.
    pub(super) async fn connect(&mut self, connect: Connect) -> Result<(), CloseReason> {
        self.session.set_version(connect.version);
        self.announced = true;
        self.core
            .tell(&SessionEvent::Connecting(Arc::clone(&self.session)));
        let principal = self.authenticate(&connect).await?;
        let named = !principal.is_anonymous();
        self.session.connect(principal);
        let mut request = Request::new(Action::Connect, &self.session);
        request.headers = connect.headers;
        let allowed = self.core.intercept(request);
        if let Err(rejection) = self.alongside(allowed).await? {
            let error = Frame::error(rejection.code(), rejection.message(), None);
            return Err(self.fail(&error, CloseReason::Forbidden).await);
        }
        self.core.arrive(&self.session);
        self.shutdown = None;
        if let Some(cluster) = &self.core.broker.cluster {
            cluster.arrive(&self.session);
        }
        let session = Arc::clone(&self.session);
        let accept = Accept {
            session: session.id(),
            server: SERVER,
            user_name: named.then(|| session.principal().name().as_str()),
        };
        let connected = self.stomp.accept(accept, now());
        self.transmit(&connected);
        self.core.stats.sessions.fetch_add(1, Ordering::Relaxed);
        self.core.tell(&SessionEvent::Connected(session));
        if let Some(alone) = &self.core.alone_presence {
            alone.tell(&self.core);
        }
        if self.core.draining.is_cancelled() {
            self.session.end(CloseReason::Drain);
        }
        Ok(())
    }

    /// The principal of the handshake, or the one that CONNECT proves.
    async fn authenticate(&mut self, connect: &Connect) -> Result<Principal, CloseReason> {
        let known = self.admitted.take();
        if let Some(principal) = known {
            return Ok(principal);
        }
        if !self.rules.authenticates() {
            return Ok(Principal::anonymous(self.session.id()));
        }
        let (core, rules) = (Arc::clone(&self.core), Arc::clone(&self.rules));
        let (headers, login) = (connect.headers.clone(), connect.login.clone());
        // The deadline to CONNECTED runs meanwhile.
        let check = Box::pin(async move {
            let _place = core.places.wait().await;
            rules.authenticate_connect(&headers, login.as_deref()).await
        });
        match self.alongside(check).await? {
            Ok(principal) => Ok(principal),
            Err(error) => {
                tracing::info!(session = self.session.id(), reason = %error, "CONNECT refused");
                let frame = Frame::error(error.code(), error.message(), None);
                Err(self.fail(&frame, CloseReason::Token).await)
            }
        }
    }
}

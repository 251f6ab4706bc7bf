//! A new token for a session that lives on.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::Driver;
use crate::{close::CloseReason, rejection::Rejection, reply::Reply};

/// What follows the application prefix.
const PATH: &str = "/session.renew";

#[derive(Deserialize)]
struct Renewal {
    token: String,
}

impl Driver {
    /// Whether a SEND brings a new token. Every application has this destination.
    pub(super) fn is_renewal(&self, destination: &str) -> bool {
        destination.strip_prefix(self.core.prefixes.app()) == Some(PATH)
    }

    /// The same principal's new token sets a new end.
    pub(super) async fn renew(
        &mut self,
        body: &Bytes,
    ) -> Result<Result<Reply, Rejection>, CloseReason> {
        let Ok(Renewal { token }) = serde_json::from_slice(body) else {
            return Ok(Err(Rejection::bad_request(
                r#"send {"token": "<the new token>"}"#,
            )));
        };
        let rules = Arc::clone(&self.rules);
        let check = Box::pin(async move { rules.authenticate_token(Some(&token), None).await });
        let renewed = match self.alongside(check).await? {
            Ok(principal) => self
                .session
                .renew(&principal)
                .map_err(|other| Rejection::forbidden(other.to_string())),
            Err(error) => Err(Rejection::new(error.code(), error.message())),
        };
        if renewed.is_ok() {
            self.notice_from_ms = 0;
        }
        Ok(renewed.map(|()| Reply::none()))
    }
}

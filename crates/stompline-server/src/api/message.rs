//! Sending.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use stompline::{Message, Outgoing, PublishError, Realm, UserName};

use super::{Api, problem::Problem};

/// Most users that one request may name.
const USERS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToTopic {
    destination: String,
    payload: serde_json::Value,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToUsers {
    users: Vec<User>,
    destination: String,
    payload: serde_json::Value,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// A user by id, in every realm or in one.
#[derive(Deserialize)]
#[serde(untagged)]
enum User {
    Name(String),
    Key { realm: String, id: String },
}

#[derive(Serialize)]
pub(super) struct Sent {
    deliveries: usize,
}

pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    body: Result<Json<ToTopic>, JsonRejection>,
) -> Result<Json<Sent>, Problem> {
    let Json(ToTopic {
        destination,
        payload,
        headers,
    }) = body?;
    let message = message(&payload, &headers)?;
    let outgoing = Outgoing::topic(destination, message);
    let deliveries = api
        .stompline
        .messenger()
        .publish(outgoing)
        .await
        .map_err(|error| problem(&error))?;
    Ok(Json(Sent { deliveries }))
}

pub(super) async fn publish_to_users(
    State(api): State<Arc<Api>>,
    body: Result<Json<ToUsers>, JsonRejection>,
) -> Result<Json<Sent>, Problem> {
    let Json(ToUsers {
        users,
        destination,
        payload,
        headers,
    }) = body?;
    if users.len() > USERS_MAX {
        return Err(Problem::bad_request(format!(
            "at most {USERS_MAX} users in one request"
        )));
    }
    if !destination.starts_with("/queue/") {
        return Err(Problem::bad_request(
            "destination is what follows /user and begins with /queue/, /queue/messages for example",
        ));
    }
    let message = message(&payload, &headers)?;
    let messenger = api.stompline.messenger();
    let mut deliveries = 0;
    for user in users {
        let (realms, name) = match user {
            User::Key { realm, id } => (vec![realm], id),
            User::Name(name) => {
                // Also when nobody of that name is online anywhere.
                UserName::new(&name).map_err(|error| Problem::bad_request(error.to_string()))?;
                let online = api.stompline.presence().realms();
                (online.iter().map(Realm::to_string).collect(), name)
            }
        };
        for realm in realms {
            let outgoing =
                Outgoing::user(realm, name.clone(), destination.clone(), message.clone());
            deliveries += messenger
                .publish(outgoing)
                .await
                .map_err(|error| problem(&error))?;
        }
    }
    Ok(Json(Sent { deliveries }))
}

fn message(
    payload: &serde_json::Value,
    headers: &BTreeMap<String, String>,
) -> Result<Message, Problem> {
    let message = Message::json(payload).map_err(|error| Problem::internal(&error))?;
    Ok(headers.iter().fold(message, |message, (name, value)| {
        message.header(name, value)
    }))
}

fn problem(error: &PublishError) -> Problem {
    if let PublishError::Cluster(error) = error {
        return Problem::cluster_unavailable(error);
    }
    Problem::bad_request(error.to_string())
}

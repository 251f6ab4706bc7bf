//! Who is there.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderName;
use serde::{Deserialize, Serialize};
use stompline::backplane::SessionEntry;
use stompline::{NameError, Realm, Snapshot, UserKey, UserName};

use super::{Api, problem::Problem};

/// Most users in one answer.
const USERS_MAX: usize = 1_000;

/// Users looked at to find those.
const ONLINE_MAX: usize = 5_000;

/// Says whether an answer has only the sessions of this node in it, because the cluster did not answer.
const PARTIAL: HeaderName = HeaderName::from_static("stompline-partial");

/// What the client of a session is told that is ended here.
const KICKED: &str = "an administrator ended this session";

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Present: only those who are online, which are all that are known.
    online: Option<String>,
    /// Ids, separated by commas: who of these is online.
    ids: Option<String>,
    realm: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    users: Vec<User>,
    /// Whether more are online than are listed.
    more: bool,
    /// Whether the cluster did not answer, so that users of other nodes are missing.
    partial: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    realm: String,
    id: String,
    online: bool,
    sessions: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    id: String,
    realm: String,
    user: String,
    /// Changes with every start of a node.
    node: String,
    endpoint: String,
    transport: String,
    /// Milliseconds since 1970.
    connected_at_ms: u64,
    /// Known of the sessions of the node that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ms: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct InRealm {
    realm: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Ended {
    ended: usize,
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Listed>, Problem> {
    let presence = api.stompline.presence();
    let (asked, more, partial) = if let Some(ids) = &wanted.ids {
        let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
        if ids.len() > USERS_MAX {
            return Err(Problem::bad_request(format!(
                "at most {USERS_MAX} ids in one request"
            )));
        }
        let mut asked = Vec::new();
        for id in ids {
            asked.append(&mut keys(&api, wanted.realm.as_deref(), id)?);
        }
        (asked, false, false)
    } else if wanted.online.is_some() {
        let online = presence.online(ONLINE_MAX).await;
        let mut asked = online.value;
        asked.retain(|user| {
            wanted
                .realm
                .as_deref()
                .is_none_or(|realm| user.realm().as_str() == realm)
        });
        let more = asked.len() > USERS_MAX;
        asked.truncate(USERS_MAX);
        (asked, more, online.is_partial)
    } else {
        return Err(Problem::bad_request("ask for ?online, or for ?ids=a,b,c"));
    };
    let known = presence.sessions(&asked).await;
    let count = |user: &UserKey| known.value.get(user).map_or(0, Vec::len);
    let users = asked.iter().map(|user| User {
        realm: user.realm().to_string(),
        id: user.name().to_string(),
        online: count(user) > 0,
        sessions: count(user),
    });
    Ok(Json(Listed {
        users: users.collect(),
        more,
        partial: partial || known.is_partial,
    }))
}

/// A header says so if only this node's sessions are in the answer.
pub(super) async fn sessions(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(wanted): Query<InRealm>,
) -> Result<([(HeaderName, &'static str); 1], Json<Vec<SessionView>>), Problem> {
    let users = keys(&api, wanted.realm.as_deref(), &id)?;
    let mut known = api.stompline.presence().sessions(&users).await;
    let mut views = Vec::new();
    for user in &users {
        for entry in known.value.remove(user).unwrap_or_default() {
            views.push(view(&api, &entry));
        }
    }
    let partial = if known.is_partial { "true" } else { "false" };
    Ok(([(PARTIAL, partial)], Json(views)))
}

pub(super) async fn end_sessions(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(wanted): Query<InRealm>,
) -> Result<Json<Ended>, Problem> {
    let mut ended = 0;
    for user in keys(&api, wanted.realm.as_deref(), &id)? {
        let kicked = api.stompline.presence().kick_user(&user, KICKED).await;
        ended += kicked.map_err(|error| Problem::cluster_unavailable(&error))?;
    }
    Ok(Json(Ended { ended }))
}

pub(super) async fn end_session(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<Ended>, Problem> {
    match api.stompline.presence().kick_session(&id, KICKED).await {
        Ok(true) => Ok(Json(Ended { ended: 1 })),
        Ok(false) => Err(Problem::no_such("session")),
        Err(error) => Err(Problem::cluster_unavailable(&error)),
    }
}

pub(super) async fn stats(State(api): State<Arc<Api>>) -> Json<Snapshot> {
    Json(api.stompline.stats())
}

/// The users of this name; without a realm, in every realm.
fn keys(api: &Api, realm: Option<&str>, id: &str) -> Result<Vec<UserKey>, Problem> {
    let name = UserName::new(id).map_err(bad_name)?;
    let realms = match realm {
        Some(realm) => vec![Realm::new(realm).map_err(bad_name)?],
        None => api.stompline.presence().realms(),
    };
    let key = |realm| UserKey::new(realm, name.clone());
    Ok(realms.into_iter().map(key).collect())
}

fn view(api: &Api, entry: &SessionEntry) -> SessionView {
    let idle = api.stompline.session(&entry.id).map(|here| here.idle());
    SessionView {
        id: entry.id.to_string(),
        realm: entry.user.realm().to_string(),
        user: entry.user.name().to_string(),
        node: entry.member.node.to_string(),
        endpoint: entry.endpoint.to_string(),
        transport: entry.transport.to_string(),
        connected_at_ms: entry.since_ms,
        idle_ms: idle.map(|idle| u64::try_from(idle.as_millis()).unwrap_or(u64::MAX)),
    }
}

fn bad_name(error: NameError) -> Problem {
    Problem::bad_request(error.to_string())
}

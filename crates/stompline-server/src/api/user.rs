//! Who is there.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use stompline::{CloseReason, NameError, Realm, Session, Snapshot};

use super::{Api, problem::Problem};

/// Most users in one answer.
const USERS_MAX: usize = 1_000;

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
pub(super) struct Users {
    users: Vec<User>,
    /// Whether more are online than are listed.
    more: bool,
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
    endpoint: String,
    transport: &'static str,
    /// Milliseconds since 1970.
    connected_at_ms: u64,
    idle_ms: u64,
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
) -> Result<Json<Users>, Problem> {
    if let Some(ids) = wanted.ids {
        let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
        if ids.len() > USERS_MAX {
            return Err(Problem::bad_request(format!(
                "at most {USERS_MAX} ids in one request"
            )));
        }
        let mut users = Vec::new();
        for id in ids {
            users.extend(presence(&api, wanted.realm.as_deref(), id)?);
        }
        return Ok(Json(Users { users, more: false }));
    }
    if wanted.online.is_none() {
        return Err(Problem::bad_request("ask for ?online, or for ?ids=a,b,c"));
    }
    let mut online = api.stompline.online();
    online.retain(|user| {
        wanted
            .realm
            .as_deref()
            .is_none_or(|realm| user.realm().as_str() == realm)
    });
    let more = online.len() > USERS_MAX;
    online.truncate(USERS_MAX);
    let mut users = Vec::with_capacity(online.len());
    for user in online {
        users.extend(presence(
            &api,
            Some(user.realm().as_str()),
            user.name().as_str(),
        )?);
    }
    Ok(Json(Users { users, more }))
}

pub(super) async fn sessions(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(wanted): Query<InRealm>,
) -> Result<Json<Vec<SessionView>>, Problem> {
    let sessions = of_user(&api, wanted.realm.as_deref(), &id)?;
    Ok(Json(sessions.iter().map(|session| view(session)).collect()))
}

pub(super) async fn end_sessions(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(wanted): Query<InRealm>,
) -> Result<Json<Ended>, Problem> {
    let sessions = of_user(&api, wanted.realm.as_deref(), &id)?;
    for session in &sessions {
        session.end(kicked());
    }
    Ok(Json(Ended {
        ended: sessions.len(),
    }))
}

pub(super) async fn end_session(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<Ended>, Problem> {
    let session = api
        .stompline
        .session(&id)
        .ok_or_else(|| Problem::no_such("session"))?;
    session.end(kicked());
    Ok(Json(Ended { ended: 1 }))
}

pub(super) async fn stats(State(api): State<Arc<Api>>) -> Json<Snapshot> {
    Json(api.stompline.stats())
}

fn kicked() -> CloseReason {
    CloseReason::Kicked("an administrator ended this session".to_owned())
}

fn presence(api: &Api, realm: Option<&str>, id: &str) -> Result<Vec<User>, Problem> {
    let mut users = Vec::new();
    for realm in realms(api, realm) {
        let sessions = api.stompline.sessions(&realm, id).map_err(bad_name)?.len();
        users.push(User {
            realm,
            id: id.to_owned(),
            online: sessions > 0,
            sessions,
        });
    }
    Ok(users)
}

/// A user's sessions; without a realm, those of the name in every realm.
fn of_user(api: &Api, realm: Option<&str>, id: &str) -> Result<Vec<Arc<Session>>, Problem> {
    let mut sessions = Vec::new();
    for realm in realms(api, realm) {
        sessions.append(&mut api.stompline.sessions(&realm, id).map_err(bad_name)?);
    }
    Ok(sessions)
}

fn realms(api: &Api, realm: Option<&str>) -> Vec<String> {
    match realm {
        Some(realm) => vec![realm.to_owned()],
        None => api
            .stompline
            .realms()
            .iter()
            .map(Realm::to_string)
            .collect(),
    }
}

fn view(session: &Session) -> SessionView {
    let since = session
        .opened_at()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    SessionView {
        id: session.id().to_owned(),
        realm: session.principal().realm().to_string(),
        user: session.principal().name().to_string(),
        endpoint: session.endpoint().to_owned(),
        transport: session.transport().name(),
        connected_at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        idle_ms: u64::try_from(session.idle().as_millis()).unwrap_or(u64::MAX),
    }
}

fn bad_name(error: NameError) -> Problem {
    Problem::bad_request(error.to_string())
}

//! How the directory's entries are written, and read back.

use redis::Value;
use stompline::{
    Realm, UserKey, UserName,
    backplane::{BackplaneError, Member, NodeId, SessionEntry, Standing, Swept, UserState},
};

/// Names hold no control characters, so a line end separates their parts.
pub(crate) fn user_text(user: &UserKey) -> String {
    format!("{}\n{}", user.realm(), user.name())
}

pub(crate) fn member_text(member: &Member) -> String {
    format!("{}.{}", member.node, member.incarnation)
}

/// Where the names are that a member has claimed.
pub(crate) fn claims_key(base: &str, member: &Member) -> String {
    format!("{base}:c:{}", member_text(member))
}

/// Who has a name; an empty text is nobody, a number says that the lease is over.
pub(crate) fn claimed(value: &Value) -> Result<Option<NodeId>, BackplaneError> {
    if matches!(value, Value::Int(_)) {
        return Err(BackplaneError::Refused("the lease is over".into()));
    }
    match text(value)? {
        "" => Ok(None),
        node => NodeId::new(node)
            .map(Some)
            .ok_or_else(|| strange("a node of another form")),
    }
}

pub(crate) fn standing_text(standing: Standing) -> &'static str {
    match standing {
        Standing::New => "new",
        Standing::Known => "known",
        Standing::Forgotten => "forgotten",
    }
}

pub(crate) fn entry_text(entry: &SessionEntry) -> String {
    format!(
        "{}\n{}\n{}\n{}",
        member_text(&entry.member),
        entry.since_ms,
        entry.transport,
        entry.endpoint
    )
}

/// Something in the directory that this version did not write.
pub(crate) fn strange(what: &str) -> BackplaneError {
    BackplaneError::Refused(format!("the directory holds {what}").into())
}

fn text(value: &Value) -> Result<&str, BackplaneError> {
    match value {
        Value::BulkString(bytes) => {
            std::str::from_utf8(bytes).map_err(|_| strange("what is no text"))
        }
        Value::SimpleString(text) => Ok(text),
        _ => Err(strange("what is no text")),
    }
}

fn list(value: &Value) -> Result<&[Value], BackplaneError> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(strange("what is no list")),
    }
}

pub(crate) fn number(value: &Value) -> Result<u64, BackplaneError> {
    match value {
        Value::Int(number) => u64::try_from(*number).map_err(|_| strange("a negative number")),
        _ => Err(strange("what is no number")),
    }
}

fn user(text: &str) -> Option<UserKey> {
    let (realm, name) = text.split_once('\n')?;
    Some(UserKey::new(
        Realm::new(realm).ok()?,
        UserName::new(name).ok()?,
    ))
}

fn entry(user: UserKey, id: &str, text: &str) -> Option<SessionEntry> {
    let mut lines = text.splitn(4, '\n');
    Some(SessionEntry {
        id: id.into(),
        user,
        member: read_member(lines.next()?)?,
        since_ms: lines.next()?.parse().ok()?,
        transport: lines.next()?.into(),
        endpoint: lines.next()?.into(),
    })
}

fn read_member(text: &str) -> Option<Member> {
    let (node, incarnation) = text.rsplit_once('.')?;
    Some(Member {
        node: NodeId::new(node)?,
        incarnation: incarnation.parse().ok()?,
    })
}

pub(crate) fn member(value: &Value) -> Result<Member, BackplaneError> {
    read_member(text(value)?).ok_or_else(|| strange("a node of another form"))
}

/// Number, whether the user came online, whether the session had been lost, and ids with their entries.
pub(crate) fn state(of: &UserKey, value: &Value) -> Result<UserState, BackplaneError> {
    let [version, came, lost, sessions] = list(value)? else {
        return Err(strange("a state of another form"));
    };
    let mut state = UserState {
        version: number(version)?,
        came_online: number(came)? == 1,
        was_lost: number(lost)? == 1,
        sessions: Vec::new(),
    };
    for pair in list(sessions)?.chunks_exact(2) {
        let session = entry(of.clone(), text(&pair[0])?, text(&pair[1])?);
        state
            .sessions
            .push(session.ok_or_else(|| strange("a session of another form"))?);
    }
    Ok(state)
}

pub(crate) fn found(id: &str, value: &Value) -> Result<Option<SessionEntry>, BackplaneError> {
    match list(value)? {
        [] => Ok(None),
        [whose, line] => user(text(whose)?)
            .and_then(|whose| entry(whose, id, text(line).ok()?))
            .map(Some)
            .ok_or_else(|| strange("a session of another form")),
        _ => Err(strange("a session of another form")),
    }
}

pub(crate) fn users(value: &Value) -> Result<Vec<UserKey>, BackplaneError> {
    list(value)?
        .iter()
        .map(|one| user(text(one)?).ok_or_else(|| strange("a user of another form")))
        .collect()
}

pub(crate) fn realms(value: &Value) -> Result<Vec<Realm>, BackplaneError> {
    let (Value::Set(values) | Value::Array(values)) = value else {
        return Err(strange("what is no set"));
    };
    values
        .iter()
        .map(|one| Realm::new(text(one)?).map_err(|_| strange("a realm of another form")))
        .collect()
}

/// What is being announced, as the scripts name it.
pub(crate) fn items(told: &Swept) -> Vec<String> {
    let sessions = told.lost.iter().chain(&told.found);
    let users = told.online.iter().chain(&told.offline);
    sessions
        .map(|entry| format!("s\n{}\n{}", user_text(&entry.user), entry.id))
        .chain(users.map(|user| format!("u\n{}", user_text(user))))
        .collect()
}

pub(crate) fn swept(value: &Value) -> Result<Swept, BackplaneError> {
    let [lost, offline, found, online] = list(value)? else {
        return Err(strange("an answer of another form"));
    };
    Ok(Swept {
        lost: sessions(lost)?,
        found: sessions(found)?,
        online: users(online)?,
        offline: users(offline)?,
    })
}

/// Users, ids and entries, in threes.
fn sessions(value: &Value) -> Result<Vec<SessionEntry>, BackplaneError> {
    list(value)?
        .chunks_exact(3)
        .map(|triple| {
            let whose = user(text(&triple[0])?).ok_or_else(|| strange("a user of another form"))?;
            entry(whose, text(&triple[1])?, text(&triple[2])?)
                .ok_or_else(|| strange("a session of another form"))
        })
        .collect()
}

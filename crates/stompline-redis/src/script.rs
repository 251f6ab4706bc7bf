//! The scripts of the directory. Each runs as one step, so that of two nodes that see the same, one acts.
//!
//! | key behind the directory's prefix | what it is |
//! |---|---|
//! | `:nodes` | sorted set: members and the end of their lease, by the clock of Redis |
//! | `:u:` user | hash: the user's sessions, each with its member first |
//! | `:n:` member | hash: the member's sessions, each with its user |
//! | `:c:` member | set: the names that the member has claimed |
//! | `:telling` | sorted set: users and sessions about which something is being announced, and until when others leave it to whoever does |
//! | `:lost` | hash: sessions that are being announced as lost |
//! | `:online` | set: users who were said to be online |
//! | `:leaving` | sorted set: users without a session, and when they are offline |
//! | `:realms`, `:version` | set of realms; number of changes |
//! | `:founder` | the first member since all this was last empty, or may have lost what was written last |
//! | `:history` | the replication history of the server in which that was |

use std::{fmt::Write as _, sync::LazyLock};

use sha1::{Digest, Sha1};

/// One script, by the place in [`ALL`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    Renew,
    Enroll,
    Register,
    Unregister,
    LookUp,
    Find,
    Online,
    Claim,
    Locate,
    Sweep,
}

pub(crate) const ALL: [Script; 10] = [
    Script::Renew,
    Script::Enroll,
    Script::Register,
    Script::Unregister,
    Script::LookUp,
    Script::Find,
    Script::Online,
    Script::Claim,
    Script::Locate,
    Script::Sweep,
];

/// The names that Redis gives the scripts.
static DIGESTS: LazyLock<[String; ALL.len()]> = LazyLock::new(|| {
    ALL.map(|script| {
        let mut name = String::with_capacity(40);
        for byte in Sha1::digest(script.text()) {
            let _ = write!(name, "{byte:02x}");
        }
        name
    })
});

/// What several scripts use: the time, the member of an entry, what a user has on nodes that live.
const COMMON: &str = r"
local base = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function member_of(entry) return string.match(entry, '^[^\n]*') end
local function node_of(member) return string.match(member, '^[^.]*') end
local alive = {}
local function is_alive(member)
  if alive[member] == nil then
    local lease = redis.call('ZSCORE', base .. ':nodes', member)
    alive[member] = lease ~= false and tonumber(lease) > now
  end
  return alive[member]
end
local function state_of(user)
  local all, found = redis.call('HGETALL', base .. ':u:' .. user), {}
  for i = 1, #all, 2 do
    if is_alive(member_of(all[i + 1])) then
      found[#found + 1] = all[i]
      found[#found + 1] = all[i + 1]
    end
  end
  return found
end
local function leave(user, id, member, grace)
  local entry = redis.call('HGET', base .. ':u:' .. user, id)
  local own = entry and member_of(entry) == member
  if own then redis.call('HDEL', base .. ':u:' .. user, id) end
  redis.call('HDEL', base .. ':n:' .. member, id)
  redis.call('INCR', base .. ':version')
  if redis.call('EXISTS', base .. ':u:' .. user) == 0 and redis.call('SISMEMBER', base .. ':online', user) == 1 then
    redis.call('ZADD', base .. ':leaving', now + grace, user)
  end
  return own and entry
end
local function user_item(user) return 'u\n' .. user end
local function session_item(user, id) return 's\n' .. user .. '\n' .. id end
local function to_tell(item, hold) redis.call('ZADD', base .. ':telling', now + hold, item) end
";

/// What others were to announce and did not, some sessions of one member whose lease has run out, and the users whose grace is over. A scan of
/// a large hash from its beginning finds nothing where others have taken out before, so it goes on until it finds something.
const SWEEP: &str = r"
local lost, offline, found, online = {}, {}, {}, {}
local grace, hold = tonumber(ARGV[2]), tonumber(ARGV[3])
local function add(list, user, id, entry)
  list[#list + 1] = user
  list[#list + 1] = id
  list[#list + 1] = entry
  to_tell(session_item(user, id), hold)
end
for _, item in ipairs(redis.call('ZRANGEBYSCORE', base .. ':telling', '-inf', now, 'LIMIT', 0, 200)) do
  redis.call('ZREM', base .. ':telling', item)
  local user, id = string.match(item, '^s\n([^\n]*\n[^\n]*)\n(.*)$')
  if id then
    local here = redis.call('HGET', base .. ':u:' .. user, id)
    local gone = redis.call('HGET', base .. ':lost', id)
    if here then add(found, user, id, here) elseif gone then add(lost, user, id, gone) end
  else
    user = string.sub(item, 3)
    local list = redis.call('SISMEMBER', base .. ':online', user) == 1 and online or offline
    list[#list + 1] = user
    to_tell(item, hold)
  end
end
if ARGV[1] == '1' then
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', base .. ':nodes', '-inf', now, 'LIMIT', 0, 1)) do
    local cursor, some = '0', {}
    repeat
      local scanned = redis.call('HSCAN', base .. ':n:' .. member, cursor, 'COUNT', 200)
      cursor, some = scanned[1], scanned[2]
    until #some > 0 or cursor == '0'
    for i = 1, #some, 2 do
      local entry = leave(some[i + 1], some[i], member, grace)
      if entry then
        redis.call('HSET', base .. ':lost', some[i], entry)
        add(lost, some[i + 1], some[i], entry)
      end
    end
    if redis.call('EXISTS', base .. ':n:' .. member) == 0 then
      redis.call('ZREM', base .. ':nodes', member)
      redis.call('UNLINK', base .. ':c:' .. member)
    else
      redis.call('ZADD', base .. ':nodes', 0, member)
    end
  end
end
for _, user in ipairs(redis.call('ZRANGEBYSCORE', base .. ':leaving', '-inf', now, 'LIMIT', 0, 500)) do
  redis.call('ZREM', base .. ':leaving', user)
  if redis.call('EXISTS', base .. ':u:' .. user) == 0 and redis.call('SREM', base .. ':online', user) == 1 then
    offline[#offline + 1] = user
    to_tell(user_item(user), hold)
  end
end
return {lost, offline, found, online}";

/// A session, what the directory is to make of it, and what its user has then.
const REGISTER: &str = r"
local user, id, entry, realm, standing = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local hold = tonumber(ARGV[6])
local is_there = redis.call('HSET', base .. ':u:' .. user, id, entry) == 0
redis.call('HSET', base .. ':n:' .. member_of(entry), id, user)
redis.call('SADD', base .. ':realms', realm)
redis.call('ZREM', base .. ':leaving', user)
local came = redis.call('SADD', base .. ':online', user)
if standing == 'forgotten' then came = 0 end
if came == 1 then to_tell(user_item(user), hold) end
local was_lost = (standing == 'known' and not is_there) and 1 or 0
if was_lost == 1 then
  redis.call('HDEL', base .. ':lost', id)
  to_tell(session_item(user, id), hold)
end
return {redis.call('INCR', base .. ':version'), came, was_lost, state_of(user)}";

/// A name for a member that lives, unless another one has it.
const CLAIM: &str = r"
if not is_alive(ARGV[1]) then return 0 end
local own, name = node_of(ARGV[1]), ARGV[2]
for _, member in ipairs(redis.call('ZRANGEBYSCORE', base .. ':nodes', '(' .. now, '+inf')) do
  local node = node_of(member)
  if node ~= own and redis.call('SISMEMBER', base .. ':c:' .. member, name) == 1 then
    if node ~= ARGV[3] then return node end
    redis.call('SREM', base .. ':c:' .. member, name)
  end
end
redis.call('SADD', base .. ':c:' .. ARGV[1], name)
return ''";

impl Script {
    /// The text.
    pub(crate) fn text(self) -> String {
        format!("{COMMON}{}", self.body())
    }

    /// What EVALSHA knows it by.
    pub(crate) fn digest(self) -> &'static str {
        &DIGESTS[self as usize]
    }

    fn body(self) -> &'static str {
        match self {
            Self::Renew => {
                r"
local lease = redis.call('ZSCORE', base .. ':nodes', ARGV[1])
if lease == false or tonumber(lease) == 0 then return 0 end
redis.call('ZADD', base .. ':nodes', now + ARGV[2], ARGV[1])
return 1"
            }
            Self::Enroll => {
                r"
redis.call('ZADD', base .. ':nodes', now + ARGV[2], ARGV[1])
redis.call('SETNX', base .. ':founder', ARGV[1])
if ARGV[3] ~= '' and redis.call('GET', base .. ':history') ~= ARGV[3] then
  redis.call('SET', base .. ':history', ARGV[3])
  redis.call('SET', base .. ':founder', ARGV[1])
end
return redis.call('GET', base .. ':founder')"
            }
            Self::Register => REGISTER,
            Self::Unregister => {
                r"
local user, id, member = ARGV[1], ARGV[2], ARGV[3]
local entry = redis.call('HGET', base .. ':u:' .. user, id)
if entry and node_of(member_of(entry)) == node_of(member) then member = member_of(entry) end
leave(user, id, member, tonumber(ARGV[4]))
return {tonumber(redis.call('GET', base .. ':version')), 0, 0, state_of(user)}"
            }
            Self::LookUp => {
                r"return {tonumber(redis.call('GET', base .. ':version') or 0), 0, 0, state_of(ARGV[1])}"
            }
            Self::Find => {
                r"
for _, member in ipairs(redis.call('ZRANGEBYSCORE', base .. ':nodes', '(' .. now, '+inf')) do
  local user = redis.call('HGET', base .. ':n:' .. member, ARGV[1])
  if user then
    local entry = redis.call('HGET', base .. ':u:' .. user, ARGV[1])
    if entry and member_of(entry) == member then return {user, entry} end
  end
end
return {}"
            }
            Self::Online => {
                r"
local found = {}
for _, user in ipairs(redis.call('SRANDMEMBER', base .. ':online', ARGV[1])) do
  if #state_of(user) > 0 then found[#found + 1] = user end
end
return found"
            }
            Self::Claim => CLAIM,
            Self::Locate => {
                r"
for _, member in ipairs(redis.call('ZRANGEBYSCORE', base .. ':nodes', '(' .. now, '+inf')) do
  if redis.call('SISMEMBER', base .. ':c:' .. member, ARGV[1]) == 1 then return node_of(member) end
end
return ''"
            }
            Self::Sweep => SWEEP,
        }
    }
}

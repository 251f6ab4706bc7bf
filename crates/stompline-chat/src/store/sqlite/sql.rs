//! What several statements have in common.

/// SELECTs whole conversations, as [`row::conversation`](crate::store::row::conversation) reads them, from
/// `conversation c`; the rest of the statement follows.
macro_rules! select_conversation {
    ($($rest:expr),+) => {
        $crate::store::sqlite::sql::select_conversation_and!("", $($rest),+)
    };
}
pub(super) use select_conversation;

/// SELECTs whole conversations and the column `unread`: how many messages of the other side the reader of id $2 and
/// role $5 has not seen. Only the last 200 messages are looked at: some clients never say what they have read.
macro_rules! select_reader_head {
    ($($rest:expr),+) => {
        $crate::store::sqlite::sql::select_conversation_and!(
            ", (SELECT COUNT(*) FROM message u WHERE u.conversation_id = c.id AND u.sender_role <> $5 \
             AND (u.visibility = 'public' OR $5 = 'agent') \
             AND u.seq > MAX(c.last_seq - 200, COALESCE((SELECT r.read_seq FROM participant r \
             WHERE r.conversation_id = c.id AND r.role = $5 AND r.user_id = $2), 0))) AS unread",
            $($rest),+
        )
    };
}
pub(super) use select_reader_head;

/// What the two above have in common.
macro_rules! select_conversation_and {
    ($columns:expr, $($rest:expr),+) => {
        concat!(
            "SELECT ",
            $crate::store::row::conversation_columns!(),
            ", (SELECT json_group_array(json_object('role', p.role, 'id', p.user_id, \
             'delivered', p.delivered_seq, 'read', p.read_seq)) \
             FROM participant p WHERE p.conversation_id = c.id) AS pointers",
            $columns,
            " FROM conversation c LEFT JOIN message l ON l.conversation_id = c.id AND l.seq = c.last_seq ",
            $($rest),+
        )
    };
}
pub(super) use select_conversation_and;

/// Selects the conversations that agent $2 may see and that changed after $3. The two halves have nothing in common,
/// since nobody is assigned to what waits; each names its index, because finding them any other way reads all that
/// was ever said.
macro_rules! changed_for_agent {
    () => {
        "SELECT id FROM conversation INDEXED BY conversation_queued \
         WHERE tenant_id = $1 AND state = 'queued' AND rev > $3 \
         UNION ALL SELECT id FROM conversation INDEXED BY conversation_assignee \
         WHERE tenant_id = $1 AND assignee_id = $2 AND state IN ('active', 'closed') AND rev > $3"
    };
}
pub(super) use changed_for_agent;

/// True for the conversations that the JSON array $6 names, and for all when there is none.
macro_rules! in_open {
    ($id:literal) => {
        concat!(
            "($6 IS NULL OR ",
            $id,
            " IN (SELECT unhex(value, '-') FROM json_each($6)))"
        )
    };
}
pub(super) use in_open;

-- Times are milliseconds since 1970-01-01T00:00:00Z.

-- One row for now; ids and stamps belong to a tenant from the first day on.
CREATE TABLE tenant (
    id TEXT NOT NULL PRIMARY KEY,
    -- The last change stamp given. Every transaction that changes anything holds this row from before it takes a stamp
    -- until it has committed. So stamps become visible in their order, and a reader's snapshot always agrees with it.
    rev BIGINT NOT NULL DEFAULT 0
    -- The row is rewritten by every commit; room on its page lets PostgreSQL clear the old versions away at once.
) WITH (fillfactor = 10);

CREATE TABLE chat_group (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    id TEXT NOT NULL,
    -- The stamp of the last change of this group's queue.
    queue_rev BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 10);

INSERT INTO tenant (id) VALUES ('default');
INSERT INTO chat_group (tenant_id, id) VALUES ('default', 'default');

CREATE TABLE conversation (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    site_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'active', 'closed')),
    assignee_id TEXT,
    assignee_name TEXT,
    assigned_at BIGINT,
    assign_rev BIGINT NOT NULL,
    previous_id UUID REFERENCES conversation (id),
    last_seq BIGINT NOT NULL,
    -- The chain of all changes, and of those that customers may see.
    rev BIGINT NOT NULL,
    public_rev BIGINT NOT NULL,
    -- The change by which it last ceased to wait.
    left_queue_rev BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT CHECK (closed_by IN ('customer', 'agent')),
    close_reason TEXT,
    reopen_count BIGINT NOT NULL,
    FOREIGN KEY (tenant_id, group_id) REFERENCES chat_group (tenant_id, id),
    CHECK (state <> 'active' OR assignee_id IS NOT NULL),
    CHECK (state <> 'queued' OR assignee_id IS NULL),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((assignee_id IS NULL) = (assigned_at IS NULL))
);

-- At most one open conversation for each customer, whatever the program does.
CREATE UNIQUE INDEX conversation_open ON conversation (tenant_id, site_id, customer_id) WHERE state <> 'closed';
CREATE INDEX conversation_customer ON conversation (tenant_id, customer_id, public_rev);
CREATE INDEX conversation_assignee ON conversation (tenant_id, assignee_id, state, rev) WHERE assignee_id IS NOT NULL;
CREATE INDEX conversation_queued ON conversation (tenant_id, rev) WHERE state = 'queued';
CREATE INDEX conversation_waiting ON conversation (tenant_id, group_id, queued_at) WHERE state = 'queued';
CREATE INDEX conversation_left_queue ON conversation (tenant_id, left_queue_rev);

CREATE TABLE message (
    conversation_id UUID NOT NULL REFERENCES conversation (id),
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    rev BIGINT NOT NULL,
    sender_role TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    client_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'internal')),
    -- The content object of the kind, as JSON; not JSONB, which has no U+0000 and another order.
    content TEXT NOT NULL,
    reply_to BIGINT,
    created_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX message_place ON message (conversation_id, seq);
CREATE UNIQUE INDEX message_client_id ON message (tenant_id, sender_role, sender_id, client_id);
CREATE INDEX message_rev ON message (conversation_id, rev);

-- The names that customers gave their starts, so that a repeated one finds what the first one began.
CREATE TABLE conversation_start (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    customer_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    conversation_id UUID NOT NULL REFERENCES conversation (id),
    PRIMARY KEY (tenant_id, customer_id, client_id)
);

-- How far each participant has come. Both only grow.
CREATE TABLE participant (
    conversation_id UUID NOT NULL REFERENCES conversation (id),
    role TEXT NOT NULL,
    user_id TEXT NOT NULL,
    delivered_seq BIGINT NOT NULL,
    read_seq BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, role, user_id)
) WITH (fillfactor = 80);

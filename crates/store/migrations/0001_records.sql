-- Records of the house. Valid for SQLite and PostgreSQL alike: TEXT, BIGINT and DOUBLE PRECISION
-- only, times in microseconds since 1970 (UTC), ids as lower-case text, JSON as text.

-- Running numbers that are handed out inside a transaction, so that they are dense and in the
-- order of commits. The row `writer` is locked first by everything that writes.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('writer', 0);

CREATE TABLE ticket (
    id TEXT PRIMARY KEY,
    number TEXT UNIQUE,
    episode TEXT NOT NULL,
    site TEXT NOT NULL,
    device TEXT NOT NULL,
    component TEXT NOT NULL,
    fault_family TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority TEXT NOT NULL,
    state TEXT NOT NULL,
    owner TEXT,
    waiting_for TEXT,
    opened_at BIGINT NOT NULL,
    onset_at BIGINT NOT NULL,
    detected_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    cleared_at BIGINT,
    done_at BIGINT,
    closed_at BIGINT,
    confidence DOUBLE PRECISION NOT NULL,
    headline_en TEXT NOT NULL,
    headline_zh TEXT NOT NULL,
    draft TEXT NOT NULL,
    finish TEXT,
    verdict TEXT,
    occurrences BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX one_open ON ticket (site, device, component, fault_family)
    WHERE state NOT IN ('closed', 'false_alarm', 'duplicate');
CREATE INDEX ticket_opened ON ticket (opened_at, id);
CREATE INDEX ticket_device ON ticket (device, opened_at);

-- Which ticket an episode went to: opening twice, and joining twice, are both seen here.
CREATE TABLE ticket_episode (
    episode TEXT PRIMARY KEY,
    ticket TEXT NOT NULL REFERENCES ticket (id),
    draft_revision BIGINT NOT NULL,
    cleared_at BIGINT
);
CREATE INDEX ticket_episode_ticket ON ticket_episode (ticket);

CREATE TABLE timeline (
    ticket TEXT NOT NULL REFERENCES ticket (id),
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    state TEXT NOT NULL,
    note_en TEXT NOT NULL,
    note_zh TEXT NOT NULL,
    PRIMARY KEY (ticket, revision)
);

CREATE TABLE episode (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    device TEXT NOT NULL,
    component TEXT NOT NULL,
    fault_family TEXT NOT NULL,
    onset BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    phase TEXT NOT NULL,
    recurrences BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX episode_confirmed ON episode (confirmed, id);

CREATE TABLE repair (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    device TEXT NOT NULL,
    component TEXT NOT NULL,
    activity TEXT NOT NULL,
    part TEXT,
    words TEXT NOT NULL,
    language TEXT NOT NULL,
    cause TEXT,
    outcome TEXT NOT NULL,
    hours DOUBLE PRECISION,
    ticket TEXT
);
CREATE INDEX repair_device ON repair (device, at);

CREATE TABLE outbox (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    ticket TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    sent_at BIGINT,
    dead_at BIGINT,
    last_error TEXT
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE sent_at IS NULL AND dead_at IS NULL;

CREATE TABLE event_log (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    device TEXT NOT NULL
);

CREATE TABLE engine_state (
    part TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE TABLE engine_cursor (
    agent TEXT NOT NULL,
    epoch TEXT NOT NULL,
    stream BIGINT NOT NULL,
    next_seq BIGINT NOT NULL,
    PRIMARY KEY (agent, epoch, stream)
);
CREATE TABLE engine_input (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    applies_after TEXT
);

CREATE TABLE waveform (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    t0 BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    header TEXT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX waveform_channel ON waveform (channel, t0);
CREATE INDEX waveform_sha256 ON waveform (sha256);
-- A hold may come before the waveform that it keeps, so it is a row of its own.
CREATE TABLE waveform_hold (
    sha256 TEXT NOT NULL,
    ticket TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    PRIMARY KEY (sha256, ticket)
);

CREATE TABLE config_version (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    toml TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (kind, id, version)
);

-- Secrets are stored as SHA-256 only; they are 128 random bits and more, so that is enough.
CREATE TABLE setup_token (
    name TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE TABLE session (
    sha256 TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    role TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE idempotency (
    account TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account, route, key)
);

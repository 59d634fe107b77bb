-- The process engineer's bench: what people said of anomalies, runs of rules over stored history, and
-- changes of rules that follow from both. Valid for SQLite and PostgreSQL alike, as 0001.

-- `live` episodes are those of the rules in force; `shadow` ones come from rules that open no ticket.
-- The draft is the ticket that a shadow episode would have opened.
ALTER TABLE episode ADD COLUMN origin TEXT NOT NULL DEFAULT 'live';
ALTER TABLE episode ADD COLUMN rule TEXT NOT NULL DEFAULT '';
ALTER TABLE episode ADD COLUMN draft TEXT;
CREATE INDEX episode_rule ON episode (rule, confirmed);

-- Append-only: an undo is a mark, so that nobody's word is lost. Of several labels of one episode the
-- newest that was not undone counts.
CREATE TABLE label (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    author TEXT NOT NULL,
    episode TEXT,
    site TEXT NOT NULL,
    device TEXT NOT NULL,
    component TEXT NOT NULL,
    fault_family TEXT NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    rule TEXT NOT NULL,
    rule_version BIGINT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    judgement TEXT NOT NULL,
    reason TEXT,
    note TEXT NOT NULL,
    merged_into TEXT,
    opened_ticket TEXT,
    undone_at BIGINT,
    undone_by TEXT
);
CREATE INDEX label_episode ON label (episode);
CREATE INDEX label_rule ON label (rule, at);
CREATE INDEX label_device ON label (device, since);

-- One run of candidate rules beside other ones over stored history.
CREATE TABLE backtest (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    author TEXT NOT NULL,
    purpose TEXT NOT NULL,
    base_version BIGINT NOT NULL,
    toml TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    state TEXT NOT NULL,
    progress DOUBLE PRECISION NOT NULL,
    why TEXT,
    report TEXT,
    ended_at BIGINT
);
CREATE INDEX backtest_state ON backtest (state, number);

-- A change of the rules that follows from what people said, with its backtest.
CREATE TABLE proposal (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    rule TEXT NOT NULL,
    kind TEXT NOT NULL,
    base_version BIGINT NOT NULL,
    toml TEXT NOT NULL,
    why_en TEXT NOT NULL,
    why_zh TEXT NOT NULL,
    evidence TEXT NOT NULL,
    backtest BIGINT NOT NULL,
    state TEXT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    version BIGINT
);
CREATE INDEX proposal_state ON proposal (state, number);

-- Features of captured waveforms, so that history can be run through bearing rules again.
CREATE TABLE burst (
    channel TEXT NOT NULL,
    t0 BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (channel, t0, sha256)
);
CREATE INDEX burst_t0 ON burst (t0);

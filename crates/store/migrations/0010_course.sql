-- The course of tickets: types, groups, clocks, timers, evidence. Valid for SQLite and PostgreSQL alike.

ALTER TABLE ticket ADD COLUMN source TEXT NOT NULL DEFAULT 'machine';
ALTER TABLE ticket ADD COLUMN ticket_type TEXT;
ALTER TABLE ticket ADD COLUMN type_version BIGINT;
ALTER TABLE ticket ADD COLUMN owner_group TEXT;
ALTER TABLE ticket ADD COLUMN shelved_until BIGINT;
ALTER TABLE ticket ADD COLUMN accepted_at BIGINT;
CREATE INDEX ticket_owner ON ticket (owner, accepted_at);

-- Every clock of a ticket, in the order in which they began.
CREATE TABLE ticket_clock (
    ticket TEXT NOT NULL REFERENCES ticket (id),
    place BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT,
    body TEXT NOT NULL,
    PRIMARY KEY (ticket, place)
);

-- A timer is armed once for each generation of its name, and fires or is dropped once: the indexes say
-- so too. `late_us` is how long after its time it fired.
CREATE TABLE timer (
    id BIGINT PRIMARY KEY,
    ticket TEXT NOT NULL REFERENCES ticket (id),
    name TEXT NOT NULL,
    generation BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    armed_at BIGINT NOT NULL,
    fired_at BIGINT,
    late_us BIGINT,
    UNIQUE (ticket, name, generation)
);
CREATE UNIQUE INDEX timer_armed ON timer (ticket, name) WHERE state = 'armed';
CREATE INDEX timer_due ON timer (due_at) WHERE state = 'armed';

-- What was shown for a ticket. Append-only.
CREATE TABLE ticket_evidence (
    number BIGINT PRIMARY KEY,
    ticket TEXT NOT NULL REFERENCES ticket (id),
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX ticket_evidence_ticket ON ticket_evidence (ticket, number);

-- What a ticket rests on, beyond retention: which readings are held for it, until when, and what they
-- were. Valid for SQLite and PostgreSQL alike.

-- One stretch of a channel for each ticket. The hash is over the readings as stored; it is made when
-- no more can come, and made again when the stretch grows.
CREATE TABLE evidence_hold (
    ticket TEXT NOT NULL,
    channel TEXT NOT NULL,
    t_from BIGINT NOT NULL,
    t_to BIGINT NOT NULL,
    held_until BIGINT NOT NULL,
    readings BIGINT,
    sha256 TEXT,
    PRIMARY KEY (ticket, channel)
);
CREATE INDEX evidence_hold_until ON evidence_hold (held_until);

-- How the trouble looked in the signals, where a ticket saw it.
ALTER TABLE repair ADD COLUMN shape TEXT;

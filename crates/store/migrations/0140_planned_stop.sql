-- Hours in which machines stand by plan, and what was found in them without a ticket.
CREATE TABLE planned_stop (
    number TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    devices TEXT NOT NULL,
    begins_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    planned_by TEXT NOT NULL,
    planned_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT
);
CREATE INDEX planned_stop_goes_on ON planned_stop (ends_at) WHERE ended_at IS NULL;
CREATE INDEX planned_stop_begins ON planned_stop (begins_at, number);
CREATE TABLE set_aside (
    stop TEXT NOT NULL REFERENCES planned_stop (number),
    channel TEXT NOT NULL,
    rule TEXT NOT NULL,
    component TEXT NOT NULL,
    found_at BIGINT NOT NULL,
    device TEXT NOT NULL,
    family TEXT NOT NULL,
    PRIMARY KEY (stop, channel, rule, component, found_at)
);

-- Where an imported repair came from: the other system's own id, names and codes, as they were written
-- there. The repair itself is a row of `repair` like any other. Valid for SQLite and PostgreSQL alike.

CREATE TABLE repair_origin (
    repair TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    device TEXT NOT NULL,
    part TEXT,
    failure_mode TEXT,
    observed TEXT NOT NULL,
    cost DOUBLE PRECISION,
    row_sha256 TEXT NOT NULL
);
CREATE UNIQUE INDEX repair_origin_source ON repair_origin (source, source_id);

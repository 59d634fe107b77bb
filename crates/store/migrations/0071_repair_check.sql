-- What the machine's own signals say of a repair. Valid for SQLite and PostgreSQL alike.

CREATE TABLE repair_check (
    repair TEXT PRIMARY KEY,
    ticket TEXT NOT NULL,
    at BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX repair_check_ticket ON repair_check (ticket, at);

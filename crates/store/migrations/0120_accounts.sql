-- Who may come in: people with passwords, programs with keys; and which site a device belongs to, so that
-- what knows only its device can be told apart by sites. Valid for SQLite and PostgreSQL alike.
-- `sites` is `*` for all, or the ids with a comma before, between and after them: `,plant,annex,`.

-- `password` is an argon2id hash in the PHC format. Accounts are disabled, never deleted: what somebody
-- did keeps its name.
CREATE TABLE account (
    name TEXT PRIMARY KEY,
    display TEXT NOT NULL,
    role TEXT NOT NULL,
    sites TEXT NOT NULL,
    password TEXT NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    password_at BIGINT NOT NULL,
    signed_in_at BIGINT
);

-- Keys of programs. They are 256 random bits, so their SHA-256 is enough.
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    sites TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT,
    revoked_at BIGINT
);

-- Role and sites are the account's at the moment of each request, so they are not in the session. Whoever
-- was signed in with the setup token signs in again.
DROP TABLE session;
CREATE TABLE session (
    sha256 TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name),
    address TEXT NOT NULL,
    program TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_account ON session (account);

CREATE TABLE device_site (
    device TEXT PRIMARY KEY,
    site TEXT NOT NULL
);

-- A storm: many tickets of a site within minutes are one incident. A ticket keeps the one it came in.
CREATE TABLE incident (
    number TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    newest_at BIGINT NOT NULL,
    ended_at BIGINT,
    tickets BIGINT NOT NULL
);
CREATE UNIQUE INDEX one_storm ON incident (site) WHERE ended_at IS NULL;
CREATE INDEX incident_began ON incident (began_at, number);
ALTER TABLE ticket ADD COLUMN incident TEXT REFERENCES incident (number);
CREATE INDEX ticket_incident ON ticket (incident, opened_at);
CREATE INDEX ticket_site_opened ON ticket (site, opened_at);

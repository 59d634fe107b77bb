-- What a message says is written together with it, so it tells what was true then. A digest is many
-- messages that are sent as one: they carry its key; an empty key means that the message must go alone.
ALTER TABLE outbox ADD COLUMN facts TEXT NOT NULL DEFAULT '{}';
ALTER TABLE outbox ADD COLUMN priority TEXT;
ALTER TABLE outbox ADD COLUMN digest TEXT;
CREATE INDEX outbox_channel ON outbox (channel, id) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_sent ON outbox (channel, sent_at);

-- What a laptop holds besides the rows of the model. Written by hand; never edited once released.

-- One row: identity of this database and the head of its chain.
CREATE TABLE vault_state (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  device BLOB NOT NULL,
  incarnation BLOB NOT NULL,
  actor BLOB NOT NULL,
  realm BLOB NOT NULL,
  dseq INTEGER NOT NULL,
  chain_head BLOB NOT NULL CHECK (length(chain_head) = 32),
  hlc INTEGER NOT NULL,
  server_offset INTEGER NOT NULL DEFAULT 0,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  signing_seed BLOB NOT NULL CHECK (length(signing_seed) = 32)
) STRICT;

-- Every mutation and audit event of this laptop: the audit chain, and for entries that wait to
-- be sent (state 0) the outbox.
CREATE TABLE chain (
  dseq INTEGER NOT NULL PRIMARY KEY,
  mutation_id BLOB,
  bytes BLOB NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  signature BLOB NOT NULL CHECK (length(signature) = 64),
  state INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX chain_waiting_idx ON chain (dseq) WHERE state = 0;

-- Full-text search: the text is in the index only, the rows are in their own tables.
CREATE TABLE search_row (
  place INTEGER PRIMARY KEY,
  entity INTEGER NOT NULL,
  row_id BLOB NOT NULL,
  title TEXT NOT NULL,
  UNIQUE (entity, row_id)
) STRICT;
CREATE VIRTUAL TABLE search_text USING fts5 (
  kind, body,
  content = '', contentless_delete = 1, detail = 'column', prefix = '2 3',
  tokenize = "unicode61 remove_diacritics 2"
);

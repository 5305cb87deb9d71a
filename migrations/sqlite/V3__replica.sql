-- What a laptop keeps once its vault belongs to a realm: what it holds of the centre's rows below
-- what it has not sent yet. Written by hand; never edited once released.

-- Entries before this life of the database (each life numbers its own entries from 1), and how
-- often rows were taken in from the centre.
ALTER TABLE vault_state ADD COLUMN life_start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vault_state ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;

-- What the centre said about an entry. State: 0 waits to be sent, 1 held at the centre, 2
-- acknowledged and not yet pulled, 3 settled, 4 in quarantine, 5 discarded by the person, 6 went on
-- as another entry of a later life.
ALTER TABLE chain ADD COLUMN g INTEGER;
ALTER TABLE chain ADD COLUMN verdict BLOB;
ALTER TABLE chain ADD COLUMN judged_at INTEGER;
-- 1: sent once more although it has a verdict, since the centre lost it; numbers have no gaps.
ALTER TABLE chain ADD COLUMN resend INTEGER NOT NULL DEFAULT 0;
-- Why the person discarded it.
ALTER TABLE chain ADD COLUMN note TEXT;
CREATE INDEX chain_open_idx ON chain (state, dseq) WHERE state IN (1, 2, 4);
CREATE INDEX chain_resend_idx ON chain (dseq) WHERE resend = 1;
CREATE INDEX chain_known_idx ON chain (mutation_id) WHERE g IS NOT NULL;

-- One row: the realm, and how far it was pulled. `nonce_epoch`: the history that gave out the nonce;
-- a pull may tell of another one before the first push to it.
CREATE TABLE replica (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  realm BLOB NOT NULL CHECK (length(realm) = 16),
  organization TEXT NOT NULL,
  role TEXT NOT NULL,
  server TEXT NOT NULL,
  certificate BLOB,
  epoch BLOB NOT NULL CHECK (length(epoch) = 16),
  nonce BLOB NOT NULL CHECK (length(nonce) = 32),
  nonce_epoch BLOB NOT NULL CHECK (length(nonce_epoch) = 16),
  lease_days INTEGER NOT NULL,
  joined_at INTEGER NOT NULL,
  from_g INTEGER NOT NULL DEFAULT 0,
  schema_version INTEGER NOT NULL,
  last_push INTEGER,
  last_pull INTEGER,
  is_copy INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Units of this laptop. `digest`: over base rows, once complete. `held_before`: whether rows of an
-- earlier download may lie in the tables.
CREATE TABLE unit_held (
  unit_id BLOB NOT NULL PRIMARY KEY CHECK (length(unit_id) = 17),
  complete INTEGER NOT NULL,
  at_g INTEGER NOT NULL,
  after_entity INTEGER,
  after_row BLOB,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  held_before INTEGER NOT NULL DEFAULT 0,
  mismatches INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Rows of units whose download goes on.
CREATE TABLE stage (
  unit_id BLOB NOT NULL CHECK (length(unit_id) = 17),
  entity INTEGER NOT NULL,
  row_id BLOB NOT NULL CHECK (length(row_id) = 16),
  image BLOB NOT NULL,
  PRIMARY KEY (unit_id, entity, row_id)
) STRICT, WITHOUT ROWID;

-- Which entries of the chain lie on top of which row. `within`: what is held of the row contains
-- it already; it is only sent once more. `flag`: what the person has to know, for example that it
-- builds on a record that is not here.
CREATE TABLE pending (
  entity INTEGER NOT NULL,
  row_id BLOB NOT NULL CHECK (length(row_id) = 16),
  dseq INTEGER NOT NULL,
  within INTEGER NOT NULL DEFAULT 0,
  flag TEXT,
  PRIMARY KEY (entity, row_id, dseq)
) STRICT, WITHOUT ROWID;

-- The row as it came from the centre, for rows with entries on top. A row with entries and none
-- here was made by them.
CREATE TABLE overlay (
  entity INTEGER NOT NULL,
  row_id BLOB NOT NULL CHECK (length(row_id) = 16),
  unit_id BLOB NOT NULL CHECK (length(unit_id) = 17),
  image BLOB NOT NULL,
  PRIMARY KEY (entity, row_id)
) STRICT, WITHOUT ROWID;

-- What this version cannot show: fields and entities that it does not know. Never sent back.
CREATE TABLE opaque (
  entity INTEGER NOT NULL,
  row_id BLOB NOT NULL CHECK (length(row_id) = 16),
  unit_id BLOB NOT NULL CHECK (length(unit_id) = 17),
  image BLOB NOT NULL,
  PRIMARY KEY (entity, row_id)
) STRICT, WITHOUT ROWID;

-- What left this laptop, for its person.
CREATE TABLE departed (
  place INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  unit_id BLOB NOT NULL,
  title TEXT NOT NULL,
  rows INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;

-- What synchronizing did, in plain words; the last ones.
CREATE TABLE sync_log (
  place INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  line TEXT NOT NULL
) STRICT;

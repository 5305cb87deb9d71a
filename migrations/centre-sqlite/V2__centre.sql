-- What the embedded centre holds besides the rows of the model: one realm in each file. Written by
-- hand; never edited once released. Numbers go on from those of migrations/sqlite.

-- One row: the realm and its last commit number.
CREATE TABLE centre_realm (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  realm BLOB NOT NULL CHECK (length(realm) = 16),
  name TEXT NOT NULL,
  epoch BLOB NOT NULL CHECK (length(epoch) = 16),
  g INTEGER NOT NULL DEFAULT 0,
  floor_g INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0,
  founded INTEGER NOT NULL,
  device BLOB NOT NULL CHECK (length(device) = 16),
  seed BLOB NOT NULL CHECK (length(seed) = 32)
) STRICT;

-- Laptops, and the heads of their chains.
CREATE TABLE centre_device (
  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  actor BLOB NOT NULL,
  label TEXT NOT NULL,
  public_key BLOB NOT NULL CHECK (length(public_key) = 32),
  incarnation BLOB NOT NULL,
  enrolled INTEGER NOT NULL,
  seen INTEGER,
  revoked INTEGER,
  epoch BLOB NOT NULL,
  nonce BLOB NOT NULL CHECK (length(nonce) = 32),
  former_nonce BLOB NOT NULL CHECK (length(former_nonce) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE centre_life (
  device BLOB NOT NULL,
  incarnation BLOB NOT NULL,
  dseq INTEGER NOT NULL,
  head BLOB NOT NULL CHECK (length(head) = 32),
  hlc INTEGER NOT NULL,
  public_key BLOB NOT NULL CHECK (length(public_key) = 32),
  PRIMARY KEY (device, incarnation)
) STRICT, WITHOUT ROWID;
-- Units that a laptop holds as complete after its last pull, and before it: 17 bytes each.
CREATE TABLE centre_device_units (
  device BLOB NOT NULL PRIMARY KEY,
  units BLOB NOT NULL,
  units_before BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Every envelope as it came, with its verdict: the audit chains of all laptops.
CREATE TABLE centre_envelope (
  place INTEGER PRIMARY KEY,
  device BLOB NOT NULL,
  incarnation BLOB NOT NULL,
  dseq INTEGER NOT NULL,
  mutation BLOB,
  g INTEGER,
  actor BLOB,
  hlc INTEGER,
  wall INTEGER,
  command TEXT,
  changed_g INTEGER,
  received INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  signature BLOB NOT NULL CHECK (length(signature) = 64),
  verdict BLOB NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX centre_envelope_chain_idx ON centre_envelope (device, incarnation, dseq);
CREATE UNIQUE INDEX centre_envelope_mutation_idx ON centre_envelope (mutation) WHERE mutation IS NOT NULL;
CREATE UNIQUE INDEX centre_envelope_g_idx ON centre_envelope (g) WHERE g IS NOT NULL;
CREATE INDEX centre_envelope_changed_idx ON centre_envelope (device, incarnation, changed_g) WHERE changed_g IS NOT NULL;

-- What each mutation told the holders of each unit. place = g * 2^20 + order within the mutation.
CREATE TABLE centre_log (
  place INTEGER PRIMARY KEY,
  unit BLOB NOT NULL CHECK (length(unit) = 17),
  entity INTEGER NOT NULL,
  id BLOB NOT NULL,
  mutation BLOB NOT NULL,
  news BLOB NOT NULL
) STRICT;
CREATE INDEX centre_log_unit_idx ON centre_log (unit);

-- Values that do not stand, or stand unseen; open while closed_g is null.
CREATE TABLE centre_journal (
  entity INTEGER NOT NULL,
  id BLOB NOT NULL,
  merge_group INTEGER NOT NULL,
  mutation BLOB NOT NULL,
  g INTEGER NOT NULL,
  entry BLOB NOT NULL,
  closed_g INTEGER,
  PRIMARY KEY (entity, id, merge_group, mutation)
) STRICT, WITHOUT ROWID;

-- Mutations that wait for rows or mutations: 16 bytes each.
CREATE TABLE centre_held (
  at INTEGER PRIMARY KEY,
  device BLOB NOT NULL,
  incarnation BLOB NOT NULL,
  dseq INTEGER NOT NULL,
  mutation BLOB NOT NULL,
  missing BLOB NOT NULL,
  UNIQUE (device, incarnation, dseq)
) STRICT;

-- Rights that follow from rows.
CREATE TABLE centre_claim (
  actor BLOB NOT NULL,
  unit BLOB NOT NULL CHECK (length(unit) = 17),
  entity INTEGER NOT NULL,
  id BLOB NOT NULL,
  valid_from INTEGER,
  valid_to INTEGER,
  read_only INTEGER NOT NULL,
  PRIMARY KEY (actor, unit, entity, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX centre_claim_source_idx ON centre_claim (entity, id);

-- Units with the sum over their rows, and which rows those are.
CREATE TABLE centre_unit (
  unit BLOB NOT NULL PRIMARY KEY CHECK (length(unit) = 17),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  row_count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE centre_unit_row (
  unit BLOB NOT NULL,
  entity INTEGER NOT NULL,
  id BLOB NOT NULL,
  PRIMARY KEY (unit, entity, id)
) STRICT, WITHOUT ROWID;

-- Invitations, sessions and challenges, by the hash of what is secret about them.
CREATE TABLE centre_invite (
  hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
  name TEXT NOT NULL,
  email TEXT,
  role TEXT NOT NULL,
  person BLOB,
  expires INTEGER NOT NULL,
  used_by BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE centre_session (
  hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
  device BLOB NOT NULL,
  challenge INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX centre_session_expires_idx ON centre_session (expires);

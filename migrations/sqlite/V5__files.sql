-- The files that a laptop holds or waits for: what rows of `attachments` name by `blob_hash`. Written
-- by hand; never edited once released.

-- Files in the vault's folder `blobs`. `hash`: BLAKE3 of the content, hexadecimal as in the rows.
-- `name`: the file's name in the folder, a random one. `key`: the key of this file alone. `at_centre`: the
-- centre of the present history said that it has all of it.
CREATE TABLE file_held (
  hash TEXT NOT NULL PRIMARY KEY CHECK (length(hash) = 64),
  name TEXT NOT NULL UNIQUE,
  key BLOB NOT NULL CHECK (length(key) = 32),
  size INTEGER NOT NULL CHECK (size >= 0),
  held_at INTEGER NOT NULL,
  at_centre INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Files on their way, or waiting for it: a queue of their own. `sends`: 1 to the centre, 0 from it.
-- `name`: where the part that has come lies. `done`: bytes of the encrypted file that have arrived, as last
-- noted. `state`: 0 waits, 1 stopped by the person, 2 failed and needs one. `due`: not tried before.
CREATE TABLE file_transfer (
  hash TEXT NOT NULL CHECK (length(hash) = 64),
  sends INTEGER NOT NULL CHECK (sends IN (0, 1)),
  size INTEGER NOT NULL CHECK (size >= 0),
  name TEXT NOT NULL UNIQUE,
  done INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0,
  due INTEGER NOT NULL DEFAULT 0,
  note TEXT,
  added_at INTEGER NOT NULL,
  PRIMARY KEY (hash, sends)
) STRICT, WITHOUT ROWID;

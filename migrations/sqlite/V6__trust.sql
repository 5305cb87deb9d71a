-- What a laptop believes of a centre, and no longer believes. Written by hand; never edited once
-- released.

-- One row, once the centre gave a lease: its public key as it was first told, and the lease that counts.
-- `issued`: by the centre's clock, in microseconds since 1970 UTC; `epoch`: the history it was given in.
CREATE TABLE centre_key (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  public_key BLOB NOT NULL CHECK (length(public_key) = 32),
  epoch BLOB NOT NULL CHECK (length(epoch) = 16),
  issued INTEGER NOT NULL,
  days INTEGER NOT NULL CHECK (days BETWEEN 1 AND 30)
) STRICT;

-- Public keys of laptops that this vault was before it went on as one of its own: entries up to
-- `through` are checked with them.
CREATE TABLE former_key (
  through INTEGER NOT NULL PRIMARY KEY,
  public_key BLOB NOT NULL CHECK (length(public_key) = 32)
) STRICT;

-- Entries that the centre said it had taken and did not give back: how often they were sent again for
-- that, and when last.
CREATE TABLE doubted (
  dseq INTEGER NOT NULL PRIMARY KEY,
  times INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT;

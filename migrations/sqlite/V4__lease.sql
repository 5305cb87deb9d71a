-- How long a laptop that belongs to a realm may work without contact. Written by hand; never edited
-- once released.

-- One row, written with the first contact. Times in microseconds since 1970 UTC. `since`: the centre's
-- time at the last contact. `seen`: the latest time that was ever seen after it; it never goes back
-- between two contacts. `wall`: what this laptop's own clock showed then. `hlc`: the last stamp at the
-- contact; later ones say that time has passed. `reprieve`: when the recovery code was used after it.
CREATE TABLE lease (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  since INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  wall INTEGER NOT NULL,
  hlc INTEGER NOT NULL,
  reprieve INTEGER
) STRICT;

-- Persons whose records may be read although the lease is over, and until when.
CREATE TABLE glass (
  person BLOB NOT NULL PRIMARY KEY CHECK (length(person) = 16),
  until INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

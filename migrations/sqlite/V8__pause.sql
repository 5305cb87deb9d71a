-- Whether a person holds synchronizing up. Written by hand; never edited once released.

-- One row while it is held up. `since`: in microseconds since 1970 UTC.
CREATE TABLE pause (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  since INTEGER NOT NULL
) STRICT;

-- The log, with one record for each mutation and unit in place of a line for each row. Written by hand;
-- never edited once released. What was logged is put together: lines are bytes as `engine/log.rs` of the
-- centre describes them, in form 0. place = g * 2^20 + place of the first line in its mutation.
CREATE TABLE centre_news (
  place INTEGER PRIMARY KEY,
  unit BLOB NOT NULL CHECK (length(unit) = 17),
  mutation BLOB NOT NULL CHECK (length(mutation) = 16),
  shift BLOB CHECK (length(shift) = 32),
  lines BLOB NOT NULL
) STRICT;
CREATE INDEX centre_news_unit_idx ON centre_news (unit);
INSERT INTO centre_news (place, unit, mutation, shift, lines)
SELECT min(place), unit, mutation, max(shift),
  unhex('00' || group_concat(printf('%08X%04X%s%08X%s', place & 1048575, entity, hex(id), length(news), hex(news)), '' ORDER BY place))
FROM centre_log GROUP BY place >> 20, unit ORDER BY min(place);
DROP TABLE centre_log;

-- The log, with one record for each mutation and unit in place of a line for each row. What was logged is
-- put together: lines are bytes as `engine/log.rs` of the centre describes them, in form 0. `at` is the
-- place of the first line in its mutation.
CREATE TABLE centre.news (
  realm UUID NOT NULL,
  g BIGINT NOT NULL,
  at INTEGER NOT NULL,
  unit BYTEA NOT NULL CHECK (length(unit) = 17),
  mutation UUID NOT NULL,
  shift BYTEA CHECK (length(shift) = 32),
  lines BYTEA NOT NULL,
  PRIMARY KEY (realm, g, at)
);
ALTER TABLE centre.news ALTER COLUMN lines SET STORAGE EXTERNAL;
CREATE INDEX news_unit_idx ON centre.news (realm, unit, g);
-- The policy lets a transaction see one organization, and this sees all of them.
ALTER TABLE centre.log NO FORCE ROW LEVEL SECURITY;
INSERT INTO centre.news (realm, g, at, unit, mutation, shift, lines)
SELECT realm, g, min(at), unit, (array_agg(mutation))[1], (array_agg(shift) FILTER (WHERE shift IS NOT NULL))[1],
  '\x00'::bytea || string_agg(int4send(at) || int2send(entity::smallint) || uuid_send(id) || int4send(length(news)) || news, ''::bytea ORDER BY at)
FROM centre.log GROUP BY realm, g, unit;
DROP TABLE centre.log;
CALL centre.protect();
REVOKE UPDATE ON centre.news FROM gladstone_app;
GRANT DELETE ON centre.news TO gladstone_app;

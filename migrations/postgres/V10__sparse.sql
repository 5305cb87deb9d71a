-- An index over one column leaves out the rows in which it has no value, as those of a laptop do: most rows have none
-- in most of them, and nobody looks for rows without.
CREATE PROCEDURE centre.thin() LANGUAGE plpgsql AS $$
DECLARE
  part record;
BEGIN
  GRANT CREATE ON SCHEMA public TO gladstone_owner;
  FOR part IN
    SELECT c.oid::regclass AS name, x.oid::regclass AS full, x.relname AS index, a.attname AS of FROM pg_index AS i
    JOIN pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_class AS c ON c.oid = i.indrelid
    JOIN pg_attribute AS r ON r.attrelid = c.oid AND r.attnum = i.indkey[0] AND r.attname = 'realm'
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[1] AND NOT a.attnotnull
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND i.indnatts = 2 AND NOT i.indisunique AND i.indpred IS NULL
  LOOP
    EXECUTE format('DROP INDEX %s', part.full);
    EXECUTE format('CREATE INDEX %I ON %s (realm, %I) WHERE %I IS NOT NULL', part.index, part.name, part.of, part.of);
  END LOOP;
  REVOKE CREATE ON SCHEMA public FROM gladstone_owner;
END $$;

-- What a later step that adds a table calls: owner, policy and index over units, as in V9, and then this.
ALTER PROCEDURE centre.protect() RENAME TO guard;
CREATE PROCEDURE centre.protect() LANGUAGE plpgsql AS $$
BEGIN
  CALL centre.guard();
  CALL centre.thin();
END $$;
REVOKE ALL ON PROCEDURE centre.protect(), centre.thin() FROM PUBLIC;
CALL centre.protect();

-- As in V9, and an index over one column leaves out the rows in which it has no value, as those of a laptop do: most
-- rows have none in most of them, and nobody looks for rows without.
CREATE OR REPLACE PROCEDURE centre.protect() LANGUAGE plpgsql AS $$
DECLARE
  part record;
BEGIN
  GRANT CREATE ON SCHEMA public, centre TO gladstone_owner;
  FOR part IN
    SELECT c.oid::regclass AS name FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'realm' AND NOT a.attisdropped
    WHERE c.relnamespace IN ('public'::regnamespace, 'centre'::regnamespace) AND c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'own_realm')
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO gladstone_owner', part.name);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part.name);
    EXECUTE format('CREATE POLICY own_realm ON %s TO gladstone_app USING (realm = (SELECT centre.context())) WITH CHECK (realm = (SELECT centre.context()))', part.name);
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', part.name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON TABLE %s TO gladstone_app', part.name);
  END LOOP;
  FOR part IN
    SELECT c.oid::regclass AS name, c.relname || '_of_unit_idx' AS index FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'unit_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND x.relname = c.relname || '_of_unit_idx')
  LOOP
    EXECUTE format('CREATE INDEX %I ON %s (realm, unit_id, id)', part.index, part.name);
  END LOOP;
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
  REVOKE CREATE ON SCHEMA public, centre FROM gladstone_owner;
END $$;
CALL centre.protect();

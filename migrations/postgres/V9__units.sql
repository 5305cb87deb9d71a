-- Where the rows of a unit lie: an index on each table of rows, and which tables have any. Before, one more row
-- beside each row said so, which cost half as much again as the row itself.
CREATE TABLE centre.unit_entity (
  realm UUID NOT NULL,
  unit BYTEA NOT NULL CHECK (length(unit) = 17),
  entity INTEGER NOT NULL,
  PRIMARY KEY (realm, unit, entity)
);
-- The policy lets a transaction see one organization, and this sees all of them.
ALTER TABLE centre.unit_row NO FORCE ROW LEVEL SECURITY;
INSERT INTO centre.unit_entity (realm, unit, entity) SELECT DISTINCT realm, unit, entity FROM centre.unit_row;
DROP TABLE centre.unit_row;

-- As in V6, and gives each table of rows that has none its index over units: in the order of pages.
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
  REVOKE CREATE ON SCHEMA public, centre FROM gladstone_owner;
END $$;
CALL centre.protect();
REVOKE UPDATE ON centre.unit_entity FROM gladstone_app;

-- What keeps the service's statements cheap: the check of the context, and statistics for tables that
-- have none yet, and entries in their rows. What a later step that adds a table calls leaves the rights on
-- older ones alone.

-- The realm that a transaction states. The function of V2 was planned anew by every statement, which cost
-- more than most of the statements themselves; the plan of this one is kept by the session. Everything
-- that it uses is named in full, so that no search path of a caller gets between.
CREATE OR REPLACE FUNCTION centre.context() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
  RETURN (
    SELECT CASE
      WHEN pg_catalog.split_part(said.ctx, '.', 3) OPERATOR(pg_catalog.=) pg_catalog.encode(pg_catalog.sha256(key.outer_pad OPERATOR(pg_catalog.||) pg_catalog.sha256(
        key.inner_pad OPERATOR(pg_catalog.||) pg_catalog.convert_to(pg_catalog.split_part(said.ctx, '.', 1) OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) pg_catalog.split_part(said.ctx, '.', 2), 'UTF8'))), 'hex')
      THEN CASE
        WHEN pg_catalog.split_part(said.ctx, '.', 2)::pg_catalog.int8 OPERATOR(pg_catalog.>) extract(epoch FROM pg_catalog.clock_timestamp())
        THEN pg_catalog.split_part(said.ctx, '.', 1)::pg_catalog.uuid
      END
    END
    FROM (SELECT pg_catalog.current_setting('app.ctx', true) AS ctx) AS said CROSS JOIN centre.context_key AS key
  );
END $$;

-- Statistics for tables that have rows and were never looked at. Until then PostgreSQL takes "of this
-- realm" for a few rows and may choose any index that begins with it; autovacuum would come in a minute,
-- and a first import is over by then. The service calls it now and then behind a commit; whoever does
-- learns nothing by it. Plans that were made before are made anew. A small sample is enough for that.
CREATE FUNCTION centre.learn() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET default_statistics_target = 10 AS $$
DECLARE
  part record;
  count integer := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7012027) THEN
    RETURN 0;
  END IF;
  FOR part IN
    SELECT c.oid::regclass AS name FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'realm' AND NOT a.attisdropped
    WHERE c.relnamespace IN ('public'::regnamespace, 'centre'::regnamespace) AND c.relkind = 'r' AND c.reltuples < 0 AND pg_relation_size(c.oid) > 2 * 8192
  LOOP
    EXECUTE format('ANALYZE %s', part.name);
    count := count + 1;
  END LOOP;
  RETURN count;
END $$;
GRANT CREATE ON SCHEMA centre TO gladstone_owner;
ALTER FUNCTION centre.learn() OWNER TO gladstone_owner;
REVOKE CREATE ON SCHEMA centre FROM gladstone_owner;
REVOKE ALL ON FUNCTION centre.learn() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION centre.learn() TO gladstone_app;

-- An entry of two or three kilobytes stays in its row: out of it, each was cut into two more rows with an
-- index of their own.
ALTER TABLE centre.envelope SET (toast_tuple_target = 8160);

-- As in V2, for tables without the policy: what V2 takes from the service afterwards is not given back.
-- Whoever becomes an owner has to be allowed to make what it gets.
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
  REVOKE CREATE ON SCHEMA public, centre FROM gladstone_owner;
END $$;

-- What the centre keeps beside the entities, in a schema of its own, and who may see it.
--
-- Two roles: gladstone_owner owns every table and cannot log in; gladstone_app is the service,
-- neither owner nor beyond row-level security. A transaction of the service states its realm in
-- app.ctx as `realm.expiry.hmac`; without a good one no row is visible and none can be written.
-- The service keeps the secret of the HMAC in its state folder; here only the owner reads it.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gladstone_owner') THEN
    CREATE ROLE gladstone_owner NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gladstone_app') THEN
    CREATE ROLE gladstone_app LOGIN;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'gladstone_owner' AND rolcanlogin) THEN
    RAISE EXCEPTION 'the role gladstone_owner can log in; it must not';
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname IN ('gladstone_owner', 'gladstone_app') AND (rolsuper OR rolbypassrls)) THEN
    RAISE EXCEPTION 'gladstone_owner and gladstone_app must be neither superusers nor beyond row-level security';
  END IF;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    -- Whoever gives a table away has to be a member of its new owner.
    EXECUTE format('GRANT gladstone_owner TO %I', current_user);
  END IF;
END $$;

CREATE SCHEMA centre;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public, centre TO gladstone_owner;
GRANT USAGE ON SCHEMA public, centre TO gladstone_app;

-- The secret of the context, as the two padded keys of HMAC-SHA-256 (RFC 2104): 64 bytes each.
CREATE TABLE centre.context_key (
  single BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (single),
  inner_pad BYTEA NOT NULL CHECK (length(inner_pad) = 64),
  outer_pad BYTEA NOT NULL CHECK (length(outer_pad) = 64)
);

CREATE TABLE centre.realm (
  realm UUID PRIMARY KEY,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  epoch UUID NOT NULL,
  g BIGINT NOT NULL DEFAULT 0 CHECK (g >= 0),
  floor_g BIGINT NOT NULL DEFAULT 0 CHECK (floor_g >= 0),
  held BIGINT NOT NULL DEFAULT 0 CHECK (held >= 0),
  device UUID NOT NULL,
  seed BYTEA NOT NULL,
  founded BIGINT NOT NULL
);

-- Every envelope as it came. Bytes, hash and signature are never changed: the service may update
-- the verdict alone. `no` is the order of receipt; `anew_g` the head when it was decided anew.
CREATE TABLE centre.envelope (
  realm UUID NOT NULL,
  device UUID NOT NULL,
  incarnation UUID NOT NULL,
  dseq BIGINT NOT NULL CHECK (dseq >= 0),
  no BIGINT GENERATED ALWAYS AS IDENTITY,
  bytes BYTEA NOT NULL,
  hash BYTEA NOT NULL CHECK (length(hash) = 32),
  signature BYTEA NOT NULL CHECK (length(signature) = 64),
  received BIGINT NOT NULL,
  mutation UUID,
  hlc BIGINT,
  actor UUID,
  wall BIGINT,
  command BYTEA,
  g BIGINT,
  verdict BYTEA NOT NULL,
  anew_g BIGINT,
  PRIMARY KEY (realm, device, incarnation, dseq)
);
ALTER TABLE centre.envelope ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX envelope_mutation_idx ON centre.envelope (realm, mutation) WHERE mutation IS NOT NULL;
CREATE UNIQUE INDEX envelope_g_idx ON centre.envelope (realm, g) WHERE g IS NOT NULL;
CREATE INDEX envelope_anew_idx ON centre.envelope (realm, device, incarnation, anew_g) WHERE anew_g IS NOT NULL;

CREATE TABLE centre.held (
  realm UUID NOT NULL,
  device UUID NOT NULL,
  incarnation UUID NOT NULL,
  dseq BIGINT NOT NULL,
  mutation UUID NOT NULL,
  missing UUID[] NOT NULL,
  PRIMARY KEY (realm, device, incarnation, dseq),
  FOREIGN KEY (realm, device, incarnation, dseq) REFERENCES centre.envelope
);

CREATE TABLE centre.log (
  realm UUID NOT NULL,
  g BIGINT NOT NULL,
  at INTEGER NOT NULL,
  unit BYTEA NOT NULL CHECK (length(unit) = 17),
  entity INTEGER NOT NULL,
  id UUID NOT NULL,
  mutation UUID NOT NULL,
  news BYTEA NOT NULL,
  PRIMARY KEY (realm, g, at)
);
CREATE INDEX log_unit_idx ON centre.log (realm, unit, g);

-- The rows of each unit in the order of pages.
CREATE TABLE centre.unit_row (
  realm UUID NOT NULL,
  unit BYTEA NOT NULL CHECK (length(unit) = 17),
  entity INTEGER NOT NULL,
  id UUID NOT NULL,
  PRIMARY KEY (realm, unit, entity, id)
);

CREATE TABLE centre.unit_sum (
  realm UUID NOT NULL,
  unit BYTEA NOT NULL CHECK (length(unit) = 17),
  digest BYTEA NOT NULL CHECK (length(digest) = 32),
  rows BIGINT NOT NULL CHECK (rows >= 0),
  PRIMARY KEY (realm, unit)
);

-- Values that a column of PostgreSQL does not give back as they were written, such as 1e16 in
-- JSON or a time in the year 20000; the column then holds what is nearest.
CREATE TABLE centre.exact (
  realm UUID NOT NULL,
  entity INTEGER NOT NULL,
  id UUID NOT NULL,
  kept BYTEA NOT NULL,
  PRIMARY KEY (realm, entity, id)
);

CREATE TABLE centre.journal (
  realm UUID NOT NULL,
  no BIGINT GENERATED ALWAYS AS IDENTITY,
  entity INTEGER NOT NULL,
  id UUID NOT NULL,
  merge_group INTEGER NOT NULL,
  mutation UUID NOT NULL,
  g BIGINT NOT NULL,
  entry BYTEA NOT NULL,
  settled_g BIGINT,
  PRIMARY KEY (realm, no)
);
CREATE UNIQUE INDEX journal_open_idx ON centre.journal (realm, entity, id, merge_group, mutation) WHERE settled_g IS NULL;

CREATE TABLE centre.claim (
  realm UUID NOT NULL,
  entity INTEGER NOT NULL,
  id UUID NOT NULL,
  at INTEGER NOT NULL,
  actor UUID NOT NULL,
  unit BYTEA NOT NULL CHECK (length(unit) = 17),
  valid_from BIGINT,
  valid_to BIGINT,
  read_only BOOLEAN NOT NULL,
  PRIMARY KEY (realm, entity, id, at)
);
CREATE INDEX claim_actor_idx ON centre.claim (realm, actor);

-- An id of a laptop is unique in the whole store: it names its realm.
CREATE TABLE centre.device (
  realm UUID NOT NULL REFERENCES centre.realm,
  id UUID NOT NULL UNIQUE,
  actor UUID NOT NULL,
  label TEXT NOT NULL,
  public_key BYTEA NOT NULL CHECK (length(public_key) = 32),
  incarnation UUID NOT NULL,
  enrolled BIGINT NOT NULL,
  seen BIGINT,
  revoked BIGINT,
  epoch UUID NOT NULL,
  nonce BYTEA NOT NULL CHECK (length(nonce) = 32),
  former_nonce BYTEA NOT NULL CHECK (length(former_nonce) = 32),
  PRIMARY KEY (realm, id)
);

CREATE TABLE centre.life (
  realm UUID NOT NULL,
  device UUID NOT NULL,
  incarnation UUID NOT NULL,
  dseq BIGINT NOT NULL CHECK (dseq >= 0),
  head BYTEA NOT NULL CHECK (length(head) = 32),
  hlc BIGINT NOT NULL,
  public_key BYTEA NOT NULL CHECK (length(public_key) = 32),
  PRIMARY KEY (realm, device, incarnation)
);

-- Unit sets as their 17 bytes each, ascending.
CREATE TABLE centre.device_units (
  realm UUID NOT NULL REFERENCES centre.realm,
  device UUID NOT NULL,
  now BYTEA NOT NULL CHECK (length(now) % 17 = 0),
  before BYTEA NOT NULL CHECK (length(before) % 17 = 0),
  PRIMARY KEY (realm, device)
);

CREATE TABLE centre.invite (
  realm UUID NOT NULL REFERENCES centre.realm,
  hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
  name TEXT NOT NULL,
  email TEXT,
  role TEXT NOT NULL,
  person UUID,
  expires BIGINT NOT NULL,
  used_by UUID,
  PRIMARY KEY (realm, hash)
);

CREATE TABLE centre.session (
  realm UUID NOT NULL REFERENCES centre.realm,
  hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
  device UUID NOT NULL,
  challenge BOOLEAN NOT NULL,
  expires BIGINT NOT NULL,
  PRIMARY KEY (realm, hash)
);
CREATE INDEX session_expires_idx ON centre.session (realm, expires);

-- The realm that the transaction states, none when it states none or the statement is not ours
-- or too old. Looked at once in each query, since policies ask for it in a subquery.
CREATE FUNCTION centre.context() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
BEGIN ATOMIC
  SELECT CASE
    WHEN split_part(said.ctx, '.', 3) = encode(sha256(key.outer_pad || sha256(key.inner_pad || convert_to(split_part(said.ctx, '.', 1) || '.' || split_part(said.ctx, '.', 2), 'UTF8'))), 'hex')
    THEN CASE WHEN split_part(said.ctx, '.', 2)::bigint > extract(epoch FROM clock_timestamp()) THEN split_part(said.ctx, '.', 1)::uuid END
  END
  FROM (SELECT current_setting('app.ctx', true) AS ctx) AS said CROSS JOIN centre.context_key AS key;
END;

-- What the service asks before it knows a realm. Answers hold ids of realms and nothing else.
CREATE FUNCTION centre.realms() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
  SELECT realm FROM centre.realm;
END;
CREATE FUNCTION centre.realm_of_device(sought uuid) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
  SELECT realm FROM centre.device WHERE id = sought;
END;
CREATE FUNCTION centre.realm_of_invite(sought bytea) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
  SELECT realm FROM centre.invite WHERE hash = sought;
END;
CREATE FUNCTION centre.realm_of_session(sought bytea) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
  SELECT realm FROM centre.session WHERE hash = sought;
END;

-- Gives every table that has a realm to the owner and puts the policy on it. Called again by each
-- later step that adds a table. Rows of entities are never deleted, so nobody may.
CREATE PROCEDURE centre.protect() LANGUAGE plpgsql AS $$
DECLARE
  part record;
BEGIN
  FOR part IN
    SELECT c.oid::regclass AS name FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'realm' AND NOT a.attisdropped
    WHERE c.relnamespace IN ('public'::regnamespace, 'centre'::regnamespace) AND c.relkind IN ('r', 'p')
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO gladstone_owner', part.name);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part.name);
    EXECUTE format('DROP POLICY IF EXISTS own_realm ON %s', part.name);
    EXECUTE format('CREATE POLICY own_realm ON %s TO gladstone_app USING (realm = (SELECT centre.context())) WITH CHECK (realm = (SELECT centre.context()))', part.name);
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', part.name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON TABLE %s TO gladstone_app', part.name);
  END LOOP;
END $$;
CALL centre.protect();

REVOKE UPDATE ON centre.envelope FROM gladstone_app;
GRANT UPDATE (g, verdict, anew_g) ON centre.envelope TO gladstone_app;
REVOKE UPDATE ON centre.log, centre.unit_row FROM gladstone_app;
GRANT DELETE ON centre.log, centre.unit_row, centre.exact, centre.held, centre.claim, centre.session TO gladstone_app;

ALTER TABLE centre.context_key OWNER TO gladstone_owner;
ALTER TABLE centre.context_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read_by_owner ON centre.context_key TO gladstone_owner USING (true);
CREATE POLICY read_by_owner ON centre.realm FOR SELECT TO gladstone_owner USING (true);
CREATE POLICY read_by_owner ON centre.device FOR SELECT TO gladstone_owner USING (true);
CREATE POLICY read_by_owner ON centre.invite FOR SELECT TO gladstone_owner USING (true);
CREATE POLICY read_by_owner ON centre.session FOR SELECT TO gladstone_owner USING (true);

ALTER FUNCTION centre.context() OWNER TO gladstone_owner;
ALTER FUNCTION centre.realms() OWNER TO gladstone_owner;
ALTER FUNCTION centre.realm_of_device(uuid) OWNER TO gladstone_owner;
ALTER FUNCTION centre.realm_of_invite(bytea) OWNER TO gladstone_owner;
ALTER FUNCTION centre.realm_of_session(bytea) OWNER TO gladstone_owner;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA centre FROM PUBLIC;
REVOKE ALL ON PROCEDURE centre.protect() FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA centre TO gladstone_app;

REVOKE CREATE ON SCHEMA public, centre FROM gladstone_owner;

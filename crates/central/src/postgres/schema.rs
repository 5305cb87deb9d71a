//! The steps by which a database becomes what this version needs, and whether it is that: of no
//! later version, with policies on every table, and for a role that cannot pass by them.

use std::path::Path;

use refinery::Migration;
use tokio_postgres::Row;

use super::{
    cells::get,
    connect::{Ask, Link, Pool},
    fault::Fault,
    secret::Secret,
};
use crate::error::EngineError;

mod embedded {
    refinery::embed_migrations!("../../migrations/postgres");
}

/// Where it is noted which steps were applied: refinery's own table and form.
const HISTORY: &str = "CREATE TABLE IF NOT EXISTS public.refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))";
/// Only one may migrate at a time; the number stands for nothing else.
const TURN: &str = "SELECT pg_advisory_xact_lock(7012026)";

/// The roles that the steps find or make. They belong to the whole cluster, and another database of it may
/// be given its tables at the same moment.
const ROLES: &str = "DO $$
BEGIN
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gladstone_owner') THEN
      CREATE ROLE gladstone_owner NOLOGIN;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gladstone_app') THEN
      CREATE ROLE gladstone_app LOGIN;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
END $$";

/// Brings a database to the schema of this version, all or nothing, and the secret of the service
/// to both: the state folder gets one if it has none, the database the padded keys of it. Returns
/// the names of the steps that were applied.
///
/// `url`: of a role that may create roles and tables (an administrator's, never the service's).
///
/// # Errors
/// [`EngineError::FromTheFuture`] when the database knows steps that this version does not;
/// [`EngineError::Damaged`] when its steps are not ours; [`EngineError::Refused`] when PostgreSQL is
/// older than 15 or refuses a step; what the disk says.
pub fn migrate(url: &str, state: &Path) -> Result<Vec<String>, EngineError> {
    let secret = Secret::read_or_make(state)?;
    let pool = Pool::new(url, 1)?;
    pool.with(|link| {
        let version: i32 = first(&link.one(Ask::new("SELECT current_setting('server_version_num')::integer"))?)?;
        if version < 150_000 {
            return Err(EngineError::Refused("PostgreSQL is older than 15; use 15 or newer".into()).into());
        }
        link.begin("BEGIN", Vec::new())?;
        match apply(link, &secret) {
            Ok(applied) => link.commit(Vec::new(), None).map(|()| applied),
            Err(fault) => {
                link.roll_back();
                Err(fault)
            }
        }
    })?
    .map_err(|fault: Fault| fault.error)
}

fn apply(link: &mut Link, secret: &Secret) -> Result<Vec<String>, Fault> {
    link.script(&format!("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; {TURN}; {HISTORY}; REVOKE ALL ON public.refinery_schema_history FROM PUBLIC; {ROLES}"))?;
    let steps = steps();
    let found = found(link, &steps)?;
    let mut applied = Vec::new();
    for step in steps.iter().filter(|step| number(step) > found) {
        let sql = step.sql().ok_or_else(|| EngineError::Damaged(format!("step {step} is empty")))?;
        link.script(sql).map_err(|fault| named(fault, step))?;
        let note = "INSERT INTO public.refinery_schema_history (version, name, applied_on, checksum) VALUES ($1, $2, $3, $4)";
        let time = chrono::Utc::now().to_rfc3339();
        link.one(Ask::new(note).with(number(step)).with(step.name().to_owned()).with(time).with(step.checksum().to_string()))?;
        applied.push(step.to_string());
    }
    link.script("GRANT SELECT ON public.refinery_schema_history TO gladstone_app; SET LOCAL ROLE gladstone_owner")?;
    let (inner, outer) = secret.pads();
    let keep = "INSERT INTO centre.context_key (inner_pad, outer_pad) VALUES ($1, $2) ON CONFLICT (single) DO UPDATE SET inner_pad = EXCLUDED.inner_pad, outer_pad = EXCLUDED.outer_pad";
    link.one(Ask::new(keep).with(inner.to_vec()).with(outer.to_vec()))?;
    Ok(applied)
}

/// Whether a service may work on this database.
///
/// # Errors
/// [`EngineError::Refused`], [`EngineError::FromTheFuture`], or what PostgreSQL says.
pub(super) fn inspect(link: &mut Link, secret: &Secret) -> Result<(), EngineError> {
    let refused = |text: &str| EngineError::Refused(text.into());
    let role = "SELECT r.rolsuper OR r.rolbypassrls OR pg_has_role('gladstone_owner', 'MEMBER') OR EXISTS (SELECT FROM pg_class AS c WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p'))
        FROM pg_roles AS r WHERE r.rolname = current_user";
    let there = "SELECT to_regclass('public.refinery_schema_history') IS NOT NULL AND to_regclass('centre.realm') IS NOT NULL";
    if !first::<bool>(&run(link, there)?)? {
        return Err(refused("the database is not prepared; run `gladstone central migrate`"));
    }
    if first::<bool>(&run(link, role)?)? {
        return Err(refused("this role of the database could pass by row-level security; the service works as gladstone_app"));
    }
    let steps = steps();
    let known = steps.iter().map(number).max().unwrap_or_default();
    if found(link, &steps).map_err(|fault| fault.error)? < known {
        return Err(refused("the database is of an older version; run `gladstone central migrate`"));
    }
    let open = "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'realm' AND NOT a.attisdropped
        WHERE c.relnamespace IN ('public'::regnamespace, 'centre'::regnamespace) AND c.relkind IN ('r', 'p')
        AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'own_realm')) LIMIT 1";
    if let Some(row) = run(link, open)?.first() {
        return Err(refused(&format!("table {} is not under row-level security", get::<String>(row, 0)?)));
    }
    let realm = uuid::Uuid::max();
    let stated = Ask::new("SELECT set_config('app.ctx', $1, true)").with(secret.context(realm, super::now()));
    let answers = link.begin("BEGIN READ ONLY", vec![stated, Ask::new("SELECT centre.context()")]);
    let agreed = super::end(link, answers).map_err(|fault| fault.error)?;
    if agreed.get(1).and_then(|rows| rows.first()).map(|row| get::<Option<uuid::Uuid>>(row, 0)).transpose()?.flatten() != Some(realm) {
        return Err(refused("the database was prepared with another secret than the one in the state folder; copy that one here, or run `gladstone central migrate` with this folder"));
    }
    Ok(())
}

fn run(link: &mut Link, sql: &'static str) -> Result<Vec<Row>, EngineError> {
    link.one(Ask::new(sql)).map_err(|fault| fault.error)
}

fn first<T: tokio_postgres::types::FromSqlOwned>(rows: &[Row]) -> Result<T, EngineError> {
    rows.first().map(|row| get(row, 0)).transpose()?.ok_or_else(|| EngineError::Damaged("PostgreSQL gave no answer".into()))
}

fn steps() -> Vec<Migration> {
    let mut steps = embedded::migrations::runner().get_migrations().clone();
    steps.sort();
    steps
}

fn number(step: &Migration) -> i32 {
    step.version()
}

/// Number of the last step that was applied, all of which are ours; 0 for none.
fn found(link: &mut Link, steps: &[Migration]) -> Result<i32, Fault> {
    let rows = link.one(Ask::new("SELECT version, name, checksum FROM public.refinery_schema_history ORDER BY version"))?;
    let mut last = 0;
    for row in &rows {
        let (version, name, checksum): (i32, String, String) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
        let Some(step) = steps.iter().find(|step| number(step) == version) else {
            return Err(EngineError::FromTheFuture(format!("the database knows step {version} ({name})")).into());
        };
        if step.name() != name || step.checksum().to_string() != checksum {
            return Err(EngineError::Damaged(format!("step {version} of its schema is not the one that this version of Gladstone knows")).into());
        }
        last = version;
    }
    Ok(last)
}

fn named(mut fault: Fault, step: &Migration) -> Fault {
    if let EngineError::Refused(text) | EngineError::Failed(text) = &mut fault.error {
        *text = format!("step {step}: {text}");
    }
    fault
}

//! What only the inside shows: that a connection carries nothing over from one use to the next.

use gladstone_testkit::postgres::Cluster;

use super::*;

fn ground() -> (Cluster, tempfile::TempDir, Postgres, NewRealm) {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    migrate(&cluster.address("gladstone", "postgres"), folder.path()).unwrap();
    let engine = Postgres::open(&Settings { connections: 1, ..Settings::new(&cluster.address("gladstone_app", "postgres"), folder.path()) }).unwrap();
    let new = NewRealm { id: Uuid::from_u128(1), name: "One".into(), epoch: Uuid::from_u128(2), founded: Instant(0), device: Uuid::from_u128(3), seed: [4; 32] };
    engine.found(&new).unwrap();
    (cluster, folder, engine, new)
}

#[test]
fn a_pooled_connection_leaks_no_context() {
    let (_cluster, _folder, engine, new) = ground();
    let check = |after: &str| {
        let sql = "SELECT coalesce(current_setting('app.ctx', true), ''), centre.context() IS NULL, (SELECT count(*) FROM centre.realm)";
        let rows = engine.pool.with(|link| link.one(Ask::new(sql))).unwrap().map_err(|fault| fault.error).unwrap();
        let found = (rows[0].get::<_, String>(0), rows[0].get::<_, bool>(1), rows[0].get::<_, i64>(2));
        assert_eq!(found, (String::new(), true, 0), "after {after}: no context, no realm, no row");
    };
    check("founding");
    engine.read(new.id, &mut |shelf| Ok(shelf.head().map(|_| ())?)).unwrap();
    check("reading");
    engine.write(new.id, &mut |shelf| Ok(shelf.set_epoch(Uuid::from_u128(9))?)).unwrap();
    check("writing");
    engine.write(new.id, &mut |_| Err(CentreError::NoRandomness)).unwrap_err();
    check("a transaction that was given up");
    engine.write(new.id, &mut |shelf| Ok(shelf.save(crate::engine::Batch { g: u64::MAX, ..Default::default() })?)).unwrap_err();
    check("a statement that was refused");
    engine.read(Uuid::from_u128(77), &mut |_| Ok(())).unwrap_err();
    check("a realm that is not there");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| engine.write(new.id, &mut |_| panic!("on purpose"))));
    assert!(panicked.is_err(), "the panic goes through");
    check("a panic");
    engine.write(new.id, &mut |_| Ok(())).unwrap();
    check("the lock of that transaction went with it");
}

/// A connection does its work only while somebody uses it: the end of a reading has to be on its way before.
#[test]
fn nothing_stays_open_behind_a_reading() {
    let (cluster, _folder, engine, new) = ground();
    let admin = gladstone_testkit::postgres::Blocking::connect(&cluster.address("gladstone", "postgres")).unwrap();
    for round in 0..20 {
        engine.read(new.id, &mut |shelf| Ok(shelf.head().map(|_| ())?)).unwrap();
        engine.caller(new.id, [1; 32]).unwrap();
        let open = || admin.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'gladstone_app' AND state <> 'idle'").unwrap()[0].get::<_, i64>(0);
        let closed = (0..100).any(|_| open() == 0 || { std::thread::sleep(std::time::Duration::from_millis(20)); false });
        assert!(closed, "round {round}: a transaction is open, and nobody is in it");
    }
}

#[test]
fn statements_of_one_trip_run_in_their_order_and_the_first_fault_is_told() {
    let (_cluster, _folder, engine, _) = ground();
    let run = |asks: &[Ask<'_>]| engine.pool.with(|link| link.run(asks)).unwrap();
    let asks: Vec<Ask<'_>> = (0..300_i64).map(|number| Ask::new(if number % 2 == 0 { "SELECT $1::bigint" } else { "SELECT $1::bigint, 1" }).with(number)).collect();
    let answers = run(&asks).map_err(|fault| fault.error).unwrap();
    let numbers: Vec<i64> = answers.iter().map(|rows| rows[0].get(0)).collect();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>(), "each answer stands where its statement stood");
    let broken = [Ask::new("SELECT 1"), Ask::new("SELECT 1 / $1::integer").with(0_i32), Ask::new("SELECT 'x'::text::integer")];
    let fault = run(&broken).map(|_| ()).unwrap_err();
    assert_eq!(fault.error, EngineError::Refused("division by zero".into()), "the first one");
    assert_eq!(run(&asks[..1]).map_err(|fault| fault.error).unwrap().len(), 1, "the connection is good for more");
}

#[test]
fn nothing_ends_behind_a_statement_that_cannot_be_sent() {
    let (_cluster, _folder, engine, new) = ground();
    let number = || {
        let mut g = None;
        engine.read(new.id, &mut |shelf| { g = Some(shelf.head()?.g); Ok(()) }).unwrap();
        g.unwrap()
    };
    let update = || Ask::new("UPDATE centre.realm SET g = g + 1 WHERE realm = $1").with(new.id);
    let wrong = || Ask::new("SELECT $1::bigint").with("a text");
    for (case, last) in [("the first", vec![wrong(), update()]), ("in the middle", vec![update(), wrong(), update()]), ("the last", vec![update(), wrong()])] {
        let ended = engine.pool.with(|link| {
            link.begin("BEGIN", vec![engine.state(new.id), update()]).map_err(|fault| fault.error).unwrap();
            let ended = link.commit(last, None);
            link.roll_back();
            ended
        });
        assert!(ended.unwrap().is_err(), "{case}: it is told");
        assert_eq!(number(), 0, "{case}: and nothing of the transaction is kept");
    }
    engine.pool.with(|link| {
        link.begin("BEGIN", vec![engine.state(new.id)]).map_err(|fault| fault.error).unwrap();
        link.commit(vec![update(), update()], Some(Ask::new("SELECT 1 / 0"))).map_err(|fault| fault.error).unwrap();
    }).unwrap();
    assert_eq!(number(), 2, "what goes wrong behind the end is nobody's business");
}

#[test]
fn where_the_connection_ended_no_unit_that_was_sent_for_seems_empty() {
    let (cluster, _folder, engine, new) = ground();
    let admin = gladstone_testkit::postgres::Blocking::connect(&cluster.address("gladstone", "postgres")).unwrap();
    let units = [5, 6].map(|number| gladstone_model::Unit { kind: gladstone_model::unit::UnitKind::Person, id: Uuid::from_u128(number) });
    let mut failed = None;
    let ended = engine.read(new.id, &mut |shelf| {
        // So that the connection knows the statements, and sends them at once.
        assert!(shelf.unit_rows(units[0], None, 10, usize::MAX)?.ends, "there is nothing in it");
        admin.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'gladstone_app'").unwrap();
        shelf.soon(&units, usize::MAX);
        failed = Some(units.map(|unit| shelf.unit_rows(unit, None, 10, usize::MAX).is_err()));
        Ok(())
    });
    assert!(ended.is_ok(), "whoever asked was told, and nothing hangs on the end: {ended:?}");
    assert_eq!(failed, Some([true, true]), "it is told of each");
    let mut ends = false;
    engine.read(new.id, &mut |shelf| {
        ends = shelf.unit_rows(units[0], None, 10, usize::MAX)?.ends;
        Ok(())
    }).unwrap();
    assert!(ends, "another connection is made");
}

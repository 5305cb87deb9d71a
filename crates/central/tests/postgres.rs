//! PostgreSQL as the centre's store: how it is set up, who is refused, and that commits are
//! gap-free, witnessed and heard of.

mod suite;

use std::{
    sync::{Arc, Barrier, atomic::{AtomicBool, AtomicU64, Ordering}, mpsc},
    thread,
    time::Duration,
};

use gladstone_central::{
    Centre, CentreError, Engine, EngineError, Machine, Postgres,
    engine::{Batch, Device, Witness},
    file_news::Heard,
    postgres::{Settings, migrate, watch},
};
use gladstone_model::{Instant, Value, catalogue};
use gladstone_protocol::{ApiError, RowState, Stored, wire::PushRequest};
use gladstone_testkit::postgres::Cluster;
use suite::{admin, id, open, postgres, prepared, read, realm, samples, service, state, write};
use uuid::Uuid;

/// Runs a script as the administrator.
fn script(cluster: &Cluster, sql: &str) {
    tokio::runtime::Runtime::new().unwrap().block_on(async { cluster.connect().await.unwrap().batch_execute(sql).await.unwrap() });
}

#[test]
fn a_database_is_prepared_once_and_refused_when_it_is_not_ours() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let state = state(folder.path());
    let opened = |state: &std::path::Path, url: &str| Postgres::open(&Settings::new(url, state)).map(|_| ());
    assert!(matches!(opened(&state, &admin(&cluster)), Err(EngineError::Refused(_))), "no secret yet");
    let steps = migrate(&admin(&cluster), &state).unwrap();
    assert_eq!(steps.first().map(String::as_str), Some("V1__entities"), "{steps:?}");
    assert_eq!(migrate(&admin(&cluster), &state).unwrap(), Vec::<String>::new(), "a second time there is nothing to do");
    assert_eq!(opened(&state, &service(&cluster)), Ok(()), "prepared");

    let check = |what: &str, found: Result<(), EngineError>, words: &str| {
        let error = found.expect_err(what);
        assert!(error.to_string().contains(words), "{what}: {error}");
    };
    check("a superuser", opened(&state, &admin(&cluster)), "pass by row-level security");
    check("an older database", migrate(&service(&cluster), &state).map(|_| ()), "permission denied");
    let other = folder.path().join("other");
    check("another secret", { std::fs::create_dir(&other).unwrap(); std::fs::copy(state.join("secret"), other.join("secret")).unwrap(); let mut bytes = std::fs::read(other.join("secret")).unwrap(); bytes[0] ^= 1; std::fs::write(other.join("secret"), bytes).unwrap(); opened(&other, &service(&cluster)) }, "another secret");
    script(&cluster, "ALTER TABLE public.answers NO FORCE ROW LEVEL SECURITY");
    check("a table that its owner sees through", opened(&state, &service(&cluster)), "answers is not under row-level security");
    script(&cluster, "ALTER TABLE public.answers FORCE ROW LEVEL SECURITY; GRANT gladstone_owner TO gladstone_app");
    check("a service that may become the owner", opened(&state, &service(&cluster)), "pass by row-level security");
    script(&cluster, "REVOKE gladstone_owner FROM gladstone_app; INSERT INTO refinery_schema_history VALUES (99, 'later', '', '1')");
    for found in [opened(&state, &service(&cluster)), migrate(&admin(&cluster), &state).map(|_| ())] {
        assert!(matches!(found, Err(EngineError::FromTheFuture(_))), "from the future: {found:?}");
    }
    script(&cluster, "DELETE FROM refinery_schema_history WHERE version = 99; UPDATE refinery_schema_history SET checksum = '5' WHERE version = 1");
    for found in [opened(&state, &service(&cluster)), migrate(&admin(&cluster), &state).map(|_| ())] {
        assert!(matches!(found, Err(EngineError::Damaged(_))), "steps that are not ours: {found:?}");
    }
}

#[test]
fn databases_of_one_cluster_can_be_prepared_at_the_same_moment() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    let ready = Barrier::new(6);
    thread::scope(|scope| {
        for at in 0..6 {
            let (cluster, ready, folder) = (&cluster, &ready, folder.path());
            scope.spawn(move || {
                script(cluster, &format!("CREATE DATABASE d{at}"));
                ready.wait();
                migrate(&cluster.address("gladstone", &format!("d{at}")), &folder.join(format!("state{at}"))).unwrap();
            });
        }
    });
}

#[test]
fn an_administrator_who_is_no_superuser_can_prepare_a_database() {
    let (cluster, folder) = (Cluster::start().unwrap(), tempfile::tempdir().unwrap());
    script(&cluster, "CREATE ROLE keeper LOGIN CREATEROLE");
    script(&cluster, "CREATE DATABASE practice OWNER keeper");
    let (state, keeper) = (state(folder.path()), cluster.address("keeper", "practice"));
    assert!(migrate(&keeper, &state).unwrap().len() > 2, "all steps");
    assert_eq!(migrate(&keeper, &state).unwrap().len(), 0, "again");
    let engine = Postgres::open(&Settings::new(&cluster.address("gladstone_app", "practice"), &state)).unwrap();
    engine.found(&realm(1)).unwrap();
    assert_eq!(read(&engine, realm(1).id, |shelf| shelf.head().unwrap().seed), realm(1).seed, "it works");
    assert!(matches!(Postgres::open(&Settings::new(&keeper, &state)), Err(EngineError::Refused(_))), "the keeper is no service");
}

#[test]
fn what_the_tables_do_not_take_is_named_and_changes_nothing() {
    let ground = postgres();
    let (engine, realm) = (ground.engine.as_ref(), realm(1));
    engine.found(&realm).unwrap();
    let users = catalogue().get("users").unwrap();
    let with = |name: &str, value: Value| {
        let mut state = samples::bare(users, 1);
        state.row.set(name, value);
        state
    };
    let orphan = samples::bare(catalogue().get("user_profiles").unwrap(), 1);
    let check = |what: &str, state: RowState, words: &str| {
        let other = samples::save(samples::bare(users, 2), None, 1);
        let batch = Batch { g: 1, rows: vec![other, samples::save(state.clone(), None, 1)], ..Batch::default() };
        let failed = engine.write(realm.id, &mut |shelf| Ok(shelf.save(batch.clone())?));
        let Err(CentreError::Engine(EngineError::Refused(text))) = failed else { panic!("{what}: {failed:?}") };
        assert!(text.contains(&state.row.entity.name) && text.contains(words), "{what}: {text}");
        // A broken reference is found by PostgreSQL, which does not tell rows under row-level security.
        assert!(text.contains(&state.row.id().to_string()) || words.ends_with("_fkey"), "{what}: {text}");
        read(engine, realm.id, |shelf| assert_eq!((shelf.head().unwrap().g, shelf.rows(&[samples::key(users, 2)]).unwrap().len()), (0, 0), "{what}: nothing of the group"));
    };
    check("an unknown choice", with("role", "captain".into()), "role is not one of the choices");
    check("too long", with("username", "x".repeat(200).into()), "username is too long");
    check("nothing where something has to be", with("name", Value::Null), "name has no value");
    check("below the least", with("failed_login_attempts", Value::Integer(-1)), "failed_login_attempts is out of range");
    check("another type", with("email", Value::Boolean(true)), "email is not a text");
    check("a reference to nothing", orphan, "user_profiles_user_id_fkey");
    write(engine, realm.id, |shelf| shelf.save(Batch { g: 1, rows: vec![samples::save(samples::bare(users, 2), None, 1)], ..Batch::default() }).unwrap());
    // What is the operator's mistake is nobody's value: no mutation may be set aside for it.
    script(ground.cluster.as_ref().unwrap(), "REVOKE INSERT ON users FROM gladstone_app");
    let failed = engine.write(realm.id, &mut |shelf| Ok(shelf.save(Batch { g: 2, rows: vec![samples::save(samples::bare(users, 3), None, 2)], ..Batch::default() })?));
    assert!(matches!(failed, Err(CentreError::Engine(EngineError::Failed(_)))), "{failed:?}");
}

/// Each of two services writes a hundred commits, by reading the head and adding one.
#[test]
fn two_services_at_once_leave_no_gap_and_use_no_number_twice() {
    let (cluster, folder) = prepared();
    let realm = realm(1);
    open(&cluster, folder.path()).found(&realm).unwrap();
    let count = 100;
    let start = Arc::new(Barrier::new(2));
    thread::scope(|scope| {
        for number in [70, 71] {
            let (engine, start) = (open(&cluster, folder.path()), Arc::clone(&start));
            scope.spawn(move || {
                start.wait();
                for dseq in 1..=count {
                    write(&engine, id(1, 1), |shelf| {
                        let g = shelf.head().unwrap().g + 1;
                        let filed = samples::filed(id(3, number), dseq, Some(g), Stored::Applied { g });
                        shelf.save(Batch { g, filed: vec![filed], ..Batch::default() }).unwrap();
                    });
                }
            });
        }
    });
    let engine = open(&cluster, folder.path());
    let mut numbers: Vec<u64> = read(&engine, realm.id, |shelf| [70, 71].iter().flat_map(|device| shelf.filed(id(3, *device), id(9, *device), 1, count).unwrap()).filter_map(|filed| filed.g).collect());
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=2 * count).collect::<Vec<_>>(), "gap-free");
    assert_eq!(engine.witness(realm.id).unwrap(), Some(Witness { epoch: realm.epoch, g: 2 * count }), "the witness saw the last");
}

#[test]
fn a_reader_between_two_slow_writers_sees_a_prefix() {
    let (cluster, folder) = prepared();
    let (realm, first, second) = (realm(1), open(&cluster, folder.path()), open(&cluster, folder.path()));
    first.found(&realm).unwrap();
    let head = |engine: &Postgres| read(engine, realm.id, |shelf| shelf.head().unwrap().g);
    let bump = |engine: &Postgres, before: &dyn Fn(), after: &dyn Fn()| {
        write(engine, realm.id, |shelf| {
            before();
            let g = shelf.head().unwrap().g + 1;
            shelf.save(Batch { g, ..Batch::default() }).unwrap();
            after();
        });
    };
    let (saved, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let began = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| bump(&first, &|| {}, &|| { saved.wait(); go_on.wait(); }));
        saved.wait();
        scope.spawn(|| bump(&second, &|| began.store(true, Ordering::SeqCst), &|| {}));
        thread::sleep(Duration::from_millis(200));
        assert!(!began.load(Ordering::SeqCst), "the second writer waits until the first is through");
        assert_eq!((head(&first), head(&second)), (0, 0), "nobody sees what is not committed");
        read(&second, realm.id, |shelf| {
            assert_eq!(shelf.head().unwrap().g, 0, "a snapshot");
            if !began.swap(true, Ordering::SeqCst) {
                go_on.wait();
                thread::sleep(Duration::from_millis(300));
            }
            assert_eq!(shelf.rows(&[]).unwrap(), [], "goes on");
        });
    });
    assert_eq!((head(&first), head(&second)), (2, 2), "both are through");
}

/// Two realms want the same two ids of laptops in opposite order: PostgreSQL breaks the deadlock,
/// and the one that it broke is run again.
#[test]
fn a_deadlock_is_run_again() {
    let (cluster, folder) = prepared();
    let engine = open(&cluster, folder.path());
    let runs = AtomicU64::new(0);
    [1, 2].iter().for_each(|number| engine.found(&realm(*number)).unwrap());
    let device = |number: u64| Device { id: id(3, number), actor: id(8, 1), label: "x".into(), public_key: [1; 32], incarnation: id(9, 1), enrolled: Instant(5), seen: None, revoked: None, epoch: Uuid::nil(), nonce: [2; 32], former_nonce: [3; 32], alone: true };
    let start = Barrier::new(2);
    let write = |realm: Uuid, ids: [u64; 2]| {
        let mut first = true;
        engine.write(realm, &mut |shelf| {
            runs.fetch_add(1, Ordering::SeqCst);
            shelf.put_device(&device(ids[0]))?;
            if std::mem::take(&mut first) {
                start.wait();
            }
            Ok(shelf.put_device(&device(ids[1]))?)
        })
    };
    let results = thread::scope(|scope| {
        let handles = [scope.spawn(|| write(id(1, 1), [70, 71])), scope.spawn(|| write(id(1, 2), [71, 70]))];
        handles.map(|handle| handle.join().unwrap())
    });
    let refused = results.iter().filter(|result| matches!(result, Err(CentreError::Engine(EngineError::Refused(_))))).count();
    assert_eq!((results.iter().filter(|result| result.is_ok()).count(), refused), (1, 1), "an id is one realm's alone: {results:?}");
    assert!(runs.load(Ordering::SeqCst) >= 3, "one of them ran twice");
}

#[test]
fn a_connection_that_breaks_costs_one_answer_at_most() {
    let ground = postgres();
    let (engine, cluster) = (ground.engine.as_ref(), ground.cluster.as_ref().unwrap());
    let realm = realm(1);
    engine.found(&realm).unwrap();
    let kill = || script(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gladstone_app'");
    kill();
    read(engine, realm.id, |shelf| assert_eq!(shelf.head().unwrap().g, 0, "an idle connection is made anew"));
    kill();
    assert_eq!(engine.realms().unwrap(), [realm.id], "here too");
    let broken = engine.write(realm.id, &mut |shelf| {
        kill();
        Ok(shelf.save(Batch { g: 1, ..Batch::default() })?)
    });
    assert!(matches!(broken, Err(CentreError::Engine(EngineError::Busy(_)))), "in the middle: {broken:?}");
    write(engine, realm.id, |shelf| {
        assert_eq!(shelf.head().unwrap().g, 0, "nothing of it was kept");
        shelf.save(Batch { g: 1, ..Batch::default() }).unwrap();
    });
}

#[test]
fn services_on_one_database_hear_of_each_others_commits() {
    let (cluster, folder) = prepared();
    let one = open(&cluster, folder.path());
    let realm = realm(1);
    one.found(&realm).unwrap();
    let (tell, told) = mpsc::channel();
    let watch = watch(&Settings::new(&service(&cluster), &state(folder.path())), move |realm, g| _ = tell.send((realm, g))).unwrap();
    let save = |g: u64| write(&one, realm.id, |shelf| shelf.save(Batch { g, ..Batch::default() }).unwrap());
    let hears = |g: u64| {
        for _ in 0..40 {
            save(g);
            save(g + 1);
            if let Ok((realm, heard)) = told.recv_timeout(Duration::from_millis(500))
                && realm == id(1, 1)
                && matches!(heard, Heard::Commit(heard) if heard >= g)
            {
                return true;
            }
        }
        false
    };
    assert!(hears(10), "what another service commits");
    script(&cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gladstone_app'");
    while told.try_recv().is_ok() {}
    assert!(hears(20), "after the connection broke, too");
    drop(watch);
}

#[test]
fn a_database_that_was_put_back_is_not_served_until_it_has_a_new_epoch() {
    let (cluster, folder) = prepared();
    let centre = |database: &str| {
        let engine = Postgres::open(&Settings::new(&cluster.address("gladstone_app", database), &state(folder.path()))).unwrap();
        Centre::open(Box::new(engine), Arc::new(Machine::default())).unwrap()
    };
    let now = centre("postgres");
    let realm = now.found("Harbour Practice").unwrap();
    drop(now);
    let copy = |name: &str| {
        script(&cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gladstone_app'");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&cluster.address("gladstone", "template1"), tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE postgres")).await.unwrap();
        });
    };
    copy("saved");
    let now = centre("postgres");
    let g = now.head(realm).unwrap();
    let engine = open(&cluster, folder.path());
    write(&engine, realm, |shelf| shelf.save(Batch { g: g + 5, ..Batch::default() }).unwrap());
    drop((now, engine));

    let back = centre("saved");
    assert!(back.realms().unwrap()[0].blocked, "older than its witness");
    let caller = gladstone_central::Caller { realm, device: id(3, 1), actor: id(8, 1), revoked: false };
    let request = PushRequest { device: id(3, 1), incarnation: id(9, 1), epoch: Uuid::nil(), nonce: [0; 32], envelopes: Vec::new() };
    assert!(matches!(back.push(&caller, &request), Err(ApiError::Later { .. } | ApiError::Refused { .. })), "nothing is served");
    let epoch = back.new_epoch(realm).unwrap();
    assert!(!back.realms().unwrap()[0].blocked, "served again");
    drop(back);
    let again = centre("saved");
    assert_eq!((again.realms().unwrap()[0].blocked, again.realms().unwrap()[0].epoch), (false, epoch), "and after the next start");
    assert!(matches!(again.backup(realm, std::path::Path::new("nowhere")), Err(CentreError::Engine(EngineError::Refused(_)))), "copies are made by PostgreSQL's own tools");
}

#[test]
fn a_connection_that_ends_between_two_parts_leaves_nothing_of_them() {
    let (cluster, folder) = prepared();
    let engine = open(&cluster, folder.path());
    let (realm, users) = (realm(1), catalogue().get("users").unwrap());
    engine.found(&realm).unwrap();
    let rows = |numbers: std::ops::Range<u64>| numbers.map(|number| samples::save(samples::full(users, number), None, 1)).collect();
    let kept = || read(&engine, realm.id, |shelf| (shelf.head().unwrap().g, shelf.rows(&(0..2_000).map(|number| samples::key(users, number)).collect::<Vec<_>>()).unwrap().len()));
    let end = || script(&cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gladstone_app'");
    for (when, ended_before) in [("before the first", 0), ("between two", 1), ("behind the last", 2)] {
        let result = engine.write(realm.id, &mut |shelf| {
            for part in 0..2_u64 {
                if ended_before == part {
                    end();
                }
                shelf.save_beside(Batch { g: part + 1, rows: rows(part * 500..(part + 1) * 500), ..Batch::default() })?;
            }
            if ended_before == 2 {
                end();
            }
            Ok(shelf.save(Batch { g: 3, rows: rows(1_000..1_001), ..Batch::default() })?)
        });
        assert!(matches!(result, Err(CentreError::Engine(EngineError::Busy(_)))), "{when}: whoever sent it comes again: {result:?}");
        assert_eq!(kept(), (0, 0), "{when}: nothing is kept");
    }
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| engine.write(realm.id, &mut |shelf| {
        shelf.save_beside(Batch { g: 1, rows: rows(0..500), ..Batch::default() })?;
        panic!("on purpose")
    })));
    assert!(panicked.is_err(), "a panic goes through");
    assert_eq!(kept(), (0, 0), "and leaves nothing");
    write(&engine, realm.id, |shelf| {
        (0..4).for_each(|part| shelf.save_beside(Batch { g: part + 1, rows: rows(part * 500..(part + 1) * 500), ..Batch::default() }).unwrap());
        shelf.save(Batch { g: 4, ..Batch::default() }).unwrap();
    });
    assert_eq!(kept(), (4, 2_000), "the next one is as every other");
}

#[test]
fn a_part_that_cannot_be_sent_undoes_the_whole() {
    let ground = postgres();
    let (new, users) = (realm(1), catalogue().get("users").unwrap());
    ground.engine.found(&new).unwrap();
    let whole = |number: u64| samples::save(samples::full(users, number), None, number);
    let short = |number: u64| {
        let mut row = whole(number);
        row.state.row.values.pop();
        row
    };
    // In one of two parts, or in what is written last; alone or behind parts.
    for (parts, last) in [(vec![short(1), whole(2)], whole(3)), (vec![whole(1), short(2)], whole(3)), (vec![whole(1)], short(2)), (vec![], short(1))] {
        let refused = ground.engine.write(new.id, &mut |shelf| {
            for row in &parts {
                shelf.save_beside(Batch { g: 1, rows: vec![row.clone()], ..Batch::default() })?;
            }
            Ok(shelf.save(Batch { g: 3, rows: vec![last.clone()], ..Batch::default() })?)
        });
        assert!(matches!(&refused, Err(CentreError::Engine(EngineError::Refused(text))) if text.contains("too few values")), "what was wrong is told: {refused:?}");
        let kept = read(ground.engine.as_ref(), new.id, |shelf| (shelf.head().unwrap().g, shelf.rows(&[1, 2, 3].map(|number| samples::key(users, number))).unwrap().len()));
        assert_eq!(kept, (0, 0), "nothing of it is kept: {} parts", parts.len());
    }
}

#[test]
fn a_part_that_refers_to_nothing_undoes_the_whole() {
    let ground = postgres();
    let new = realm(1);
    ground.engine.found(&new).unwrap();
    let of = |name: &str, number: u64| samples::save(samples::bare(catalogue().get(name).unwrap(), number), None, number);
    let refused = ground.engine.write(new.id, &mut |shelf| {
        shelf.save_beside(Batch { g: 1, rows: vec![of("users", 1), of("user_profiles", 1)], ..Batch::default() })?;
        shelf.save_beside(Batch { g: 2, rows: vec![of("user_profiles", 2)], ..Batch::default() })?;
        Ok(shelf.save(Batch { g: 3, rows: vec![of("users", 3)], ..Batch::default() })?)
    });
    assert!(matches!(&refused, Err(CentreError::Engine(EngineError::Refused(text))) if text.contains("user_profiles")), "what was wrong first is told: {refused:?}");
    let users = catalogue().get("users").unwrap();
    let found = read(ground.engine.as_ref(), new.id, |shelf| shelf.rows(&[1, 2, 3].map(|number| samples::key(users, number))).unwrap().len());
    assert_eq!(found, 0, "nothing of it is kept");
}

/// A plan that was made while a table was empty would be used for as long as the connection lives.
#[test]
fn a_first_import_is_planned_for_tables_that_grew() {
    let (cluster, folder) = prepared();
    let engine = open(&cluster, folder.path());
    let (realm, users) = (realm(1), catalogue().get("users").unwrap());
    engine.found(&realm).unwrap();
    let looked_at = |table: &str| gladstone_testkit::postgres::Blocking::connect(&admin(&cluster)).unwrap().query(&format!("SELECT reltuples > 0 FROM pg_class WHERE oid = '{table}'::regclass")).unwrap()[0].get::<_, bool>(0);
    let save = |g: u64| {
        let rows = (0..100).map(|at| samples::save(samples::bare(users, g * 100 + at), None, g)).collect();
        let batch = Batch { g, rows, filed: vec![samples::filed(id(3, 70), g, Some(g), Stored::Applied { g })], ..Batch::default() };
        write(&engine, realm.id, |shelf| shelf.save(batch.clone()).unwrap());
    };
    // It is looked at beside the pushes.
    let soon = |f: &dyn Fn() -> bool| (0..200).any(|_| f() || { std::thread::sleep(std::time::Duration::from_millis(50)); false });
    save(1);
    assert!(!looked_at("users"), "a hundred rows are read through in no time");
    (2..=5).for_each(save);
    assert!(soon(&|| looked_at("users")), "the table that grew");
    assert!(!looked_at("answers"), "one without rows has its turn when it has some");
    (6..=51).for_each(save);
    assert!(soon(&|| looked_at("centre.envelope") || looked_at("centre.unit_entity")), "others have their turn later");
}

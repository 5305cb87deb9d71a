//! Replication of workload W between two real laptops through a served centre, over loopback HTTP
//! with and without TLS, on both stores; beside a floor of the same run.

use std::{
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use gladstone_desk::DeskError;
use rusqlite::types::Value;

use crate::{
    floor::{Floor, Raw, read_raw},
    place::{Place, text},
    report::{Line, Report, Samples, Target},
    sync_centre::{Served, Store, processor_of},
    sync_floor::{self, Shipped},
    sync_laptop::{Joined, Laptop},
    sync_wire::Passed,
    workload, workload_rows,
};

/// Changes whose way from A to B is timed, and rounds with nothing to do.
const CHANGES: u32 = 100;
/// Changes whose bytes are counted on the way.
const COUNTED: u32 = 20;
/// Longest wait for one change to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one round came to.
#[derive(Default)]
struct Run {
    write_responses: f64,
    push: f64,
    settle: f64,
    download: f64,
    pushed: u64,
    push_bytes: f64,
    download_bytes: f64,
    latency: Samples,
    latency_floor: Samples,
    change_floor_bytes: f64,
    change_a: Passed,
    change_b: Passed,
    nothing: Samples,
    nothing_bytes: Passed,
    nothing_floor: Samples,
    contact: Samples,
    contact_bytes: Passed,
    push_floor: Shipped,
    download_floor: Shipped,
    file_a: f64,
    file_b: f64,
    file_floor: f64,
    centre: f64,
    memory: (f64, f64),
    processor: (f64, f64),
    processor_here: (f64, f64),
}

/// What is measured.
pub struct Wanted {
    /// Responses of W.
    pub responses: u32,
    /// One store by its name; both for none.
    pub store: Option<String>,
    /// Without TLS only.
    pub plain: bool,
    /// The same change is compared with ten times the rows instead of a tenth.
    pub large: bool,
    /// Rounds, each with new laptops, a new centre and the floors between.
    pub rounds: u32,
}

/// Measures the stores, without and with TLS.
///
/// # Errors
/// What the vaults, the centre or the disk say.
pub fn measure(place: &Place, target: &Path, wanted: &Wanted, report: &mut Report) -> Result<(), String> {
    let program = std::path::absolute(target.join("release/gladstone")).map_err(text)?;
    let responses = wanted.responses;
    for store in Store::ALL.into_iter().filter(|store| wanted.store.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(store.name()))) {
        let other = run(place, &program, store, false, if wanted.large { responses * 10 } else { (responses / 10).max(100) })?;
        for protected in [false, true].into_iter().filter(|protected| !protected || !wanted.plain) {
            let name = format!("{}{}", store.name(), if protected { ", TLS" } else { "" });
            println!("\nreplication, {name}: {responses} responses with 9 answers each, {} rounds", wanted.rounds);
            let rounds = (0..wanted.rounds).map(|_| run(place, &program, store, protected, responses)).collect::<Result<Vec<Run>, String>>()?;
            let latency = lines(&name, &rounds, report);
            if !protected {
                let (what, more, less) = if wanted.large { ("ten times the rows of W; floor: with W", &other.latency, &latency) } else { ("W; floor: with a tenth of its rows", &latency, &other.latency) };
                report.add(Line::new(format!("{name}: the same change with {what}"), "ms", more, Target::Ratio(1.2)).beside(less));
            }
        }
    }
    Ok(())
}

/// The lines of all rounds. Returns how long each change took.
fn lines(name: &str, rounds: &[Run], report: &mut Report) -> Samples {
    let of = |value: fn(&Run) -> f64| rounds.iter().fold(Samples::default(), |mut samples, run| {
        samples.push(value(run));
        samples
    });
    let all = |each: fn(&Run) -> &Samples| rounds.iter().fold(Samples::default(), |mut samples, run| {
        samples.extend(each(run));
        samples
    });
    let mut add = |what: &str, unit: &'static str, value: fn(&Run) -> f64, floor: Option<fn(&Run) -> f64>, target: Target| {
        let values = of(value);
        let line = Line::new(format!("{name}: {what}"), unit, &values, target);
        report.add(match floor {
            Some(floor) => line.in_turns(&values, &of(floor)),
            None => line,
        });
    };
    add("push all", "s", |run| run.push, Some(|run| run.push_floor.seconds), Target::Ratio(2.0));
    add("  mutations a second", "", |run| run.pushed as f64 / run.push, None, Target::None);
    add("  processor of the centre for it", "s", |run| run.processor.0, None, Target::None);
    add("  processor of both ends for it", "s", |run| run.processor.0 + run.processor_here.0, Some(|run| run.push_floor.processor), Target::None);
    add("  on the wire", "MB", |run| run.push_bytes / 1e6, Some(|run| run.push_floor.bytes / 1e6), Target::Ratio(1.3));
    add("A fetches what came of it", "s", |run| run.settle, None, Target::None);
    add("first download", "s", |run| run.download, Some(|run| run.download_floor.seconds), Target::Ratio(1.5));
    add("  processor of the centre for it", "s", |run| run.processor.1, None, Target::None);
    add("  processor of both ends for it", "s", |run| run.processor.1 + run.processor_here.1, Some(|run| run.download_floor.processor), Target::None);
    add("  on the wire", "MB", |run| run.download_bytes / 1e6, Some(|run| run.download_floor.bytes / 1e6), Target::Ratio(1.3));
    add("a change, bytes up", "B", |run| run.change_a.up as f64, Some(|run| run.change_floor_bytes), Target::Median(2_500.0));
    add("  its answer", "B", |run| run.change_a.down as f64, None, Target::None);
    add("a change, bytes down", "B", |run| run.change_b.down as f64, Some(|run| run.change_floor_bytes), Target::Median(2_500.0));
    add("  asking for it", "B", |run| run.change_b.up as f64, None, Target::None);
    add("no-op round, bytes both ways", "B", |run| (run.nothing_bytes.up + run.nothing_bytes.down) as f64, None, Target::Median(600.0));
    add("a contact, bytes both ways", "B", |run| (run.contact_bytes.up + run.contact_bytes.down) as f64, None, Target::None);
    add("file of laptop A", "MB", |run| run.file_a, Some(|run| run.file_floor), Target::Ratio(1.6));
    add("file of laptop B", "MB", |run| run.file_b, Some(|run| run.file_floor), Target::Ratio(1.6));
    add("store of the centre", "MB", |run| run.centre, Some(|run| run.file_floor), Target::None);
    add("peak memory of the centre", "MB", |run| run.memory.1, None, Target::None);
    let (nothing, contact, latency) = (all(|run| &run.nothing), all(|run| &run.contact), all(|run| &run.latency));
    report.add(Line::new(format!("{name}: no-op round"), "ms", &nothing, Target::Median(3.0)).with_p99(&nothing).beside(&all(|run| &run.nothing_floor)));
    report.add(Line::new(format!("{name}: a contact, once in a quarter of an hour"), "ms", &contact, Target::None).with_p99(&contact));
    let line = Line::new(format!("{name}: one change, A to durable on B"), "ms", &latency, Target::Both(20.0, 3.0)).with_p99(&latency);
    report.add(line.in_turns(&of(|run| run.latency.median()), &of(|run| run.latency_floor.median())));
    println!("  p95 of it {:.1} ms; memory of the centre at the start {:.0} MB; W written in {:.1} s", latency.quantile(0.95), of(|run| run.memory.0).median(), of(|run| run.write_responses).median());
    latency
}

fn run(place: &Place, program: &Path, store: Store, protected: bool, responses: u32) -> Result<Run, String> {
    let folder = place.fresh("sync")?;
    let mut run = Run::default();
    let start = Instant::now();
    let a = Laptop::with_work(&folder.join("a"), responses)?;
    run.write_responses = start.elapsed().as_secs_f64();
    let b = Laptop::new(&folder.join("b"))?;
    let served = Served::start(program, folder.join("centre"), store, protected)?;
    run.memory.0 = served.memory().0;
    moves(&mut run, &folder, &a, &b, &served, responses)?;
    run.memory.1 = served.memory().1;
    run.centre = served.megabytes()?;
    drop(served);
    a.vault().checkpoint().map_err(text)?;
    b.vault().checkpoint().map_err(text)?;
    (run.file_a, run.file_b) = (workload::megabytes(&a.path()), workload::megabytes(&b.path()));
    println!("  of the file of A: {}", weight(&a)?);
    a.close()?;
    b.close()?;
    std::fs::remove_dir_all(&folder).map_err(text)?;
    Ok(run)
}

/// What the chain weighs, and what is free, in a laptop's file.
fn weight(laptop: &Laptop) -> Result<String, String> {
    let connection = laptop.peek()?;
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|bytes| bytes as f64 / 1e6).map_err(text);
    let chain = one("SELECT coalesce(sum(length(bytes)), 0) FROM chain")?;
    let about = one("SELECT coalesce(sum(length(hash) + length(signature) + coalesce(length(verdict), 0)), 0) FROM chain")?;
    let free = one("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")?;
    let pending = one("SELECT (SELECT count(*) FROM pending) * 1000000 + (SELECT count(*) FROM overlay) * 1000000")? ;
    Ok(format!("{chain:.1} MB entries, {about:.1} MB hashes, signatures and verdicts, {free:.1} MB free pages, {pending:.0} rows on their way"))
}

/// Everything that goes through the centre.
fn moves(run: &mut Run, folder: &Path, a: &Laptop, b: &Laptop, served: &Served, responses: u32) -> Result<(), String> {
    let joined_a = a.join(served, Some("Amara Bench"))?;
    joined_a.passed();
    let (start, before, here) = (Instant::now(), served.processor(), processor_of("self"));
    run.pushed = joined_a.push()?;
    run.push = start.elapsed().as_secs_f64();
    (run.processor.0, run.processor_here.0) = (served.processor() - before, processor_of("self") - here);
    run.push_bytes = joined_a.passed().up as f64;
    let start = Instant::now();
    joined_a.pull()?;
    run.settle = start.elapsed().as_secs_f64();
    let between = floors(&folder.join("between"), a, served)?;
    let joined_b = b.join(served, None)?;
    joined_b.passed();
    let (start, before, here) = (Instant::now(), served.processor(), processor_of("self"));
    joined_b.pull()?;
    run.download = start.elapsed().as_secs_f64();
    (run.processor.1, run.processor_here.1) = (served.processor() - before, processor_of("self") - here);
    run.download_bytes = joined_b.passed().down as f64;
    let answers: i64 = b.peek()?.query_row("SELECT count(*) FROM answers", [], |row| row.get(0)).map_err(text)?;
    if answers != i64::from(responses) * 9 {
        return Err(format!("{answers} answers arrived instead of {}", i64::from(responses) * 9));
    }
    let after = floors(&folder.join("after"), a, served)?;
    (run.push_floor, run.download_floor, run.file_floor) = (between.push.and(after.push), between.download.and(after.download), after.file);
    joined_a.pull()?;
    nothing(run, &joined_b)?;
    let counted = changes(a, &joined_a, &joined_b, COUNTED)?;
    (run.change_a, run.change_b) = (counted.a, counted.b);
    run.latency = changes(a, &a.straight(served)?, &b.straight(served)?, CHANGES)?.latency;
    relayed(run, &folder.join("relay"), a, served)
}

/// Rounds that have nothing to do: asking for what is new; and the contact that goes before it
/// once in a quarter of an hour.
fn nothing(run: &mut Run, joined: &Joined<'_>) -> Result<(), String> {
    joined.push()?;
    joined.pull()?;
    joined.passed();
    for _ in 0..CHANGES {
        let start = Instant::now();
        joined.pull()?;
        run.nothing.push_ms(start.elapsed());
    }
    run.nothing_bytes = joined.passed().each(CHANGES);
    for _ in 0..CHANGES {
        let start = Instant::now();
        joined.push()?;
        run.contact.push_ms(start.elapsed());
    }
    run.contact_bytes = joined.passed().each(CHANGES);
    let (up, down) = (run.nothing_bytes.up as usize, run.nothing_bytes.down as usize);
    run.nothing_floor.push(sync_floor::echo(up, down, CHANGES)?.median());
    Ok(())
}

/// What changes came to on their way.
struct Changes {
    latency: Samples,
    a: Passed,
    b: Passed,
}

/// So many responses with their answers, each written at A until it is durable at B, which waits for news.
fn changes(a: &Laptop, joined_a: &Joined<'_>, joined_b: &Joined<'_>, count: u32) -> Result<Changes, String> {
    let instrument = workload_rows::instrument()?;
    let checkpoint = joined_b.pull()?;
    joined_a.pull()?;
    joined_a.passed();
    joined_b.passed();
    let mut changes = Changes { latency: Samples::default(), a: Passed::default(), b: Passed::default() };
    let (arrived, arrivals) = mpsc::channel::<Result<Instant, String>>();
    let (go, may_go) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut checkpoint = checkpoint;
            while may_go.recv().is_ok() {
                let one = || -> Result<u64, String> {
                    while joined_b.wait(checkpoint)? <= checkpoint {}
                    joined_b.pull()
                };
                let result = one().map(|g| {
                    checkpoint = g;
                    Instant::now()
                });
                if arrived.send(result).is_err() {
                    return;
                }
            }
        });
        for number in 0..count {
            let ready = workload_rows::ready(instrument, number, a.persons[number as usize % a.persons.len()]);
            go.send(()).map_err(text)?;
            // So that B waits already, as a laptop does.
            std::thread::sleep(sync_floor::PACE);
            let start = Instant::now();
            a.vault().commit("bench.response", |tx| workload_rows::response(tx, ready)).map_err(|error: DeskError| error.message)?;
            joined_a.push()?;
            let up = joined_a.passed();
            let at = arrivals.recv_timeout(PATIENCE).map_err(text)??;
            changes.latency.push_ms(at - start);
            changes.a = changes.a.and(up);
            changes.b = changes.b.and(joined_b.passed());
            joined_a.pull()?;
            joined_a.passed();
        }
        drop(go);
        Ok::<_, String>(())
    })?;
    Ok(Changes { a: changes.a.each(count), b: changes.b.each(count), ..changes })
}

/// What the same rows came to without anything that Gladstone does.
struct Floors {
    push: Shipped,
    download: Shipped,
    file: f64,
}

/// Pushed and downloaded, with files in a new folder.
fn floors(folder: &Path, a: &Laptop, served: &Served) -> Result<Floors, String> {
    std::fs::create_dir_all(folder).map_err(text)?;
    let (from, paths) = (a.peek()?, ["centre.db", "laptop.db"].map(|name| folder.join(name)));
    let to = Some(Floor::new(&paths[1])?);
    let (push, download, laptop) = if let Some(database) = &served.database {
        let (out, into) = sync_floor::copy(database)?;
        let sent = sync_floor::ship(&from, None)?.0;
        let (fetched, laptop) = sync_floor::ship(&from, to)?;
        // The rows are read from PostgreSQL in place of A's file; that takes both times here.
        (Shipped { seconds: sent.seconds + into, ..sent }, Shipped { seconds: fetched.seconds + out, ..fetched }, laptop)
    } else {
        let (sent, centre) = sync_floor::ship(&from, Some(Floor::new(&paths[0])?))?;
        let centre = centre.ok_or("the floor's centre is gone")?;
        let (fetched, laptop) = sync_floor::ship(centre.connection(), to)?;
        (sent, fetched, laptop)
    };
    laptop.map_or(Ok(()), |floor| floor.checkpoint())?;
    let file = workload::megabytes(&paths[1]);
    std::fs::remove_dir_all(folder).map_err(text)?;
    Ok(Floors { push, download, file })
}

/// One response at a time without anything that Gladstone does.
fn relayed(run: &mut Run, folder: &Path, a: &Laptop, served: &Served) -> Result<(), String> {
    let from = a.peek()?;
    let responses = read_raw(&from, "SELECT * FROM responses ORDER BY id LIMIT ?1", &[Value::Integer(i64::from(CHANGES))])?;
    let with_answers = responses.into_iter().map(|response| {
        let answers = read_raw(&from, "SELECT * FROM answers WHERE response_id = ?1", &response[..1])?;
        Ok((response, answers))
    });
    let with_answers: Vec<(Raw, Vec<Raw>)> = with_answers.collect::<Result<_, String>>()?;
    std::fs::create_dir_all(folder).map_err(text)?;
    let keep = match &served.database {
        Some(database) => sync_floor::in_tables(database, served.realm)?,
        None => sync_floor::in_file(&folder.join("c.db"))?,
    };
    (run.latency_floor, run.change_floor_bytes) = sync_floor::relay(folder, &with_answers, keep)?;
    Ok(())
}

impl Shipped {
    /// The middle of two.
    fn and(self, other: Shipped) -> Shipped {
        let middle = |one: f64, other: f64| (one + other) / 2.0;
        Shipped { seconds: middle(self.seconds, other.seconds), bytes: middle(self.bytes, other.bytes), processor: middle(self.processor, other.processor) }
    }
}

impl Passed {
    fn and(self, other: Passed) -> Passed {
        Passed { up: self.up + other.up, down: self.down + other.down }
    }

    fn each(self, times: u32) -> Passed {
        Passed { up: self.up / u64::from(times), down: self.down / u64::from(times) }
    }
}

//! The floor of replication: the same rows, read raw from one SQLCipher file, compressed, sent
//! through loopback TCP and written raw into another one. No merge, no rights, no signature, no
//! HTTP. With PostgreSQL the centre's end is COPY of tables with the same indexes, conditions and
//! references, and for one change a transaction that inserts its rows there.

use std::{
    io::{Read, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::mpsc::{self, Sender},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, types::Value};
use uuid::Uuid;

use crate::{
    floor::{Floor, Raw, Write, insert_sql, read_raw},
    place::text,
    report::Samples,
    sync_centre::{Database, processor_of},
};

/// Rows of one frame and of one transaction: as many as 500 responses have.
const FRAME: usize = 5_000;
/// As messages are compressed.
const LEVEL: i32 = 3;
/// Rest before each change, at the floor as at Gladstone.
pub const PACE: Duration = Duration::from_millis(15);
/// Tables of workload W, the one with references to the other last.
const TABLES: [&str; 2] = ["responses", "answers"];

/// What moving all rows of W came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shipped {
    /// From the first read to the last row durable at the other end.
    pub seconds: f64,
    /// Bytes on the wire.
    pub bytes: f64,
    /// Processor time of both ends, in seconds.
    pub processor: f64,
}

/// A row and its table's place in [`TABLES`].
pub type Placed = (u8, Raw);

/// Moves all rows of W from one file into another one, which is opened with the tables of a vault;
/// without one they are only unpacked there.
///
/// # Errors
/// What the database or the system says.
pub fn ship(from: &Connection, to: Option<Floor>) -> Result<(Shipped, Option<Floor>), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let (start, before) = (Instant::now(), processor_of("self"));
    let receiver = thread::spawn(move || -> Result<Option<Floor>, String> {
        let (mut stream, _) = listener.accept().map_err(text)?;
        while let Some(rows) = receive(&mut stream)? {
            to.as_ref().map_or(Ok(()), |floor| write(floor, &rows))?;
        }
        stream.write_all(&[1]).map_err(text)?;
        Ok(to)
    });
    let mut stream = TcpStream::connect(address).map_err(text)?;
    let mut bytes = 0;
    for (table, name) in TABLES.iter().enumerate() {
        let mut after = Value::Blob(Vec::new());
        loop {
            let sql = format!("SELECT * FROM {name} WHERE id > ?1 ORDER BY id LIMIT {FRAME}");
            let rows = read_raw(from, &sql, &[after])?;
            // The id is the first column of every table.
            let Some(last) = rows.last().and_then(|row| row.first()) else { break };
            after = last.clone();
            let rows: Vec<Placed> = rows.into_iter().map(|row| (table as u8, row)).collect();
            bytes += send(&mut stream, &rows)?;
        }
    }
    stream.shutdown(std::net::Shutdown::Write).map_err(text)?;
    let _ = stream.read(&mut [0]).map_err(text)?;
    let seconds = start.elapsed().as_secs_f64();
    let to = receiver.join().map_err(|_| "the floor's end broke")??;
    Ok((Shipped { seconds, bytes: bytes as f64, processor: processor_of("self") - before }, to))
}

/// Makes empty tables like the centre's, as a new SQLCipher file has them of its own: with their indexes, conditions
/// and references to each other. Returns their names in the order of [`TABLES`].
fn tables(database: &Database) -> Result<[String; 2], String> {
    let [responses, answers] = TABLES.map(|table| format!("floor_{table}"));
    for (table, floor) in TABLES.iter().zip([&responses, &answers]) {
        database.run(&format!("CREATE TABLE {floor} (LIKE {table} INCLUDING ALL)"))?;
    }
    let key: String = database.ask(&format!("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = '{}'::regclass AND confrelid = '{}'::regclass", TABLES[1], TABLES[0]))?;
    let (to, floor) = (format!("REFERENCES {}(", TABLES[0]), format!("REFERENCES {responses}("));
    if !key.contains(&to) {
        return Err(format!("the floor cannot refer as {} does: {key}", TABLES[1]));
    }
    database.run(&format!("ALTER TABLE {answers} ADD {}", key.replace(&to, &floor)))?;
    Ok([responses, answers])
}

/// Seconds for COPY out of the centre's tables, and into tables like them.
///
/// # Errors
/// What PostgreSQL says.
pub fn copy(database: &Database) -> Result<(f64, f64), String> {
    let folder: String = database.ask("SELECT current_setting('data_directory')")?;
    let (mut out, mut into) = (0.0, 0.0);
    let floors = tables(database)?;
    for (table, floor) in TABLES.iter().zip(&floors) {
        let start = Instant::now();
        database.run(&format!("COPY {table} TO '{folder}/floor.bin' (FORMAT binary)"))?;
        out += start.elapsed().as_secs_f64();
        let start = Instant::now();
        database.run(&format!("COPY {floor} FROM '{folder}/floor.bin' (FORMAT binary)"))?;
        into += start.elapsed().as_secs_f64();
        // So that references to it are looked up by its index.
        database.run(&format!("ANALYZE {floor}"))?;
    }
    database.run(&format!("DROP TABLE {}", floors.join(", ")))?;
    Ok((out, into))
}

/// What keeps a response at the centre's end of the floor, durably.
pub type Keep<'a> = Box<dyn FnMut(&[Placed]) -> Result<(), String> + Send + 'a>;

/// Keeps rows in a new file.
///
/// # Errors
/// What the database says.
pub fn in_file(path: &Path) -> Result<Keep<'static>, String> {
    let floor = Floor::new(path)?;
    Ok(Box::new(move |rows| write(&floor, rows)))
}

/// Keeps rows in tables like the centre's, from which they are copied: one transaction, one trip.
///
/// # Errors
/// What PostgreSQL says.
pub fn in_tables<'a>(database: &'a Database, realm: Uuid) -> Result<Keep<'a>, String> {
    let [responses, answers] = tables(database)?;
    Ok(Box::new(move |rows| {
        let response = rows.iter().find(|(table, _)| *table == 0).and_then(|(_, row)| row.first());
        let Some(Value::Blob(id)) = response else { return Err("a change of the floor has no response".into()) };
        let id = Uuid::from_slice(id).map_err(text)?;
        database.run(&format!(
            "BEGIN; INSERT INTO {responses} SELECT * FROM responses WHERE realm = '{realm}' AND id = '{id}'; \
             INSERT INTO {answers} SELECT * FROM answers WHERE realm = '{realm}' AND response_id = '{id}'; COMMIT"
        ))
    }))
}

/// One response at a time through three places: written at A, sent, kept at the centre, sent,
/// written at B. Milliseconds from the beginning to durable at B, and the bytes of one way.
///
/// # Errors
/// What the database or the system says.
pub fn relay(folder: &Path, responses: &[(Raw, Vec<Raw>)], mut keep: Keep<'_>) -> Result<(Samples, f64), String> {
    let (a, b) = (Floor::new(&folder.join("a.db"))?, Floor::new(&folder.join("b.db"))?);
    let (to_c, to_b) = (TcpListener::bind("127.0.0.1:0").map_err(text)?, TcpListener::bind("127.0.0.1:0").map_err(text)?);
    let (address_c, address_b) = (to_c.local_addr().map_err(text)?, to_b.local_addr().map_err(text)?);
    let (arrived, arrivals) = mpsc::channel();
    thread::scope(|scope| {
        let at_centre = scope.spawn(move || -> Result<(), String> {
            let mut onward = TcpStream::connect(address_b).map_err(text)?;
            onward.set_nodelay(true).map_err(text)?;
            let (mut stream, _) = to_c.accept().map_err(text)?;
            while let Some(rows) = receive(&mut stream)? {
                keep(&rows)?;
                send(&mut onward, &rows)?;
            }
            Ok(())
        });
        let at_b = scope.spawn(move || store(&to_b, &b, &arrived));
        let mut stream = TcpStream::connect(address_c).map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        let (mut samples, mut bytes) = (Samples::default(), 0);
        for (response, answers) in responses {
            let rows: Vec<Placed> = std::iter::once((0, response.clone())).chain(answers.iter().map(|answer| (1, answer.clone()))).collect();
            // At the pace at which Gladstone is given its changes: a machine that just rested is slower.
            thread::sleep(PACE);
            let start = Instant::now();
            write(&a, &rows)?;
            bytes += send(&mut stream, &rows)?;
            let at: Instant = arrivals.recv().map_err(|_| "the floor's end broke")?;
            samples.push_ms(at - start);
        }
        drop(stream);
        at_centre.join().map_err(|_| "the floor's centre broke")??;
        at_b.join().map_err(|_| "the floor's end broke")??;
        Ok((samples, bytes as f64 / responses.len().max(1) as f64))
    })
}

fn store(listener: &TcpListener, floor: &Floor, arrived: &Sender<Instant>) -> Result<(), String> {
    let (mut stream, _) = listener.accept().map_err(text)?;
    while let Some(rows) = receive(&mut stream)? {
        write(floor, &rows)?;
        arrived.send(Instant::now()).map_err(text)?;
    }
    Ok(())
}

/// Milliseconds for bytes there and back through loopback TCP, so many times.
///
/// # Errors
/// What the system says.
pub fn echo(up: usize, down: usize, times: u32) -> Result<Samples, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let other = thread::spawn(move || -> Result<(), String> {
        let (mut stream, _) = listener.accept().map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        let (mut asked, answer) = (vec![0; up.max(1)], vec![1; down.max(1)]);
        for _ in 0..times {
            stream.read_exact(&mut asked).map_err(text)?;
            stream.write_all(&answer).map_err(text)?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(address).map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    let (question, mut answer) = (vec![1; up.max(1)], vec![0; down.max(1)]);
    let mut samples = Samples::default();
    for _ in 0..times {
        let start = Instant::now();
        stream.write_all(&question).map_err(text)?;
        stream.read_exact(&mut answer).map_err(text)?;
        samples.push_ms(start.elapsed());
    }
    other.join().map_err(|_| "the echo broke")??;
    Ok(samples)
}

fn write(floor: &Floor, rows: &[Placed]) -> Result<(), String> {
    let columns = |table: u8| rows.iter().find(|(other, _)| *other == table).map_or(0, |(_, row)| row.len());
    let sql: Vec<String> = TABLES.iter().enumerate().map(|(table, name)| insert_sql(name, columns(table as u8))).collect();
    floor.write(rows.iter().map(|(table, row)| Write { sql: &sql[usize::from(*table)], row }))
}

fn send(stream: &mut TcpStream, rows: &[Placed]) -> Result<usize, String> {
    let mut plain = Vec::new();
    for (table, row) in rows {
        plain.push(*table);
        number(&mut plain, row.len() as u64);
        row.iter().for_each(|value| put(&mut plain, value));
    }
    let packed = zstd::bulk::compress(&plain, LEVEL).map_err(text)?;
    let mut frame = Vec::with_capacity(packed.len() + 8);
    frame.extend((packed.len() as u32).to_le_bytes());
    frame.extend((plain.len() as u32).to_le_bytes());
    frame.extend(packed);
    stream.write_all(&frame).map_err(text)?;
    Ok(frame.len())
}

fn receive(stream: &mut TcpStream) -> Result<Option<Vec<Placed>>, String> {
    let mut head = [0; 8];
    if stream.read_exact(&mut head).is_err() {
        return Ok(None);
    }
    let size = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
    let mut packed = vec![0; size(0)];
    stream.read_exact(&mut packed).map_err(text)?;
    let plain = zstd::bulk::decompress(&packed, size(4)).map_err(text)?;
    let (mut rest, mut rows) = (plain.as_slice(), Vec::new());
    while let Some((table, after)) = rest.split_first() {
        rest = after;
        let columns = take(&mut rest)?;
        rows.push((*table, (0..columns).map(|_| get(&mut rest)).collect::<Result<Raw, String>>()?));
    }
    Ok(Some(rows))
}

fn number(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

fn take(from: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first().ok_or("a frame ends early")?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number without end".into())
}

fn put(into: &mut Vec<u8>, value: &Value) {
    let (tag, bytes): (u8, &[u8]) = match value {
        Value::Null => return into.push(0),
        Value::Integer(integer) => {
            into.push(1);
            return number(into, ((integer << 1) ^ (integer >> 63)) as u64);
        }
        Value::Real(real) => {
            into.push(2);
            return into.extend(real.to_le_bytes());
        }
        Value::Text(text) => (3, text.as_bytes()),
        Value::Blob(blob) => (4, blob),
    };
    into.push(tag);
    number(into, bytes.len() as u64);
    into.extend(bytes);
}

fn get(from: &mut &[u8]) -> Result<Value, String> {
    let (tag, rest) = from.split_first().ok_or("a frame ends early")?;
    *from = rest;
    Ok(match tag {
        0 => Value::Null,
        1 => {
            let packed = take(from)?;
            Value::Integer((packed >> 1) as i64 ^ -((packed & 1) as i64))
        }
        2 => {
            let (bytes, rest) = from.split_first_chunk().ok_or("a frame ends early")?;
            *from = rest;
            Value::Real(f64::from_le_bytes(*bytes))
        }
        _ => {
            let length = take(from)? as usize;
            let (bytes, rest) = from.split_at_checked(length).ok_or("a frame ends early")?;
            *from = rest;
            if *tag == 3 { Value::Text(String::from_utf8(bytes.to_vec()).map_err(text)?) } else { Value::Blob(bytes.to_vec()) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_it_was() {
        let check = |value: Value| {
            let mut bytes = Vec::new();
            put(&mut bytes, &value);
            let mut rest = bytes.as_slice();
            assert_eq!(get(&mut rest).unwrap(), value, "the same value");
            assert!(rest.is_empty(), "{value:?}: nothing is left");
        };
        for value in [Value::Null, Value::Integer(0), Value::Integer(-1), Value::Integer(i64::MIN), Value::Integer(i64::MAX), Value::Real(2.5), Value::Text("a little better".into()), Value::Blob(vec![0; 300])] {
            check(value);
        }
    }
}

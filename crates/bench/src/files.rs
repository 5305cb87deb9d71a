//! Files of 25 MiB: taken in, read, brought to a served centre and fetched from it, beside floors of
//! the same bytes: written and read plainly, and sent through a socket into a file. Everything is
//! durable at the end of a measurement, here and there.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use gladstone_model::Value;
use gladstone_protocol::{enrol::to_hex, limits::FILE_LIMIT};
use gladstone_sync::{HttpCentre, blobs::move_files, join};
use gladstone_testkit::Dice;
use gladstone_vault::{Vault, VaultError};
use uuid::Uuid;

use crate::{
    place::{Place, text},
    report::{Line, Report, Samples, Target},
    sync_centre::{Served, Store},
    sync_laptop::Laptop,
};

/// Files that are measured.
const COUNT: u64 = 7;
/// Twice the floor for what moves much.
const BULK: Target = Target::Ratio(2.0);

/// Measures on the embedded store, without TLS and with it.
///
/// # Errors
/// What vault, centre or disk say.
pub fn measure(place: &Place, target: &Path, report: &mut Report) -> Result<(), String> {
    let program = std::path::absolute(target.join("release/gladstone")).map_err(text)?;
    for protected in [false, true] {
        let folder = place.fresh("files")?;
        let way = if protected { "TLS" } else { "HTTP" };
        let served = Served::start(&program, folder.join("centre"), Store::Embedded, protected)?;
        let (a, b) = (Laptop::new(&folder.join("a"))?, Laptop::new(&folder.join("b"))?);
        let at_a = joined(&a, &served, None)?;
        let at_b = joined(&b, &served, Some(a.vault().state().actor))?;
        let person = a.vault().commit::<_, VaultError>("people.register", |tx| tx.create("users", [("name", "Rosa Example".into()), ("role", "patient".into())])).map_err(text)?.0;
        let [mut taken, mut read, mut sent, mut fetched] = std::array::from_fn(|_| Samples::default());
        let [mut written, mut plain, mut up] = std::array::from_fn(|_| Samples::default());
        for seed in 0..COUNT {
            let mut content = vec![0; FILE_LIMIT as usize];
            Dice::new(seed).fill(&mut content);
            taken.push_ms(timed(|| attach(a.vault(), person, &content))?);
            written.push_ms(timed(|| durable(&folder.join("floor"), &content).map_err(text))?);
            read.push_ms(timed(|| a.vault().copy_file(blake3(&content).as_bytes(), &mut io::sink()).map_err(text).map(|_| ()))?);
            plain.push_ms(timed(|| io::copy(&mut File::open(folder.join("floor")).map_err(text)?, &mut io::sink()).map_err(text).map(|_| ()))?);
            rounds(&a, &at_a)?;
            sent.push_ms(timed(|| moved(a.vault(), &at_a, 1))?);
            rounds(&b, &at_b)?;
            b.vault().ask_for_file(blake3(&content).as_bytes()).map_err(text)?;
            fetched.push_ms(timed(|| moved(b.vault(), &at_b, 1))?);
            up.push_ms(through_a_socket(&folder.join("floor"), &content)?);
        }
        if !protected {
            report.add(Line::new("a file of 25 MiB, taken in", "ms", &taken, BULK).beside(&written));
            report.add(Line::new("a file of 25 MiB, read", "ms", &read, Target::None).beside(&plain));
        }
        report.add(Line::new(format!("a file of 25 MiB, sent, {way}"), "ms", &sent, BULK).beside(&up));
        report.add(Line::new(format!("a file of 25 MiB, fetched, {way}"), "ms", &fetched, BULK).beside(&up));
        a.close()?;
        b.close()?;
        drop(served);
        fs::remove_dir_all(&folder).map_err(text)?;
    }
    Ok(())
}

fn blake3(content: &[u8]) -> blake3::Hash {
    blake3::hash(content)
}

fn timed(f: impl FnOnce() -> Result<(), String>) -> Result<Duration, String> {
    let began = Instant::now();
    f()?;
    Ok(began.elapsed())
}

/// A laptop of somebody new, or another one of somebody who is known.
fn joined(laptop: &Laptop, served: &Served, user: Option<Uuid>) -> Result<HttpCentre, String> {
    join::join(laptop.vault(), &served.link(served.address, "Amara Bench", "admin", user)?, "Measured", user.is_none().then_some("Amara Bench")).map_err(text)?;
    let remote = join::connect(laptop.vault()).map_err(text)?;
    rounds(laptop, &remote)?;
    Ok(remote)
}

fn rounds(laptop: &Laptop, remote: &HttpCentre) -> Result<(), String> {
    gladstone_sync::sync_once(laptop.vault(), remote, &mut |_| {}).map(|_| ()).map_err(text)
}

fn attach(vault: &Vault, person: Uuid, content: &[u8]) -> Result<(), String> {
    let mut incoming = vault.begin_file().map_err(text)?;
    for piece in content.chunks(1024 * 1024) {
        incoming.write(piece).map_err(text)?;
    }
    vault.keep_file::<_, VaultError>(incoming, "files.attach", |tx, kept| {
        let size = i64::try_from(kept.size).unwrap_or(i64::MAX);
        tx.create("attachments", [("person_id", person.into()), ("filename", "a.bin".into()), ("mime_type", "application/octet-stream".into()), ("size_bytes", size.into()), ("blob_hash", Value::text(&to_hex(&kept.hash)))])
    }).map(|_| ()).map_err(text)
}

fn moved(vault: &Vault, remote: &HttpCentre, count: usize) -> Result<(), String> {
    let lend = |f: &mut dyn FnMut(&Vault)| {
        f(vault);
        true
    };
    let moved = move_files(&lend, remote, &|| true, &mut |_| {}).map_err(text)?;
    if moved.sent + moved.fetched == count { Ok(()) } else { Err(format!("{moved:?}; {:?}", vault.files_on_their_way())) }
}

fn durable(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The bytes through a socket of this computer into a file, until the other side says that it is durable.
fn through_a_socket(path: &Path, content: &[u8]) -> Result<Duration, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    std::thread::scope(|scope| {
        let other = scope.spawn(move || -> io::Result<()> {
            let (mut from, _) = listener.accept()?;
            let (mut file, mut buffer) = (File::create(path)?, vec![0; 256 * 1024]);
            loop {
                match from.read(&mut buffer)? {
                    0 => break,
                    count => file.write_all(&buffer[..count])?,
                }
            }
            file.sync_all()?;
            from.write_all(&[1])
        });
        let took = timed(|| {
            let mut to = TcpStream::connect(address).map_err(text)?;
            to.write_all(content).map_err(text)?;
            to.shutdown(std::net::Shutdown::Write).map_err(text)?;
            to.read_exact(&mut [0]).map_err(text)
        });
        other.join().map_err(|_| "the other side stopped".to_owned())?.map_err(text)?;
        took
    })
}

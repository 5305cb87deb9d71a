//! A measured laptop: a real vault, joined to a served centre through a relay that counts.

use std::{path::{Path, PathBuf}, time::{Duration, Instant}};

use gladstone_desk::DeskError;
use gladstone_protocol::ApiError;
use gladstone_sync::{HttpCentre, Remote, Report, engine::Fault, flights, join};
use gladstone_vault::{Unlocked, Vault, custody, database};
use rusqlite::Connection;
use uuid::Uuid;

use crate::{
    place::{PASSPHRASE, root_key, surrounding, text},
    sync_centre::Served,
    sync_wire::{Passed, Wire},
    workload::{self, PERSONS, SLICE},
    workload_rows,
};

/// Entries in one push at most, as the engine asks for when all goes well.
const AT_MOST: usize = 500;

/// An open vault.
pub struct Laptop {
    unlocked: Unlocked,
    /// Persons of the workload; none at a laptop that only downloads.
    pub persons: Vec<Uuid>,
}

/// A laptop that joined.
pub struct Joined<'a> {
    /// The laptop.
    pub laptop: &'a Laptop,
    /// What counts its bytes; none for one that goes straight to the centre.
    wire: Option<Wire>,
    /// Its way to the centre.
    pub remote: HttpCentre,
}

impl Laptop {
    /// A new vault with nothing in it.
    ///
    /// # Errors
    /// What the vault says.
    pub fn new(folder: &Path) -> Result<Laptop, String> {
        let (unlocked, _) = custody::create(folder, "Bench", PASSPHRASE, Uuid::from_u128(7), &surrounding()).map_err(text)?;
        Ok(Laptop { unlocked, persons: Vec::new() })
    }

    /// A new vault that worked alone: persons, and so many responses with 9 answers each.
    ///
    /// # Errors
    /// What the vault says.
    pub fn with_work(folder: &Path, responses: u32) -> Result<Laptop, String> {
        let mut laptop = Laptop::new(folder)?;
        laptop.persons = workload::prepare(&laptop.unlocked)?;
        let instrument = workload_rows::instrument()?;
        for from in (0..responses).step_by(SLICE as usize) {
            laptop.vault().batch(|batch| {
                for number in from..(from + SLICE).min(responses) {
                    let ready = workload_rows::ready(instrument, number, laptop.persons[(number % PERSONS) as usize]);
                    batch.commit("bench.response", |tx| workload_rows::response(tx, ready))?;
                }
                Ok::<_, DeskError>(())
            }).map_err(|error| error.message)?;
        }
        Ok(laptop)
    }

    /// Its vault.
    pub fn vault(&self) -> &Vault {
        &self.unlocked.vault
    }

    /// Its file.
    pub fn path(&self) -> PathBuf {
        self.unlocked.folder.database()
    }

    /// Another connection to its file, to read from.
    ///
    /// # Errors
    /// What the database says.
    pub fn peek(&self) -> Result<Connection, String> {
        database::open_reader(&self.path(), &root_key(&self.unlocked.folder)?.database()).map_err(text)
    }

    /// Joins through a relay of its own, and signs in. `person`: the name of whoever worked here alone.
    ///
    /// # Errors
    /// What the centre says.
    pub fn join(&self, served: &Served, person: Option<&str>) -> Result<Joined<'_>, String> {
        let wire = Wire::to(served.address)?;
        let link = served.link(wire.listens, person.unwrap_or("Somebody Else"), "admin", None)?;
        join::join(self.vault(), &link, "Measured", person).map_err(text)?;
        let remote = join::connect(self.vault()).map_err(text)?;
        remote.sign_in(self.vault().state().device, &|message| Some(self.vault().sign(message))).map_err(text)?;
        Ok(Joined { laptop: self, wire: Some(wire), remote })
    }

    /// As it joined, but straight to the centre: what counts bytes takes time too.
    ///
    /// # Errors
    /// What the centre says.
    pub fn straight(&self, served: &Served) -> Result<Joined<'_>, String> {
        let remote = served.straight()?;
        remote.sign_in(self.vault().state().device, &|message| Some(self.vault().sign(message))).map_err(text)?;
        Ok(Joined { laptop: self, wire: None, remote })
    }

    /// Closes the vault.
    ///
    /// # Errors
    /// What the vault says.
    pub fn close(self) -> Result<(), String> {
        self.unlocked.lock().map_err(text)
    }
}

impl Joined<'_> {
    /// Bytes that passed since the last call, where they are counted.
    pub fn passed(&self) -> Passed {
        self.wire.as_ref().map(Wire::passed).unwrap_or_default()
    }

    /// Sends until nothing waits; how much was judged.
    ///
    /// # Errors
    /// What the centre says; an entry that does not stand.
    pub fn push(&self) -> Result<u64, String> {
        let lend = |f: &mut dyn FnMut(&Vault)| {
            f(self.laptop.vault());
            true
        };
        let mut report = Report::default();
        while asked(|| flights::push(&lend, &self.remote, AT_MOST, &mut report))?.more {}
        // The user of a vault that worked alone is known to the centre already and is merged.
        if report.applied + report.merged != report.sent {
            return Err(format!("not all that was sent stands: {report:?}"));
        }
        Ok(report.sent)
    }

    /// Waits for news behind a commit number, as a laptop at rest does; the centre's commit number then.
    ///
    /// # Errors
    /// What the vault or the centre says.
    pub fn wait(&self, beyond: u64) -> Result<u64, String> {
        let then = self.laptop.vault().pull_request().map_err(text)?;
        Ok(self.remote.listen(beyond, Some(then)).map_err(text)?.g)
    }

    /// Fetches until nothing more comes; the commit number up to which everything is held.
    ///
    /// # Errors
    /// What the centre says; a unit that does not add up.
    pub fn pull(&self) -> Result<u64, String> {
        let lend = |f: &mut dyn FnMut(&Vault)| {
            f(self.laptop.vault());
            true
        };
        let mut report = Report::default();
        loop {
            let (pulled, checkpoint) = asked(|| flights::pull(&lend, &self.remote, &mut report))?;
            if report.mismatches > 0 {
                return Err(format!("{} units do not add up", report.mismatches));
            }
            if !pulled.more {
                return Ok(checkpoint);
            }
        }
    }
}

/// Asks again when the centre asks to wait, for half a minute.
fn asked<T>(mut flight: impl FnMut() -> Result<T, Fault>) -> Result<T, String> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match flight() {
            Err(Fault::Api(ApiError::Later { after_ms })) if Instant::now() < end => std::thread::sleep(Duration::from_millis(after_ms)),
            result => return result.map_err(text),
        }
    }
}

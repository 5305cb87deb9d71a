//! Files on their way: what the vault's queue names goes to the centre or comes from it, part by part,
//! from whatever byte it has come to. The vault is borrowed for a moment at a time; how a part
//! travels is in `http/files.rs`.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    sync::mpsc::{self, SyncSender},
    thread,
    time::{Duration, Instant as Clock},
};

use gladstone_protocol::{
    ApiError,
    content::{ContentHash, FileState, NOT_FOUND, OVER_QUOTA, WRONG_CONTENT},
    limits::FILE_PART,
};
use gladstone_vault::{Vault, VaultError, blobs::{FileFault, Transfer}};

use crate::{engine::Fault, flights::{Lend, with}};

/// Bytes of the first part; more when the line is good.
const FIRST_PART: usize = 256 * 1024;
/// A part that takes no longer may be followed by one of twice its size.
const QUICK: Duration = Duration::from_millis(300);
/// After so long it is noted how far a file is; it is always noted when it stops.
const NOTED: Duration = Duration::from_secs(5);
/// Pieces of a file that have come and wait to be made part of it.
const WAITING: usize = 32;
/// Microseconds before a file is tried again of which the centre has nothing, at most.
const NOTHING_THERE: i64 = 60_000_000;
/// Microseconds before one is tried again for which there is no room at the centre.
const NO_ROOM: i64 = 3_600_000_000;

/// The centre, where files are concerned.
pub trait Blobs {
    /// How much of a file has come to the centre from this laptop.
    ///
    /// # Errors
    /// [`ApiError`]; so for all that follow.
    fn file_state(&self, hash: &ContentHash) -> Result<FileState, ApiError>;

    /// Hands over the part that begins at byte `offset` of the sealed file. The answer says how far
    /// the file is then, whether this part was taken or not.
    ///
    /// # Errors
    /// [`ApiError`]; part of it may have been taken all the same.
    fn put_part(&self, hash: &ContentHash, offset: u64, bytes: Vec<u8>) -> Result<FileState, ApiError>;

    /// Hands over a part as [`Blobs::put_part`] does, and does something else while it travels: `meanwhile`
    /// is called once.
    ///
    /// # Errors
    /// As for [`Blobs::put_part`].
    fn put_part_while(&self, hash: &ContentHash, offset: u64, bytes: Vec<u8>, meanwhile: &mut dyn FnMut()) -> Result<FileState, ApiError> {
        meanwhile();
        self.put_part(hash, offset, bytes)
    }

    /// Fetches at most `length` bytes of the sealed file from byte `offset` on and gives them to `sink`
    /// as they come; when that returns false, the rest is given up.
    ///
    /// # Errors
    /// [`ApiError`]; what `sink` was given until then is good.
    fn get_part(&self, hash: &ContentHash, offset: u64, length: usize, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ApiError>;
}

/// A file that is moving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The file.
    pub hash: ContentHash,
    /// Whether it goes to the centre.
    pub sends: bool,
    /// Bytes that have arrived.
    pub done: u64,
    /// Bytes of the whole, sealed.
    pub sealed: u64,
}

/// What came of moving files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Files that the centre has now.
    pub sent: usize,
    /// Files that are here now.
    pub fetched: usize,
    /// Whether the queue or the files look different now.
    pub changed: bool,
    /// How long nothing is due; none when nothing waits.
    pub rest: Option<Duration>,
}

/// How one file ended for now.
enum End {
    Arrived,
    /// Somebody else's turn, or the person stopped it.
    Paused,
    /// Not now; the next one may go.
    Failed,
    /// The way to the centre is not good for any file.
    NoWay,
}

/// Why a step did not succeed.
enum Trouble {
    Centre(ApiError),
    File(FileFault),
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Trouble {
        Trouble::Centre(error)
    }
}

impl From<FileFault> for Trouble {
    fn from(fault: FileFault) -> Trouble {
        Trouble::File(fault)
    }
}

/// Moves one file after the other until none is due, the line breaks, or `go_on` says no; asked
/// between parts. `tell` hears how far a file is, and none when nothing moves any more.
///
/// # Errors
/// [`Fault::Local`]: the vault is locked or fails. What is wrong with a file is noted in the queue.
pub fn move_files(lend: &Lend<'_>, centre: &dyn Blobs, go_on: &dyn Fn() -> bool, tell: &mut dyn FnMut(Option<Moving>)) -> Result<Moved, Fault> {
    let mut moved = Moved { changed: with(lend, Vault::plan_files)?, ..Moved::default() };
    while go_on()
        && let Some(transfer) = with(lend, Vault::next_file)?
    {
        let mut journey = Journey { lend, centre, go_on, tell: &mut *tell, transfer: &transfer, noted: transfer.done, told: Clock::now(), done: transfer.done };
        let end = journey.run();
        tell(None);
        moved.changed = true;
        match end? {
            End::Arrived if transfer.sends => moved.sent += 1,
            End::Arrived => moved.fetched += 1,
            End::Failed => {}
            End::Paused | End::NoWay => break,
        }
    }
    let (due, now) = with(lend, |vault| Ok((vault.files_due()?, vault.around().now())))?;
    moved.rest = due.map(|due| Duration::from_micros((due.0 - now.0).max(0).unsigned_abs()));
    Ok(moved)
}

/// One file on its way.
struct Journey<'a> {
    lend: &'a Lend<'a>,
    centre: &'a dyn Blobs,
    go_on: &'a dyn Fn() -> bool,
    tell: &'a mut dyn FnMut(Option<Moving>),
    transfer: &'a Transfer,
    /// How far it was for good when that was last noted.
    noted: u64,
    /// When that was.
    told: Clock,
    /// How far it is for good.
    done: u64,
}

impl Journey<'_> {
    fn run(&mut self) -> Result<End, Fault> {
        let result = if self.transfer.sends { self.send() } else { self.fetch() };
        match result {
            Ok(end) => {
                if matches!(end, End::Paused) {
                    self.note()?;
                }
                Ok(end)
            }
            Err(Trouble::File(FileFault::Vault(error))) => Err(Fault::Local(error.to_string())),
            Err(trouble) => {
                self.note()?;
                self.failed(trouble)
            }
        }
    }

    fn send(&mut self) -> Result<End, Trouble> {
        let (transfer, mut length, mut ahead) = (self.transfer, FIRST_PART, None);
        let mut state = self.centre.file_state(&transfer.hash)?;
        while !state.complete {
            // What would go with the power is not noted as done.
            self.came_to(state.received, state.kept.unwrap_or(state.received))?;
            if !self.goes_on()? {
                // Who stops is told how far it is for good; a centre that is away by now cannot say it better.
                if self.done < state.received
                    && let Ok(state) = self.centre.file_state(&transfer.hash)
                {
                    self.done = state.kept.unwrap_or(state.received);
                }
                return Ok(End::Paused);
            }
            let offset = state.received;
            let mut bytes = match ahead.take() {
                Some((at, bytes)) if at == offset => bytes,
                _ => self.file(|vault| vault.seal_part(transfer, offset, length))?,
            };
            // Made when the line was better.
            bytes.truncate(length);
            let (began, end) = (Clock::now(), offset + bytes.len() as u64);
            // While it travels the next one is made, as if the line were good.
            let mut make = || ahead = (end < transfer.sealed).then(|| Some((end, self.file(|vault| vault.seal_part(transfer, end, next_length(length, Duration::ZERO))).ok()?))).flatten();
            // With nothing left to send, an empty part: the centre may have been killed before it looked at
            // the whole.
            state = self.centre.put_part_while(&transfer.hash, offset, bytes, &mut make)?;
            if !state.complete && state.received == offset {
                return Err(ApiError::Damaged.into());
            }
            length = next_length(length, began.elapsed());
        }
        self.file(|vault| Ok(vault.file_is_at_centre(&transfer.hash)?))?;
        Ok(End::Arrived)
    }

    fn fetch(&mut self) -> Result<End, Trouble> {
        let transfer = self.transfer;
        let (mut part, at) = self.file(|vault| vault.open_part(transfer))?;
        let wrong = || Trouble::from(ApiError::Refused { code: WRONG_CONTENT.into(), text: "What the centre sent is not the file that the record names.".into() });
        if at == transfer.sealed {
            // All of it had come when something ended before it was looked at.
            return if self.file(|vault| vault.take_part(transfer))? { Ok(End::Arrived) } else { Err(wrong()) };
        }
        let mut taking = self.file(|vault| vault.begin_taking(transfer))?.ok_or_else(wrong)?;
        // What comes is written down as it is, and made the file on another thread.
        let (give, given) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (ended, taken) = thread::scope(|scope| {
            let taker = thread::Builder::new().name("gladstone-file".into()).spawn_scoped(scope, || {
                // If one is not taken the others are not either: whoever gives them sees that.
                given.into_iter().try_for_each(|piece| taking.add(&piece))
            });
            let taker = match taker {
                Ok(taker) => taker,
                Err(error) => return (Err(FileFault::from(error).into()), Ok(())),
            };
            let ended = read_back(&mut part, at, &give).map_err(|error| FileFault::from(error).into()).and_then(|()| self.fill(&mut part, at, &give));
            drop(give);
            (ended, taker.join().unwrap_or_else(|_| Err(io::Error::other("a file could not be made").into())))
        });
        match ended {
            Ok(End::Arrived) => {}
            other => {
                // It goes on from here, after a power cut too; a disk that does not keep it comes first.
                part.sync_all().map_err(FileFault::from)?;
                return other;
            }
        }
        drop(part);
        taken?;
        if self.file(|vault| vault.finish_taking(transfer, taking))? { Ok(End::Arrived) } else { Err(wrong()) }
    }

    /// Fetches what lacks of a file of which `at` bytes are here.
    fn fill(&mut self, part: &mut File, mut at: u64, give: &SyncSender<Vec<u8>>) -> Result<End, Trouble> {
        let (transfer, mut length) = (self.transfer, FIRST_PART);
        while at < transfer.sealed {
            self.came_to(at, at)?;
            if !self.goes_on()? {
                return Ok(End::Paused);
            }
            let (before, began, mut broken, mut is_taken) = (at, Clock::now(), None, true);
            let tell = &mut *self.tell;
            let mut sink = |bytes: &[u8]| {
                // A centre that sends more than was asked for is not listened to.
                let room = usize::try_from(transfer.sealed - at).unwrap_or(usize::MAX).min(bytes.len());
                match part.write_all(&bytes[..room]) {
                    Ok(()) => at += room as u64,
                    Err(error) => broken = Some(error),
                }
                tell(Some(Moving { hash: transfer.hash, sends: false, done: at, sealed: transfer.sealed }));
                is_taken = give.send(bytes[..room].to_vec()).is_ok();
                is_taken && broken.is_none() && room == bytes.len()
            };
            let result = self.centre.get_part(&transfer.hash, before, length, &mut sink);
            self.done = at;
            if let Some(error) = broken {
                return Err(FileFault::from(error).into());
            }
            result?;
            if at == before || !is_taken {
                // It ends before it should: another file than the record tells of. Or the other thread says why.
                break;
            }
            length = next_length(length, began.elapsed());
        }
        Ok(End::Arrived)
    }

    fn goes_on(&self) -> Result<bool, Trouble> {
        Ok((self.go_on)() && self.file(|vault| Ok(vault.is_still_wanted(self.transfer)?))?)
    }

    fn came_to(&mut self, done: u64, kept: u64) -> Result<(), Trouble> {
        self.done = kept.min(done);
        (self.tell)(Some(Moving { hash: self.transfer.hash, sends: self.transfer.sends, done, sealed: self.transfer.sealed }));
        if self.told.elapsed() >= NOTED {
            self.note().map_err(|fault| Trouble::File(FileFault::Vault(VaultError::File(fault.to_string()))))?;
        }
        Ok(())
    }

    /// Notes how far it is, when it is not where it was.
    fn note(&mut self) -> Result<(), Fault> {
        if self.done != self.noted {
            let (transfer, done) = (self.transfer, self.done);
            with(self.lend, |vault| vault.file_came_to(transfer, done))?;
            self.noted = done;
        }
        self.told = Clock::now();
        Ok(())
    }

    fn failed(&self, trouble: Trouble) -> Result<End, Fault> {
        let transfer = self.transfer;
        let later = |note: &str, after: Option<i64>| with(self.lend, |vault| vault.file_failed(transfer, note, after));
        let wrong = |note: &str| with(self.lend, |vault| vault.file_was_wrong(transfer, note));
        let error = match trouble {
            Trouble::File(FileFault::NotHere) => return Ok(End::Failed),
            Trouble::File(FileFault::Damaged) => {
                wrong("This file is damaged on this computer.")?;
                return Ok(End::Failed);
            }
            Trouble::File(fault) => {
                later(&fault.to_string(), None)?;
                return Ok(End::Failed);
            }
            Trouble::Centre(error) => error,
        };
        match &error {
            ApiError::Later { after_ms } => {
                later("The centre asked to wait.", Some(i64::try_from(*after_ms).unwrap_or(60_000).min(3_600_000) * 1_000))?;
                return Ok(End::NoWay);
            }
            ApiError::Offline | ApiError::SignedOut | ApiError::Revoked | ApiError::UpgradeRequired => {
                later(&error.to_string(), None)?;
                return Ok(End::NoWay);
            }
            ApiError::Refused { code, text } if code == WRONG_CONTENT => wrong(text)?,
            ApiError::Refused { code, text } if code == OVER_QUOTA => later(text, Some(NO_ROOM))?,
            ApiError::Refused { code, .. } if code == NOT_FOUND => {
                let note = if transfer.sends { "The centre does not know the record of this file yet." } else { "The centre does not have this file yet." };
                let wait = (2_000_000_i64 << transfer.attempts.min(8)).min(NOTHING_THERE);
                later(note, Some(wait))?;
            }
            ApiError::Refused { text, .. } => later(text, None)?,
            ApiError::Damaged | ApiError::TooLarge => later(&error.to_string(), None)?,
        }
        Ok(End::Failed)
    }

    /// Borrows the vault for something about a file.
    fn file<T>(&self, f: impl FnOnce(&Vault) -> Result<T, FileFault>) -> Result<T, FileFault> {
        let mut result = None;
        let mut f = Some(f);
        (self.lend)(&mut |vault| result = f.take().map(|f| f(vault)));
        result.unwrap_or_else(|| Err(FileFault::Vault(VaultError::File("The vault is locked.".into()))))
    }
}

/// Gives on what is here of a file already.
fn read_back(part: &mut File, mut left: u64, give: &SyncSender<Vec<u8>>) -> io::Result<()> {
    part.seek(SeekFrom::Start(0))?;
    while left > 0 {
        let mut piece = vec![0; usize::try_from(left).unwrap_or(FIRST_PART).min(FIRST_PART)];
        part.read_exact(&mut piece)?;
        left -= piece.len() as u64;
        if give.send(piece).is_err() {
            // Whoever does not take it says why.
            return Ok(());
        }
    }
    Ok(())
}

fn next_length(length: usize, took: Duration) -> usize {
    if took <= QUICK { (length * 2).min(FILE_PART) } else { FIRST_PART }
}

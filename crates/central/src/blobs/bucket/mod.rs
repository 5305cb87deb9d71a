//! Files in a bucket of an object store that speaks S3. Several copies of the service may work on one
//! bucket: nothing is remembered here that another copy would have to know.
//!
//! `<folder>/<realm>/<two digits>/<name>` is a whole file, written as one object, so that it is there as a
//! whole or not at all. `<folder>/parts/<realm>/<laptop and name>/<from>-<length>-<random>` is a part as
//! it came: an object of its own, since a part may begin at any byte and be as small as a line left it,
//! which the parts of an S3 upload may not. Whichever copy of the service gets the last one puts them
//! together, looks at the whole and writes it. A part that was overtaken harms nothing; it is swept.

mod address;
mod line;
mod sealed;

use std::{
    collections::{HashMap, HashSet},
    fmt, fs,
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use gladstone_protocol::{content::sealed_size, limits::{FILE_LIMIT, FILE_PART}};
use uuid::Uuid;

use super::{BlobFault, copy, keeping::{Held, Keeping, Name, Part, STALE}};
use line::{Line, Listed};
use sealed::{HEAD, Secret, cut, damaged, file_size, object_size, range, with_head};

pub use address::Place;

/// Tells with which key the files of a realm lie in the bucket; see [`crate::Centre::files_key`].
pub type Keys = Arc<dyn Fn(Uuid) -> io::Result<[u8; 32]> + Send + Sync>;

/// Longest object.
const MOST: usize = (FILE_LIMIT + FILE_LIMIT / 1024 + 1024) as usize;
/// How long the sum of a realm is believed: it takes a request for each thousand files.
const BELIEVED: Duration = Duration::from_secs(3_600);
/// How long an answer whether the bucket is there holds.
const LOOKED: Duration = Duration::from_secs(10);

/// The bucket.
pub(super) struct Bucket {
    line: Line,
    keys: Keys,
    secrets: Mutex<HashMap<Uuid, Secret>>,
    /// When it was last looked whether it can be reached, and what came of it.
    looked: Mutex<Option<Looked>>,
}

/// Whether the bucket could be reached at a moment.
struct Looked {
    when: Instant,
    fault: Option<(io::ErrorKind, String)>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bucket")
    }
}

/// A part as it lies in the bucket.
struct Lying {
    from: u64,
    length: u64,
    object: String,
}

impl Lying {
    /// The byte behind its last one.
    fn end(&self) -> u64 {
        self.from.saturating_add(self.length)
    }
}

/// What has come of a file, in hand.
struct Gathering<'a> {
    bucket: &'a Bucket,
    part: &'a Part,
    secret: Secret,
    lying: Vec<Lying>,
    /// How far those go from the first byte on.
    stored: u64,
    added: Vec<u8>,
    whole: Option<Vec<u8>>,
}

impl Bucket {
    pub fn new(place: &Place, keys: Keys) -> io::Result<Bucket> {
        Ok(Bucket { line: Line::new(place)?, keys, secrets: Mutex::default(), looked: Mutex::default() })
    }

    fn secret(&self, realm: Uuid) -> io::Result<Secret> {
        let known = |secrets: &HashMap<Uuid, Secret>| secrets.get(&realm).cloned();
        if let Some(secret) = known(&self.secrets.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(secret);
        }
        let secret = Secret::of(&(self.keys)(realm)?);
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(realm, secret.clone());
        Ok(secret)
    }

    fn place(&self, realm: Uuid, secret: &Secret, name: &Name) -> String {
        let name = secret.name(name);
        format!("{}{realm}/{}/{name}", self.line.prefix(), &name[..2])
    }

    /// What the names of all parts of a file from a laptop begin with.
    fn parts(&self, part: &Part, secret: &Secret) -> String {
        // One short name for both, so that stores with short names take it.
        let name = secret.name(&[part.device.as_bytes(), part.name.as_slice()].concat());
        format!("{}parts/{}/{}/", self.line.prefix(), part.realm, &name[..32])
    }

    fn lying(&self, prefix: &str) -> io::Result<Vec<Lying>> {
        let mut found = Vec::new();
        self.line.list(prefix, &mut |listed| found.extend(of_list(prefix, &listed)))?;
        Ok(found)
    }

    /// An object as a whole, opened.
    fn opened(&self, secret: &Secret, object: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(mut piece) = self.line.get(object, 0, MOST as u64 - 1)? else { return Ok(None) };
        if piece.bytes.len() as u64 != piece.total {
            return Err(damaged());
        }
        secret.open(object, &mut piece.bytes).map(Some)
    }

    fn put_file(&self, realm: Uuid, secret: &Secret, name: &Name, file: &[u8]) -> io::Result<()> {
        let object = self.place(realm, secret, name);
        self.line.put(&object, secret.seal(&object, &with_head(name, file)))
    }

    fn whole_files(&self, realm: Uuid, each: &mut dyn FnMut(Listed)) -> io::Result<()> {
        self.line.list(&format!("{}{realm}/", self.line.prefix()), each)
    }
}

/// `<from>-<length>-<random>` behind the prefix; anything else is none of ours.
fn of_list(prefix: &str, listed: &Listed) -> Option<Lying> {
    let mut fields = listed.object.strip_prefix(prefix)?.split('-');
    let (from, length) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (sealed_size(length) == listed.size).then(|| Lying { from, length, object: listed.object.clone() })
}

/// Those of the parts that make one piece from the first byte on, and how long that is. Where parts
/// overlap they hold the same bytes, or the whole will not be the file.
fn chain(lying: &[Lying]) -> (Vec<&Lying>, u64) {
    let (mut chosen, mut at) = (Vec::new(), 0);
    while let Some(next) = lying.iter().filter(|part| part.from <= at && part.end() > at).max_by_key(|part| part.end()) {
        at = next.end();
        chosen.push(next);
    }
    (chosen, at)
}

impl Keeping for Bucket {
    fn whole(&self, realm: Uuid, name: &Name) -> io::Result<Option<u64>> {
        let object = self.place(realm, &self.secret(realm)?, name);
        self.line.size(&object)?.map(|size| file_size(size).ok_or_else(damaged)).transpose()
    }

    fn read(&self, realm: Uuid, name: &Name, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        let secret = self.secret(realm)?;
        // Far behind the end of any file, and still a number that every store can read.
        let (object, offset) = (self.place(realm, &secret, name), offset.min(2 * MOST as u64));
        let (from, to, first) = range(offset, (length as u64).min(MOST as u64));
        let Some(mut piece) = self.line.get(&object, from, to)? else { return Ok(None) };
        if piece.bytes.is_empty() {
            return Ok(Some(Vec::new()));
        }
        if (piece.bytes.len() as u64) < (to + 1).min(piece.total).saturating_sub(from) {
            return Err(damaged());
        }
        let plain = secret.open_from(&object, first, piece.total, &mut piece.bytes)?;
        Ok(Some(cut(&plain, first, offset, length).to_vec()))
    }

    fn received(&self, part: &Part) -> io::Result<u64> {
        let secret = self.secret(part.realm)?;
        Ok(chain(&self.lying(&self.parts(part, &secret))?).1)
    }

    fn keep(&self, part: &Part) -> io::Result<u64> {
        // An object that the store has taken is there for good.
        self.received(part)
    }

    fn hold<'a>(&'a self, part: &'a Part) -> Result<Box<dyn Held + 'a>, BlobFault> {
        let secret = self.secret(part.realm)?;
        let lying = self.lying(&self.parts(part, &secret))?;
        let stored = chain(&lying).1;
        Ok(Box::new(Gathering { bucket: self, part, secret, lying, stored, added: Vec::new(), whole: None }))
    }

    fn sum(&self, realm: Uuid) -> io::Result<(u64, Duration)> {
        let (mut sum, prefix) = (0, self.line.prefix());
        for prefix in [format!("{prefix}{realm}/"), format!("{prefix}parts/{realm}/")] {
            self.line.list(&prefix, &mut |listed| sum = listed.size.saturating_add(sum))?;
        }
        Ok((sum, BELIEVED))
    }

    fn called(&self, realm: Uuid, name: &Name) -> io::Result<String> {
        Ok(self.place(realm, &self.secret(realm)?, name))
    }

    fn unnamed(&self, realm: Uuid, names: &HashSet<Name>) -> io::Result<u64> {
        let secret = self.secret(realm)?;
        let (places, mut count): (HashSet<String>, u64) = (names.iter().map(|name| self.place(realm, &secret, name)).collect(), 0);
        self.whole_files(realm, &mut |listed| count += u64::from(!places.contains(&listed.object)))?;
        Ok(count)
    }

    fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        // By file: the first parts of one that is still coming are as good as the last.
        let mut files: HashMap<String, (SystemTime, Vec<String>)> = HashMap::new();
        self.line.list(&format!("{}parts/", self.line.prefix()), &mut |listed| {
            let file = listed.object.rsplit_once('/').map_or(listed.object.as_str(), |(file, _)| file);
            let known = files.entry(file.to_owned()).or_insert_with(|| (listed.modified, Vec::new()));
            known.0 = known.0.max(listed.modified);
            known.1.push(listed.object);
        })?;
        files.retain(|_, (newest, _)| now.duration_since(*newest).is_ok_and(|age| age > STALE));
        for object in files.values().flat_map(|(_, objects)| objects) {
            self.line.remove(object)?;
        }
        Ok(files.len())
    }

    fn copy_to(&self, realm: Uuid, to: &Path) -> io::Result<usize> {
        let (secret, mut objects, mut copied) = (self.secret(realm)?, Vec::new(), 0);
        fs::create_dir_all(to)?;
        self.whole_files(realm, &mut |listed| objects.push((listed.object, listed.size)))?;
        for (object, size) in objects {
            // The first chunk tells which file it is; most of a copy is there since the last time.
            let (from, until, first) = range(0, 1);
            let Some(mut piece) = self.line.get(&object, from, until)? else { continue };
            let head = secret.open_from(&object, first, piece.total, &mut piece.bytes)?;
            let name: Name = head.get(..HEAD).and_then(|head| head.try_into().ok()).ok_or_else(damaged)?;
            let present = fs::metadata(copy::place(to, &name)).map(|known| known.len()).ok();
            if present.is_some() && present == file_size(size) {
                continue;
            }
            let Some(whole) = self.opened(&secret, &object)? else { continue };
            copy::write(to, &name, whole.get(HEAD..).ok_or_else(damaged)?)?;
            copied += 1;
        }
        Ok(copied)
    }

    fn put_back(&self, realm: Uuid, from: &Path) -> io::Result<usize> {
        let (secret, mut put) = (self.secret(realm)?, 0);
        for (name, path) in copy::listed(from)? {
            let length = fs::metadata(&path)?.len();
            if self.line.size(&self.place(realm, &secret, &name))? == Some(object_size(length)) {
                continue;
            }
            self.put_file(realm, &secret, &name, &fs::read(&path)?)?;
            put += 1;
        }
        Ok(put)
    }

    fn piece(&self) -> usize {
        FILE_PART
    }

    fn reachable(&self) -> io::Result<()> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.as_ref().is_none_or(|looked| looked.when.elapsed() >= LOOKED) {
            let fault = self.line.check().err().map(|error| (error.kind(), error.to_string()));
            *looked = Some(Looked { when: Instant::now(), fault });
        }
        match looked.as_ref().and_then(|looked| looked.fault.clone()) {
            Some((kind, text)) => Err(io::Error::new(kind, text)),
            None => Ok(()),
        }
    }
}

impl Held for Gathering<'_> {
    fn received(&self) -> u64 {
        self.stored
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.added.extend_from_slice(bytes);
        Ok(())
    }

    fn content(&mut self) -> io::Result<Box<dyn Read + '_>> {
        let mut whole = Vec::with_capacity(usize::try_from(self.stored).unwrap_or(0).min(MOST) + self.added.len());
        for part in chain(&self.lying).0 {
            let bytes = match self.bucket.opened(&self.secret, &part.object) {
                Ok(Some(bytes)) => bytes,
                // Another copy of the service has put the file together meanwhile: it is asked again.
                Ok(None) => return Err(io::Error::new(io::ErrorKind::ResourceBusy, "a part of the file is gone")),
                // Bytes that are none: the whole will not be the file, and it begins anew.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => vec![0; usize::try_from(part.length).unwrap_or(0).min(MOST)],
                Err(error) => return Err(error),
            };
            let known = (whole.len() as u64).saturating_sub(part.from);
            whole.extend_from_slice(bytes.get(usize::try_from(known).unwrap_or(usize::MAX)..).unwrap_or_default());
        }
        whole.extend_from_slice(&self.added);
        Ok(Box::new(self.whole.insert(whole).as_slice()))
    }

    fn stay(self: Box<Self>) -> io::Result<()> {
        if self.added.is_empty() {
            return Ok(());
        }
        let object = format!("{}{:010}-{}-{}", self.bucket.parts(self.part, &self.secret), self.stored, self.added.len(), Uuid::now_v7().simple());
        self.bucket.line.put(&object, self.secret.seal(&object, &self.added))
    }

    fn settle(self: Box<Self>) -> io::Result<()> {
        let whole = self.whole.as_deref().ok_or_else(|| io::Error::other("a file was put in its place before it was looked at"))?;
        self.bucket.put_file(self.part.realm, &self.secret, &self.part.name, whole)?;
        // The file is there; what cannot be removed now is swept.
        let _ = self.give_up();
        Ok(())
    }

    fn give_up(self: Box<Self>) -> io::Result<()> {
        self.lying.iter().try_for_each(|part| self.bucket.line.remove(&part.object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_bucket_that_nobody_here_gave_make_no_file_longer_than_any() {
        let check = |objects: &[(&str, u64)], expected: u64| {
            let lying: Vec<Lying> = objects.iter().filter_map(|(name, size)| of_list("parts/", &Listed { object: format!("parts/{name}"), size: *size, modified: SystemTime::UNIX_EPOCH })).collect();
            assert_eq!(chain(&lying).1, expected, "{objects:?}");
        };
        check(&[("0000000000-100-a", sealed_size(100)), ("0000000100-50-b", sealed_size(50)), ("0000000060-60-c", sealed_size(60))], 150);
        check(&[("0000000000-100-a", sealed_size(99)), ("readme", 12), ("0-x-y", 16)], 0);
        check(&[("0000000000-18446744073709551615-a", 15), ("18446744073709551615-0-b", 16)], 0);
        check(&[("0000000000-18446744073709551615-a", u64::MAX), ("18446744073709551615-100-b", sealed_size(100))], u64::MAX);
    }
}

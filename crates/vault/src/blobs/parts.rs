//! Files as they travel: sealed under the key that all who may read the record can derive. What goes
//! out is sealed anew from any byte on; what comes in is kept as it comes, and becomes a file of this
//! vault once all of it is there and is what the record says.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
};

use gladstone_protocol::{
    content::{CHUNK, ContentKey, Opening, TAG, plain_size, sealed_size},
    enrol::to_hex,
    limits::FILE_LIMIT,
};
use zeroize::Zeroizing;

use super::{FileFault, content::make_folder, held, queue::{self, Transfer}};
use crate::{folder::sync_folder, vault::Vault};

impl Vault {
    /// Bytes of a file as it travels, from byte `offset` on, at most `length`, none behind the end.
    ///
    /// # Errors
    /// [`FileFault`].
    pub fn seal_part(&self, transfer: &Transfer, offset: u64, length: usize) -> Result<Vec<u8>, FileFault> {
        let mut source = self.outgoing(&transfer.hash)?;
        let key = ContentKey::shared(self.state().realm, &transfer.hash);
        let end = offset.saturating_add(length as u64).min(transfer.sealed);
        let (whole, count) = ((CHUNK + TAG) as u64, source.chunks());
        let (mut bytes, mut at) = (Vec::new(), offset);
        while at < end {
            let number = at / whole;
            let mut chunk = std::mem::take(&mut *source.chunk(number)?);
            key.seal(number, number + 1 == count, &mut chunk);
            let (from, to) = ((at - number * whole) as usize, (end - number * whole).min(chunk.len() as u64) as usize);
            if to <= from {
                return Err(FileFault::Damaged);
            }
            bytes.extend_from_slice(&chunk[from..to]);
            at += (to - from) as u64;
        }
        Ok(bytes)
    }

    /// The part of a file that has come, to be gone on with, and its length in bytes.
    ///
    /// # Errors
    /// [`FileFault`].
    pub fn open_part(&self, transfer: &Transfer) -> Result<(File, u64), FileFault> {
        make_folder(&self.parts())?;
        let path = self.parts().join(&transfer.name);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut part = options.open(&path)?;
        let length = part.seek(SeekFrom::End(0))?;
        if length > transfer.sealed {
            part.set_len(0)?;
            part.seek(SeekFrom::Start(0))?;
            return Ok((part, 0));
        }
        sync_folder(&path)?;
        Ok((part, length))
    }

    /// Makes a file of this vault from all that has come. False when it is not the file that was
    /// named; what had come is for nothing then.
    ///
    /// # Errors
    /// [`FileFault`]; it may be tried again.
    pub fn take_part(&self, transfer: &Transfer) -> Result<bool, FileFault> {
        let path = self.parts().join(&transfer.name);
        let Some(size) = plain_size(transfer.sealed).filter(|size| *size <= FILE_LIMIT) else { return Ok(false) };
        let mut part = File::open(&path)?;
        if part.metadata()?.len() != sealed_size(size) {
            return Ok(false);
        }
        let mut opening = Opening::new(ContentKey::shared(self.state().realm, &transfer.hash), transfer.hash, size);
        let mut incoming = self.begin_file()?;
        let (mut chunk, mut left) = (Zeroizing::new(vec![0; CHUNK + TAG]), transfer.sealed);
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK + TAG);
            part.read_exact(&mut chunk[..length])?;
            match opening.next(&mut chunk[..length]) {
                Ok(plain) => incoming.write(plain)?,
                Err(_) => return Ok(false),
            }
            left -= length as u64;
        }
        if opening.finish().is_err() {
            return Ok(false);
        }
        let kept = incoming.keep()?;
        let mut former = None;
        let done = self.replicate(|inside| {
            former = held::put(inside, &kept)?;
            inside.connection.prepare_cached("UPDATE file_held SET at_centre = 1 WHERE hash = ?1")?.execute([to_hex(&kept.hash)])?;
            queue::remove(inside, &to_hex(&kept.hash), false).map(|_| ())
        });
        self.remove_unnamed(done.is_ok(), former.as_deref(), &kept);
        done?;
        let _ = fs::remove_file(path);
        Ok(true)
    }
}

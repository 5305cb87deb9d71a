//! Files as they travel: sealed under the key that all who may read the record can derive. What goes
//! out is sealed anew from any byte on. What comes in is kept as it comes, so that it goes on after any
//! byte, and is made a file of this vault while it comes: there once all of it is here and is what the
//! record says.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
};

use gladstone_protocol::{
    content::{Arriving, CHUNK, ContentKey, TAG, plain_size},
    enrol::to_hex,
    limits::FILE_LIMIT,
};

use super::{FileFault, content::{Incoming, make_folder}, held, queue::{self, Transfer}};
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
        let (mut bytes, mut at) = (Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or(0)), offset);
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

    /// A file that is made of what comes, from the first byte on. None when no file has the length that
    /// the record tells of.
    ///
    /// # Errors
    /// [`FileFault`].
    pub fn begin_taking(&self, transfer: &Transfer) -> Result<Option<Taking>, FileFault> {
        let Some(size) = plain_size(transfer.sealed).filter(|size| *size <= FILE_LIMIT) else { return Ok(None) };
        let arriving = Arriving::new(ContentKey::shared(self.state().realm, &transfer.hash), transfer.hash, size);
        Ok(Some(Taking { arriving, incoming: self.begin_file()? }))
    }

    /// Makes a file of this vault from a part that is all of it. False when it is not the file that was
    /// named; what had come is for nothing then.
    ///
    /// # Errors
    /// [`FileFault`]; it may be tried again.
    pub fn take_part(&self, transfer: &Transfer) -> Result<bool, FileFault> {
        let mut part = File::open(self.parts().join(&transfer.name))?;
        let Some(mut taking) = self.begin_taking(transfer)?.filter(|_| part.metadata().is_ok_and(|known| known.len() == transfer.sealed)) else { return Ok(false) };
        let mut buffer = vec![0; CHUNK + TAG];
        loop {
            match part.read(&mut buffer)? {
                0 => return self.finish_taking(transfer, taking),
                count => taking.add(&buffer[..count])?,
            }
        }
    }

    /// Makes a file of this vault from all that has come. False when it is not the file that was
    /// named; what had come is for nothing then.
    ///
    /// # Errors
    /// [`FileFault`]; it may be tried again.
    pub fn finish_taking(&self, transfer: &Transfer, taking: Taking) -> Result<bool, FileFault> {
        let Taking { arriving, incoming } = taking;
        if !arriving.finish() {
            return Ok(false);
        }
        let kept = incoming.keep()?;
        let mut former = None;
        let done = self.note(|inside| {
            former = held::put(inside, &kept)?;
            inside.connection.prepare_cached("UPDATE file_held SET at_centre = 1 WHERE hash = ?1")?.execute([to_hex(&kept.hash)])?;
            queue::remove(inside, &to_hex(&kept.hash), false).map(|_| ())
        });
        self.remove_unnamed(done.is_ok(), former.as_deref(), &kept);
        done?;
        let _ = fs::remove_file(self.parts().join(&transfer.name));
        Ok(true)
    }
}

/// A file that is made of what comes. Dropped before it is finished, it leaves nothing behind.
pub struct Taking {
    arriving: Arriving,
    incoming: Incoming,
}

impl Taking {
    /// Takes the next bytes of the sealed file. What is none of it is told at the end.
    ///
    /// # Errors
    /// What the disk says.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), FileFault> {
        self.arriving.add(bytes, |plain| self.incoming.write(plain))
    }
}

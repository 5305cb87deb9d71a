//! The session extension, through the functions of SQLite itself.
// The library offers the session only together with bindings that are generated anew.
#![allow(unsafe_code)]

use std::{marker::PhantomData, ptr};

use rusqlite::{Connection, ffi};

/// A session over all tables.
pub struct Session<'c> {
    session: *mut ffi::sqlite3_session,
    connection: PhantomData<&'c Connection>,
}

impl<'c> Session<'c> {
    /// Begins to record.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn begin(connection: &'c Connection) -> Result<Session<'c>, String> {
        let mut session = ptr::null_mut();
        // SAFETY: the handle is open for as long as `connection` lives, which outlives the session.
        let code = unsafe { ffi::sqlite3session_create(connection.handle(), c"main".as_ptr(), &raw mut session) };
        if code != ffi::SQLITE_OK {
            return Err(format!("sqlite3session_create: {code}"));
        }
        let session = Session { session, connection: PhantomData };
        // SAFETY: the session was just made; a null table means all tables.
        let code = unsafe { ffi::sqlite3session_attach(session.session, ptr::null()) };
        if code == ffi::SQLITE_OK { Ok(session) } else { Err(format!("sqlite3session_attach: {code}")) }
    }

    /// What changed since.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn changeset(&self) -> Result<Vec<u8>, String> {
        let (mut length, mut bytes) = (0, ptr::null_mut());
        // SAFETY: both places are ours; on success SQLite hands over `length` bytes that are freed below.
        let code = unsafe { ffi::sqlite3session_changeset(self.session, &raw mut length, &raw mut bytes) };
        if code != ffi::SQLITE_OK {
            return Err(format!("sqlite3session_changeset: {code}"));
        }
        if bytes.is_null() {
            return Ok(Vec::new());
        }
        // SAFETY: SQLite says that there are `length` bytes, and they are not used after they are freed.
        unsafe {
            let copy = std::slice::from_raw_parts(bytes.cast::<u8>(), usize::try_from(length).unwrap_or_default()).to_vec();
            ffi::sqlite3_free(bytes);
            Ok(copy)
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `begin`, ended once, before its connection.
        unsafe { ffi::sqlite3session_delete(self.session) };
    }
}

//! One transaction on a realm's file. While it writes, parts that are to be saved may be with a thread of
//! its own, and the connection with it; whoever asks for something meanwhile waits for all of them.

use std::{
    cell::{OnceCell, RefCell},
    panic,
    sync::mpsc::{self, Sender},
    thread::{Builder, Scope, ScopedJoinHandle},
};

use rusqlite::Connection;

use crate::{
    engine::{Batch, Head, Reading, Writing},
    error::EngineError,
};

/// What the thread gives back: the connection, and how the saving went.
type Saved<'c> = (Option<&'c mut Connection>, Result<(), EngineError>);

/// A thread that saves one part after the other, as long as there may be more.
struct Saver<'s, 'c> {
    parts: Sender<Batch>,
    thread: ScopedJoinHandle<'s, Saved<'c>>,
}

/// One transaction, reading or writing.
pub(super) struct Shelf<'s, 'c> {
    /// Not here while parts are saved.
    connection: OnceCell<&'c mut Connection>,
    saver: RefCell<Option<Saver<'s, 'c>>>,
    failed: RefCell<Option<EngineError>>,
    scope: Option<&'s Scope<'s, 'c>>,
    pub seed: [u8; 32],
}

impl<'s, 'c> Shelf<'s, 'c> {
    /// A transaction that does everything on the thread that asks.
    pub fn alone(connection: &'c mut Connection, seed: [u8; 32]) -> Shelf<'s, 'c> {
        Shelf { connection: OnceCell::from(connection), saver: RefCell::new(None), failed: RefCell::new(None), scope: None, seed }
    }

    /// A transaction that saves parts beside the thread that asks.
    pub fn within(scope: &'s Scope<'s, 'c>, connection: &'c mut Connection, seed: [u8; 32]) -> Shelf<'s, 'c> {
        Shelf { scope: Some(scope), ..Shelf::alone(connection, seed) }
    }

    /// The connection, once nothing is saved on it any more.
    ///
    /// # Errors
    /// [`EngineError::Failed`] when no thread could be had for saving.
    pub fn c(&self) -> Result<&Connection, EngineError> {
        if self.connection.get().is_none()
            && let Some(Saver { parts, thread }) = self.saver.borrow_mut().take()
        {
            drop(parts);
            let (connection, result) = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
            if let Err(error) = result {
                self.failed.borrow_mut().get_or_insert(error);
            }
            connection.map(|connection| self.connection.set(connection));
        }
        self.connection.get().map(|connection| &**connection).ok_or_else(|| EngineError::Failed("a part of a transaction could not be saved".into()))
    }

    /// Whether everything that was given to be saved was saved.
    ///
    /// # Errors
    /// Why it was not.
    pub fn sound(&self) -> Result<(), EngineError> {
        self.c()?;
        self.failed.borrow().clone().map_or(Ok(()), Err)
    }

    /// The head, when everything was saved.
    ///
    /// # Errors
    /// Why it was not, or what the store says.
    pub fn settled(&mut self) -> Result<Head, EngineError> {
        self.sound()?;
        self.head()
    }

    /// Saves a part on a thread of its own, behind those that were given before. That one cannot be saved is told
    /// by [`Shelf::sound`].
    ///
    /// # Errors
    /// Why what was saved before failed; [`EngineError::Failed`] when there is no thread.
    pub fn give_away(&mut self, batch: Batch) -> Result<(), EngineError> {
        if let Some(saver) = self.saver.borrow().as_ref() {
            // A thread that failed takes nothing more, and all of it is given up.
            let _ = saver.parts.send(batch);
            return Ok(());
        }
        self.sound()?;
        let Some(scope) = self.scope else { return self.save(batch) };
        let Some(connection) = self.connection.take() else { return Err(EngineError::Failed("a part of a transaction could not be saved".into())) };
        let saving: Shelf<'s, 'c> = Shelf::alone(connection, self.seed);
        let (parts, given) = mpsc::channel::<Batch>();
        let save = move || -> Saved<'c> {
            let mut saving = saving;
            let result = std::iter::once(batch).chain(given).try_for_each(|batch| saving.save(batch));
            (saving.connection.into_inner(), result)
        };
        let thread = Builder::new().name("save".into()).spawn_scoped(scope, save).map_err(|error| EngineError::Failed(error.to_string()))?;
        *self.saver.borrow_mut() = Some(Saver { parts, thread });
        Ok(())
    }
}

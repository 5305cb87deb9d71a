//! The one long piece of work that may run at a time: its progress, and how it is cancelled.

use std::sync::{Mutex, PoisonError, atomic::{AtomicBool, Ordering}};

use crate::error::{Code, DeskError};

/// Progress of the running work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub job: String,
    /// Steps done.
    pub done: u32,
    /// Steps in all.
    pub of: u32,
}

/// The running work, if any.
#[derive(Default)]
pub struct Jobs {
    current: Mutex<Option<Progress>>,
    cancelled: AtomicBool,
}

impl Jobs {
    /// Begins a piece of work; ends with the returned value.
    ///
    /// # Errors
    /// [`Code::Conflict`] when another one runs.
    pub fn begin(&self, job: &str, of: u32) -> Result<Running<'_>, DeskError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*current {
            return Err(DeskError::new(Code::Conflict, format!("“{}” is still running. Wait for it or cancel it.", running.job)));
        }
        self.cancelled.store(false, Ordering::Relaxed);
        *current = Some(Progress { job: job.into(), done: 0, of });
        Ok(Running { jobs: self })
    }

    /// Asks the running work to stop at the next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Where the running work stands.
    pub fn progress(&self) -> Option<Progress> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A piece of work that runs until this is dropped.
pub struct Running<'j> {
    jobs: &'j Jobs,
}

impl Running<'_> {
    /// Notes that `done` steps are done.
    ///
    /// # Errors
    /// [`Code::Cancelled`] when the person asked to stop.
    pub fn step(&self, done: u32) -> Result<(), DeskError> {
        if self.jobs.cancelled.load(Ordering::Relaxed) {
            return Err(DeskError::new(Code::Cancelled, "Cancelled. What was finished is kept."));
        }
        if let Some(progress) = &mut *self.jobs.current.lock().unwrap_or_else(PoisonError::into_inner) {
            progress.done = done;
        }
        Ok(())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.jobs.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

//! One transaction on a connection: parts that are written beside it, what is written last, and its end. What is
//! read in it is in `read.rs`, what is written in `write.rs`.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    beside::Beside,
    connect::{Ask, Link},
    fault::Fault,
    unit_rows::Units,
    write,
};
use crate::{
    engine::{Batch, Head},
    error::EngineError,
};

/// A realm in a transaction.
pub(super) struct Shelf<'l> {
    pub link: &'l mut Link,
    /// Whether nothing is written in it.
    pub only_reads: bool,
    pub head: Head,
    /// Two transactions were in each other's way: the same may succeed now.
    pub again: bool,
    /// Rows and envelopes that were written.
    pub written: usize,
    /// Parts that are being written beside it.
    pub beside: Option<Beside>,
    /// What is still to be written behind them: with the end of the transaction, or before anything else is asked.
    pub last: Option<Batch>,
    /// What is known of units that are read.
    pub units: Units,
}

impl Shelf<'_> {
    /// Lets a part be written beside.
    ///
    /// # Errors
    /// [`EngineError::Failed`] when there is no thread for it.
    pub fn give(&mut self, part: Batch) -> Result<(), EngineError> {
        if self.last.is_some() {
            self.settle()?;
        }
        let beside = match self.beside.take() {
            Some(beside) => beside,
            None => Beside::start(self.link, self.head.realm)?,
        };
        beside.give(part);
        self.beside = Some(beside);
        Ok(())
    }

    /// Keeps what is written last until the transaction ends, or something else is asked.
    ///
    /// # Errors
    /// What PostgreSQL says about what was kept before.
    pub fn keep(&mut self, last: Batch) -> Result<(), EngineError> {
        if self.last.is_some() {
            self.settle()?;
        }
        self.last = Some(last);
        Ok(())
    }

    /// Waits until everything that was given is written, and everything that was sent for is here.
    ///
    /// # Errors
    /// What PostgreSQL says; the whole transaction has to be given up then.
    fn settle(&mut self) -> Result<(), EngineError> {
        self.units.arrive(self.link).map_err(|fault| self.note(fault))?;
        self.beside.take().map_or(Ok(()), Beside::done).map_err(|fault| self.note(fault))?;
        let Some(last) = self.last.take() else { return Ok(()) };
        let asks = write::asks(self.head.realm, &last)?;
        self.link.run(&asks).map(|_| ()).map_err(|fault| self.note(fault))
    }

    /// Nothing is on its way on the connection any more when this returns, and nothing will be.
    pub fn quiet(&mut self) {
        self.last = None;
        self.units = Units::default();
        drop(self.beside.take());
    }

    /// Ends the transaction: durable when this returns `Ok`. `then` runs behind it, and nobody waits for that.
    ///
    /// # Errors
    /// What PostgreSQL says, of everything that was not heard of yet.
    pub fn commit(&mut self, then: Option<Ask<'static>>) -> Result<(), Fault> {
        let last = self.last.take();
        if let Some(beside) = self.beside.take() {
            beside.commit(last, then)?;
            self.link.ended();
            return Ok(());
        }
        let asks = last.as_ref().map_or_else(|| Ok(Vec::new()), |last| write::asks(self.head.realm, last))?;
        self.link.commit(asks, then)
    }

    /// Ends it where it only read, and waits for nothing.
    pub fn leave(&mut self) {
        self.units = Units::default();
        self.link.leave();
    }

    /// Runs statements.
    pub fn run(&mut self, asks: &[Ask<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        self.settle()?;
        self.link.run(asks).map_err(|fault| self.note(fault))
    }

    /// Runs one statement.
    pub fn one(&mut self, ask: Ask<'_>) -> Result<Vec<Row>, EngineError> {
        self.settle()?;
        self.link.one(ask).map_err(|fault| self.note(fault))
    }

    pub fn note(&mut self, fault: Fault) -> EngineError {
        self.again |= fault.again;
        fault.error
    }

    /// Its organization.
    pub fn realm(&self) -> Uuid {
        self.head.realm
    }
}

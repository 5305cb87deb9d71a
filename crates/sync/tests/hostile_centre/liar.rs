//! A centre in the same process that changes what the real one says.

use std::cell::Cell;

use gladstone_protocol::{
    ApiError, SyncApi, codec,
    wire::{PullAnswer, PullRequest, PushAnswer, PushRequest},
};
use gladstone_sync::remote::Direct;

use crate::support::at_hand;

/// So many lies in a row; then the line goes dead, so that no lie goes on for ever.
const PATIENCE: u32 = 40;

type Change<Q, A> = Box<dyn Fn(&Q, &mut A)>;
type Bend = Box<dyn Fn(&mut Vec<u8>)>;

/// What is not as it should be.
pub enum Lie {
    /// The real centre judged; its answer is changed on the way.
    Push(Change<PushRequest, PushAnswer>),
    /// The real centre never saw the envelopes; the answer is made up from that to a contact.
    Unsent(Change<PushRequest, PushAnswer>),
    /// The answer to a pull is changed on the way.
    Pull(Change<PullRequest, PullAnswer>),
    /// The bytes of the answer to a push are changed.
    PushBytes(Bend),
    /// The bytes of the answer to a pull are changed.
    PullBytes(Bend),
    /// A fault instead of each answer, although the push was taken.
    Fault(ApiError),
}

/// The liar.
pub struct Liar<'a> {
    pub honest: Direct<'a>,
    pub lie: &'a Lie,
    pub told: Cell<u32>,
}

impl Liar<'_> {
    fn patience(&self) -> Result<(), ApiError> {
        self.told.set(self.told.get() + 1);
        if self.told.get() > PATIENCE { Err(ApiError::Offline) } else { Ok(()) }
    }
}

impl SyncApi for Liar<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        self.patience()?;
        match self.lie {
            Lie::Push(change) => {
                let mut answer = self.honest.push(request)?;
                change(request, &mut answer);
                Ok(answer)
            }
            Lie::Unsent(change) => {
                let mut answer = self.honest.push(&PushRequest { envelopes: Vec::new(), ..request.clone() })?;
                change(request, &mut answer);
                Ok(answer)
            }
            Lie::PushBytes(change) => {
                let mut bytes = codec::encode(&self.honest.push(request)?)?;
                change(&mut bytes);
                Ok(codec::decode(&bytes)?)
            }
            Lie::Fault(fault) => {
                self.honest.push(request)?;
                Err(fault.clone())
            }
            Lie::Pull(_) | Lie::PullBytes(_) => self.honest.push(request),
        }
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        self.patience()?;
        match self.lie {
            Lie::Pull(change) => {
                let mut answer = self.honest.pull(request)?;
                change(request, &mut answer);
                Ok(answer)
            }
            Lie::PullBytes(change) => {
                let mut bytes = codec::encode(&self.honest.pull(request)?)?;
                change(&mut bytes);
                Ok(codec::decode(&bytes)?)
            }
            Lie::Fault(fault) => Err(fault.clone()),
            Lie::Push(_) | Lie::PushBytes(_) | Lie::Unsent(_) => self.honest.pull(request),
        }
    }
}

at_hand!(Liar<'_>);

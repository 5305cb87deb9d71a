//! Whom a commit concerns: the units it touches, the people whose rights its rows carry, and the
//! laptops whose envelopes it decided anew. Read from the log, so that it is the same whichever
//! service committed.

use std::{collections::BTreeSet, sync::Arc};

use gladstone_model::Unit;
use uuid::Uuid;

use crate::{
    centre::{Caller, Centre},
    engine::Reading,
    error::CentreError,
    grants::{self, Entitled},
    rights::{self, Rights},
    standing::Settled,
};

/// Units, rows and laptops that are told apart in one look; beyond that everybody is concerned.
const MANY: usize = 20_000;

/// What a commit may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Touch {
    /// A unit.
    Unit(Unit),
    /// The rights of a person.
    Actor(Uuid),
    /// Verdicts on what a laptop sent.
    Device(Uuid),
}

impl Touch {
    /// The first one in their order.
    pub const FIRST: Touch = Touch::Unit(Unit::PLATFORM);
}

/// What a laptop that waits wants to be told of.
pub(crate) struct Interest {
    rights: Arc<Rights>,
    device: Uuid,
    /// It holds other units than it should: whatever comes is reason enough to ask.
    pub owed: bool,
}

impl Interest {
    /// Whether a touch is news for it.
    pub fn concerns(&self, touch: &Touch) -> bool {
        match touch {
            Touch::Unit(unit) => self.rights.reads(*unit),
            Touch::Actor(actor) => *actor == self.rights.actor(),
            Touch::Device(device) => *device == self.device,
        }
    }
}

impl Centre {
    /// What commits `after` to `to` touched; none when that cannot be told, so that it may be anything.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) fn stirred(&self, realm: Uuid, after: u64, to: u64) -> Result<Option<BTreeSet<Touch>>, CentreError> {
        self.look(realm, |shelf| touches(shelf, after, to))
    }

    /// What a laptop wants to be told of, as things stand.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) fn interest(&self, caller: &Caller) -> Result<Interest, CentreError> {
        self.look(caller.realm, |shelf| {
            let head = shelf.head()?;
            let known = self.standings.of(caller.realm, caller.device).filter(|known| known.epoch == head.epoch);
            let Entitled { settled: Settled { rights, .. }, known, .. } = grants::entitled(shelf, &head, caller.actor, known.as_deref(), self.around.now())?;
            let owed = !known && {
                let held: BTreeSet<Unit> = shelf.device_units(caller.device)?.now.into_iter().collect();
                held.iter().any(|unit| !rights.reads(*unit)) || rights.units().any(|unit| !held.contains(&unit))
            };
            Ok(Interest { rights, device: caller.device, owed })
        })
    }

    /// Whether anything that was committed after `after` is for this laptop: something in a unit that
    /// its person may see, a right of theirs, or a verdict. True also when that cannot be told.
    ///
    /// # Errors
    /// What the store says.
    pub fn has_news(&self, caller: &Caller, after: u64) -> Result<bool, CentreError> {
        let interest = self.interest(caller)?;
        let head = self.head(caller.realm)?;
        let touched = self.stirred(caller.realm, after, head)?;
        Ok(head > after && (interest.owed || touched.is_none_or(|touched| touched.iter().any(|touch| interest.concerns(touch)))))
    }
}

fn touches(shelf: &mut dyn Reading, after: u64, to: u64) -> Result<Option<BTreeSet<Touch>>, CentreError> {
    if after < shelf.head()?.floor_g {
        return Ok(None);
    }
    let Some(touched) = shelf.touched(after, to, rights::carrying(), MANY)? else { return Ok(None) };
    let mut found: BTreeSet<Touch> = touched.units.into_iter().map(Touch::Unit).chain(touched.devices.into_iter().map(Touch::Device)).collect();
    let rows = shelf.rows(&touched.rows)?;
    let made: Vec<Uuid> = rows.iter().filter(|state| rights::goes_to_its_maker(state)).map(|state| state.row_mid).collect();
    found.extend(shelf.mutations(&made)?.into_iter().map(|written| Touch::Actor(written.writer.actor)));
    found.extend(rows.iter().flat_map(|state| rights::people_of(&state.row)).map(Touch::Actor));
    Ok(Some(found))
}

//! Whom a commit concerns: the units it touches, the people whose rights its rows carry, and the
//! laptops whose envelopes it decided anew. Whoever commits remembers it; of what another service
//! committed it is read from the log, and is the same.

use std::{collections::{BTreeSet, HashMap}, sync::Arc};

use gladstone_model::Unit;
use gladstone_protocol::RowState;
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
pub(crate) const MANY: usize = 20_000;

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

/// What commits touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stirred {
    /// All of it.
    pub touches: BTreeSet<Touch>,
    /// Whether a row that carries rights is among it.
    pub rights: bool,
}

impl Stirred {
    /// From units, laptops, and rows that carry rights as they stand now. `writer`: who wrote a mutation.
    pub fn of<'r>(units: impl IntoIterator<Item = Unit>, devices: impl IntoIterator<Item = Uuid>, rows: impl IntoIterator<Item = &'r RowState>, writer: impl Fn(Uuid) -> Option<Uuid>) -> Stirred {
        let mut stirred = Stirred { touches: units.into_iter().map(Touch::Unit).chain(devices.into_iter().map(Touch::Device)).collect(), rights: false };
        for state in rows {
            stirred.rights = true;
            let maker = if rights::goes_to_its_maker(state) { writer(state.row_mid) } else { None };
            stirred.touches.extend(rights::people_of(&state.row).into_iter().chain(maker).map(Touch::Actor));
        }
        stirred
    }

    /// The units among it.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.touches.iter().filter_map(|touch| if let Touch::Unit(unit) = touch { Some(unit) } else { None })
    }
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
        if let Some(known) = self.recent.epoch(realm).and_then(|epoch| self.recent.between(realm, epoch, after, to)) {
            return Ok(Some(known.iter().flat_map(|stirred| &stirred.touches).copied().collect()));
        }
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
            let Entitled { settled: Settled { rights, .. }, known, .. } = grants::entitled(shelf, &self.recent, &head, caller, known.as_deref(), self.around.now())?;
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
    let rows = shelf.rows(&touched.rows)?;
    let made: Vec<Uuid> = rows.iter().filter(|state| rights::goes_to_its_maker(state)).map(|state| state.row_mid).collect();
    let makers: HashMap<Uuid, Uuid> = shelf.mutations(&made)?.into_iter().map(|written| (written.writer.mutation, written.writer.actor)).collect();
    Ok(Some(Stirred::of(touched.units, touched.devices, &rows, |mutation| makers.get(&mutation).copied()).touches))
}

//! Rows of units that come for the first time: other threads make them ready while this one writes. A row
//! that is here all the same, under another unit or below an entry, goes the way of any other.

use std::{
    collections::{BTreeMap, HashSet},
    panic::resume_unwind,
    sync::mpsc,
    thread,
};

use gladstone_model::Unit;
use gladstone_protocol::{RowState, RowsDigest, wire::{RowImage, RowKey}};
use gladstone_store::{digest::{Digest, DigestKey}, write::Inserter};

use crate::{
    error::VaultError,
    replica::{
        apply::Apply,
        base::{BaseRow, unreadable},
        download,
        pull::misfit,
    },
};

/// Rows that are made ready at a time, and threads that do it at most.
const SHARE: usize = 256;
const AT_ONCE: usize = 3;

/// Rows out of their images.
struct Ready {
    rows: Vec<(RowKey, BaseRow)>,
    /// Sums by unit.
    sums: BTreeMap<Unit, RowsDigest>,
    /// Over those that can simply be added, as the vault sums them.
    shown: Digest,
}

/// Rows of units that become readable at `to_g` and were not held before. Returns their sums.
pub(crate) fn put(apply: &mut Apply<'_, '_>, mut images: Vec<RowImage>, to_g: u64) -> Result<BTreeMap<Unit, RowsDigest>, VaultError> {
    apply.flush()?;
    // In the order of the tables, whatever units they are of.
    images.sort_unstable_by_key(|image| image.key);
    let (key, entangled) = (apply.inside.keys.digest.clone(), apply.entangled()?);
    let mut inserter = Inserter::new(apply.inside.connection);
    let mut sums: BTreeMap<Unit, RowsDigest> = BTreeMap::new();
    ready(images, &key, &entangled, |part| {
        for (unit, sum) in part.sums {
            sums.entry(unit).or_default().join(&sum);
        }
        apply.inside.state.digest.join(&part.shown);
        for (at, row) in part.rows {
            if let Some(state) = simple(at, &row, &entangled) {
                if inserter.insert(state)? {
                    if let BaseRow::Shown { state, .. } = row {
                        apply.came(state)?;
                    }
                    continue;
                }
                apply.inside.state.digest.remove(&key, state)?;
            }
            download::put(apply, at, row, to_g)?;
        }
        Ok(())
    })?;
    Ok(sums)
}

/// A row that can simply be added, if its table does not hold one of its id.
fn simple<'r>(at: RowKey, row: &'r BaseRow, entangled: &HashSet<RowKey>) -> Option<&'r RowState> {
    match row {
        BaseRow::Shown { state, opaque } if opaque.is_empty() && !entangled.contains(&at) => Some(state),
        _ => None,
    }
}

/// Makes rows ready and gives them to `take` in their order: many of them by several threads beside it.
fn ready(images: Vec<RowImage>, key: &DigestKey, entangled: &HashSet<RowKey>, mut take: impl FnMut(Ready) -> Result<(), VaultError>) -> Result<(), VaultError> {
    let one = |images: Vec<RowImage>| -> Result<Ready, VaultError> {
        let mut ready = Ready { rows: Vec::with_capacity(images.len()), sums: BTreeMap::new(), shown: Digest::default() };
        for image in images {
            let (at, unit) = (image.key, image.unit);
            let row = BaseRow::from_image(image).map_err(misfit)?;
            if let Some(summed) = row.summed() {
                ready.sums.entry(unit).or_default().add(&summed).map_err(|_| unreadable())?;
            }
            if let Some(state) = simple(at, &row, entangled) {
                ready.shown.add(key, state)?;
            }
            ready.rows.push((at, row));
        }
        Ok(ready)
    };
    if images.len() < 2 * SHARE {
        return take(one(images)?);
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).clamp(1, AT_ONCE);
    let mut parts: Vec<Vec<Vec<RowImage>>> = (0..threads).map(|_| Vec::new()).collect();
    let (mut rest, mut count) = (images.into_iter(), 0);
    loop {
        let part: Vec<RowImage> = rest.by_ref().take(SHARE).collect();
        if part.is_empty() {
            break;
        }
        parts[count % threads].push(part);
        count += 1;
    }
    thread::scope(|scope| {
        let mut lines = Vec::new();
        for parts in parts {
            let (give, taken) = mpsc::sync_channel(2);
            let thread = scope.spawn(move || {
                for part in parts {
                    let ready = one(part);
                    // Nobody takes it any more when writing failed.
                    if give.send(ready).is_err() {
                        return;
                    }
                }
            });
            lines.push((taken, thread));
        }
        for at in 0..count {
            match lines[at % threads].0.recv() {
                Ok(part) => take(part?)?,
                Err(_) => break,
            }
        }
        for (taken, thread) in lines {
            drop(taken);
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        Ok(())
    })
}

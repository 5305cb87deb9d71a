//! Pages of a first download: rows of one unit in the order of their keys, resumable behind any
//! row. Pages that were read are kept for a while, so that five hundred laptops that come at once do
//! not read the same rows five hundred times.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gladstone_model::Unit;
use gladstone_protocol::{
    RowsDigest,
    limits::{PAGE_LIMIT, PAGE_ROWS},
    wire::{Granted, Page, RowImage, RowKey},
};
use uuid::Uuid;

use crate::{engine::Reading, error::CentreError};

/// Bytes of pages that are kept, as they go on the wire, in each of two generations.
const KEPT: usize = 24 * 1024 * 1024;
/// About how many bytes a page takes besides.
const OVERHEAD: usize = 160;

/// Pages that were read, by what makes them what they are: the sum over the rows of the unit. They are
/// true whatever was committed since, and whoever asks has been looked at before.
#[derive(Default)]
pub(crate) struct Pages(Mutex<Generations>);

/// What was asked for lately, and what was before that: the older generation goes when the younger is full.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Kept>,
    old: HashMap<Key, Kept>,
    bytes: usize,
}

/// Realm, unit, the sum over its rows, and behind which row the page begins.
type Key = (Uuid, Unit, RowsDigest, Option<RowKey>);

/// A page as it goes on the wire; none behind the last row.
type Kept = Option<Arc<[u8]>>;

impl Pages {
    fn of(&self, key: &Key) -> Option<Kept> {
        let mut all = self.lock();
        if let Some(kept) = all.young.get(key) {
            return Some(kept.clone());
        }
        let kept = all.old.remove(key)?;
        all.keep(*key, kept.clone());
        Some(kept)
    }

    fn keep(&self, key: Key, kept: Kept) {
        self.lock().keep(key, kept);
    }

    /// Whether the first page of a unit is there.
    pub fn has(&self, asked: &Asked) -> bool {
        let (all, key) = (self.lock(), asked.key(None));
        all.young.contains_key(&key) || all.old.contains_key(&key)
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn keep(&mut self, key: Key, kept: Kept) {
        self.bytes += OVERHEAD + kept.as_ref().map_or(0, |bytes| bytes.len());
        if self.bytes > KEPT {
            self.bytes = OVERHEAD + kept.as_ref().map_or(0, |bytes| bytes.len());
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, kept);
    }
}

/// A unit of a realm as it stands in the snapshot that is read.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub realm: Uuid,
    pub unit: Unit,
    /// The sum over its rows; none for one that has none.
    pub digest: RowsDigest,
    /// The commit number of the snapshot.
    pub g: u64,
}

impl Asked {
    fn key(&self, after: Option<RowKey>) -> Key {
        (self.realm, self.unit, self.digest, after)
    }
}

/// The next pages of a unit behind `after`: about as many bytes as `room` has, which is reduced by what
/// was taken.
///
/// # Errors
/// What the store says.
pub(crate) fn of(shelf: &mut dyn Reading, pages: &Pages, asked: Asked, mut after: Option<RowKey>, room: &mut usize) -> Result<Granted, CentreError> {
    let mut granted = Granted { unit: asked.unit, at_g: asked.g, pages: Vec::new(), complete: false };
    while *room > 0 {
        let limit = PAGE_LIMIT.min(*room);
        let key = asked.key(after);
        let (page, size) = match pages.of(&key) {
            Some(None) => {
                granted.complete = true;
                break;
            }
            // One that was closed for its own size may be a row larger than that.
            Some(Some(bytes)) if limit == PAGE_LIMIT || bytes.len() <= limit => (postcard::from_bytes(&bytes).map_err(|_| CentreError::Inconsistent("a page cannot be read".into()))?, bytes.len()),
            _ => {
                let some = shelf.unit_rows(asked.unit, after, PAGE_ROWS, limit)?;
                let images: Vec<RowImage> = some.rows.iter().map(RowImage::of).collect();
                let Some(page) = Page::new(after, images) else {
                    pages.keep(key, None);
                    granted.complete = true;
                    break;
                };
                let bytes: Arc<[u8]> = postcard::to_stdvec(&page).map_err(|_| CentreError::Inconsistent("a page cannot be encoded".into()))?.into();
                let size = bytes.len();
                // One that was cut for want of room is kept only if nothing follows it.
                if limit == PAGE_LIMIT || some.ends {
                    pages.keep(key, Some(bytes));
                }
                if some.ends {
                    pages.keep(asked.key(Some(page.to)), None);
                    granted.complete = true;
                }
                (page, size)
            }
        };
        *room = room.saturating_sub(size);
        after = Some(page.to);
        granted.pages.push(page);
        if granted.complete {
            break;
        }
    }
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use gladstone_model::unit::UnitKind;

    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes_before_it_is_too_much() {
        let pages = Pages::default();
        let key = |number: u128| (Uuid::nil(), Unit { kind: UnitKind::Person, id: Uuid::from_u128(number) }, RowsDigest::default(), None);
        let bytes: Arc<[u8]> = vec![7; 1024 * 1024].into();
        for number in 0..200 {
            pages.keep(key(number), Some(Arc::clone(&bytes)));
            assert!(pages.of(&key(0)).is_some(), "asked for each time: {number}");
        }
        let all = pages.lock();
        assert!(all.bytes <= KEPT && all.young.len() + all.old.len() <= 2 * KEPT / bytes.len() + 1, "{} and {}", all.young.len(), all.old.len());
        assert!(!all.young.contains_key(&key(50)) && !all.old.contains_key(&key(50)), "nobody asked for it");
    }
}

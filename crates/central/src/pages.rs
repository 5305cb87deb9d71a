//! Pages of a first download: rows of one unit in the order of their keys, resumable behind any
//! row.

use gladstone_model::Unit;
use gladstone_protocol::{
    limits::{PAGE_LIMIT, PAGE_ROWS},
    wire::{Granted, Page, RowImage, RowKey},
};

use crate::{engine::Reading, error::CentreError};

/// The next pages of a unit behind `after`, as it is at `g`: about as many bytes as `room` has,
/// which is reduced by what was taken.
///
/// # Errors
/// What the store says.
pub(crate) fn of(shelf: &mut dyn Reading, unit: Unit, mut after: Option<RowKey>, g: u64, room: &mut usize) -> Result<Granted, CentreError> {
    let mut granted = Granted { unit, at_g: g, pages: Vec::new(), complete: false };
    while *room > 0 {
        let states = shelf.unit_rows(unit, after, PAGE_ROWS, PAGE_LIMIT.min(*room))?;
        let images: Vec<RowImage> = states.iter().map(RowImage::of).collect();
        let Some(page) = Page::new(after, images) else {
            granted.complete = true;
            break;
        };
        *room = room.saturating_sub(size(&page)?);
        after = Some(page.to);
        granted.pages.push(page);
    }
    Ok(granted)
}

fn size(page: &Page) -> Result<usize, CentreError> {
    postcard::experimental::serialized_size(page).map_err(|_| CentreError::Inconsistent("a page cannot be encoded".into()))
}

//! Sample data of all five systems: deterministic by seed, respecting every rule, through the
//! normal way to write. A scene of people in care comes first, then at least a few records of
//! every kind, so that every screen has something to show.

mod cases;
mod draw;
mod filler;
mod scene;

use std::collections::BTreeMap;

use gladstone_store::Query;
use gladstone_vault::Changes;
use uuid::Uuid;

use crate::{desk::Desk, error::{Code, DeskError}};
use draw::Draw;

/// Ids that were written, by entity.
pub(crate) type Written = BTreeMap<&'static str, Vec<Uuid>>;

/// Generates sample data and returns the number of records. `scale` multiplies persons and
/// responses, 1 to 100.
///
/// # Errors
/// Cancelled, or what writing says; what was finished is kept.
pub fn generate(desk: &Desk, seed: u32, scale: u32) -> Result<u32, DeskError> {
    let already = desk.read(|read| Ok(read.first("users", Query::by("email", scene::ADMIN_EMAIL))?.is_some()))?;
    if already {
        return Err(DeskError::new(Code::Conflict, "Sample data is already here. Make another bag for another set."));
    }
    let persons = scene::PERSONS * scale;
    let kinds = gladstone_model::catalogue().entities.len() as u32;
    let running = desk.jobs.begin("Sample data", persons + kinds)?;
    let mut draw = Draw::new(u64::from(seed));
    let mut written = Written::new();
    let now = desk.now();
    let mut step = 0;
    let result = desk.with_unlocked(|unlocked| {
        unlocked.vault.batch(|batch| scene::organizations(batch, &mut draw, &mut written))?;
        for group in 0..persons.div_ceil(25) {
            unlocked.vault.batch(|batch| {
                for number in group * 25..(group * 25 + 25).min(persons) {
                    scene::person(batch, &mut draw, now, number, &mut written)?;
                }
                Ok::<_, DeskError>(())
            })?;
            step = ((group + 1) * 25).min(persons);
            running.step(step)?;
        }
        unlocked.vault.batch(|batch| cases::cases(batch, now, &mut written))?;
        for entity in filler::order() {
            unlocked.vault.batch(|batch| filler::fill(batch, &mut draw, now, entity, &mut written))?;
            step += 1;
            running.step(step.min(persons + kinds))?;
        }
        Ok(())
    });
    // What was finished before a stop is kept, so it is told as well.
    let changes = Changes { entities: written.keys().copied().collect(), ..Changes::default() };
    desk.tell(&changes);
    result?;
    Ok(written.values().map(|ids| ids.len() as u32).sum())
}

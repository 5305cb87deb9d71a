//! What a power cut may leave: what was synced, and of what was not, any part.

use std::collections::BTreeMap;

use crate::{Dice, Image, disk::Event};

/// The smallest piece that a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// What becomes of the writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All are lost.
    All,
    /// Those from some moment on are lost; the last one that is kept may be torn.
    Tail,
    /// Any of them are lost, in any order, and any may be torn.
    Any,
}

/// All of them.
pub const LOSSES: [Loss; 3] = [Loss::All, Loss::Tail, Loss::Any];

/// A disk that is played back from its record.
pub struct Platter<'e> {
    synced: Image,
    waiting: BTreeMap<String, Vec<&'e Event>>,
    acknowledged: usize,
}

impl<'e> Platter<'e> {
    /// A disk on which everything in `base` is synced.
    pub fn new(base: Image) -> Platter<'e> {
        Platter { synced: base, waiting: BTreeMap::new(), acknowledged: 0 }
    }

    /// Plays one event.
    pub fn play(&mut self, event: &'e Event) {
        match event {
            Event::Mark(saves) => self.acknowledged = *saves,
            Event::Sync { file } => {
                for waiting in self.waiting.remove(file).unwrap_or_default() {
                    apply(&mut self.synced, waiting, &mut |_| true);
                }
            }
            Event::Write { file, .. } | Event::Truncate { file, .. } | Event::Delete { file } => self.waiting.entry(file.clone()).or_default().push(event),
        }
    }

    /// Saves that are acknowledged by now.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    /// What lies on the disk when the power goes now.
    pub fn cut(&self, loss: Loss, dice: &mut Dice) -> Image {
        let mut image = self.synced.clone();
        for waiting in self.waiting.values() {
            let kept = match loss {
                Loss::All => 0,
                Loss::Tail => dice.below(waiting.len() + 1),
                Loss::Any => waiting.len(),
            };
            for (at, event) in waiting[..kept].iter().enumerate() {
                let torn = loss == Loss::Any && dice.below(4) == 0 || loss == Loss::Tail && at + 1 == kept && dice.coin();
                let lost = loss == Loss::Any && dice.coin();
                if lost && matches!(event, Event::Delete { .. }) {
                    // The old file is still there; what came after went to another one.
                    break;
                }
                if !lost {
                    apply(&mut image, event, &mut |_| !torn || dice.coin());
                }
            }
        }
        image
    }

    /// What lies on the disk when the process is killed within this event: all that it wrote
    /// before, synced or not, and the first part of this one.
    pub fn killed_within(&self, event: &Event, dice: &mut Dice) -> Image {
        let mut image = self.synced.clone();
        for waiting in self.waiting.values().flatten() {
            apply(&mut image, waiting, &mut |_| true);
        }
        if let Event::Write { file, offset, bytes } = event {
            let part = Event::Write { file: file.clone(), offset: *offset, bytes: bytes[..dice.below(bytes.len())].to_vec() };
            apply(&mut image, &part, &mut |_| true);
        }
        image
    }
}

/// Applies an event; of a write only the sectors that `keep` wants.
fn apply(image: &mut Image, event: &Event, keep: &mut dyn FnMut(u64) -> bool) {
    match event {
        Event::Write { file, offset, bytes } => {
            let content = image.file_mut(file);
            let mut at = *offset as usize;
            let end = at + bytes.len();
            while at < end {
                let next = ((at / SECTOR + 1) * SECTOR).min(end);
                if keep((at / SECTOR) as u64) {
                    if content.len() < next {
                        content.resize(next, 0);
                    }
                    content[at..next].copy_from_slice(&bytes[at - *offset as usize..next - *offset as usize]);
                }
                at = next;
            }
        }
        Event::Truncate { file, length } => image.file_mut(file).resize(*length as usize, 0),
        Event::Delete { file } => drop(image.0.remove(file)),
        Event::Sync { .. } | Event::Mark(_) => {}
    }
}

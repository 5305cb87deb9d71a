//! What can happen in a world, as a program that a seed yields. A step names laptops and rows by
//! numbers that are taken modulo what there is, so that steps can be left out and the others still
//! mean something.

use std::fmt;

use gladstone_testkit::Dice;
use serde::{Deserialize, Serialize};

/// Whether something that is written gives or takes rights.
pub fn moves_rights(act: Act) -> bool {
    matches!(act, Act::Entrust | Act::EndCare | Act::Enrol | Act::Grant | Act::EndGrant | Act::Role | Act::Share | Act::Move)
}

/// A step: what happens, and randomness of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What happens.
    pub what: What,
    /// Decides whatever the step leaves open.
    pub seed: u64,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Somebody writes something.
    Edit(usize, Act),
    /// Two people write to the same field of the same row without having seen each other.
    Clash(Act),
    /// A laptop synchronizes; in so many of a hundred calls something goes wrong.
    Sync(usize, usize),
    /// All laptops synchronize, one after the other, without trouble.
    SyncAll,
    /// The program is gone from one moment to the next and starts again.
    Kill(usize),
    /// The program is gone in the middle of synchronizing.
    KillInSync(usize),
    /// The centre is gone and starts again.
    KillCentre,
    /// The program is gone in the middle of saving something.
    KillInSave(usize, Act),
    /// The centre is gone in the middle of what a laptop asks of it.
    KillCentreInSync(usize),
    /// A laptop reaches nobody from now on, or does again.
    Partition(usize, bool),
    /// A laptop's folder is copied, and both go on.
    Clone(usize),
    /// A laptop's folder is kept for later.
    Keep(usize),
    /// A laptop is put back to the folder that was kept; whether its witness notices.
    SetBack(usize, bool),
    /// The centre is backed up.
    Backup,
    /// The centre is put back to its backup and begins another history.
    PutBack,
    /// The right of a laptop ends.
    Revoke(usize),
    /// A laptop's clock is wrong from now on, or right again.
    Clock(usize, Wrong),
    /// Time passes.
    Pass(Span),
    /// The centre forgets its log up to now.
    TrimLog,
    /// A laptop's disk has only so many pages left while somebody writes and synchronizes.
    DiskFull(usize, u32),
    /// What was under way on the network arrives.
    Arrive,
    /// A laptop that worked alone joins.
    Join(usize),
    /// Somebody decides about a change that the centre put aside.
    Decide(usize),
}

/// What somebody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// A person is registered.
    Register,
    /// A person gets another name.
    Rename,
    /// A person gets another telephone number and title.
    Phone,
    /// The mood of a day is noted down: of the same day by two people, perhaps.
    Mood,
    /// A mood is corrected.
    MoodAgain,
    /// A question is answered.
    Answer,
    /// An answer is corrected.
    AnswerAgain,
    /// An appointment is booked.
    Appointment,
    /// An appointment is moved.
    Reschedule,
    /// A note is written, which is sealed.
    Note,
    /// A note is changed although it is sealed.
    NoteAgain,
    /// An alert is raised.
    Alert,
    /// An alert is handled, or opened again.
    HandleAlert,
    /// Somebody writes into their own journal.
    Journal,
    /// An entry of a journal is shared, or not any more: it moves from one unit to another.
    Share,
    /// A message is written, in a conversation or a new one.
    Message,
    /// Somebody is given the care of a person.
    Entrust,
    /// A care ends, pauses or goes on.
    EndCare,
    /// A person becomes somebody's beneficiary.
    Enrol,
    /// A right is given.
    Grant,
    /// A right is to end in an hour.
    EndGrant,
    /// A colleague gets another role.
    Role,
    /// Something is entered in error.
    InError,
    /// Two people and an alert are changed by one mutation.
    TwoPeople,
    /// Somebody gives themselves rights.
    Forbidden,
    /// A task that the centre raised is decided.
    SettleConflict,
    /// A questionnaire with its questions is made.
    Questionnaire,
    /// A row goes over to another unit: an appointment or a care to another person, a person to the
    /// staff.
    Move,
    /// Something long is written, which takes up room on the disk.
    Long,
}

/// How a clock is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wrong {
    /// Right.
    No,
    /// A day ahead.
    DayAhead,
    /// A day behind.
    DayBehind,
    /// Near the year 9999.
    Year9999,
}

/// How much time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Span {
    /// Ten minutes.
    Minutes,
    /// Eight hours.
    Hours,
    /// A week.
    Weeks,
}

const EDITS: [(Act, usize); 28] = [
    (Act::Move, 6),
    (Act::Register, 6),
    (Act::Rename, 8),
    (Act::Phone, 8),
    (Act::Mood, 8),
    (Act::MoodAgain, 7),
    (Act::Answer, 6),
    (Act::AnswerAgain, 4),
    (Act::Appointment, 6),
    (Act::Reschedule, 6),
    (Act::Note, 4),
    (Act::NoteAgain, 3),
    (Act::Alert, 3),
    (Act::HandleAlert, 3),
    (Act::Journal, 3),
    (Act::Share, 3),
    (Act::Message, 4),
    (Act::Entrust, 8),
    (Act::EndCare, 12),
    (Act::Enrol, 3),
    (Act::Grant, 4),
    (Act::EndGrant, 4),
    (Act::Role, 4),
    (Act::InError, 6),
    (Act::TwoPeople, 5),
    (Act::Forbidden, 3),
    (Act::SettleConflict, 4),
    (Act::Questionnaire, 2),
];

const CLASHES: [Act; 8] = [Act::Rename, Act::Phone, Act::MoodAgain, Act::Mood, Act::Reschedule, Act::InError, Act::NoteAgain, Act::AnswerAgain];

/// What is written in worlds in which rights come and go.
const MOVES: [(Act, usize); 9] = [(Act::EndCare, 8), (Act::Entrust, 6), (Act::Role, 4), (Act::Grant, 4), (Act::EndGrant, 3), (Act::Move, 4), (Act::Share, 2), (Act::Register, 2), (Act::Phone, 4)];

/// How often what kind of step comes, in worlds of different tempers: ordinary ones, bad networks
/// and crashes, copies and backups, rights that come and go, one after the other.
const TEMPERS: [[usize; 21]; 4] = [
    [44, 9, 30, 3, 4, 4, 1, 1, 2, 1, 2, 1, 1, 2, 3, 1, 2, 4, 1, 1, 2],
    [34, 10, 44, 1, 6, 14, 4, 0, 0, 0, 0, 0, 1, 4, 3, 4, 6, 6, 4, 5, 6],
    [34, 6, 26, 4, 3, 3, 1, 4, 7, 7, 6, 6, 3, 3, 4, 2, 1, 5, 1, 2, 2],
    [50, 3, 36, 6, 2, 6, 1, 0, 0, 0, 0, 0, 1, 1, 4, 2, 1, 4, 1, 1, 3],
];

/// How large a world is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Three people, a short run.
    Small,
    /// Four people.
    #[default]
    Ordinary,
    /// Nine people, a long run.
    Large,
}

impl Size {
    /// The size of the world of a seed: of twenty, eleven are small and one is large.
    pub fn of(seed: u64) -> Size {
        match seed % 20 {
            0 => Size::Large,
            place if place % 5 > 2 => Size::Ordinary,
            _ => Size::Small,
        }
    }

    /// Steps of a program.
    pub fn steps(self) -> usize {
        match self {
            Size::Small => 25,
            Size::Ordinary => 40,
            Size::Large => 120,
        }
    }

    /// People with laptops: an administrator, trainers, and a last one who works alone at first.
    pub fn people(self) -> usize {
        match self {
            Size::Small => 3,
            Size::Ordinary => 4,
            Size::Large => 9,
        }
    }

    /// Laptops at most, copies included.
    pub fn laptops(self) -> usize {
        match self {
            Size::Small => 4,
            Size::Ordinary => 6,
            Size::Large => 12,
        }
    }
}

/// The program of a seed: `length` steps.
pub fn program(seed: u64, length: usize) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let temper = (seed / 3 % 4) as usize;
    (0..length).map(|_| step(temper, &mut dice)).collect()
}

fn step(temper: usize, dice: &mut Dice) -> Step {
    let laptop = dice.below(64);
    let kinds: Vec<(usize, usize)> = TEMPERS[temper].iter().copied().enumerate().collect();
    let what = match weighted(&kinds, dice) {
        0 if temper == 3 && dice.coin() => What::Edit(laptop, weighted(&MOVES, dice)),
        0 => What::Edit(laptop, weighted(&EDITS, dice)),
        1 => What::Clash(CLASHES[dice.below(CLASHES.len())]),
        2 => What::Sync(laptop, [0, 0, 10, 30, 60][dice.below(5)]),
        3 => What::SyncAll,
        4 => What::Kill(laptop),
        5 => What::KillInSync(laptop),
        6 => What::KillCentre,
        7 => What::Clone(laptop),
        8 => What::Keep(laptop),
        9 => What::SetBack(laptop, dice.below(3) > 0),
        10 => What::Backup,
        11 => What::PutBack,
        12 => What::Revoke(laptop),
        13 => What::Clock(laptop, [Wrong::No, Wrong::DayAhead, Wrong::DayBehind, Wrong::Year9999][dice.below(4)]),
        14 => What::Pass([Span::Minutes, Span::Hours, Span::Weeks][dice.below(3)]),
        15 => What::TrimLog,
        16 => What::DiskFull(laptop, dice.below(12) as u32),
        17 => match dice.below(3) {
            0 => What::Arrive,
            1 => What::Join(laptop),
            _ => What::Decide(laptop),
        },
        18 => What::Partition(laptop, dice.below(3) > 0),
        19 => What::KillCentreInSync(laptop),
        _ => What::KillInSave(laptop, weighted(&EDITS, dice)),
    };
    Step { what, seed: dice.roll() }
}

fn weighted<T: Copy>(table: &[(T, usize)], dice: &mut Dice) -> T {
    let mut at = dice.below(table.iter().map(|(_, weight)| weight).sum());
    for (what, weight) in table {
        if at < *weight {
            return *what;
        }
        at -= weight;
    }
    table[0].0
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Edit(laptop, act) => write!(f, "edit at {laptop}: {act:?}"),
            What::Clash(act) => write!(f, "two people at once: {act:?}"),
            What::Sync(laptop, 0) => write!(f, "{laptop} synchronizes"),
            What::Sync(laptop, chance) => write!(f, "{laptop} synchronizes over a bad line ({chance} %)"),
            What::SyncAll => write!(f, "all synchronize"),
            What::Kill(laptop) => write!(f, "{laptop} is killed"),
            What::KillInSync(laptop) => write!(f, "{laptop} is killed while it synchronizes"),
            What::KillCentre => write!(f, "the centre is killed"),
            What::KillInSave(laptop, act) => write!(f, "{laptop} is killed while it saves {act:?}"),
            What::KillCentreInSync(laptop) => write!(f, "the centre is killed while {laptop} synchronizes"),
            What::Partition(laptop, true) => write!(f, "{laptop} reaches nobody"),
            What::Partition(laptop, false) => write!(f, "{laptop} reaches the centre again"),
            What::Clone(laptop) => write!(f, "{laptop} is copied"),
            What::Keep(laptop) => write!(f, "the folder of {laptop} is kept"),
            What::SetBack(laptop, true) => write!(f, "{laptop} is put back, and notices"),
            What::SetBack(laptop, false) => write!(f, "{laptop} is put back with its witness"),
            What::Backup => write!(f, "the centre is backed up"),
            What::PutBack => write!(f, "the centre is put back"),
            What::Revoke(laptop) => write!(f, "the right of {laptop} ends"),
            What::Clock(laptop, wrong) => write!(f, "the clock of {laptop}: {wrong:?}"),
            What::Pass(span) => write!(f, "{span:?} pass"),
            What::TrimLog => write!(f, "the centre forgets its log"),
            What::DiskFull(laptop, pages) => write!(f, "the disk of {laptop} has {pages} pages left"),
            What::Arrive => write!(f, "what was under way arrives"),
            What::Join(laptop) => write!(f, "{laptop} joins"),
            What::Decide(laptop) => write!(f, "somebody at {laptop} decides about what was put aside"),
        }
    }
}

//! Whether two scores of one scale differ by more than chance (reliable change).

use serde::{Deserialize, Serialize};

use crate::instrument::{Direction, Scale};

/// A difference between two scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Later minus earlier.
    pub difference: i64,
    /// What it means.
    pub meaning: Meaning,
    /// Points that a reliable change needs; none when no figure is published.
    pub needed: Option<i64>,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Better by at least the reliable change.
    ReliableImprovement,
    /// Worse by at least the reliable change.
    ReliableDeterioration,
    /// Too little to call a change.
    TooLittle,
    /// No figure is published for this scale.
    Unknown,
}

/// Compares two scores of the same scale.
pub fn compare(scale: &Scale, earlier: i64, later: i64) -> Change {
    let difference = later.saturating_sub(earlier);
    let needed = scale.reliable_change.as_ref().map(|change| change.points);
    let worse = match scale.direction {
        Direction::HigherIsWorse => difference > 0,
        Direction::LowerIsWorse => difference < 0,
    };
    let meaning = match needed {
        None => Meaning::Unknown,
        Some(points) if difference.saturating_abs() < points => Meaning::TooLittle,
        Some(_) if worse => Meaning::ReliableDeterioration,
        Some(_) => Meaning::ReliableImprovement,
    };
    Change { difference, meaning, needed }
}

//! The score of one scale: complete, pro-rated within the published limit, or not scorable.
//! A score never lies: how sure it is stands beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{answer::Answer, instrument::{Band, Instrument, Scale}};

/// Answers by item code.
pub type Answers = BTreeMap<String, Answer>;

/// The result of a scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaleResult {
    /// Code of the scale.
    pub scale: String,
    /// Score in `min..=max` of the scale; none when it cannot be given.
    pub score: Option<i64>,
    /// How sure the score is.
    pub completeness: Completeness,
    /// Name of the severity band.
    pub band: Option<Band>,
    /// Score as a share of the range, 0 to 100, rounded to two digits, in hundredths.
    pub percentage_hundredths: Option<i64>,
    /// How each item counted, in the order of the scale.
    pub trace: Vec<TraceLine>,
    /// Version of the rule that computed this.
    pub scoring_version: String,
}

/// How sure a score is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Completeness {
    /// Every item was answered.
    Complete {
        /// Items of the scale.
        items: usize,
    },
    /// The mean of the answered items stands in for the missing ones.
    ProRated {
        /// Items answered.
        answered: usize,
        /// Items of the scale.
        items: usize,
        /// Sum of what was answered.
        raw: i64,
    },
    /// Too many items are missing.
    NotScorable {
        /// Items answered.
        answered: usize,
        /// Items of the scale.
        items: usize,
        /// Missing items that the rule allows.
        allowed: usize,
    },
}

impl Completeness {
    /// As it is stored with a response.
    pub fn name(&self) -> &'static str {
        match self {
            Completeness::Complete { .. } => "complete",
            Completeness::ProRated { .. } => "pro_rated",
            Completeness::NotScorable { .. } => "not_scorable",
        }
    }
}

/// How one item counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    /// Code of the item.
    pub item: String,
    /// Printed value that was chosen.
    pub value: Option<i64>,
    /// Points that it counts.
    pub points: Option<i64>,
    /// What was done with it.
    pub status: TraceStatus,
}

/// What was done with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceStatus {
    /// Answered.
    Answered,
    /// Declined; counts as missing.
    Declined,
    /// Not reached.
    Missing,
}

/// Scores one scale. Pro-rating: sum times number of items over number answered, rounded to the
/// nearest whole number, halves up.
pub fn score(instrument: &Instrument, scale: &Scale, answers: &Answers) -> ScaleResult {
    let trace: Vec<TraceLine> = scale.items.iter().map(|code| trace_line(instrument, scale, code, answers)).collect();
    let points: Vec<i64> = trace.iter().filter_map(|line| line.points).collect();
    let (answered, items) = (points.len(), scale.items.len());
    // What no item has may still lie in a record; a sum beyond all bounds stays there, and has no band.
    let (raw, missing) = (points.iter().fold(0_i64, |sum, points| sum.saturating_add(*points)), items - answered);
    let (score, completeness) = if missing == 0 {
        (Some(raw.saturating_mul(scale.factor)), Completeness::Complete { items })
    } else if missing <= scale.missing.allowed && answered > 0 {
        let (n, d) = (i128::from(raw) * i128::from(scale.factor) * items as i128, answered as i128);
        (Some(bounded((2 * n + d).div_euclid(2 * d))), Completeness::ProRated { answered, items, raw })
    } else {
        (None, Completeness::NotScorable { answered, items, allowed: scale.missing.allowed })
    };
    ScaleResult {
        scale: scale.code.clone(),
        band: score.and_then(|score| band_of(scale, score)).cloned(),
        percentage_hundredths: score.map(|score| {
            let (above, range) = (i128::from(score) - i128::from(scale.min), i128::from(scale.max - scale.min));
            bounded((2 * 10_000 * above + range).div_euclid(2 * range.max(1)))
        }),
        score,
        completeness,
        trace,
        scoring_version: instrument.scoring_version.clone(),
    }
}

fn bounded(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

/// The band in which a score lies.
pub fn band_of(scale: &Scale, score: i64) -> Option<&Band> {
    scale.bands.iter().find(|band| (band.from..=band.to).contains(&score))
}

/// A total that came with imported answers and does not follow from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// What was claimed.
    pub claimed: i64,
    /// What the answers give; none when they are not scorable.
    pub computed: Option<i64>,
}

/// Computes an imported total again.
pub fn recheck(instrument: &Instrument, scale: &Scale, answers: &Answers, claimed: i64) -> Option<Discrepancy> {
    let computed = score(instrument, scale, answers).score;
    (computed != Some(claimed)).then_some(Discrepancy { claimed, computed })
}

fn trace_line(instrument: &Instrument, scale: &Scale, code: &str, answers: &Answers) -> TraceLine {
    let (value, status) = match answers.get(code) {
        Some(Answer::Given(value)) => (Some(*value), TraceStatus::Answered),
        Some(Answer::Declined) => (None, TraceStatus::Declined),
        None => (None, TraceStatus::Missing),
    };
    let points = value.map(|value| if scale.reversed.iter().any(|reversed| reversed == code) { reverse(instrument, code, value) } else { value });
    TraceLine { item: code.into(), value, points, status }
}

fn reverse(instrument: &Instrument, code: &str, value: i64) -> i64 {
    let values: Vec<i64> = instrument.item(code).map(|item| instrument.options_of(item).iter().map(|option| option.value).collect()).unwrap_or_default();
    (values.iter().max().unwrap_or(&0) + values.iter().min().unwrap_or(&0)).saturating_sub(value)
}

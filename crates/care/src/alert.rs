//! Whether an answer raises an alert at the moment it is given, whatever becomes of the rest.

use crate::instrument::{AlertLevel, AlertRule, Instrument};

/// An alert that an answer raises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert<'i> {
    /// The rule.
    pub rule: &'i AlertRule,
    /// How urgent it is.
    pub level: AlertLevel,
}

/// The alert that `value` of `item` raises, if any.
pub fn raised<'i>(instrument: &'i Instrument, item: &str, value: i64) -> Option<Alert<'i>> {
    let rule = instrument.alerts.iter().find(|rule| rule.item == item && value > rule.above)?;
    let step = usize::try_from(value - rule.above - 1).unwrap_or(usize::MAX).min(rule.levels.len() - 1);
    Some(Alert { rule, level: rule.levels[step] })
}

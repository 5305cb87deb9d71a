//! Rules over several fields or rows, as data. `validate.rs` calls them. What the fields' own
//! declaration enforces (required, choices, range, format, uniqueness) is checked there; a rule of
//! kind `declared` only says which lines of the seeds that covers.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{
    catalogue::catalogue,
    entity::{Entity, FieldType},
    format,
    instant::Instant,
    remedy::Template,
    row::Row,
    value::Value,
};

/// One rule of an entity.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// Short name, for example `auth_excludes_anonymous`.
    pub id: String,
    /// Lines of the seeds that ask for it, as `system:line`.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// What is wrong and what to do, for people: field, rule, remedy. Empty where nothing is
    /// refused here: `declared` and `filled_from`.
    #[serde(default)]
    pub message: String,
    /// What is checked.
    #[serde(flatten)]
    pub check: Check,
}

/// What a rule checks.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Check {
    /// The declaration of the fields enforces it; nothing is left to check here.
    Declared {
        /// Fields; for a uniqueness all of them, with the field of its condition.
        fields: Vec<String>,
        /// Which part of the declaration.
        by: Guard,
    },
    /// A missing `field` is filled from the first source that yields a text; see
    /// [`crate::validate::fill_missing`].
    FilledFrom {
        /// Field that is filled.
        field: String,
        /// Sources, in the order in which they are tried.
        from: Vec<Source>,
    },
    /// Where `when` holds, `then` must hold too. The fault is reported at `then`'s field.
    Implies {
        /// The premise.
        when: Condition,
        /// What must hold.
        then: Condition,
    },
    /// `later` lies after `earlier`, when both are given.
    After {
        /// Field with the earlier time, date or number.
        earlier: String,
        /// Field with the later one.
        later: String,
        /// Whether both may be equal.
        #[serde(default)]
        or_equal: bool,
    },
    /// The date or time lies before now.
    Past {
        /// Field.
        field: String,
    },
    /// The fields add up to `total`, within `tolerance`; fields that are not given count as zero,
    /// and nothing is checked while none is given.
    SumsTo {
        /// Fields that are added.
        fields: Vec<String>,
        /// What they must add up to.
        total: Decimal,
        /// Greatest difference allowed.
        tolerance: Decimal,
    },
    /// The numbers of a JSON object are shares: none is below zero, and together they make `total`,
    /// within `tolerance`. An empty object has no shares.
    SharesOf {
        /// Field with the JSON object.
        field: String,
        /// What the numbers must add up to.
        total: Decimal,
        /// Greatest difference allowed.
        tolerance: Decimal,
    },
    /// `field` is the sum of `of`.
    IsSum {
        /// Field with the sum.
        field: String,
        /// Fields that are added.
        of: Vec<String>,
    },
    /// `field` is `dividend` divided by `divisor`, within `tolerance`; with `up_to`, divided by some
    /// whole number from 1 to `divisor`, because only a part of what is counted there counts here.
    IsQuotient {
        /// Field with the quotient.
        field: String,
        /// Field with the dividend.
        dividend: String,
        /// Field with the divisor.
        divisor: String,
        /// Whether the divisor is the most that may be divided by.
        #[serde(default)]
        up_to: bool,
        /// Greatest difference allowed.
        tolerance: Decimal,
    },
    /// `field` is the price of the token counts, each per 1,000, within `tolerance`, where `when` holds.
    IsPrice {
        /// Field with the price.
        field: String,
        /// Only for these rows.
        when: Condition,
        /// Count fields and their price per 1,000.
        parts: Vec<PricePart>,
        /// Greatest difference allowed.
        tolerance: Decimal,
    },
    /// The postal code has the form of the country.
    PostalCode {
        /// Field with the code.
        field: String,
        /// Field with the country.
        country: String,
    },
    /// JSON of the named shape.
    JsonShape {
        /// Field with the JSON.
        field: String,
        /// Shape; see [`crate::validate`].
        shape: String,
    },
    /// The text names a kind of record, or one of `also`.
    KindOfRecord {
        /// Field with the name.
        field: String,
        /// Further names.
        #[serde(default)]
        also: Vec<String>,
    },
    /// At least one of the fields is given.
    OneOf {
        /// Fields.
        fields: Vec<String>,
    },
    /// Where `when` holds, a row of `entity` refers to this one through `by`. Checked when the
    /// mutation is complete, because the children come after the parent.
    NeedsChild {
        /// The premise.
        when: Condition,
        /// Entity of the child.
        entity: String,
        /// The child's reference.
        by: String,
    },
    /// Which values of `field` may follow which. A value that is not listed may be followed by every
    /// one; a new row begins with any. Checked against the value that the author saw; whoever decides a
    /// conflict about the row chooses freely.
    Steps {
        /// Field, with a closed list of choices.
        field: String,
        /// What may follow, by what stands.
        to: BTreeMap<String, Vec<String>>,
    },
    /// The answer's value fits the type of its question.
    AnswerFitsQuestion {
        /// Field with the reference to the question.
        question: String,
        /// Field with the value.
        value: String,
    },
    /// The answer's score lies in 0 to the question's greatest score times its weight.
    AnswerScoreInRange {
        /// Field with the reference to the question.
        question: String,
        /// Field with the score.
        score: String,
    },
}

/// The part of a field's declaration that enforces a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// A value must be there.
    Required,
    /// A value may be missing.
    Optional,
    /// A closed list of choices.
    Choices,
    /// A least or greatest number.
    Range,
    /// A greatest number of characters.
    Length,
    /// What the text must look like.
    Format,
    /// No two rows have the same values in the fields.
    Unique,
}

/// Where a missing text is taken from.
#[derive(Clone, Debug, Deserialize)]
pub struct Source {
    /// Fields whose texts are joined by a space.
    pub fields: Vec<String>,
    /// Only what stands before the first of this, for example `@`.
    pub before: Option<String>,
}

impl Source {
    /// The text, or nothing when the fields are empty.
    pub(crate) fn text(&self, row: &Row) -> Option<String> {
        let parts: Vec<&str> = self.fields.iter().map(|field| row.text(field).trim()).filter(|part| !part.is_empty()).collect();
        let whole = parts.join(" ");
        let part = self.before.as_ref().and_then(|before| whole.split_once(before.as_str())).map_or(whole.as_str(), |(part, _)| part);
        (!part.is_empty()).then(|| part.to_owned())
    }
}

/// A price per 1,000 of a counted thing.
#[derive(Clone, Debug, Deserialize)]
pub struct PricePart {
    /// Field with the count.
    pub field: String,
    /// Price of 1,000.
    pub per_thousand: Decimal,
}

/// A condition on one field.
#[derive(Clone, Debug, Deserialize)]
pub struct Condition {
    /// Field.
    pub field: String,
    /// What must be so.
    #[serde(flatten)]
    pub test: Test,
}

/// What a condition asks of a value.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Equal to this JSON value.
    Is(serde_json::Value),
    /// One of these texts.
    In(Vec<String>),
    /// None of these texts, or no text.
    NotIn(Vec<String>),
    /// Given (true) or not given (false). An empty list, object or text counts as not given.
    Given(bool),
    /// A number above this.
    Above(Decimal),
}

impl Condition {
    /// Whether the row meets the condition.
    pub fn holds(&self, row: &Row) -> bool {
        let value = row.get(&self.field);
        match &self.test {
            Test::Is(json) => value.to_json() == *json,
            Test::In(texts) => value.as_text().is_some_and(|text| texts.iter().any(|t| t == text)),
            Test::NotIn(texts) => !value.as_text().is_some_and(|text| texts.iter().any(|t| t == text)),
            Test::Given(wanted) => is_given(value) == *wanted,
            Test::Above(limit) => value.as_decimal().is_some_and(|number| number > *limit),
        }
    }
}

pub(crate) fn is_given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Text(text) => !text.trim().is_empty(),
        Value::Json(text) => !matches!(text.as_str(), "null" | "[]" | "{}" | "\"\""),
        _ => true,
    }
}

impl Rule {
    /// Names of all fields that the rule reads.
    pub fn fields(&self) -> Vec<&str> {
        match &self.check {
            Check::Declared { fields, .. } => fields.iter().map(String::as_str).collect(),
            Check::FilledFrom { field, from } => std::iter::once(field).chain(from.iter().flat_map(|source| &source.fields)).map(String::as_str).collect(),
            Check::Implies { when, then } => vec![&when.field, &then.field],
            Check::After { earlier, later, .. } => vec![earlier, later],
            Check::Past { field } | Check::JsonShape { field, .. } | Check::SharesOf { field, .. } | Check::KindOfRecord { field, .. } => vec![field],
            Check::SumsTo { fields, .. } | Check::OneOf { fields } => fields.iter().map(String::as_str).collect(),
            Check::IsSum { field, of } => std::iter::once(field.as_str()).chain(of.iter().map(String::as_str)).collect(),
            Check::IsQuotient { field, dividend, divisor, .. } => vec![field, dividend, divisor],
            Check::IsPrice { field, when, parts, .. } => [field.as_str(), &when.field].into_iter().chain(parts.iter().map(|p| p.field.as_str())).collect(),
            Check::PostalCode { field, country } => vec![field, country],
            Check::NeedsChild { when, .. } => vec![&when.field],
            Check::Steps { field, .. } => vec![field],
            Check::AnswerFitsQuestion { question, value } => vec![value, question],
            Check::AnswerScoreInRange { question, score } => vec![score, question],
        }
    }

    /// Whether the declaration of `entity` holds what a `declared` rule relies on; true for others.
    pub fn is_declared(&self, entity: &Entity) -> bool {
        let Check::Declared { fields, by: guard } = &self.check else { return true };
        let positions: Option<Vec<usize>> = fields.iter().map(|name| entity.position(name)).collect();
        let Some(mut positions) = positions else { return false };
        if *guard == Guard::Unique {
            positions.sort_unstable();
            let sorted = |mut all: Vec<usize>| { all.sort_unstable(); all };
            let listed = entity.uniques.iter().map(|unique| unique.fields.iter().copied().chain(unique.when.iter().map(|(at, _)| *at)).collect());
            return listed.chain([entity.natural_key.clone()]).any(|all: Vec<usize>| sorted(all) == positions);
        }
        positions.iter().map(|at| &entity.fields[*at]).all(|field| match guard {
            Guard::Required => field.required,
            Guard::Optional => !field.required,
            Guard::Choices => !field.choices.is_empty() && !field.open,
            Guard::Range => field.min.is_some() || field.max.is_some(),
            Guard::Length => matches!(field.ty, FieldType::Text { .. }),
            Guard::Format => field.format.is_some(),
            Guard::Unique => false,
        })
    }

    /// Whether `after` may follow `before` in the field of a [`Check::Steps`]; true for other rules.
    pub fn allows_step(&self, before: &Value, after: &Value) -> bool {
        let Check::Steps { to, .. } = &self.check else { return true };
        let (Some(before), Some(after)) = (before.as_text(), after.as_text()) else { return true };
        before == after || to.get(before).is_none_or(|to| to.iter().any(|step| step == after))
    }

    /// Whether it looks at rows other than its own, which others may have changed since.
    pub fn looks_around(&self) -> bool {
        matches!(self.check, Check::AnswerFitsQuestion { .. } | Check::AnswerScoreInRange { .. } | Check::NeedsChild { .. })
    }

    /// Checks the rules that need nothing but the row and the time. Returns the field at fault and
    /// what is to be added to the message, often nothing.
    pub(crate) fn check_row(&self, row: &Row, now: Instant) -> Result<(), (&str, Option<Template>)> {
        let number = |field: &str| row.get(field).as_decimal();
        // Values that the field does not take come here as well: what cannot be computed is near nothing.
        let near = |a: Decimal, b: Decimal, tolerance: Decimal| a.checked_sub(b).is_some_and(|apart| apart.abs() <= tolerance);
        let sum = |parts: &[Decimal]| parts.iter().try_fold(Decimal::ZERO, |sum, part| sum.checked_add(*part));
        let (field, good) = match &self.check {
            Check::Implies { when, then } => (then.field.as_str(), !when.holds(row) || then.holds(row)),
            Check::After { earlier, later, or_equal } => (later.as_str(), is_after(row.get(earlier), row.get(later), *or_equal)),
            Check::Past { field } => (field.as_str(), match row.get(field) {
                Value::Date(date) => *date < now.date(),
                Value::Instant(time) => *time <= now,
                _ => true,
            }),
            Check::SumsTo { fields, total, tolerance } => {
                let given: Vec<Decimal> = fields.iter().filter_map(|f| number(f)).collect();
                (fields[0].as_str(), given.is_empty() || sum(&given).is_some_and(|given| near(given, *total, *tolerance)))
            }
            Check::SharesOf { field, total, tolerance } => {
                let shares = row.get(field).as_json().unwrap_or_else(|| serde_json::json!({}));
                let share = |json: &serde_json::Value| {
                    let text = json.as_number()?.to_string();
                    text.parse().or_else(|_| Decimal::from_scientific(&text)).ok().filter(|share| *share >= Decimal::ZERO && *share <= *total + *tolerance)
                };
                let shares: Option<Vec<Decimal>> = shares.as_object().and_then(|shares| shares.values().map(share).collect());
                (field.as_str(), shares.is_some_and(|shares| shares.is_empty() || sum(&shares).is_some_and(|shares| near(shares, *total, *tolerance))))
            }
            Check::IsSum { field, of } => {
                let parts: Vec<Decimal> = of.iter().filter_map(|f| number(f)).collect();
                (field.as_str(), number(field).is_none_or(|given| parts.len() < of.len() || sum(&parts) == Some(given)))
            }
            Check::IsQuotient { field, dividend, divisor, up_to, tolerance } => {
                let good = match (number(field), number(dividend), number(divisor)) {
                    (Some(q), Some(n), Some(_)) if *up_to && (q.is_zero() || n.is_zero()) => q == n,
                    (Some(q), Some(_), Some(d)) if d.is_zero() => q.is_zero(),
                    (Some(q), Some(n), Some(d)) if *up_to => {
                        let parts = n.checked_div(q).map(|parts| parts.round()).filter(|parts| *parts >= Decimal::ONE && *parts <= d);
                        parts.and_then(|parts| n.checked_div(parts)).is_some_and(|one| near(q, one, *tolerance))
                    }
                    (Some(q), Some(n), Some(d)) => n.checked_div(d).is_some_and(|one| near(q, one, *tolerance)),
                    (None, Some(n), _) => n.is_zero(),
                    _ => true,
                };
                (field.as_str(), good)
            }
            Check::IsPrice { field, when, parts, tolerance } => {
                let given = parts.iter().filter_map(|part| number(&part.field).map(|number| (number, part.per_thousand)));
                let price = given.map(|(number, per_thousand)| number.checked_mul(per_thousand)).collect::<Option<Vec<_>>>().and_then(|parts| sum(&parts)).map(|sum| sum / Decimal::from(1_000));
                (field.as_str(), !when.holds(row) || number(field).is_none_or(|given| price.is_some_and(|price| near(given, price, *tolerance))))
            }
            Check::PostalCode { field, country } => {
                let Some(code) = row.get(field).as_text() else { return Ok(()) };
                return format::check_postal_code(row.text(country), code).map_err(|wrong| (field.as_str(), Some(wrong)));
            }
            Check::KindOfRecord { field, also } => (field.as_str(), row.get(field).as_text().is_none_or(|name| catalogue().get(name).is_some() || also.iter().any(|other| other == name))),
            Check::OneOf { fields } => (fields[0].as_str(), fields.iter().any(|f| is_given(row.get(f)))),
            Check::Declared { .. } | Check::FilledFrom { .. } | Check::JsonShape { .. } | Check::NeedsChild { .. } | Check::Steps { .. } | Check::AnswerFitsQuestion { .. } | Check::AnswerScoreInRange { .. } => return Ok(()),
        };
        if good { Ok(()) } else { Err((field, None)) }
    }
}

fn is_after(earlier: &Value, later: &Value, or_equal: bool) -> bool {
    let order = match (earlier, later) {
        (Value::Instant(a), Value::Instant(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (a, b) => match (a.as_decimal(), b.as_decimal()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => return true,
        },
    };
    order.is_lt() || (or_equal && order.is_eq())
}

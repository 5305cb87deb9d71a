//! A condition on one field of a row, as declared: `field present`, or `field in a b`.

use crate::{entity::Field, row::Row};

/// A condition on one field.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The field has any value.
    Present(usize),
    /// The field has one of these texts.
    In(usize, Vec<String>),
}

impl Condition {
    /// Whether it holds for a row of the entity that declares it.
    pub fn holds(&self, row: &Row) -> bool {
        match self {
            Condition::Present(at) => !row.values[*at].is_null(),
            Condition::In(at, texts) => row.values[*at].as_text().is_some_and(|text| texts.iter().any(|known| known == text)),
        }
    }

    /// The field that it looks at.
    pub fn field(&self) -> usize {
        match self {
            Condition::Present(at) | Condition::In(at, _) => *at,
        }
    }

    /// Reads one; `fields` are those of the entity.
    pub(crate) fn parse(text: &str, fields: &[Field]) -> Result<Condition, String> {
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            [field, "present"] => Ok(Condition::Present(position(field, fields)?)),
            [field, "in", values @ ..] if !values.is_empty() => {
                let at = position(field, fields)?;
                are_choices(values, &fields[at])?;
                Ok(Condition::In(at, values.iter().map(|value| (*value).to_owned()).collect()))
            }
            _ => Err(format!("unknown condition {text}: it is written as `field present` or `field in a b`")),
        }
    }
}

/// The position of a field by name.
pub(crate) fn position(name: &str, fields: &[Field]) -> Result<usize, String> {
    fields.iter().position(|field| field.name == name).ok_or_else(|| format!("no field {name}"))
}

/// That texts are among the choices of a field whose choices are all that there is.
pub(crate) fn are_choices(texts: &[impl AsRef<str>], field: &Field) -> Result<(), String> {
    match texts.iter().map(AsRef::as_ref).find(|text| !field.choices.iter().any(|choice| choice == text)) {
        Some(unknown) if field.is_closed() => Err(format!("{unknown} is no choice of {}", field.name)),
        _ => Ok(()),
    }
}

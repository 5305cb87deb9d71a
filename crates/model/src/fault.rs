//! What is wrong with a row, in words a person can act on.

use serde::{Deserialize, Serialize};

/// One reason why a row is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{entity}.{field}: {message}")]
pub struct Fault {
    /// Entity by name, for example `questionnaires`.
    pub entity: String,
    /// Field by name; empty when the whole row is meant.
    pub field: String,
    /// Short name of the rule, for example `required` or `auth_excludes_anonymous`.
    pub rule: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl Fault {
    /// A fault of one field.
    pub fn new(entity: &str, field: &str, rule: &str, message: impl Into<String>) -> Fault {
        Fault { entity: entity.into(), field: field.into(), rule: rule.into(), message: message.into() }
    }
}

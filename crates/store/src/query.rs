//! A question to a table: filters, order, page. Built from names, checked against the model,
//! and turned into SQL with every value bound.

use gladstone_model::{Entity, Value};
use rusqlite::types::Value as Sql;

use crate::{error::StoreError, write::sql_value};

/// Which rows, in which order, how many.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// All must hold.
    pub filters: Vec<Filter>,
    /// Field and whether descending; the id settles ties.
    pub sort: Vec<(String, bool)>,
    /// Which part of the answer.
    pub page: Page,
    /// Whether rows that were entered in error are wanted too.
    pub with_errors: bool,
}

/// Part of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Rows skipped.
    pub offset: u32,
    /// Rows returned at most, up to 1,000.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Page { offset: 0, limit: 100 }
    }
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Field by name.
    pub field: String,
    /// How it is compared.
    pub how: Match,
}

/// How a field is compared.
#[derive(Clone, Debug)]
pub enum Match {
    /// Equal; null equals null.
    Is(Value),
    /// Not equal; null differs from everything but null.
    Not(Value),
    /// One of these.
    In(Vec<Value>),
    /// At least.
    AtLeast(Value),
    /// At most.
    AtMost(Value),
    /// Below.
    Below(Value),
    /// Above.
    Above(Value),
    /// Contains the text, without regard to the case of ASCII letters.
    Contains(String),
    /// Starts with the text, without regard to the case of ASCII letters.
    Starts(String),
}

impl Query {
    /// Every row for which `field` has `value`.
    pub fn by(field: &str, value: impl Into<Value>) -> Query {
        Query::default().and(field, Match::Is(value.into()))
    }

    /// One more condition.
    pub fn and(mut self, field: &str, how: Match) -> Query {
        self.filters.push(Filter { field: field.into(), how });
        self
    }

    /// One more order.
    pub fn sorted(mut self, field: &str, descending: bool) -> Query {
        self.sort.push((field.into(), descending));
        self
    }

    /// At most so many rows.
    pub fn limit(mut self, limit: u32) -> Query {
        self.page.limit = limit;
        self
    }

    /// The WHERE clause and its values.
    pub(crate) fn condition(&self, entity: &Entity) -> Result<(String, Vec<Sql>), StoreError> {
        let mut parts = Vec::new();
        let mut values = Vec::new();
        if !self.with_errors {
            parts.push("deleted_mid IS NULL".to_owned());
        }
        for filter in &self.filters {
            let field = known(entity, &filter.field)?;
            let name = &field.name;
            let mut bind = |value: &Value| -> Result<String, StoreError> {
                values.push(sql_value(field.ty, value)?);
                Ok(format!("?{}", values.len()))
            };
            parts.push(match &filter.how {
                Match::Is(Value::Null) => format!("{name} IS NULL"),
                // Written so that the index serves it; IS would not use a partial index.
                Match::Is(value) => format!("{name} = {}", bind(value)?),
                Match::Not(value) => format!("{name} IS NOT {}", bind(value)?),
                Match::In(items) => {
                    let marks: Vec<String> = items.iter().map(&mut bind).collect::<Result<_, _>>()?;
                    format!("{name} IN ({})", marks.join(", "))
                }
                Match::AtLeast(value) => format!("{name} >= {}", bind(value)?),
                Match::AtMost(value) => format!("{name} <= {}", bind(value)?),
                Match::Below(value) => format!("{name} < {}", bind(value)?),
                Match::Above(value) => format!("{name} > {}", bind(value)?),
                Match::Contains(text) => {
                    values.push(Sql::Text(format!("%{}%", escaped(text))));
                    format!("{name} LIKE ?{} ESCAPE '\\'", values.len())
                }
                Match::Starts(text) => {
                    values.push(Sql::Text(format!("{}%", escaped(text))));
                    format!("{name} LIKE ?{} ESCAPE '\\'", values.len())
                }
            });
        }
        let sql = if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) };
        Ok((sql, values))
    }

    /// The ORDER BY and LIMIT clauses.
    pub(crate) fn order(&self, entity: &Entity) -> Result<String, StoreError> {
        let mut parts = Vec::new();
        for (name, descending) in &self.sort {
            let field = known(entity, name)?;
            let collate = if matches!(field.ty, gladstone_model::FieldType::Text { .. }) { " COLLATE NOCASE" } else { "" };
            parts.push(format!("{}{collate}{}", field.name, if *descending { " DESC" } else { "" }));
        }
        parts.push("id".into());
        Ok(format!(" ORDER BY {} LIMIT {} OFFSET {}", parts.join(", "), self.page.limit.min(1_000), self.page.offset))
    }
}

/// A field by name, or an error that says so.
pub(crate) fn known<'e>(entity: &'e Entity, name: &str) -> Result<&'e gladstone_model::Field, StoreError> {
    entity.field(name).ok_or_else(|| StoreError::UnknownField { entity: entity.name.clone(), field: name.into() })
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

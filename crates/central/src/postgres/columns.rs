//! Rows of entities as PostgreSQL keeps them: the statements for each table, made from the
//! declaration, and values on their way in and out.

use std::{collections::HashMap, fmt::Write, sync::OnceLock};

use chrono::{DateTime, NaiveDate, Utc};
use gladstone_model::{Entity, Field, FieldType, Instant, Row, Unit, Value, catalogue, ddl::postgres::column_type};
use gladstone_protocol::{GroupMids, RowState, wire::RowKey};
use rust_decimal::Decimal;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{
    connect::{Ask, Parameter},
    exact::{self, held, restore},
};
use crate::{
    engine::{Alike, Having, RowSave},
    error::EngineError,
};

/// Columns behind the declared ones, which replication needs, with their types.
const ORIGIN: [(&str, &str); 6] = [("unit_id", "bytea"), ("row_mid", "uuid"), ("group_mids", "bytea"), ("deleted_mid", "uuid"), ("deleted_reason", "text"), ("g", "bigint")];

/// The statements about one entity.
pub(super) struct Table {
    pub entity: &'static Entity,
    select: String,
    by_ids: String,
    of_unit: String,
    of_unit_behind: String,
    insert: String,
    upsert: String,
}

/// The table of an entity by its number.
///
/// # Errors
/// [`EngineError::Refused`] when there is no such entity.
pub(super) fn table(entity: u16) -> Result<&'static Table, EngineError> {
    static TABLES: OnceLock<HashMap<u16, Table>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| catalogue().entities.iter().map(|entity| (entity.no, Table::of(entity))).collect());
    tables.get(&entity).ok_or_else(|| EngineError::Refused(format!("there is no entity {entity}")))
}

impl Table {
    fn of(entity: &'static Entity) -> Table {
        let name = &entity.name;
        let mut select = String::from("SELECT ");
        for field in &entity.fields {
            let cast = if is_text_on_the_way(field) { "::text" } else { "" };
            let _ = write!(select, "t.{}{cast}, ", field.name);
        }
        let _ = write!(
            select,
            "t.unit_id, t.row_mid, t.group_mids, t.deleted_mid, t.deleted_reason, CASE WHEN EXISTS (SELECT FROM centre.exact AS x WHERE x.realm = $1 AND x.entity = {0}) THEN (SELECT x.kept FROM centre.exact AS x WHERE x.realm = t.realm AND x.entity = {0} AND x.id = t.id) END FROM public.{name} AS t WHERE t.realm = $1",
            entity.no
        );
        let by_ids = format!("{select} AND t.id = ANY ($2)");
        let (of_unit, of_unit_behind) = (format!("{select} AND t.unit_id = $2 ORDER BY t.id LIMIT $3"), format!("{select} AND t.unit_id = $2 AND t.id > $4 ORDER BY t.id LIMIT $3"));
        let names: Vec<&str> = entity.fields.iter().map(|field| field.name.as_str()).chain(ORIGIN.map(|(name, _)| name)).collect();
        // One list for each column, side by side in the list of values: a function for each in FROM would keep each
        // value once more. The cast of a text to its column is an assignment: one that is too long is refused, not cut.
        let types = entity.fields.iter().map(|field| (array_type(field), if is_text_on_the_way(field) { format!("::{}", base_type(field)) } else { String::new() }));
        let values: Vec<String> = types.chain(ORIGIN.map(|(_, ty)| (ty.into(), String::new()))).enumerate().map(|(at, (ty, cast))| format!("unnest(${}::{ty}[]){cast}", at + 2)).collect();
        let set: Vec<String> = names.iter().filter(|name| **name != "id").map(|name| format!("{name} = EXCLUDED.{name}")).collect();
        let insert = format!("INSERT INTO public.{name} (realm, {}) SELECT $1, {}", names.join(", "), values.join(", "));
        let upsert = format!("{insert} ON CONFLICT (realm, id) DO UPDATE SET {}", set.join(", "));
        Table { entity, select, by_ids, of_unit, of_unit_behind, insert, upsert }
    }

    /// Asks for rows by their ids.
    pub fn by_ids(&'static self, realm: Uuid, ids: Vec<Uuid>) -> Ask<'static> {
        Ask::new(self.by_ids.as_str()).with(realm).with(ids)
    }

    /// Asks for rows of a unit in the order of their ids, at most `limit`; those behind one, if that is said.
    pub fn of_unit(&'static self, realm: Uuid, unit: Unit, behind: Option<Uuid>, limit: i64) -> Ask<'static> {
        let sql = if behind.is_some() { &self.of_unit_behind } else { &self.of_unit };
        let ask = Ask::new(sql.as_str()).with(realm).with(unit.to_bytes().to_vec()).with(limit);
        behind.into_iter().fold(ask, Ask::with)
    }

    /// Asks for rows in which a field has a value; none when no row can have it.
    pub fn having(&self, realm: Uuid, ask: &Having) -> Option<Ask<'static>> {
        let field = self.entity.fields.get(ask.field)?;
        let (term, parameter) = equals(field, &held(field, &ask.value).ok()?.value, 3)?;
        let sql = format!("{} AND t.{} = {term} LIMIT $2", self.select, field.name);
        Some(Ask::new(sql).with(realm).with(i64::from(ask.limit)).with_boxed(parameter?))
    }

    /// Asks for the id of another row that stands and has these values; none when no row can.
    pub fn alike(&self, realm: Uuid, ask: &Alike) -> Option<Ask<'static>> {
        let mut sql = format!("SELECT t.id FROM public.{} AS t WHERE t.realm = $1 AND t.id <> $2 AND t.deleted_mid IS NULL", self.entity.name);
        let mut found = Vec::new();
        for (at, value) in &ask.values {
            let field = self.entity.fields.get(*at)?;
            if !value.is_null() && !held(field, value).ok()?.whole {
                return None;
            }
            let (term, parameter) = equals(field, value, found.len() + 3)?;
            let _ = if parameter.is_some() { write!(sql, " AND t.{} = {term}", field.name) } else { write!(sql, " AND t.{} IS NULL", field.name) };
            found.extend(parameter);
        }
        sql.push_str(" LIMIT 1");
        let ask = Ask::new(sql).with(realm).with(ask.except);
        Some(found.into_iter().fold(ask, Ask::with_boxed))
    }

    /// Writes rows of this entity: all of them new, or all of them changed.
    ///
    /// # Errors
    /// [`EngineError::Refused`] for a row that the table does not take.
    pub fn write<'a>(&'static self, realm: Uuid, rows: &[&'a RowSave], new: bool) -> Result<Ask<'a>, EngineError> {
        let mut ask = Ask::new(if new { self.insert.as_str() } else { self.upsert.as_str() }).with(realm);
        for (at, field) in self.entity.fields.iter().enumerate() {
            ask = ask.with_boxed(cells(field, at, rows)?);
        }
        let states = || rows.iter().map(|row| &row.state);
        let ask = ask.with(states().map(|state| state.unit.to_bytes().to_vec()).collect::<Vec<_>>());
        let ask = ask.with(states().map(|state| state.row_mid).collect::<Vec<_>>());
        let ask = ask.with_boxed(list(states().map(|state| state.group_mids.to_bytes())));
        let ask = ask.with_boxed(list(states().map(|state| state.error.as_ref().map(|(mid, _)| *mid))));
        let ask = ask.with_boxed(list(states().map(|state| state.error.as_ref().map(|(_, reason)| exact::without_null(reason)))));
        Ok(ask.with(rows.iter().map(|row| row.g.cast_signed()).collect::<Vec<_>>()))
    }

    /// A row out of an answer to [`Table::by_ids`] or [`Table::having`].
    ///
    /// # Errors
    /// [`EngineError::Damaged`] when it does not fit the declaration.
    pub fn read(&self, found: &tokio_postgres::Row) -> Result<RowState, EngineError> {
        let damaged = |what: &str| EngineError::Damaged(format!("{what} of a row of {} cannot be read", self.entity.name));
        let mut row = Row::empty(self.entity);
        for (at, field) in self.entity.fields.iter().enumerate() {
            row.values[at] = value(field, found, at).ok().flatten().ok_or_else(|| damaged(&field.name))?;
        }
        let at = self.entity.fields.len();
        let origin = || -> Result<_, tokio_postgres::Error> {
            let (unit, row_mid, mids): (&[u8], Uuid, Option<&[u8]>) = (found.try_get(at)?, found.try_get(at + 1)?, found.try_get(at + 2)?);
            let (mark, reason, kept): (Option<Uuid>, Option<String>, Option<&[u8]>) = (found.try_get(at + 3)?, found.try_get(at + 4)?, found.try_get(at + 5)?);
            Ok((unit, row_mid, mids, mark, reason, kept))
        };
        let (unit, row_mid, mids, mark, reason, kept) = origin().map_err(|_| damaged("the origin"))?;
        let unit = Unit::from_bytes(unit).ok_or_else(|| damaged("the unit"))?;
        let group_mids = GroupMids::from_bytes(mids).ok_or_else(|| damaged("the writers"))?;
        let mut state = RowState { row, unit, row_mid, group_mids, error: mark.map(|mid| (mid, reason.unwrap_or_default())) };
        if let Some(kept) = kept {
            restore(&mut state, kept).ok_or_else(|| damaged("an exact value"))?;
        }
        Ok(state)
    }
}

/// That a row does not fit its table. The value is not told.
pub(super) fn misfit(state: &RowState, why: &str) -> EngineError {
    EngineError::Refused(format!("row {} of {}: {why}", state.row.id(), state.row.entity.name))
}

/// The key of a row.
pub(super) fn key_of(state: &RowState) -> RowKey {
    RowKey { entity: state.row.entity.no, id: state.row.id() }
}

/// Decimals and JSON travel as text: PostgreSQL converts them both ways.
fn is_text_on_the_way(field: &Field) -> bool {
    matches!(field.ty, FieldType::Decimal { .. } | FieldType::Json)
}

/// The type without length or digits, so that a conversion neither cuts nor rounds.
fn base_type(field: &Field) -> &'static str {
    if matches!(field.ty, FieldType::Json) { "jsonb" } else { "numeric" }
}

fn array_type(field: &Field) -> String {
    match field.ty {
        FieldType::Text { .. } | FieldType::Decimal { .. } | FieldType::Json => "text".into(),
        _ => column_type(field),
    }
}

/// One column of several rows.
fn cells<'a>(field: &Field, at: usize, rows: &[&'a RowSave]) -> Result<Parameter<'a>, EngineError> {
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        let value = row.state.row.values.get(at).ok_or_else(|| misfit(&row.state, "it has too few values"))?;
        values.push(held(field, value).map_err(|why| misfit(&row.state, &format!("{} {why}", field.name)))?.value);
    }
    Ok(match field.ty {
        FieldType::Uuid => list(values.iter().map(|value| value.as_uuid())),
        FieldType::Text { .. } | FieldType::Decimal { .. } | FieldType::Json => list(values.into_iter().map(text)),
        FieldType::SmallInteger => list(values.iter().map(|value| value.as_integer().and_then(|number| i16::try_from(number).ok()))),
        FieldType::Integer => list(values.iter().map(|value| value.as_integer().and_then(|number| i32::try_from(number).ok()))),
        FieldType::BigInteger => list(values.iter().map(|value| value.as_integer())),
        FieldType::Boolean => list(values.iter().map(|value| value.as_bool())),
        FieldType::Date => list(values.iter().map(|value| value.as_date())),
        FieldType::Instant => list(values.iter().map(|value| value.as_instant().map(Instant::to_utc))),
    })
}

/// The values of one column. None at all is an empty list: beside longer ones it yields null for each row, unread.
fn list<'a, T>(values: impl Iterator<Item = Option<T>>) -> Parameter<'a>
where
    Vec<Option<T>>: ToSql + Send + Sync + 'a,
{
    let mut values: Vec<Option<T>> = values.collect();
    if values.iter().all(Option::is_none) {
        values.clear();
    }
    Box::new(values)
}

/// The text in which a value travels, borrowed where it is text already.
fn text(value: std::borrow::Cow<'_, Value>) -> Option<std::borrow::Cow<'_, str>> {
    use std::borrow::Cow;
    match value {
        Cow::Borrowed(Value::Text(text) | Value::Json(text)) => Some(Cow::Borrowed(text)),
        Cow::Owned(Value::Text(text) | Value::Json(text)) => Some(Cow::Owned(text)),
        other => other.as_decimal().map(|number| Cow::Owned(number.normalize().to_string())),
    }
}

/// What a column is compared with: the term for parameter `no`, and the parameter, none for null.
/// None when the value is of another type, so that no row can have it.
fn equals(field: &Field, value: &Value, no: usize) -> Option<(String, Option<Parameter<'static>>)> {
    let term = |ty: &str| format!("${no}::{ty}");
    if value.is_null() {
        return Some((String::new(), None));
    }
    let (term, parameter): (String, Parameter<'static>) = match (field.ty, value.clone()) {
        (FieldType::Decimal { .. }, value) => (term("text::numeric"), Box::new(value.as_decimal()?.normalize().to_string())),
        (FieldType::Json, Value::Json(text)) => (term("text::jsonb"), Box::new(text)),
        (_, Value::Text(text)) => (term("text"), Box::new(text)),
        (_, Value::Uuid(id)) => (term("uuid"), Box::new(id)),
        (_, Value::Integer(number)) => (term("bigint"), Box::new(number)),
        (_, Value::Boolean(yes)) => (term("boolean"), Box::new(yes)),
        (_, Value::Date(date)) => (term("date"), Box::new(date)),
        (_, Value::Instant(time)) => (term("timestamptz"), Box::new(time.to_utc())),
        _ => return None,
    };
    Some((term, Some(parameter)))
}

/// A value out of a column; none when it does not fit the type.
fn value(field: &Field, row: &tokio_postgres::Row, at: usize) -> Result<Option<Value>, tokio_postgres::Error> {
    Ok(match field.ty {
        FieldType::Uuid => row.try_get::<_, Option<Uuid>>(at)?.map(Value::Uuid),
        FieldType::Text { .. } => row.try_get::<_, Option<String>>(at)?.map(Value::Text),
        FieldType::SmallInteger => row.try_get::<_, Option<i16>>(at)?.map(|number| Value::Integer(number.into())),
        FieldType::Integer => row.try_get::<_, Option<i32>>(at)?.map(|number| Value::Integer(number.into())),
        FieldType::BigInteger => row.try_get::<_, Option<i64>>(at)?.map(Value::Integer),
        FieldType::Boolean => row.try_get::<_, Option<bool>>(at)?.map(Value::Boolean),
        FieldType::Date => row.try_get::<_, Option<NaiveDate>>(at)?.map(Value::Date),
        FieldType::Instant => row.try_get::<_, Option<DateTime<Utc>>>(at)?.map(|time| Value::Instant(time.into())),
        FieldType::Decimal { .. } => match row.try_get::<_, Option<&str>>(at)? {
            Some(text) => return Ok(text.parse::<Decimal>().ok().map(|number| Value::Decimal(number.normalize()))),
            None => None,
        },
        FieldType::Json => match row.try_get::<_, Option<&str>>(at)? {
            Some(text) => return Ok(serde_json::from_str(text).ok().map(|json| Value::json(&json))),
            None => None,
        },
    }
    .or(Some(Value::Null)))
}

//! Reading rows of any entity. Cannot write.

use std::collections::BTreeSet;

use gladstone_model::{Entity, Field, Row, Unit, Value, catalogue, entity::Reference, unit::UnitKind, validate::Lookup};
use gladstone_protocol::{GroupMids, RowState};
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use uuid::Uuid;

use crate::{bind, error::StoreError, query::Query, statements, write::sql_value};

/// Reads through one connection.
#[derive(Clone, Copy)]
pub struct Reader<'c> {
    connection: &'c Connection,
}

/// The references that name rows of an entity without words of its own: at most two, required ones
/// first; the organization names nothing where something else does. Empty for entities with a title.
pub fn naming_references(entity: &Entity) -> Vec<(&Field, &Reference)> {
    if !entity.title.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(&Field, &Reference)> = entity.fields.iter().filter(|field| field.name != "id").filter_map(|field| Some((field, field.reference.as_ref()?))).collect();
    found.sort_by_key(|(field, _)| !field.required);
    let names = |reference: &Reference| catalogue().home_of(UnitKind::Org).is_none_or(|organizations| organizations.name != reference.entity);
    if found.iter().any(|(_, reference)| names(reference)) {
        found.retain(|(_, reference)| names(reference));
    }
    found.truncate(2);
    found
}

impl<'c> Reader<'c> {
    /// A reader over an open connection.
    pub fn new(connection: &'c Connection) -> Reader<'c> {
        Reader { connection }
    }

    pub(crate) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// A row that stands.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntity`], or what the database says.
    pub fn get(&self, entity: &str, id: Uuid) -> Result<Option<Row>, StoreError> {
        Ok(self.stored(known(entity)?, id)?.filter(|stored| stored.error.is_none()).map(|stored| stored.row))
    }

    /// A row that stands, or an error that says it is not here.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::UnknownEntity`], or what the database says.
    pub fn require(&self, entity: &str, id: Uuid) -> Result<Row, StoreError> {
        self.get(entity, id)?.ok_or_else(|| StoreError::NotFound(catalogue().get(entity).map_or(entity.to_owned(), |e| e.label.to_lowercase())))
    }

    /// What a person reads as the name of a row. Rows without words of their own, an enrolment for
    /// example, are named by the rows they refer to.
    ///
    /// # Errors
    /// What the database says.
    pub fn title(&self, row: &Row) -> Result<String, StoreError> {
        self.title_within(row, 2)
    }

    fn title_within(&self, row: &Row, depth: u8) -> Result<String, StoreError> {
        let mut parts = Vec::new();
        if row.entity.title.is_empty() && depth > 0 {
            for (field, reference) in naming_references(row.entity) {
                if let Some(id) = row.uuid(&field.name)
                    && let Some(named) = self.get(&reference.entity, id)?
                {
                    parts.push(self.title_within(&named, depth - 1)?);
                }
            }
        }
        Ok(if parts.is_empty() { row.title() } else { parts.join(" · ") })
    }

    /// A row with its origin, entered in error or not.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`].
    pub fn stored(&self, entity: &'static Entity, id: Uuid) -> Result<Option<RowState>, StoreError> {
        let mut statement = self.connection.prepare_cached(&statements::of(entity).select)?;
        statement.query_row([id.as_bytes().as_slice()], |row| Ok(decode(entity, row))).optional()?.transpose()
    }

    /// The rows that a query asks for.
    ///
    /// # Errors
    /// Unknown names, or what the database says.
    pub fn list(&self, entity: &str, query: &Query) -> Result<Vec<Row>, StoreError> {
        Ok(self.list_stored(entity, query)?.into_iter().map(|stored| stored.row).collect())
    }

    /// The rows that a query asks for, with their origin.
    ///
    /// # Errors
    /// Unknown names, or what the database says.
    pub fn list_stored(&self, entity: &str, query: &Query) -> Result<Vec<RowState>, StoreError> {
        let entity = known(entity)?;
        let (condition, values) = query.condition(entity)?;
        let sql = format!("SELECT {} FROM {}{condition}{}", statements::of(entity).columns, entity.name, query.order(entity)?);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(decode(entity, row)?);
        }
        Ok(found)
    }

    /// The first row that a query asks for.
    ///
    /// # Errors
    /// Unknown names, or what the database says.
    pub fn first(&self, entity: &str, query: Query) -> Result<Option<Row>, StoreError> {
        Ok(self.list(entity, &query.limit(1))?.into_iter().next())
    }

    /// How many rows meet the filters of a query.
    ///
    /// # Errors
    /// Unknown names, or what the database says.
    pub fn count(&self, entity: &str, query: &Query) -> Result<u64, StoreError> {
        let entity = known(entity)?;
        let (condition, values) = query.condition(entity)?;
        let sql = format!("SELECT count(*) FROM {}{condition}", entity.name);
        let count: i64 = self.connection.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The ids of all rows of an entity that travel with one of these units, each with its unit. Looks at
    /// every row once: no index serves this.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`].
    pub fn ids_in_units(&self, entity: &Entity, units: &BTreeSet<Unit>) -> Result<Vec<(Unit, Uuid)>, StoreError> {
        let (Some(first), Some(last)) = (units.first(), units.last()) else { return Ok(Vec::new()) };
        let mut statement = self.connection.prepare_cached(&format!("SELECT unit_id, id FROM {} WHERE unit_id BETWEEN ?1 AND ?2", entity.name))?;
        let mut rows = statement.query([first.to_bytes(), last.to_bytes()])?;
        let mut found = Vec::new();
        let unreadable = || StoreError::Unreadable(entity.plural.clone());
        while let Some(row) = rows.next()? {
            let unit = row.get_ref(0)?.as_blob().ok().and_then(Unit::from_bytes).ok_or_else(unreadable)?;
            if units.contains(&unit) {
                let id = row.get_ref(1)?.as_blob().ok().and_then(|bytes| Uuid::from_slice(bytes).ok());
                found.push((unit, id.ok_or_else(unreadable)?));
            }
        }
        Ok(found)
    }

    /// Calls `each` for every row of an entity that travels with one of these units, entered in error or not, in
    /// the order of ids. Looks at every row of the table: no index serves this.
    ///
    /// # Errors
    /// As for [`Reader::for_each`].
    pub fn each_in_units(&self, entity: &'static Entity, units: &BTreeSet<Unit>, each: &mut dyn FnMut(RowState) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (units.first(), units.last()) else { return Ok(()) };
        let sql = format!("SELECT {} FROM {} WHERE unit_id BETWEEN ?1 AND ?2 ORDER BY id", statements::of(entity).columns, entity.name);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([first.to_bytes(), last.to_bytes()])?;
        while let Some(row) = rows.next()? {
            let unit = row.get_ref(entity.fields.len())?.as_blob().ok().and_then(Unit::from_bytes);
            if unit.is_none_or(|unit| units.contains(&unit)) {
                each(decode(entity, row)?)?;
            }
        }
        Ok(())
    }

    /// Calls `each` for every row of an entity, entered in error or not, in the order of ids.
    ///
    /// # Errors
    /// What the database says, [`StoreError::Unreadable`], or what `each` returns.
    pub fn for_each(&self, entity: &'static Entity, each: &mut dyn FnMut(RowState) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let sql = format!("SELECT {} FROM {} ORDER BY id", statements::of(entity).columns, entity.name);
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(decode(entity, row)?)?;
        }
        Ok(())
    }
}

/// An entity by name, or an error that says so.
pub(crate) fn known(entity: &str) -> Result<&'static Entity, StoreError> {
    catalogue().get(entity).ok_or_else(|| StoreError::UnknownEntity(entity.into()))
}

fn decode(entity: &'static Entity, row: &rusqlite::Row<'_>) -> Result<RowState, StoreError> {
    let unreadable = || StoreError::Unreadable(entity.plural.clone());
    let mut values = Vec::with_capacity(entity.fields.len());
    for (at, field) in entity.fields.iter().enumerate() {
        values.push(bind::read(field.ty, row.get_ref(at)?).ok_or_else(unreadable)?);
    }
    let own = entity.fields.len();
    let blob = |at: usize| -> Result<Option<&[u8]>, StoreError> { row.get_ref(own + at)?.as_blob_or_null().map_err(|_| unreadable()) };
    let mid = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|_| unreadable());
    let unit = blob(0)?.and_then(Unit::from_bytes).ok_or_else(unreadable)?;
    let row_mid = mid(blob(1)?.unwrap_or_default())?;
    let group_mids = GroupMids::from_bytes(blob(2)?).ok_or_else(unreadable)?;
    let error = match blob(3)? {
        None => None,
        Some(bytes) => Some((mid(bytes)?, row.get::<_, Option<String>>(own + 4)?.unwrap_or_default())),
    };
    Ok(RowState { row: Row { entity, values }, unit, row_mid, group_mids, error })
}

impl Lookup for Reader<'_> {
    type Error = StoreError;

    fn row(&self, entity: &'static Entity, id: Uuid) -> Result<Option<Row>, StoreError> {
        Ok(self.stored(entity, id)?.filter(|stored| stored.error.is_none()).map(|stored| stored.row))
    }

    fn taken(&self, entity: &'static Entity, values: &[(usize, &Value)], except: Uuid) -> Result<bool, StoreError> {
        let mut sql = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE deleted_mid IS NULL AND id <> ?1", entity.name);
        let mut bound = vec![rusqlite::types::Value::Blob(except.as_bytes().to_vec())];
        for (at, value) in values {
            let field = &entity.fields[*at];
            // Written so that the index serves it; IS would not use a partial index.
            if value.is_null() {
                sql.push_str(&format!(" AND {} IS NULL", field.name));
            } else {
                bound.push(sql_value(field.ty, value)?);
                sql.push_str(&format!(" AND {} = ?{}", field.name, bound.len()));
            }
        }
        sql.push(')');
        Ok(self.connection.prepare_cached(&sql)?.query_row(params_from_iter(bound), |row| row.get(0))?)
    }
}

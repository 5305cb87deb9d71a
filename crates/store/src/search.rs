//! Full-text search over the fields that the model names. One index for all entities, kept in
//! the same transaction as the rows.

use gladstone_model::{Entity, Row, catalogue};
use gladstone_protocol::RowState;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::{error::StoreError, read::Reader};

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its entity.
    pub entity: &'static str,
    /// Its id.
    pub id: Uuid,
    /// What a person reads as its name.
    pub title: String,
}

/// Brings the index in step with a row that was written; `before` is what stood there.
///
/// # Errors
/// What the database says.
pub fn index(connection: &Connection, before: Option<&RowState>, after: &RowState) -> Result<(), StoreError> {
    let text = |stored: &RowState| if stored.error.is_some() { String::new() } else { text_of(&stored.row) };
    let (old, new) = (before.map(text).unwrap_or_default(), text(after));
    let entity = after.row.entity;
    if entity.search.is_empty() || old == new && before.is_some_and(|b| b.row.title() == after.row.title()) {
        return Ok(());
    }
    let id = after.row.id();
    let place: Option<i64> = if old.is_empty() {
        None
    } else {
        connection.prepare_cached("SELECT place FROM search_row WHERE entity = ?1 AND row_id = ?2")?.query_row(params![entity.no, id.as_bytes()], |row| row.get(0)).optional()?
    };
    if let Some(place) = place {
        connection.prepare_cached("DELETE FROM search_text WHERE rowid = ?1")?.execute([place])?;
        connection.prepare_cached("DELETE FROM search_row WHERE place = ?1")?.execute([place])?;
    }
    if !new.is_empty() {
        connection.prepare_cached("INSERT INTO search_row (entity, row_id, title) VALUES (?1, ?2, ?3)")?.execute(params![entity.no, id.as_bytes(), after.row.title()])?;
        let place = connection.last_insert_rowid();
        connection.prepare_cached("INSERT INTO search_text (rowid, kind, body) VALUES (?1, ?2, ?3)")?.execute(params![place, kind(entity), new])?;
    }
    Ok(())
}

/// Takes a row that was removed out of the index. Its words leave the file with [`compact`].
///
/// # Errors
/// What the database says.
pub fn forget(connection: &Connection, entity: &Entity, id: Uuid) -> Result<(), StoreError> {
    let sql = "SELECT place FROM search_row WHERE entity = ?1 AND row_id = ?2";
    let place: Option<i64> = connection.prepare_cached(sql)?.query_row(params![entity.no, id.as_bytes()], |row| row.get(0)).optional()?;
    if let Some(place) = place {
        connection.prepare_cached("DELETE FROM search_text WHERE rowid = ?1")?.execute([place])?;
        connection.prepare_cached("DELETE FROM search_row WHERE place = ?1")?.execute([place])?;
    }
    Ok(())
}

/// Writes the index anew without the words of rows that were taken out: until then they stand in
/// the file, though nothing finds them. Takes as long as the index is large.
///
/// # Errors
/// What the database says.
pub fn compact(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT INTO search_text (search_text) VALUES ('optimize')")?.execute([])?;
    Ok(())
}

/// Rows in which every word of `text` starts some word; best matches first when there are few,
/// else the latest. `entity`: only rows of that one. At most `limit` rows, up to 200.
///
/// # Errors
/// What the database says.
pub fn find(reader: Reader<'_>, text: &str, entity: Option<&str>, limit: u32) -> Result<Vec<Hit>, StoreError> {
    let words: Vec<String> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(|word| format!("\"{word}\" *")).collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let mut expression = format!("body : ({})", words.join(" AND "));
    if let Some(entity) = entity {
        let entity = crate::read::known(entity)?;
        expression = format!("kind : {} AND {expression}", kind(entity));
    }
    let sql = "SELECT r.entity, r.row_id, r.title FROM search_text t JOIN search_row r ON r.place = t.rowid WHERE search_text MATCH ?1 ORDER BY t.rowid DESC LIMIT ?2";
    let mut statement = reader.connection().prepare_cached(sql)?;
    let mut rows = statement.query(params![expression, limit.min(200)])?;
    let mut hits = Vec::new();
    while let Some(row) = rows.next()? {
        let (no, id): (u16, Vec<u8>) = (row.get(0)?, row.get(1)?);
        if let (Some(entity), Ok(id)) = (catalogue().by_no(no), Uuid::from_slice(&id)) {
            hits.push(Hit { entity: &entity.name, id, title: row.get(2)? });
        }
    }
    Ok(hits)
}

/// The word under which all rows of an entity are indexed.
fn kind(entity: &Entity) -> String {
    format!("kind{}", entity.no)
}

fn text_of(row: &Row) -> String {
    let texts: Vec<&str> = row.entity.search.iter().filter_map(|at| row.values[*at].as_text()).filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}

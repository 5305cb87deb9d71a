//! That rows of an entity name the content of a file, as declared. Does not know where contents lie.

use crate::{
    claim::{text, typed},
    declaration::FileFile,
    entity::{Field, FieldType, Index},
    row::Row,
};

/// Rows name a content by its hash, which travels beside them.
#[derive(Debug)]
pub struct NamedFile {
    /// Position of the hash, in hexadecimal.
    pub hash: usize,
    /// Position of the content's size in bytes.
    pub size: usize,
}

impl NamedFile {
    /// The hash that a row names, empty when it names none.
    pub fn hash_in<'r>(&self, row: &'r Row) -> &'r str {
        row.values[self.hash].as_text().unwrap_or_default()
    }

    /// The size in bytes that a row gives the content; none when it gives none that can be.
    pub fn size_in(&self, row: &Row) -> Option<u64> {
        row.values[self.size].as_integer().and_then(|size| u64::try_from(size).ok())
    }
}

/// Reads the declaration. Rows are looked for by the hash, so that has an index.
pub(crate) fn file(file: &FileFile, fields: &[Field], indexes: &[Index]) -> Result<NamedFile, String> {
    let hash = text(&file.hash, fields)?;
    if matches!(fields[hash].ty, FieldType::Text { max: Some(max) } if max < 64) {
        return Err(format!("{} is too short: a hash has 64 characters", file.hash));
    }
    if !indexes.iter().any(|index| index.fields.first() == Some(&hash)) {
        return Err(format!("{} needs an index: rows are looked for by it", file.hash));
    }
    Ok(NamedFile { hash, size: typed(&file.size, fields, &[FieldType::BigInteger])? })
}

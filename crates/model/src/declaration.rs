//! The declaration files as they are written. Nothing outside the catalogue reads them.

use serde::Deserialize;

use crate::rule::Rule;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntityFile {
    pub no: u16,
    /// Version of the schema that brought it.
    #[serde(default = "first")]
    pub since: u32,
    pub name: String,
    pub label: String,
    pub plural: String,
    pub help: String,
    pub group: String,
    pub scope: String,
    #[serde(default)]
    pub append_only: bool,
    pub unit: Vec<String>,
    pub policy: String,
    pub writers: Option<String>,
    pub role: Option<RoleFile>,
    #[serde(default, rename = "claim")]
    pub claims: Vec<ClaimFile>,
    pub overlap: Option<OverlapFile>,
    #[serde(default, rename = "file")]
    pub files: Vec<FileFile>,
    #[serde(default)]
    pub title: Vec<String>,
    #[serde(default)]
    pub search: Vec<String>,
    #[serde(default)]
    pub natural_key: Vec<String>,
    #[serde(default)]
    pub unique: Vec<Vec<String>>,
    #[serde(default)]
    pub unique_when: Vec<UniqueWhenFile>,
    #[serde(default)]
    pub indexes: Vec<Vec<String>>,
    /// Indexes of later versions.
    #[serde(default, rename = "index")]
    pub later_indexes: Vec<LaterIndexFile>,
    #[serde(default)]
    pub seeds: Vec<String>,
    #[serde(default)]
    pub described: Vec<String>,
    #[serde(rename = "field")]
    pub fields: Vec<FieldFile>,
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UniqueWhenFile {
    pub columns: Vec<String>,
    pub field: String,
    pub is: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LaterIndexFile {
    pub fields: Vec<String>,
    pub since: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimFile {
    pub who: String,
    pub unit: String,
    pub when: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub read_only: Option<String>,
    #[serde(default)]
    pub opens: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleFile {
    pub who: String,
    pub field: String,
    pub active: Option<String>,
    pub admins: Vec<String>,
    #[serde(default)]
    pub staff: Vec<String>,
    #[serde(default)]
    pub by_admins: Vec<String>,
    #[serde(default)]
    pub admission: Vec<String>,
    #[serde(default)]
    pub by_centre: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverlapFile {
    pub from: String,
    pub to: String,
    pub of: Vec<String>,
    pub when: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileFile {
    pub hash: String,
    pub size: String,
}

/// A choice as a text, or as a table when a later version brought it.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum ChoiceFile {
    Plain(String),
    Later { code: String, since: u32 },
}

fn first() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldFile {
    pub no: u16,
    #[serde(default = "first")]
    pub since: u32,
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
    pub label: String,
    #[serde(default)]
    pub help: String,
    #[serde(default)]
    pub required: bool,
    pub default: Option<String>,
    #[serde(default)]
    pub choices: Vec<ChoiceFile>,
    #[serde(default)]
    pub open: bool,
    #[serde(default)]
    pub proposed: Vec<String>,
    pub references: Option<String>,
    pub on_delete: Option<String>,
    #[serde(default)]
    pub unique: bool,
    pub format: Option<String>,
    pub min: Option<String>,
    pub max: Option<String>,
    pub group: Option<String>,
    pub privacy: Option<String>,
    #[serde(default)]
    pub seeds: Vec<String>,
    #[serde(default)]
    pub note: String,
}

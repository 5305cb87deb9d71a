//! Which column holds which field of the five seeds, as CSV.

use crate::catalogue;

/// One line for each seed field and each entity that a seed describes without fields:
/// `system,entity,field,table,column`, with `*` for a whole entity or table.
pub fn csv() -> String {
    let mut lines = Vec::new();
    for entity in &catalogue().entities {
        let mut line = |seed: &str, column: &str| {
            let (system, rest) = seed.split_once(':').unwrap_or((seed, ""));
            let (name, field) = rest.split_once('.').unwrap_or((rest, "*"));
            lines.push(format!("{system},{name},{field},{},{column}", entity.name));
        };
        entity.seeds.iter().chain(&entity.described).for_each(|seed| line(seed, "*"));
        for field in &entity.fields {
            field.seeds.iter().for_each(|seed| line(seed, &field.name));
        }
    }
    lines.sort();
    format!("system,entity,field,table,column\n{}\n", lines.join("\n"))
}

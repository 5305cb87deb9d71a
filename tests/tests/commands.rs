//! Every command against a real vault in a folder of its own.

#[path = "commands/bag.rs"]
mod bag;
#[path = "commands/calendar.rs"]
mod calendar;
#[path = "commands/files.rs"]
mod files;
#[path = "commands/keeping.rs"]
mod keeping;
#[path = "commands/lease.rs"]
mod lease;
#[path = "commands/main_job.rs"]
mod main_job;
#[path = "commands/on_line.rs"]
mod on_line;
#[path = "commands/records.rs"]
mod records;
#[path = "commands/refusals.rs"]
mod refusals;
#[path = "commands/review.rs"]
mod review;
#[path = "commands/sync.rs"]
mod sync;
#[path = "commands/team.rs"]
mod team;

use std::collections::BTreeSet;

use bag::{Bag, list};
use gladstone_desk::{Access, all};
use serde_json::json;

#[test]
fn the_list_of_commands_is_whole() {
    let names: BTreeSet<&str> = all().iter().map(|command| command.name).collect();
    assert_eq!(names.len(), all().len(), "no name stands twice");
    let kinds: BTreeSet<&str> = gladstone_model::catalogue().entities.iter().map(|entity| entity.name.as_str()).collect();
    for command in all() {
        let (group, verb) = command.name.split_once('.').unwrap();
        assert!(!group.is_empty() && !verb.is_empty() && command.name.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '_'), "{}", command.name);
        assert!(command.summary.ends_with('.') && command.summary.len() > 20, "{}", command.name);
        assert!(!command.writes || command.access == Access::Unlocked, "{} writes, so it needs an open vault", command.name);
        assert!(command.reads.iter().all(|entity| matches!(*entity, "*" | "vault") || kinds.contains(entity)), "{}: {:?}", command.name, command.reads);
    }
    let bag = Bag::without_vault();
    let listed = bag.run("app.commands", json!({}));
    assert_eq!(list(&listed).iter().map(|command| command["name"].as_str().unwrap()).collect::<BTreeSet<_>>(), names);
}

//! The README's tables against the types: every field and variant that serde writes stands in
//! the page, and the page names nothing else.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use gladstone_protocol::{ApiError, Entry, JournalKind, OpKind, Stored, Verdict, entry::Body, wire::{Basis, RowNews}};
use serde::Serialize;
use serde_json::Value as Json;
use support::samples;

type Tables = BTreeMap<String, BTreeSet<String>>;

const PAGE: &str = include_str!("../README.md");

/// Names in the first column of the table below each third-level heading.
fn page() -> Tables {
    let (mut tables, mut heading) = (Tables::new(), String::new());
    for line in PAGE.lines() {
        if line.starts_with('#') {
            heading = line.strip_prefix("### ").unwrap_or_default().to_owned();
        } else if let Some(rest) = line.strip_prefix("| `")
            && let Some((name, _)) = rest.split_once('`')
            && heading.chars().all(char::is_alphanumeric)
            && !heading.is_empty()
        {
            assert!(tables.entry(heading.clone()).or_default().insert(name.to_owned()), "{heading}.{name} stands twice in the page");
            assert!(line.matches('|').count() == 4 && !line.ends_with("| |"), "{heading}.{name} has a type and a meaning");
        }
    }
    tables
}

fn structure(tables: &mut Tables, name: &str, sample: &impl Serialize) {
    let Ok(Json::Object(fields)) = serde_json::to_value(sample) else { panic!("{name} has named fields") };
    let known = tables.insert(name.to_owned(), fields.into_iter().map(|(field, _)| field).collect());
    assert!(known.is_none(), "{name} is listed once");
}

fn choice<T: Serialize>(tables: &mut Tables, name: &str, samples: &[T], variants: usize) {
    let mut found = BTreeSet::new();
    for sample in samples {
        match serde_json::to_value(sample) {
            Ok(Json::String(variant)) => drop(found.insert(variant)),
            Ok(Json::Object(outer)) => {
                for (variant, inner) in outer {
                    // What a variant wraps has a table of its own.
                    let wraps = matches!(&inner, Json::Object(fields) if fields.contains_key("key"));
                    if let (Json::Object(fields), false) = (inner, wraps) {
                        found.extend(fields.into_iter().map(|(field, _)| format!("{variant}.{field}")));
                    }
                    found.insert(variant);
                }
            }
            other => panic!("{name} is a choice: {other:?}"),
        }
    }
    assert_eq!(found.iter().filter(|name| !name.contains('.')).count(), variants, "{name}: a sample of every variant");
    tables.insert(name.to_owned(), found);
}

/// How many variants there are; does not compile when one is added and not counted.
macro_rules! count {
    ($type:ty: $($pattern:pat),+ $(,)?) => {{
        let _: fn(&$type) = |value| match value { $($pattern => {})+ };
        [$(stringify!($pattern)),+].len()
    }};
}

fn types() -> Tables {
    let tables = &mut Tables::new();
    let (push, answer, pull, pulled) = (samples::push_request(), samples::push_answer(), samples::pull_request(), samples::pull_answer());
    let (granted, change, journal) = (&pulled.grants[0], &pulled.changes[0], samples::journal_entry());
    structure(tables, "PushRequest", &push);
    structure(tables, "Envelope", &push.envelopes[0]);
    structure(tables, "PushAnswer", &answer);
    structure(tables, "Judged", &answer.verdicts[0]);
    structure(tables, "JournalEntry", &journal);
    structure(tables, "Side", &journal.kept);
    structure(tables, "Writer", &journal.kept.writer);
    structure(tables, "PullRequest", &pull);
    structure(tables, "Bootstrap", &pull.bootstrap[0]);
    structure(tables, "Compare", &samples::comparing_request().compare);
    structure(tables, "PullAnswer", &pulled);
    structure(tables, "Granted", granted);
    structure(tables, "Page", &granted.pages[0]);
    structure(tables, "RowKey", &granted.pages[0].to);
    structure(tables, "RowImage", &granted.pages[0].rows[0]);
    structure(tables, "Change", change);
    structure(tables, "RowChange", &change.rows[0]);
    structure(tables, "Dropped", &pulled.drops[0]);
    structure(tables, "UnitDigest", &pulled.digests[0]);
    structure(tables, "BlobRef", &pulled.blobs[0]);
    for news in samples::row_news() {
        if let RowNews::Groups { groups, .. } = &news {
            structure(tables, "GroupImage", &groups[0]);
        }
    }
    let chain: Vec<Entry> = samples::chain().into_iter().map(|(_, entry, _)| entry).collect();
    structure(tables, "Entry", &chain[0]);
    let mut kinds = Vec::new();
    for (at, entry) in chain.iter().enumerate() {
        match &entry.body {
            Body::Event(event) => structure(tables, "Event", event),
            Body::Mutation(mutation) => {
                kinds.push(mutation.ops[0].kind.clone());
                if at == 0 {
                    structure(tables, "Mutation", mutation);
                    structure(tables, "Op", &mutation.ops[0]);
                }
                if let OpKind::Update(patches) = &mutation.ops[0].kind {
                    structure(tables, "GroupPatch", &patches[0]);
                }
            }
        }
    }
    choice(tables, "OpKind", &kinds, count!(OpKind: OpKind::Create(_), OpKind::Update(_), OpKind::EnterInError { .. }));
    choice(tables, "Verdict", &samples::verdicts(), count!(Verdict: Verdict::Applied { .. }, Verdict::Merged { .. }, Verdict::Held { .. }, Verdict::Quarantined { .. }, Verdict::Duplicate { .. }, Verdict::Fork, Verdict::Gap { .. }, Verdict::UpgradeRequired, Verdict::Later { .. }));
    choice(tables, "Stored", &samples::stored(), count!(Stored: Stored::Applied { .. }, Stored::Merged { .. }, Stored::Held { .. }, Stored::Quarantined { .. }));
    choice(tables, "RowNews", &samples::row_news(), count!(RowNews: RowNews::Whole(_), RowNews::Groups { .. }, RowNews::EnteredInError { .. }, RowNews::Left));
    choice(tables, "Basis", &[Basis::Checkpoint, Basis::TooOld, Basis::OtherEpoch], count!(Basis: Basis::Checkpoint, Basis::TooOld, Basis::OtherEpoch));
    choice(tables, "ApiError", &samples::errors(), count!(ApiError: ApiError::Offline, ApiError::SignedOut, ApiError::Revoked, ApiError::Refused { .. }, ApiError::TooLarge, ApiError::UpgradeRequired, ApiError::Damaged, ApiError::Later { .. }));
    use JournalKind::{Addendum, Agreed, Displaced, EditOfRowInError, Lost, PartOfRowInError, Review};
    let kinds = [Agreed, Displaced, Lost, Review, Addendum, EditOfRowInError, PartOfRowInError];
    choice(tables, "JournalKind", &kinds, count!(JournalKind: Agreed, Displaced, Lost, Review, Addendum, EditOfRowInError, PartOfRowInError));
    std::mem::take(tables)
}

#[test]
fn the_page_tells_every_field_and_nothing_else() {
    let (page, types) = (page(), types());
    for (name, fields) in &types {
        assert_eq!(page.get(name), Some(fields), "the table of {name} (left: README, right: the type)");
    }
    let unknown: Vec<_> = page.keys().filter(|name| !types.contains_key(*name)).collect();
    assert!(unknown.is_empty(), "the page describes what is not there: {unknown:?}");
}

#[test]
fn the_page_tells_the_limits() {
    use gladstone_protocol::limits::{BATCH_COUNT, BATCH_LIMIT, BLOB_COUNT, DECODE_FACTOR, DECODE_SLACK, DIGEST_COUNT, FIELD_COUNT, FILE_LIMIT, FILE_PART, LIST_COUNT, MESSAGE_LIMIT, MUTATION_LIMIT, PAGE_LIMIT, PAGE_ROWS, ROW_COUNT};
    let mib = 1024 * 1024;
    let group = |n: usize| if n < 1_000 { n.to_string() } else { format!("{},{:03}", n / 1_000, n % 1_000) };
    for line in [
        format!("| one sealed entry | {} MiB |", MUTATION_LIMIT / mib),
        format!("| the entries of one push | {} MiB, {BATCH_COUNT} |", BATCH_LIMIT / mib),
        format!("| a message | {} MiB and {} KiB |", MESSAGE_LIMIT / mib, MESSAGE_LIMIT % mib / 1024),
        format!("| a page of a first download | about {} MiB, {} rows |", PAGE_LIMIT / mib, group(PAGE_ROWS)),
        format!("| a list in a message | {}; rows of a mutation {}; fields of a row {FIELD_COUNT}; blobs {}; digests {} |", group(LIST_COUNT), group(ROW_COUNT), group(BLOB_COUNT), group(DIGEST_COUNT)),
        format!("| a file | {} MiB, in parts of {} MiB at most |", FILE_LIMIT as usize / mib, FILE_PART / mib),
        format!("| memory while decoding | {DECODE_FACTOR} bytes for each byte, and {} MiB |", DECODE_SLACK / mib),
    ] {
        assert!(PAGE.contains(&line), "the page says: {line}");
    }
}

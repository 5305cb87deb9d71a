//! A laptop of an older version beside a newer centre.

use gladstone_model::Value;
use gladstone_protocol::{ApiError, SyncApi, wire::{GroupImage, PullAnswer, PullRequest, PushAnswer, PushRequest, RowImage, RowNews}};
use gladstone_sync::{remote::Direct, sync_once};
use std::cell::RefCell;

use crate::{ground::Ground, support::at_hand};

const WORD: &str = "of the version after next";

/// The centre as the version after next would be it: rows have fields, and units have entities,
/// that this version does not know.
struct Newer<'a> {
    centre: Direct<'a>,
    sent: RefCell<Vec<u8>>,
}

fn enrich(image: &mut RowImage) {
    image.values.push((900, Value::text(WORD)));
    image.values.push((901, Value::Integer(7)));
}

impl SyncApi for Newer<'_> {
    fn push(&self, request: &PushRequest) -> Result<PushAnswer, ApiError> {
        request.envelopes.iter().for_each(|envelope| self.sent.borrow_mut().extend(&envelope.bytes));
        self.centre.push(request)
    }

    fn pull(&self, request: &PullRequest) -> Result<PullAnswer, ApiError> {
        let mut answer = self.centre.pull(request)?;
        for granted in &mut answer.grants {
            for page in &mut granted.pages {
                let mut rows = page.rows.clone();
                rows.iter_mut().for_each(enrich);
                if granted.complete && page.to == rows.last().unwrap().key {
                    let mut unknown = rows.last().unwrap().clone();
                    unknown.key.entity = 60_000;
                    rows.push(unknown);
                }
                *page = gladstone_protocol::wire::Page::new(page.after, rows).unwrap();
            }
        }
        for row in answer.changes.iter_mut().flat_map(|change| &mut change.rows) {
            match &mut row.news {
                RowNews::Whole(image) => enrich(image),
                RowNews::Groups { groups, .. } => groups.push(GroupImage { group: 900, values: vec![(900, Value::text(WORD))] }),
                RowNews::EnteredInError { .. } | RowNews::Left => {}
            }
        }
        // Sums of a newer version count what this one does not know; they are compared at equal versions alone.
        answer.digests.clear();
        answer.sum = None;
        Ok(answer)
    }
}

at_hand!(Newer<'_>);

pub fn an_older_laptop_keeps_what_it_does_not_know_and_never_sends_it_back(ground: Ground) {
    let (older, newer) = (ground.laptop(1, "Amara", "admin"), ground.laptop(2, "Ben", "admin"));
    let person = newer.register("Rosa Example").unwrap();
    let mood = newer.mood(person, 1, 5).unwrap();
    ground.sync(&newer);
    let line = ground.centre().for_device(ground.caller(&older));
    let centre = Newer { centre: Direct(&line), sent: RefCell::default() };
    let round = || _ = sync_once(&older.vault, &centre, &mut |_| {}).unwrap_or_else(|error| panic!("{:?}", error.status));
    round();
    assert_eq!(older.field("users", person, "name"), Some("Rosa Example".into()), "what is known is shown");
    let kept = older.count("SELECT count(*) FROM opaque");
    assert!(kept > 2, "what is not known is kept: {kept}");
    for turn in 0..3_i64 {
        older.set("mood_entries", mood, "overall_mood", 2 + turn).unwrap();
        older.set("users", person, "job_title", format!("Baker {turn}")).unwrap();
        round();
        ground.sync(&newer);
        assert_eq!(newer.field("mood_entries", mood, "overall_mood"), Some((2 + turn).into()), "what the older one writes is taken");
        newer.set("users", person, "department", format!("Ovens {turn}")).unwrap();
        ground.sync(&newer);
        round();
        assert_eq!(older.field("users", person, "department"), Some(format!("Ovens {turn}").as_str().into()), "and the other way");
        assert!(older.count("SELECT count(*) FROM opaque") >= kept, "turn {turn}: still kept");
    }
    let sent = centre.sent.borrow();
    assert!(!sent.is_empty() && !sent.windows(WORD.len()).any(|window| window == WORD.as_bytes()), "none of it is sent back");
    older.vault.verify(&mut |_, _| true).unwrap();
    ground.verify();
}

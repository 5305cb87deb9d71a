//! Two laptops of one practice: one that is lied to, and a colleague whose centre is honest. What
//! has to hold after a lie is asserted here, once for all of them.

use std::{cell::Cell, panic::{self, AssertUnwindSafe}};

use gladstone_central::centre::Caller;
use gladstone_model::{Value, catalogue};
use gladstone_protocol::wire::RowKey;
use gladstone_sync::{Phase, remote::Direct, sync_once};
use gladstone_testkit::Laptop;
use gladstone_vault::VaultError;
use uuid::Uuid;

use crate::{answers::stranger, liar::{Liar, Lie}, support::{Site, same_person}};

/// The practice.
pub struct Scene {
    pub site: Site,
    /// Is lied to.
    pub victim: Laptop,
    /// Is not.
    pub colleague: Laptop,
    /// Somebody whose record both hold.
    pub person: Uuid,
    /// A mood in it that both hold.
    pub mood: Uuid,
    day: Cell<u64>,
}

impl Scene {
    pub fn new() -> Scene {
        let site = Site::new();
        let (victim, colleague) = (site.laptop(1, "Amara", "trainer"), site.laptop(2, "Ben", "admin"));
        let person = victim.register("Rosa Example").unwrap();
        let mood = victim.mood(person, 0, 5).unwrap();
        for laptop in [&victim, &colleague, &victim] {
            site.sync(laptop).unwrap();
        }
        Scene { site, victim, colleague, person, mood, day: Cell::new(1) }
    }

    /// Something new by the victim, which nobody else has.
    pub fn write(&self) -> Uuid {
        let day = self.day.replace(self.day.get() + 1);
        self.victim.mood(self.person, day, 1 + (day % 9) as i64).unwrap()
    }

    /// A new person of the colleague, given to the victim: a unit that is entered.
    pub fn entrust(&self) -> Uuid {
        let person = self.colleague.register("Sam Example").unwrap();
        self.colleague.mood(person, 1, 5).unwrap();
        let to = self.victim.vault.state().actor;
        let relation = [("therapist_id", to.into()), ("patient_id", person.into()), ("relationship_type", "coaching".into()), ("start_date", Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 11, 1).unwrap()))];
        self.colleague.vault.commit::<_, VaultError>("people.hand_over", |tx| tx.create("therapeutic_relationships", relation)).unwrap();
        person
    }

    /// One lie, and everything that has to hold after it. `phases`: what may be shown. `entering`: a
    /// unit is entered meanwhile.
    pub fn check(&self, what: &str, phases: &[Phase], lie: &Lie, entering: bool) {
        let (a, b) = (&self.victim, &self.colleague);
        let before = self.write();
        let entrusted = entering.then(|| self.entrust());
        let title = format!("Baker {}", self.day.get());
        b.set("users", self.person, "job_title", title.as_str()).unwrap();
        self.site.sync(b).unwrap();
        let (entries, departed) = (a.vault.state().dseq, a.vault.departed().unwrap().len());

        let state = a.vault.state();
        let line = self.site.centre.for_device(Caller { realm: self.site.realm, device: state.device, actor: state.actor, revoked: false });
        let mut seen = Vec::new();
        let liar = Liar { honest: Direct(&line), lie, told: Cell::new(0) };
        let ended = sync_once(&a.vault, &liar, &mut |status| seen.push(status.phase)).map_or_else(|error| error.status.phase, |_| Phase::Idle);
        assert!(phases.contains(&ended), "{what}: shown is {ended:?}, not one of {phases:?}; {seen:?}");
        assert!(liar.told.get() > 0, "{what}: the lie was told");
        assert!(a.vault.state().dseq >= entries, "{what}: no entry of the chain is gone");
        assert_eq!(a.vault.entries_of(before).unwrap().len(), 1, "{what}: what was saved is kept");
        // Who is told that the centre holds it, and does not get it, has it in the chain alone.
        let told = a.vault.waiting().unwrap().count == 0;
        let shown = a.field("mood_entries", before, "overall_mood").is_some() || a.vault.queue(100).unwrap().iter().any(|item| item.ops.iter().any(|op| op.id == before));
        assert!(shown || told || a.vault.departed().unwrap().len() > departed, "{what}: what was saved is shown, or shown as not accepted, or what left is told");
        a.vault.verify(&mut |_, _| true).unwrap_or_else(|error| panic!("{what}: the vault does not verify: {error}"));

        let mut rounds = 0;
        while let Err(error) = self.site.sync(a) {
            rounds += 1;
            assert!(rounds < 4, "{what}: the honest centre is not taken: {:?}", error.status);
        }
        // What it writes next has to be taken as well, and betrays what was kept from the centre.
        let after = self.write();
        self.site.sync(a).unwrap();
        self.site.sync(a).unwrap();
        self.site.sync(b).unwrap();
        // A refusal that was a lie is none any more, whether the record had arrived or not.
        let queue = a.vault.queue(100).unwrap();
        assert!(queue.is_empty(), "{what}: what stands at the centre is still said to be refused: {queue:?}");
        for mood in [before, after] {
            assert!(b.field("mood_entries", mood, "overall_mood").is_some(), "{what}: what was saved is at the centre");
        }
        assert_eq!(a.field("users", self.person, "job_title"), Some(title.as_str().into()), "{what}: what others wrote is here");
        same_person(a, b, self.person);
        entrusted.inspect(|person| same_person(a, b, *person));
        let waiting = a.vault.waiting().unwrap();
        assert_eq!((waiting.count, waiting.quarantined), (0, 0), "{what}: nothing waits and nothing is refused");
        let (base, view) = (a.base(), a.view());
        assert!(base == view, "{what}: nothing is pending: {:?}", base.keys().chain(view.keys()).filter(|key| base.get(key) != view.get(key)).collect::<Vec<_>>());
        assert!(view.values().all(|row| row.unit != stranger()), "{what}: nothing of somebody else stays");
        a.vault.verify(&mut |_, _| true).unwrap();
    }

    /// Synchronizes with a centre that lies.
    pub fn sync_with(&self, lie: &Lie) {
        let state = self.victim.vault.state();
        let line = self.site.centre.for_device(Caller { realm: self.site.realm, device: state.device, actor: state.actor, revoked: false });
        let _ = sync_once(&self.victim.vault, &Liar { honest: Direct(&line), lie, told: Cell::new(0) }, &mut |_| {});
    }
}

/// A way of lying: what it is, what may be shown then, and how.
pub type Row = (&'static str, &'static [Phase], Lie);

/// All lies of a table, on one scene as long as they are survived; tells all that are not.
pub fn check_all(entering: bool, table: impl Fn(&Scene) -> Vec<Row>) {
    let (mut scene, mut at, mut failed) = (Scene::new(), 0, Vec::new());
    let mut lies = table(&scene);
    while let Some((what, phases, lie)) = lies.get(at) {
        at += 1;
        if let Err(said) = panic::catch_unwind(AssertUnwindSafe(|| scene.check(what, phases, lie, entering))) {
            failed.push(said.downcast_ref::<String>().cloned().unwrap_or_else(|| (*what).to_owned()));
            scene = Scene::new();
            lies = table(&scene);
        }
    }
    assert!(failed.is_empty(), "{} of {} lies: {failed:#?}", failed.len(), lies.len());
}

/// The key of a row.
pub fn key(entity: &str, id: Uuid) -> RowKey {
    RowKey { entity: catalogue().get(entity).unwrap().no, id }
}

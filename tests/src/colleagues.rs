//! A practice with two who work there, by the bags that they carry, and two persons whom both look after.
//! Everything goes by the command line, so that nothing synchronizes but what a test asks for.

use std::path::Path;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{Bag, centre::Centre};

/// The practice.
pub struct Colleagues {
    /// A folder for whatever the test writes; Amara's bag lies in it.
    pub home: TempDir,
    /// Their centre.
    pub centre: Centre,
    /// Amara Okafor, a therapist, who registered both persons.
    pub amara: Bag,
    /// Ben Carter, a trainer.
    pub ben: Bag,
    /// The id of Tomasz Wieczorek.
    pub tomasz: Json,
    /// The id of Hannah Weiss.
    pub hannah: Json,
    /// That Ben looks after Hannah.
    pub relation: Json,
}

impl Colleagues {
    /// Founds the practice. Ben's bag lies in the folder `ben`, or beside Amara's. What Amara wrote last
    /// has not been sent: [`Colleagues::in_step`] does.
    ///
    /// # Errors
    /// What the programs say.
    pub fn open(ben: Option<&Path>) -> Result<Colleagues, String> {
        let centre = Centre::serve("Ashcombe Practice")?;
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let join = |vaults: &Path, name: &str, role: &str| Bag::join(vaults, &centre.invite(&centre.address, name, role)?, name);
        let amara = join(&home.path().join("vaults"), "Amara Okafor", "therapist")?;
        let ben = join(ben.unwrap_or(&home.path().join("ben")), "Ben Carter", "trainer")?;
        ben.synchronize()?;
        amara.synchronize()?;
        let register = |name: &str| amara.one("people.register", json!({ "name": name })).map(|person| person["id"].clone());
        let (tomasz, hannah) = (register("Tomasz Wieczorek")?, register("Hannah Weiss")?);
        let known = amara.one("team.of", json!({ "person": tomasz }))?;
        let colleague = find(&known["colleagues"], |one| one["name"] == "Ben Carter")["id"].clone();
        let shared = |person: &Json| ("team.add", json!({ "person": person, "colleague": colleague }));
        let team = amara.run(&[shared(&tomasz), shared(&hannah)])?;
        let relation = find(&team[1]["members"], |one| one["colleague"]["id"] == colleague)["relation"].clone();
        Ok(Colleagues { home, centre, amara, ben, tomasz, hannah, relation })
    }

    /// Sends what Amara wrote, and brings it to Ben.
    ///
    /// # Errors
    /// What the programs say.
    pub fn in_step(self) -> Result<Colleagues, String> {
        self.amara.synchronize()?;
        self.ben.synchronize()?;
        Ok(self)
    }
}

fn find(list: &Json, is: impl Fn(&Json) -> bool) -> &Json {
    list.as_array().into_iter().flatten().find(|one| is(one)).unwrap_or(&Json::Null)
}

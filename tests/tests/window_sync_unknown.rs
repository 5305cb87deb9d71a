//! A laptop that the centre does not take for what it is, by its real cause and in German: the copy of a
//! bag, and one that the centre forgot because an old backup was put back there.

use gladstone_tests::{Bag, Colleagues, Setting, Window, journey, line::Line};
use serde_json::json;

fn check(name: &str, job: impl FnOnce(&Setting) -> Result<(), String>) {
    let setting = Setting::new(name).expect("a display");
    job(&setting).unwrap_or_else(|why| panic!("{name}: {why}"));
}

/// From now on the bag is in German.
fn german(bag: &Bag) -> Result<(), String> {
    let mut settings = bag.one("settings.get", json!({}))?;
    settings["language"] = "de".into();
    bag.one("settings.set", settings).map(|_| ())
}

fn open(setting: &Setting) -> Result<Window, String> {
    let window = setting.open()?;
    window.fill("Passphrase", journey::PASSPHRASE)?;
    window.key(fantoccini::key::Key::Enter)?;
    window.wait("//footer[@class='status']")?;
    window.script("window.location.hash = '#/sync'")?;
    Ok(window)
}

/// A picture of the screen, and one of it in a narrow window.
fn pictures(window: &mut Window, name: &str) -> Result<(), String> {
    window.shot(name)?;
    window.resize(760, 700)?;
    window.shot(&format!("{name}-narrow"))?;
    window.resize(1280, 800)
}

/// Nothing of what was written is lost.
fn all_there(bag: &Bag, names: [&str; 2]) -> Result<(), String> {
    let known = persons(bag)?;
    match names.iter().find(|name| !known.iter().any(|one| one == *name)) {
        Some(lost) => Err(format!("{lost} is not among {known:?}")),
        None => Ok(()),
    }
}

/// Joins again with an invitation for the same person, from the dialog behind this button.
fn join_again(window: &mut Window, button: &str, link: &str) -> Result<(), String> {
    window.click(button)?;
    window.wait("//dialog//textarea")?;
    window.fill("Einladungslink", link)?;
    window.shot("invited")?;
    window.click_at("//dialog//button[contains(., 'Beitreten')]")?;
    window.wait("//body[not(.//dialog)]")?;
    window.see("Im Gleichstand mit der Zentrale")?;
    window.wait("//footer//*[contains(., 'alles gesendet')]")?;
    window.shot("in-step").map(|_| ())
}

fn id_of(bag: &Bag, name: &str) -> Result<String, String> {
    let users = bag.one("records.list", json!({ "entity": "users" }))?;
    let found = users["records"].as_array().into_iter().flatten().find(|user| user["values"]["name"] == name);
    found.and_then(|user| user["id"].as_str()).map(str::to_owned).ok_or_else(|| format!("{name} is not among {users}"))
}

fn persons(bag: &Bag) -> Result<Vec<String>, String> {
    let found = bag.one("people.find", json!({ "text": "", "limit": 50 }))?;
    Ok(found["people"].as_array().into_iter().flatten().filter_map(|person| person["name"].as_str()).map(str::to_owned).collect())
}

#[test]
fn a_copied_bag_says_that_another_one_goes_on_and_goes_on_as_a_new_computer() {
    check("sync-copy", |setting| {
        let Colleagues { home: _home, centre, amara, ben, .. } = Colleagues::open(None)?.in_step()?;
        let copy = ben.copied(&setting.vaults)?;
        for name in ["Ada Lindqvist", "Bo Larsen", "Cem Yilmaz"] {
            ben.one("people.register", json!({ "name": name }))?;
            ben.synchronize()?;
        }
        german(&copy)?;
        copy.one("people.register", json!({ "name": "Written In The Copy" }))?;
        let mut window = open(setting)?;
        window.see("Eine Kopie dieser Tasche ist anderswo unterwegs")?;
        window.wait("//main[not(.//button[contains(., 'Jetzt abgleichen')])]")?;
        pictures(&mut window, "copy")?;
        join_again(&mut window, "Als neuer Computer weitermachen", &centre.invite_again(&centre.address, "Ben Carter", "trainer", &id_of(&amara, "Ben Carter")?)?)?;
        window.close()?;
        // Both went on, and nothing of either is lost.
        ben.synchronize()?;
        all_there(&ben, ["Cem Yilmaz", "Written In The Copy"])
    });
}

#[test]
fn a_centre_that_was_put_back_from_before_a_laptop_joined_does_not_know_it_and_takes_it_in_again() {
    check("sync-forgotten", |setting| {
        let Colleagues { home, mut centre, amara, .. } = Colleagues::open(None)?.in_step()?;
        let backup = centre.back_up()?;
        let line = Line::to(&centre.address)?;
        let id = id_of(&amara, "Ben Carter")?;
        let second = Bag::join(&setting.vaults, &centre.invite_again(&line.address(), "Ben Carter", "trainer", &id)?, "Ben Carter")?;
        second.synchronize()?;
        german(&second)?;
        second.one("people.register", json!({ "name": "Sent And Lost" }))?;
        second.synchronize()?;
        centre.put_back(&backup)?;
        line.leads_to(&centre.address)?;
        second.one("people.register", json!({ "name": "Never Sent" }))?;
        let mut window = open(setting)?;
        window.see("Abgemeldet")?;
        window.see("Die Zentrale kennt diesen Computer nicht mehr")?;
        pictures(&mut window, "signed-out")?;
        join_again(&mut window, "Noch einmal beitreten", &centre.invite_again(&line.address(), "Ben Carter", "trainer", &id)?)?;
        window.close()?;
        // What the centre had lost is there again, and what it never had as well.
        let other = Bag::join(&home.path().join("third"), &centre.invite_again(&centre.address, "Ben Carter", "trainer", &id)?, "Ben Carter")?;
        other.synchronize()?;
        all_there(&other, ["Sent And Lost", "Never Sent"])
    });
}

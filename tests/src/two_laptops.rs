//! Two laptops and a centre, in real windows: both work without a network, both meet the centre,
//! both see everything, and the one true conflict is decided. Used by the demo and by a test.

use fantoccini::key::Key;

use crate::{
    centre::Centre,
    journey,
    line::Line,
    window::{Setting, Window},
};

/// Both windows, each with a line of its own to the centre.
pub struct Practice {
    _centre: Centre,
    line_a: Line,
    line_b: Line,
    /// The clinician's.
    pub a: Window,
    /// The trainer's.
    pub b: Window,
}

impl Practice {
    /// Founds the practice; both join it on their first start, by the third door.
    ///
    /// # Errors
    /// Whatever does not appear or cannot be pressed.
    pub fn open(clinician: &Setting, trainer: &Setting) -> Result<Practice, String> {
        let centre = Centre::serve("Ashcombe Practice")?;
        let (line_a, line_b) = (Line::to(&centre.address)?, Line::to(&centre.address)?);
        let a = join(clinician, &centre.invite(&line_a.address(), "Amara Okafor", "therapist")?, "Amara Okafor")?;
        let b = join(trainer, &centre.invite(&line_b.address(), "Ben Carter", "trainer")?, "Ben Carter")?;
        Ok(Practice { _centre: centre, line_a, line_b, a, b })
    }

    /// The clinician registers Tomasz and lets the trainer look after him as well.
    ///
    /// # Errors
    /// Whatever does not appear or cannot be pressed.
    pub fn share_a_person(&mut self) -> Result<(), String> {
        let a = &mut self.a;
        synchronize(a)?;
        a.navigate("Today")?;
        journey::register(a, "Tomasz Wieczorek", "12 March 1979")?;
        a.click("Add a colleague")?;
        a.fill("Colleague", "Ben")?;
        a.wait("//*[@role='option'][contains(., 'Ben Carter')]")?;
        a.key(Key::Enter)?;
        a.shot("share")?;
        a.click_at("//dialog//button[normalize-space()='Add']")?;
        a.see("Trainer, since")?;
        book(a, "10:00", "Room 3")?;
        a.shot("booked")?;
        synchronize(a)?;
        a.shot("in-step")?;
        synchronize(&self.b)?;
        self.b.navigate("People")?;
        self.b.see("Tomasz Wieczorek")?;
        self.b.shot("arrived")?;
        Ok(())
    }

    /// Both lines are cut. The clinician administers the PHQ-9 and moves the appointment; the trainer
    /// edits the same person, moves the same appointment and books another one.
    ///
    /// # Errors
    /// Whatever does not appear or cannot be pressed.
    pub fn work_without_a_network(&mut self) -> Result<(), String> {
        self.line_a.cut();
        self.line_b.cut();
        let a = &mut self.a;
        a.navigate("People")?;
        a.click("Tomasz Wieczorek")?;
        a.see("Care team")?;
        journey::start_phq9(a)?;
        for (at, value) in [2, 2, 3, 2, 1, 2, 2, 1, 0].into_iter().enumerate() {
            journey::answer(a, value)?;
            journey::next(a, at as u32 + 2)?;
        }
        journey::answer(a, 2)?;
        a.click("Finish")?;
        a.see("Moderately severe")?;
        a.see("Working offline")?;
        a.shot("offline-result")?;
        shift(a, Key::Right, "Thursday")?;
        a.shot("moved-to-thursday")?;

        let b = &mut self.b;
        b.click("Tomasz Wieczorek")?;
        b.click("Edit")?;
        b.fill("Telephone", "+44 1632 960417")?;
        b.click("Save changes")?;
        b.see("960417")?;
        b.shot("edited")?;
        shift(b, Key::Left, "Tuesday")?;
        book(b, "14:00", "At home")?;
        b.shot("offline-calendar")?;
        Ok(())
    }

    /// The lines are mended: first the clinician's, then the trainer's, who thus meets what the
    /// other did; then the clinician again. (A mended line is used at once, by the worker.)
    ///
    /// # Errors
    /// Whatever does not appear or cannot be pressed.
    pub fn meet(&mut self) -> Result<(), String> {
        self.line_a.mend();
        synchronize(&self.a)?;
        self.a.shot("sent")?;
        self.line_b.mend();
        synchronize(&self.b)?;
        self.b.shot("received")?;
        synchronize(&self.a)?;
        let b = &mut self.b;
        b.navigate("People")?;
        b.click("Tomasz Wieczorek")?;
        b.see("PHQ-9: 15")?;
        b.shot("sees-the-result")?;
        let a = &mut self.a;
        a.navigate("People")?;
        a.click("Tomasz Wieczorek")?;
        a.see("960417")?;
        a.shot("sees-the-number")
            .map(|_| ())
    }

    /// Whatever shows the appointment that both moved says on the trainer's laptop that it needs review, and
    /// leads to the case.
    ///
    /// # Errors
    /// Whatever does not appear or cannot be pressed.
    pub fn find_the_mark(&mut self) -> Result<(), String> {
        let b = &mut self.b;
        next_week(b)?;
        b.wait(&marked_on("Thursday"))?;
        b.shot("marked-in-the-week")?;
        b.click_at(&marked_on("Thursday"))?;
        b.see("What stands here counts until you decide.")?;
        b.shot("marked-in-its-page")?;
        b.key(Key::Escape)?;
        b.navigate("People")?;
        b.wait("//a[contains(., 'Tomasz Wieczorek')]//*[contains(@class, 'badge')][contains(., 'Needs review')]")?;
        b.click("Tomasz Wieczorek")?;
        b.wait("//div[contains(@class, 'head')]//a[starts-with(@aria-label, 'Needs review: ')]")?;
        b.shot("marked-on-the-person")?;
        b.click_at("//*[contains(@class, 'tl')]//a[starts-with(@aria-label, 'Needs review: ')]")?;
        b.see("Counts until you decide")
    }

    /// The appointment that both moved waits for the trainer, who decides; the clinician sees it.
    ///
    /// # Errors
    /// Whatever does not appear or cannot be pressed.
    pub fn decide(&mut self) -> Result<(), String> {
        let b = &mut self.b;
        b.wait("//nav//b[@aria-label='1 case to review']")?;
        b.navigate("Needs review")?;
        b.see("Counts until you decide")?;
        b.shot("both-values")?;
        b.fill("Why", "Spoke with Amara: Tuesday suits him")?;
        b.click("Take this instead")?;
        b.see("Took the other")?;
        b.shot("decided")?;
        next_week(b)?;
        b.wait("//*[@role='group'][starts-with(@aria-label, 'Tuesday')]//button[starts-with(@aria-label, 'Tomasz Wieczorek')]")?;
        b.wait("//body[not(.//main//*[contains(@aria-label, 'Needs review')])]")?;
        b.shot("mark-is-gone")?;
        synchronize(b)?;
        let a = &mut self.a;
        synchronize(a)?;
        a.navigate("Calendar")?;
        a.key(Key::PageDown)?;
        a.wait("//*[@role='group'][starts-with(@aria-label, 'Tuesday')]//button[starts-with(@aria-label, 'Tomasz Wieczorek')]")?;
        a.shot("in-agreement")?;
        Ok(())
    }

    /// Closes both windows.
    ///
    /// # Errors
    /// They do not close.
    pub fn close(self) -> Result<(), String> {
        self.a.close()?;
        self.b.close()
    }
}

fn join(setting: &Setting, link: &str, name: &str) -> Result<Window, String> {
    let mut window = setting.open()?;
    window.see("How would you like to begin?")?;
    window.click("Enter link or code")?;
    window.fill("Invitation link", link)?;
    window.fill("Your name", name)?;
    window.fill("Passphrase", journey::PASSPHRASE)?;
    window.see("Very strong")?;
    window.fill("Passphrase again", journey::PASSPHRASE)?;
    window.shot("join")?;
    window.click_at("//form//button[starts-with(normalize-space(), 'Join')]")?;
    journey::confirm_code(&mut window)?;
    window.see("Register a person")?;
    Ok(window)
}

/// Presses “Synchronize now” and waits until nothing waits and nothing is under way.
fn synchronize(window: &Window) -> Result<(), String> {
    window.click_at("(//footer//a[contains(@href, '#/sync')])[1]")?;
    window.click("Synchronize now")?;
    window.see("all sent")?;
    window.see("In step with the centre")
}

/// Books an appointment for Tomasz on Wednesday of next week.
fn book(window: &Window, time: &str, place: &str) -> Result<(), String> {
    next_week(window)?;
    window.click_at(&format!("//button[contains(@aria-label, 'Wednesday') and contains(@aria-label, '{time}, free')]"))?;
    window.fill("Person", "Tomasz")?;
    window.wait("//*[@role='option'][contains(., 'Tomasz Wieczorek')]")?;
    window.key(Key::Enter)?;
    window.fill("Place", place)?;
    window.click_at("//dialog//button[contains(., 'Book Wed')]")?;
    window.wait("//*[@role='group'][starts-with(@aria-label, 'Wednesday')]//button[starts-with(@aria-label, 'Tomasz Wieczorek')]").map(|_| ())
}

/// Moves his appointment by a day with the keyboard.
fn shift(window: &Window, arrow: Key, to: &str) -> Result<(), String> {
    next_week(window)?;
    window.wait("//*[@role='group'][starts-with(@aria-label, 'Wednesday')]//button[starts-with(@aria-label, 'Tomasz Wieczorek')]")?;
    window.script("document.querySelector('.ev').focus()")?;
    window.keys(&format!("{}{}{}", char::from(Key::Control), char::from(arrow), char::from(Key::Null)))?;
    window.wait(&format!("//*[@role='group'][starts-with(@aria-label, '{to}')]//button[starts-with(@aria-label, 'Tomasz Wieczorek')]")).map(|_| ())
}

/// The appointment on a day, where it says that it needs review.
fn marked_on(day: &str) -> String {
    format!("//*[@role='group'][starts-with(@aria-label, '{day}')]//button[starts-with(@aria-label, 'Tomasz Wieczorek')][contains(@aria-label, 'Needs review')]")
}

fn next_week(window: &Window) -> Result<(), String> {
    window.navigate("Calendar")?;
    window.click("This week")?;
    window.key(Key::PageDown)
}

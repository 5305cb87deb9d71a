//! What people write: ordinary changes at one laptop, on rows that are shown there. Which row is
//! decided by a number, so that two laptops that show the same row can be made to write to it.

use gladstone_model::{Value, catalogue};
use gladstone_protocol::RowState;
use gladstone_testkit::Dice;
use gladstone_vault::{Tx, Vault, VaultError};
use uuid::Uuid;

use crate::step::Act;

/// Who writes where, and with which randomness.
pub struct Desk<'d> {
    /// The vault.
    pub vault: &'d Vault,
    /// The organization; nil where the vault works alone.
    pub realm: Uuid,
    /// People with laptops.
    pub colleagues: &'d [Uuid],
    /// Decides about rows: the same number picks the same row where the same rows are shown.
    pub pick: u64,
    /// Decides about values.
    pub dice: Dice,
}

type Done = Result<Option<Uuid>, VaultError>;

impl Desk<'_> {
    /// Does it. The mutation; none when nothing fitted and nothing was written.
    ///
    /// # Errors
    /// What the vault says; nothing was written then.
    pub fn act(&mut self, act: Act) -> Done {
        let number = self.dice.below(1_000_000);
        let text = |what: &str| Value::text(&format!("{what} {number}"));
        let me = self.vault.state().actor;
        match act {
            Act::Register => self.commit("people.register", |tx| tx.create("users", [("name", text("Person")), ("role", "patient".into())]).map(drop)),
            Act::Rename => self.update("users", |row| row.row.text("role") == "patient", &[("name", text("Person"))]),
            Act::Phone => self.update("users", |row| row.row.text("role") == "patient", &[("phone_number", Value::text(&format!("+44 1632 960{:03}", number % 1_000))), ("job_title", text("Title"))]),
            Act::Mood => self.mood(0, number),
            Act::MoodAgain => self.update("mood_entries", |_| true, &[("overall_mood", Value::Integer(1 + (number % 9) as i64))]),
            Act::Answer => self.answer(number),
            Act::AnswerAgain => self.update("answers", |_| true, &[("value", Value::json(&(number % 5).into()))]),
            Act::Appointment => self.appointment(me, number),
            Act::Reschedule => {
                let start = self.vault.around().now().plus_seconds(3_600 * (1 + (number % 900) as i64));
                self.update("appointments", |_| true, &[("start_time", start.into()), ("end_time", start.plus_seconds(1_800).into()), ("timezone", "Europe/London".into())])
            }
            Act::Note => match self.pick("therapeutic_relationships", |_| true)? {
                Some(care) => self.commit("notes.write", |tx| tx.create("therapist_notes", [("relationship_id", care.row.id().into()), ("session_summary", text("Note"))]).map(drop)),
                None => Ok(None),
            },
            Act::NoteAgain => self.update("therapist_notes", |_| true, &[("observations", text("Seen"))]),
            Act::Alert => match self.person()? {
                Some(person) => {
                    let score = Value::Decimal("0.25".parse().unwrap_or_default());
                    self.commit("alerts.raise", |tx| tx.create("crisis_detections", [("user_id", person.into()), ("content_source", "chat".into()), ("content_text", text("Said")), ("crisis_score", score), ("risk_level", "high".into())]).map(drop))
                }
                None => Ok(None),
            },
            Act::HandleAlert => self.update("crisis_detections", |_| true, &[("status", if number.is_multiple_of(2) { "handled" } else { "open" }.into())]),
            Act::Journal => self.commit("journal.write", |tx| tx.create("journal_entries", [("user_id", me.into()), ("content", text("Dear diary"))]).map(drop)),
            Act::Share => self.update("journal_entries", |_| true, &[("privacy_level", if number.is_multiple_of(3) { "private" } else { "shared_with_therapist" }.into())]),
            Act::Message => self.message(me, number),
            Act::Entrust => self.entrust(number),
            // One that has ended is not taken up again.
            Act::EndCare => match self.pick("therapeutic_relationships", |state| state.row.text("status") != "ended")? {
                Some(care) => {
                    let next = if care.row.text("status") == "active" { ["ended", "paused", "paused"][number % 3] } else { "active" };
                    self.commit("care.end", |tx| tx.update("therapeutic_relationships", care.row.id(), [("status", next.into())]).map(drop))
                }
                None => Ok(None),
            },
            Act::Enrol => match self.person()? {
                Some(person) => {
                    let trainer = self.other_trainer(number)?;
                    self.commit("people.enrol", |tx| tx.create("beneficiaries", [("user_id", person.into()), ("trainer_id", trainer.into())]).map(drop))
                }
                None => Ok(None),
            },
            Act::Grant => match self.person()? {
                Some(person) => {
                    let (colleague, unit) = (self.other_trainer(number)?, Value::text(&format!("person:{person}")));
                    let role = ["read", "write", "manage"][number % 3];
                    self.commit("grants.give", |tx| tx.create("grants", [("user_id", colleague.into()), ("granted_unit", unit), ("role", role.into())]).map(drop))
                }
                None => Ok(None),
            },
            Act::EndGrant => {
                let end = self.vault.around().now().plus_seconds(3_600);
                self.update("grants", |_| true, &[("valid_to", end.into())])
            }
            Act::Role => {
                let colleagues = self.colleagues.to_vec();
                self.update("users", |row| row.row.text("role") != "patient" && colleagues.contains(&row.row.id()) && row.row.text("role") != "admin", &[("role", ["trainer", "manager"][number % 2].into())])
            }
            Act::InError => {
                let entity = ["mood_entries", "appointments", "answers", "responses", "journal_entries", "crisis_detections", "users", "therapeutic_relationships"][(self.pick % 8) as usize];
                match self.pick(entity, |row| entity != "users" || row.row.text("role") == "patient")? {
                    Some(row) => self.commit("records.error", |tx| tx.enter_in_error(entity, row.row.id(), "wrong person")),
                    None => Ok(None),
                }
            }
            Act::TwoPeople => self.two_people(number),
            Act::Forbidden if number.is_multiple_of(2) => self.hire(me, number),
            Act::Forbidden => self.update("users", |row| row.row.id() == me, &[("role", "super_admin".into())]),
            Act::SettleConflict => self.settle(me),
            Act::Questionnaire => self.questionnaire(number),
            Act::Move => self.move_over(number),
            Act::Long => self.commit("journal.write", |tx| tx.create("journal_entries", [("user_id", me.into()), ("content", Value::text(&format!("Long {number}. ").repeat(2_000)))]).map(drop)),
        }
    }

    /// The first questionnaire with its questions.
    pub fn questionnaire(&mut self, number: usize) -> Done {
        let realm = self.realm;
        if realm.is_nil() {
            return Ok(None);
        }
        self.commit("questionnaires.make", |tx| {
            let id = tx.create("questionnaires", [("organization_id", realm.into()), ("title", Value::text(&format!("Scale {number}")))])?;
            for position in 0..3 {
                tx.create("questions", [("questionnaire_id", id.into()), ("text", Value::text(&format!("Question {position}"))), ("type", "number".into()), ("position", Value::Integer(position))])?;
            }
            Ok(())
        })
    }

    fn commit(&self, command: &str, f: impl FnOnce(&mut Tx<'_>) -> Result<(), VaultError>) -> Done {
        let ((), changes) = self.vault.commit(command, f)?;
        Ok(Some(changes.mutation).filter(|id| !id.is_nil()))
    }

    fn update(&self, entity: &str, fits: impl Fn(&RowState) -> bool, values: &[(&str, Value)]) -> Done {
        match self.pick(entity, fits)? {
            Some(row) => self.commit("records.update", |tx| tx.update(entity, row.row.id(), values.iter().cloned()).map(drop)),
            None => Ok(None),
        }
    }

    /// A row that stands, by the number of this desk.
    fn pick(&self, entity: &str, fits: impl Fn(&RowState) -> bool) -> Result<Option<RowState>, VaultError> {
        let mut rows = Vec::new();
        let entity = catalogue().get(entity).ok_or(VaultError::Cancelled)?;
        self.vault.read(|read| {
            read.for_each(entity, &mut |row| {
                if row.error.is_none() && fits(&row) {
                    rows.push(row);
                }
                Ok(())
            })
        }).map_err(VaultError::Store)?;
        // The order of a table is not the same everywhere; the row nearest to the number is.
        let at = |row: &RowState| row.row.id().as_u128() as u64 ^ self.pick;
        Ok(rows.into_iter().min_by_key(at))
    }

    fn person(&self) -> Result<Option<Uuid>, VaultError> {
        Ok(self.pick("users", |row| row.row.text("role") == "patient")?.map(|row| row.row.id()))
    }

    fn colleague(&self, number: usize) -> Uuid {
        self.colleagues[number % self.colleagues.len()]
    }

    /// A trainer who is known here, another one than who works here where there is one.
    fn other_trainer(&self, number: usize) -> Result<Uuid, VaultError> {
        let me = self.vault.state().actor;
        let mut others = Vec::new();
        for colleague in self.colleagues.iter().skip(1).filter(|colleague| **colleague != me) {
            if self.vault.read(|read| read.get("users", *colleague)).map_err(VaultError::Store)?.is_some() {
                others.push(*colleague);
            }
        }
        Ok(others.get(number % others.len().max(1)).copied().unwrap_or(me))
    }

    fn mood(&self, ahead: u64, number: usize) -> Done {
        let Some(person) = self.person()? else { return Ok(None) };
        let today = self.vault.around().now().date();
        // Few days, so that two people write about the same one.
        let day = today.checked_sub_days(chrono::Days::new(self.pick % 3)).unwrap_or(today) + chrono::Days::new(ahead);
        let values = [("user_id", person.into()), ("entry_date", Value::Date(day)), ("overall_mood", Value::Integer(1 + (number % 9) as i64)), ("notes", Value::text(&format!("Day {number}")))];
        self.commit("mood.add", |tx| tx.create("mood_entries", values).map(drop))
    }

    fn answer(&self, number: usize) -> Done {
        let (Some(person), Some(question)) = (self.person()?, self.pick("questions", |_| true)?) else { return Ok(None) };
        let questionnaire = question.row.uuid("questionnaire_id").unwrap_or_default();
        let given = self.pick("responses", |row| row.row.uuid("user_id") == Some(person) && row.row.uuid("questionnaire_id") == Some(questionnaire))?;
        self.commit("responses.answer", |tx| {
            let response = match given {
                Some(given) => given.row.id(),
                None => tx.create("responses", [("questionnaire_id", questionnaire.into()), ("user_id", person.into())])?,
            };
            tx.create("answers", [("response_id", response.into()), ("question_id", question.row.id().into()), ("value", Value::json(&(number % 5).into()))]).map(drop)
        })
    }

    fn appointment(&self, me: Uuid, number: usize) -> Done {
        let start = self.vault.around().now().plus_seconds(3_600 * (1 + (number % 900) as i64));
        let mut values = vec![("title", Value::text(&format!("Session {number}"))), ("trainer_id", me.into()), ("start_time", start.into()), ("end_time", start.plus_seconds(3_600).into()), ("timezone", "Europe/Paris".into())];
        match self.pick("beneficiaries", |_| true)? {
            Some(beneficiary) if number.is_multiple_of(2) => values.push(("beneficiary_id", beneficiary.row.id().into())),
            _ if !self.realm.is_nil() => values.push(("organization_id", self.realm.into())),
            _ => {}
        }
        self.commit("appointments.book", |tx| tx.create("appointments", values).map(drop))
    }

    fn message(&self, me: Uuid, number: usize) -> Done {
        let to = self.colleague(number);
        let known = self.pick("messages", |_| true)?.and_then(|row| row.row.uuid("thread_id"));
        let thread = known.filter(|_| number.is_multiple_of(2));
        self.commit("messages.send", |tx| {
            let id = match thread {
                Some(thread) => thread,
                None => Uuid::from_u128(tx.mutation().as_u128() ^ 1),
            };
            tx.create("messages", [("sender_id", me.into()), ("recipient_id", to.into()), ("content", Value::text(&format!("Hello {number}"))), ("thread_id", id.into())]).map(drop)
        })
    }

    fn entrust(&self, number: usize) -> Done {
        let Some(person) = self.person()? else { return Ok(None) };
        let therapist = self.other_trainer(number)?;
        let started = Value::Date(self.vault.around().now().date());
        self.commit("care.begin", |tx| tx.create("therapeutic_relationships", [("therapist_id", therapist.into()), ("patient_id", person.into()), ("relationship_type", "primary_therapist".into()), ("start_date", started)]).map(drop))
    }

    fn move_over(&self, number: usize) -> Done {
        let realm = self.realm;
        let other = |row: &RowState| row.row.id().as_u128() % 3 == number as u128 % 3;
        match number % 3 {
            0 => {
                let to = self.pick("beneficiaries", other)?.map(|row| row.row.id()).filter(|_| !number.is_multiple_of(4));
                self.update("appointments", |row| realm != Uuid::nil() || row.row.uuid("beneficiary_id").is_some(), &[("beneficiary_id", to.into())])
            }
            1 => match self.pick("users", |row| row.row.text("role") == "patient" && other(row))? {
                Some(to) => self.update("therapeutic_relationships", |_| true, &[("patient_id", to.row.id().into())]),
                None => Ok(None),
            },
            _ if realm.is_nil() => Ok(None),
            _ => self.update("users", |row| row.row.text("role") == "patient" && other(row), &[("role", "therapist".into()), ("primary_organization_id", realm.into())]),
        }
    }

    /// Somebody takes on staff, to which they have no right, and books an appointment for them: the
    /// second builds on what the centre puts aside.
    fn hire(&self, me: Uuid, number: usize) -> Done {
        let realm = self.realm;
        let hired = self.commit("people.hire", |tx| tx.create("users", [("id", Uuid::from_u128(tx.mutation().as_u128() ^ 2).into()), ("name", Value::text(&format!("Staff {number}"))), ("role", "trainer".into()), ("primary_organization_id", Some(realm).filter(|realm| !realm.is_nil()).into())]).map(drop))?;
        let Some(hired) = hired else { return Ok(None) };
        let (person, start) = (Uuid::from_u128(hired.as_u128() ^ 2), self.vault.around().now().plus_seconds(3_600));
        let mut values = vec![("title", Value::text("First day")), ("trainer_id", person.into()), ("start_time", start.into()), ("end_time", start.plus_seconds(600).into())];
        values.push(("beneficiary_id", self.pick("beneficiaries", |row| row.row.uuid("trainer_id") == Some(me))?.map(|row| row.row.id()).into()));
        // The first of the two stays what is looked for: the second may fail where the row is not shown.
        let _ = self.commit("appointments.book", |tx| tx.create("appointments", values).map(drop));
        Ok(Some(hired))
    }

    fn two_people(&self, number: usize) -> Done {
        let (Some(first), Some(second)) = (self.person()?, self.pick("users", |row| row.row.text("role") == "patient" && row.row.id().as_u128() & 1 == 1)?) else { return Ok(None) };
        let second = second.row.id();
        self.commit("people.pair", |tx| {
            tx.update("users", first, [("department", Value::text(&format!("Room {number}")))])?;
            tx.update("users", second, [("department", Value::text(&format!("Hall {number}")))])?;
            tx.create("crisis_detections", [("user_id", second.into()), ("content_source", "pair".into()), ("content_text", Value::text("Both")), ("crisis_score", Value::Decimal("0.5".parse().unwrap_or_default())), ("risk_level", "low".into())]).map(drop)
        })
    }

    /// Decides a task: one side or the other, with the change of the record that goes with it.
    fn settle(&self, me: Uuid) -> Done {
        let Some(task) = self.pick("conflicts", |row| row.row.text("status") == "open" && row.row.uuid("assigned_to") == Some(me))? else { return Ok(None) };
        let takes = self.pick.is_multiple_of(2);
        let (entity, id) = (task.row.text("entity_type").to_owned(), task.row.uuid("entity_id").unwrap_or_default());
        let values = task.row.get("incoming_values").as_json();
        let now = self.vault.around().now();
        self.commit("conflicts.decide", |tx| {
            let known = catalogue().get(&entity).filter(|known| tx.read().get(&known.name, id).is_ok_and(|row| row.is_some()));
            let incoming: Vec<(String, Value)> = match (known, values) {
                (Some(known), Some(serde)) => serde.as_object().into_iter().flatten().filter_map(|(name, json)| Some((name.clone(), Value::from_json(known.field(name)?.ty, json).ok()?))).collect(),
                _ => Vec::new(),
            };
            let taken = takes && !incoming.is_empty() && tx.update(&entity, id, incoming.iter().map(|(name, value)| (name.as_str(), value.clone()))).is_ok();
            let status = if taken { "took_incoming" } else { "kept_current" };
            tx.update("conflicts", task.row.id(), [("status", status.into()), ("decided_by", me.into()), ("decided_at", now.into()), ("reason", "looked at both".into())]).map(drop)
        })
    }
}


//! A laptop and the centre say the same about the same change: what a vault keeps is taken, and what it
//! refuses is refused in the same words to a laptop that does not ask its vault. Drawn from seeds, over
//! every entity with rules. What only the centre can see (rights, two people at once) is in `rules.rs`
//! and `rights.rs`; uniqueness is soft there, and only the laptop refuses for it.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use gladstone_model::{
    Entity, FieldType, Value, catalogue,
    entity::UnitSource,
    rule::{Check, Rule},
    unit::UnitKind,
};
use gladstone_protocol::{Op, OpKind, Verdict};
use gladstone_testkit::{Dice, asked::Asked};
use rust_decimal::Decimal;
use serde_json::json;
use support::{Laptop, Place, create, update};
use uuid::Uuid;

/// Entities whose rules are compared: all that have some which are more than a declaration.
fn entities() -> Vec<&'static Entity> {
    let more = |rule: &Rule| !matches!(rule.check, Check::Declared { .. } | Check::FilledFrom { .. });
    catalogue().entities.iter().filter(|entity| entity.rules.iter().any(more)).collect()
}

/// Fields that say to whom a row belongs: they stay, since a laptop knows nothing of rights.
fn places(entity: &Entity) -> Vec<(Option<UnitKind>, usize)> {
    let place = |source: &UnitSource| match source {
        UnitSource::Platform => None,
        UnitSource::Of(kind, at) => Some((Some(*kind), *at)),
        UnitSource::Parent(at) => Some((None, *at)),
    };
    entity.unit.iter().filter_map(|rule| place(&rule.source)).collect()
}

/// How often each rule was broken and kept.
type Tally = BTreeMap<String, (u32, u32)>;

/// One laptop twice: its vault, and what it sends when it asks its vault nothing.
struct Pair {
    dice: Dice,
    place: Place,
    asked: Asked,
    sender: Laptop,
    rows: Vec<(&'static Entity, Uuid)>,
    tally: Tally,
    /// A rule that this laptop does not know: a mistake on purpose.
    blind: Option<&'static str>,
}

/// What is tried.
enum Try {
    Create(&'static Entity, Uuid, Vec<(&'static str, Value)>),
    Update(&'static Entity, Uuid, Vec<(&'static str, Value)>),
    Mark(&'static Entity, Uuid),
}

impl Pair {
    fn new(seed: u64, blind: Option<&'static str>) -> Pair {
        let place = Place::new();
        let sender = place.laptop("Amara", "admin");
        let asked = Asked::new(seed, sender.actor);
        let pair = Pair { dice: Dice::new(seed), place, asked, sender, rows: Vec::new(), tally: Tally::new(), blind };
        assert!(pair.asked.create(&[("users", vec![("id", pair.sender.actor.into()), ("name", "Amara".into()), ("role", "patient".into())])]).is_ok());
        pair
    }

    /// Sends what the vault kept since, as it is. Says what the centre did not take.
    fn forward(&mut self) -> Result<(), String> {
        for mutation in self.asked.news() {
            let ops: Vec<Op> = mutation.ops.into_iter().filter(|op| op.id != self.sender.actor).collect();
            if ops.is_empty() {
                continue;
            }
            for op in &ops {
                let entity = catalogue().by_no(op.entity).unwrap();
                if matches!(op.kind, OpKind::Create(_)) && entities().contains(&entity) {
                    self.rows.push((entity, op.id));
                }
            }
            let names: Vec<&str> = ops.iter().map(|op| catalogue().by_no(op.entity).unwrap().name.as_str()).collect();
            self.sender.write_as(mutation.id, ops);
            self.sender.push(&self.place);
            let verdict = &self.sender.verdicts[&self.sender.dseq];
            if !matches!(verdict, Verdict::Applied { .. }) {
                return Err(format!("kept by the laptop, not taken by the centre: {names:?}: {verdict:?}"));
            }
        }
        Ok(())
    }

    /// A value for a field, good or bad.
    fn value(&mut self, entity: &'static Entity, at: usize) -> Value {
        let field = &entity.fields[at];
        if let Some(reference) = &field.reference {
            let there: Vec<Uuid> = self.rows.iter().filter(|(entity, _)| entity.name == reference.entity).map(|(_, id)| *id).collect();
            return if there.is_empty() || self.dice.below(3) == 0 { Value::Null } else { there[self.dice.below(there.len())].into() };
        }
        if !field.choices.is_empty() && self.dice.below(12) > 0 {
            return Value::text(&field.choices[self.dice.below(field.choices.len())]);
        }
        let number = [-1, 0, 1, 2, 10, 100, 101][self.dice.below(7)];
        match field.ty {
            _ if self.dice.below(8) == 0 => Value::Null,
            FieldType::Uuid => Uuid::from_u128(self.dice.below(1_000) as u128).into(),
            FieldType::Text { .. } => Value::text(["", "responses", "Germany", "10115", "mindful", "<p>Well</p>", "<p>Well"][self.dice.below(7)]),
            FieldType::Integer | FieldType::SmallInteger | FieldType::BigInteger => Value::Integer(number),
            FieldType::Decimal { .. } => Decimal::from(number).into(),
            FieldType::Boolean => self.dice.coin().into(),
            FieldType::Date => Value::Date(chrono::NaiveDate::from_ymd_opt([1990, 2026, 2090][self.dice.below(3)], 1, 5).unwrap()),
            FieldType::Instant => Value::Instant(gladstone_model::Instant(1_790_000_000_000_000 + number * 3_600_000_000)),
            FieldType::Json => Value::json(&[json!({}), json!([]), json!(3), json!("well"), json!(true), json!(["a"]), json!({ "positive": 0.5, "negative": 0.5 }), json!({ "metrics": "all" })][self.dice.below(8)]),
        }
    }

    /// New values of some fields that a person writes.
    fn values(&mut self, entity: &'static Entity, few: usize) -> Vec<(&'static str, Value)> {
        // Fields of rules come up more often than others.
        let of_rules: BTreeSet<usize> = entity.rules.iter().filter(|rule| !matches!(rule.check, Check::Declared { .. })).flat_map(Rule::fields).filter_map(|name| entity.position(name)).collect();
        let open: Vec<usize> = (0..entity.fields.len()).filter(|at| !entity.fields[*at].is_managed() && !entity.fields[*at].is_secret() && !entity.natural_key.contains(at) && places(entity).iter().all(|(_, place)| place != at)).collect();
        let mut chosen: BTreeSet<usize> = of_rules.into_iter().filter(|at| open.contains(at) && self.dice.below(3) > 0).collect();
        for _ in 0..self.dice.below(few) {
            chosen.insert(open[self.dice.below(open.len())]);
        }
        chosen.into_iter().map(|at| (entity.fields[at].name.as_str(), self.value(entity, at))).collect()
    }

    /// What a row of an entity cannot be without; what is somebody's own is the laptop's person's.
    fn needed(&mut self, entity: &'static Entity) -> Vec<(&'static str, Value)> {
        let own = |entity: &Entity| places(entity).into_iter().filter(|(kind, _)| *kind == Some(UnitKind::Account)).map(|(_, at)| at).collect::<Vec<_>>();
        let mut values = Vec::new();
        for (at, field) in entity.fields.iter().enumerate() {
            let needed = field.required && field.default.is_none() && !field.is_managed();
            let to = field.reference.as_ref().and_then(|to| catalogue().get(&to.entity));
            if own(entity).contains(&at) {
                values.push((field.name.as_str(), self.sender.actor.into()));
            } else if let Some(to) = to.filter(|to| needed && !own(to).is_empty()) {
                let id = self.sender.new_id();
                let row = [("id", id.into())].into_iter().chain(self.needed(to)).collect();
                assert!(self.asked.create(&[(&to.name, row)]).is_ok(), "a plain {}", to.name);
                values.push((&field.name, id.into()));
            } else if needed {
                values.extend(self.asked.values(entity, &[at]));
            }
        }
        values
    }

    fn draw(&mut self) -> Result<Try, String> {
        let all = entities();
        if self.rows.is_empty() || self.dice.below(3) == 0 {
            let entity = all[self.dice.below(all.len())];
            let mut values = self.needed(entity);
            self.forward()?;
            for (name, value) in self.values(entity, 3) {
                match values.iter_mut().find(|(other, _)| *other == name) {
                    Some(given) if entity.field(name).is_some_and(|field| field.reference.is_none()) => given.1 = value,
                    Some(_) => {}
                    None => values.push((name, value)),
                }
            }
            let key: Vec<&Value> = entity.natural_key.iter().filter_map(|at| values.iter().find(|(name, _)| *name == entity.fields[*at].name).map(|(_, value)| value)).collect();
            let id = if key.is_empty() { self.sender.new_id() } else { gladstone_model::id::derived(entity.no, &key) };
            return Ok(Try::Create(entity, id, values));
        }
        let (entity, id) = self.rows[self.dice.below(self.rows.len())];
        Ok(match self.dice.below(8) {
            0 => Try::Mark(entity, id),
            _ => Try::Update(entity, id, self.values(entity, 2)),
        })
    }

    fn step(&mut self) -> Result<(), String> {
        let tried = self.draw()?;
        let (entity, id) = match &tried {
            Try::Create(entity, id, _) | Try::Update(entity, id, _) | Try::Mark(entity, id) => (*entity, *id),
        };
        let before = self.asked.row(&entity.name, id);
        let standing = before.as_ref().is_some_and(|state| state.error.is_none());
        if standing == matches!(tried, Try::Create(..)) || entity.append_only && !matches!(tried, Try::Create(..)) {
            return Ok(());
        }
        let answer = match &tried {
            Try::Create(_, id, values) => self.asked.create(&[(&entity.name, [("id", (*id).into())].into_iter().chain(values.iter().cloned()).collect())]),
            Try::Update(_, id, values) => self.asked.update(&entity.name, *id, values),
            Try::Mark(_, id) => self.asked.mark(&entity.name, *id),
        };
        let Err(broken) = answer else {
            for rule in &entity.rules {
                self.tally.entry(format!("{}.{}", entity.name, rule.id)).or_default().1 += 1;
            }
            return self.forward();
        };
        let soft = |rule: &str| rule == "unique" || rule == "reference";
        if broken.iter().any(|(rule, _)| soft(rule)) {
            return Ok(());
        }
        let op = match (&tried, before) {
            // A vault puts the default in the place of what is left out.
            (Try::Create(_, id, values), _) => create(&entity.name, *id, &values.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (*name, value.clone())).collect::<Vec<_>>()),
            (Try::Update(_, _, values), Some(state)) => update(&state, &values.iter().map(|(name, value)| (*name, value.clone())).collect::<Vec<_>>()),
            (Try::Mark(..), Some(state)) => Op { entity: entity.no, id, unit: state.unit, kind: OpKind::EnterInError { base: state.row_mid, reason: "Typed twice".into() } },
            _ => return Ok(()),
        };
        if self.blind.is_some_and(|blind| broken.iter().all(|(rule, _)| rule == blind)) {
            return Err(format!("{}.{}: only the centre knows it", entity.name, broken[0].0));
        }
        let verdict = self.sender.save(&self.place, vec![op]);
        let Verdict::Quarantined { code, text } = &verdict else { return Err(format!("{}: refused by the laptop ({broken:?}), not by the centre: {verdict:?}", entity.name)) };
        // A value that does not fit its field alone is named by the centre before anything else.
        let same = broken.iter().any(|(_, message)| text.contains(message.as_str()));
        if !same || !["invalid", "in_use"].contains(&code.as_str()) {
            return Err(format!("{}: the laptop says {broken:?}, the centre {code}: {text}", entity.name));
        }
        for (rule, _) in &broken {
            self.tally.entry(format!("{}.{rule}", entity.name)).or_default().0 += 1;
        }
        Ok(())
    }
}

/// Runs a seed. Says where the two differ.
fn run(seed: u64, steps: usize, blind: Option<&'static str>) -> Result<Tally, String> {
    let mut pair = Pair::new(seed, blind);
    pair.forward().map_err(|why| format!("seed {seed}: {why}"))?;
    for step in 0..steps {
        pair.step().map_err(|why| format!("seed {seed}, step {step}: {why}"))?;
    }
    Ok(pair.tally)
}

#[test]
fn a_laptop_and_the_centre_judge_every_change_alike() {
    let mut all = Tally::new();
    for seed in 1..=9 {
        for (rule, (broken, kept)) in run(seed, 400, None).unwrap_or_else(|why| panic!("{why}")) {
            let sum = all.entry(rule).or_default();
            *sum = (sum.0 + broken, sum.1 + kept);
        }
    }
    // Each rule that is more than a declaration was broken and kept.
    let quiet: Vec<String> = entities().iter().flat_map(|entity| entity.rules.iter().filter(|rule| !matches!(rule.check, Check::Declared { .. } | Check::FilledFrom { .. })).map(|rule| format!("{}.{}", entity.name, rule.id))).filter(|rule| all.get(rule).is_none_or(|(broken, kept)| *broken == 0 || *kept == 0)).collect();
    assert!(quiet.is_empty(), "never both broken and kept: {quiet:?}\n{all:?}");
}

#[test]
fn a_rule_that_one_side_does_not_know_is_found() {
    for blind in ["finished_stays_finished", "scored_needs_max_score", "choice_needs_options", "cancelled_is_planned_again_first"] {
        let found = (1..=6).find_map(|seed| run(seed, 400, Some(blind)).err());
        assert!(found.as_ref().is_some_and(|why| why.contains(blind)), "{blind}: {found:?}");
    }
}

//! A transaction in the making: typed writes that are validated at once, and the set of rows
//! they touch. What was touched becomes the mutation; nothing can be written past it.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use gladstone_model::{
    Entity, Fault, Instant, Row, Unit, Value, catalogue,
    entity::{Default, OnDelete, Privacy, UnitSource},
    id, unit::UnitKind, validate::{self, Lookup},
};
use gladstone_protocol::{GroupMids, RowState, row_state::same};
use gladstone_store::{Match, Page, Query, Reader, StoreError, stored, write};
use rusqlite::Connection;
use uuid::Uuid;

use crate::{error::VaultError, surroundings::Surroundings};

/// A row before and after the transaction.
pub(crate) struct Touched {
    pub before: Option<RowState>,
    pub after: RowState,
}

/// Rows as they lie in the file, read by the rows that refer to them: the same question, person
/// or parent is asked for again and again. What a transaction writes is forgotten here, and what
/// is personal is forgotten when it ends.
#[derive(Default)]
pub(crate) struct Seen(RefCell<Rows>);

/// Rows by entity and id; none where there is no such row.
type Rows = HashMap<(u16, Uuid), Option<Arc<RowState>>>;

/// Rows kept at most, so that a long import stays small.
const SEEN_LIMIT: usize = 2_048;

impl Seen {
    /// Forgets whatever may hold something personal: the transaction is over.
    pub fn forget_personal(&self) {
        self.0.borrow_mut().retain(|_, stored| stored.as_ref().is_some_and(|stored| stored.row.entity.fields.iter().all(|field| field.privacy == Privacy::None)));
    }

    /// Forgets everything: what was written since was undone, or not written through here.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    fn forget(&self, key: (u16, Uuid)) {
        self.0.borrow_mut().remove(&key);
    }

    fn get(&self, reader: Reader<'_>, entity: &'static Entity, id: Uuid) -> Result<Option<Arc<RowState>>, StoreError> {
        let key = (entity.no, id);
        if let Some(known) = self.0.borrow().get(&key) {
            return Ok(known.clone());
        }
        let found = reader.stored(entity, id)?.map(Arc::new);
        let mut seen = self.0.borrow_mut();
        if seen.len() >= SEEN_LIMIT {
            seen.clear();
        }
        seen.insert(key, found.clone());
        Ok(found)
    }
}

/// Writes and reads of one transaction.
pub struct Tx<'v> {
    connection: &'v Connection,
    seen: &'v Seen,
    around: &'v dyn Surroundings,
    mutation: Uuid,
    actor: Uuid,
    now: Instant,
    order: Vec<(u16, Uuid)>,
    touched: HashMap<(u16, Uuid), Touched>,
    /// Place of the entry in quarantine whose place this takes.
    pub(crate) mends: Option<u64>,
}

impl<'v> Tx<'v> {
    pub(crate) fn new(connection: &'v Connection, seen: &'v Seen, around: &'v dyn Surroundings, mutation: Uuid, actor: Uuid, now: Instant) -> Tx<'v> {
        Tx { connection, seen, around, mutation, actor, now, order: Vec::new(), touched: HashMap::new(), mends: None }
    }

    /// Reads, including what this transaction wrote so far.
    pub fn read(&self) -> Reader<'_> {
        Reader::new(self.connection)
    }

    /// The time of this transaction.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Who writes.
    pub fn actor(&self) -> Uuid {
        self.actor
    }

    /// The mutation that this transaction becomes.
    pub fn mutation(&self) -> Uuid {
        self.mutation
    }

    /// This mutation takes the place of the entry at `dseq`, which the centre had put aside: the person
    /// changed it. Both become true together; the commit fails with [`VaultError::Entry`] when that entry
    /// is not in quarantine.
    pub fn mends(&mut self, dseq: u64) {
        self.mends = Some(dseq);
    }

    /// Adds a row and returns its id. Fields that are not given take their defaults; `id`,
    /// `created_at` and `updated_at` may be given by imports.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with every rule that is broken, unknown names, or what the database says.
    pub fn create<'a>(&mut self, entity: &str, values: impl IntoIterator<Item = (&'a str, Value)>) -> Result<Uuid, VaultError> {
        let entity = known(entity)?;
        let mut row = Row::empty(entity);
        let mut given = vec![false; entity.fields.len()];
        for (name, value) in values {
            let at = position(entity, name)?;
            row.values[at] = value;
            given[at] = true;
        }
        for (at, field) in entity.fields.iter().enumerate() {
            if !given[at] || row.values[at].is_null() && field.required {
                match &field.default {
                    Some(Default::Now) => row.values[at] = self.now.into(),
                    Some(Default::Fixed(value)) => row.values[at] = value.clone(),
                    None => {}
                }
            }
        }
        validate::fill_missing(&mut row);
        if row.get("id").is_null() {
            let id = if entity.natural_key.is_empty() {
                self.around.new_id()?
            } else {
                let key: Vec<&Value> = entity.natural_key.iter().map(|at| &row.values[*at]).collect();
                id::derived(entity.no, &key)
            };
            row.set("id", id);
        }
        let row_id = row.id();
        if let Err(error) = self.insert(row) {
            // Whether the id is taken is asked only when something is wrong: the database refuses
            // a taken id by itself, and asking first would cost a read for every new row.
            let taken = self.read().stored(entity, row_id).is_ok_and(|row| row.is_some());
            return Err(if taken { there_already(entity) } else { error });
        }
        Ok(row_id)
    }

    fn insert(&mut self, row: Row) -> Result<(), VaultError> {
        self.validate(&row, &|_| true)?;
        let unit = self.unit_of(&row)?;
        let after = RowState { row, unit, row_mid: self.mutation, group_mids: GroupMids::default(), error: None };
        write::insert(self.connection, &after)?;
        self.note(None, after);
        Ok(())
    }

    /// Changes fields of a row that stands. Returns whether anything changed.
    ///
    /// # Errors
    /// As for [`Tx::create`], and [`StoreError::NotFound`], [`StoreError::AppendOnly`], [`StoreError::NewerVersion`].
    pub fn update<'a>(&mut self, entity: &str, row_id: Uuid, values: impl IntoIterator<Item = (&'a str, Value)>) -> Result<bool, VaultError> {
        let entity = known(entity)?;
        if entity.append_only {
            return Err(StoreError::AppendOnly(entity.plural.clone()).into());
        }
        let before = self.standing(entity, row_id)?;
        if let Some((field, value)) = before.row.of_newer_version().next() {
            return Err(StoreError::NewerVersion { label: entity.label.to_lowercase(), field: field.label.clone(), value: value.to_key_text() }.into());
        }
        let mut after = before.clone();
        let mut changed = vec![false; entity.fields.len()];
        for (name, value) in values {
            let at = position(entity, name)?;
            if name == "id" && value.as_uuid() != Some(row_id) {
                return Err(invalid(Fault::new(&entity.name, "id", "fixed", "The id of a record never changes.")));
            }
            if entity.natural_key.contains(&at) && !same(&before.row.values[at], &value) {
                let message = format!("{} identifies the {} and cannot be changed. Enter it in error and add a new one.", entity.fields[at].label, entity.label.to_lowercase());
                return Err(invalid(Fault::new(&entity.name, name, "fixed", message)));
            }
            if !same(&before.row.values[at], &value) {
                after.row.values[at] = value;
                changed[at] = true;
            }
        }
        if !changed.contains(&true) {
            return Ok(false);
        }
        after.row.set("updated_at", self.now);
        self.validate(&after.row, &|at| changed[at])?;
        after.unit = self.unit_of(&after.row)?;
        for (at, _) in changed.iter().enumerate().filter(|(_, changed)| **changed) {
            after.group_mids.set(stored::group_of(entity, at), self.mutation);
        }
        write::update(self.connection, &after)?;
        self.note(Some(before), after);
        Ok(true)
    }

    /// Marks a row as entered in error, and its parts with it. Nothing is deleted.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another row needs it; [`StoreError::NotFound`]; a missing reason.
    pub fn enter_in_error(&mut self, entity: &str, row_id: Uuid, reason: &str) -> Result<(), VaultError> {
        let entity = known(entity)?;
        if reason.trim().is_empty() {
            return Err(invalid(Fault::new(&entity.name, "reason", "required", "Say why it was entered in error.")));
        }
        if entity.append_only {
            return Err(StoreError::AppendOnly(entity.plural.clone()).into());
        }
        let before = self.standing(entity, row_id)?;
        for (from, at, on_delete) in catalogue().referrers(&entity.name) {
            let query = Query { filters: vec![gladstone_store::Filter { field: from.fields[at].name.clone(), how: Match::Is(row_id.into()) }], page: Page { offset: 0, limit: 1_000 }, ..Query::default() };
            match on_delete {
                OnDelete::SetNull => {}
                OnDelete::Restrict => {
                    if self.read().count(&from.name, &query)? > 0 {
                        let message = format!("This {} is still named by {}. Enter those in error first.", entity.label.to_lowercase(), from.plural.to_lowercase());
                        return Err(StoreError::InUse(message).into());
                    }
                }
                OnDelete::Cascade if from.append_only => {}
                OnDelete::Cascade => loop {
                    let parts = self.read().list(&from.name, &query)?;
                    if parts.is_empty() {
                        break;
                    }
                    for part in parts {
                        self.enter_in_error(&from.name, part.id(), reason)?;
                    }
                },
            }
        }
        let mut after = before.clone();
        after.error = Some((self.mutation, reason.to_owned()));
        write::update(self.connection, &after)?;
        self.note(Some(before), after);
        Ok(())
    }

    /// The rows touched, in the order of their first touch.
    pub(crate) fn into_touched(mut self) -> Vec<Touched> {
        self.order.iter().filter_map(|key| self.touched.remove(key)).collect()
    }

    /// Checks the rules that need the whole mutation: of every row that was written, of every row whose
    /// part was taken away, and that no step was left out.
    pub(crate) fn check_completion(&self) -> Result<(), VaultError> {
        let mut faults = Vec::new();
        for touched in self.touched.values() {
            if touched.after.error.is_none() && !touched.after.row.entity.rules.is_empty() {
                faults.extend(validate::completion_faults(&touched.after.row, self)?);
            }
            let steps = touched.before.as_ref().map(|before| validate::step_faults(&before.row, &touched.after.row)).unwrap_or_default();
            if !steps.is_empty() && !self.decides_about(&touched.after.row) {
                faults.extend(steps);
            }
            for (owner, at) in touched.before.iter().flat_map(|before| catalogue().needed_by(before.row.entity)) {
                let of = |state: &RowState| state.error.is_none().then(|| state.row.values[at].as_uuid()).flatten();
                let left = touched.before.as_ref().and_then(of).filter(|owner| of(&touched.after) != Some(*owner));
                if let Some(owner) = left.map(|id| self.row(owner, id)).transpose()?.flatten() {
                    faults.extend(validate::completion_faults(&owner, self)?);
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(StoreError::Invalid(faults).into()) }
    }

    /// Whether a conflict about the row is decided here: whoever does that chooses among what was written.
    fn decides_about(&self, row: &Row) -> bool {
        let about = |case: &Row| case.entity.name == "conflicts" && case.uuid("entity_id") == Some(row.id()) && case.text("entity_type") == row.entity.name;
        self.touched.values().any(|touched| touched.before.is_some() && about(&touched.after.row))
    }

    fn standing(&self, entity: &'static Entity, id: Uuid) -> Result<RowState, VaultError> {
        let stored = self.read().stored(entity, id)?.filter(|stored| stored.error.is_none());
        Ok(stored.ok_or_else(|| StoreError::NotFound(entity.label.to_lowercase()))?)
    }

    fn validate(&self, row: &Row, changed: &dyn Fn(usize) -> bool) -> Result<(), VaultError> {
        let faults = validate::faults(row, changed, self.now, self)?;
        if faults.is_empty() { Ok(()) } else { Err(StoreError::Invalid(faults).into()) }
    }

    fn note(&mut self, before: Option<RowState>, after: RowState) {
        let key = (after.row.entity.no, after.row.id());
        self.seen.forget(key);
        match self.touched.get_mut(&key) {
            Some(touched) => touched.after = after,
            None => {
                self.order.push(key);
                self.touched.insert(key, Touched { before, after });
            }
        }
    }

    /// Looks at a row, entered in error or not, as it stands within this transaction.
    fn look<T>(&self, entity: &'static Entity, id: Uuid, f: impl FnOnce(&RowState) -> T) -> Result<Option<T>, StoreError> {
        if let Some(touched) = self.touched.get(&(entity.no, id)) {
            return Ok(Some(f(&touched.after)));
        }
        Ok(self.seen.get(self.read(), entity, id)?.as_deref().map(f))
    }

    /// Whether this is the person who works here.
    fn is_actor(&self, entity: &Entity, id: Uuid) -> bool {
        id == self.actor && catalogue().home_of(UnitKind::Person).is_some_and(|people| people.no == entity.no)
    }

    fn unit_of(&self, row: &Row) -> Result<Unit, VaultError> {
        for rule in &row.entity.unit {
            let applies = rule.when.as_ref().is_none_or(|when| when.holds(row));
            if !applies {
                continue;
            }
            match rule.source {
                UnitSource::Platform => return Ok(Unit::PLATFORM),
                UnitSource::Of(kind, at) => {
                    if let Some(id) = kind.id_in(&row.values[at]) {
                        return Ok(Unit { kind, id });
                    }
                }
                UnitSource::Parent(at) => {
                    let target = row.entity.fields[at].reference.as_ref().and_then(|reference| catalogue().get(&reference.entity));
                    if let (Some(id), Some(target)) = (row.values[at].as_uuid(), target) {
                        if let Some(unit) = self.look(target, id, |parent| parent.unit)? {
                            return Ok(unit);
                        }
                        if self.is_actor(target, id) {
                            // Where this belongs is not known before the first synchronization.
                            return Err(StoreError::NotFound(target.label.to_lowercase()).into());
                        }
                    }
                }
            }
        }
        Ok(Unit::PLATFORM)
    }
}

impl Lookup for Tx<'_> {
    type Error = StoreError;

    fn row(&self, entity: &'static Entity, id: Uuid) -> Result<Option<Row>, StoreError> {
        Ok(self.look(entity, id, |stored| stored.error.is_none().then(|| stored.row.clone()))?.flatten())
    }

    /// Whoever works here is there for the centre, which named them when this laptop joined, also before
    /// the first synchronization has brought their own record.
    fn stands(&self, entity: &'static Entity, id: Uuid) -> Result<bool, StoreError> {
        Ok(self.look(entity, id, |stored| stored.error.is_none())?.unwrap_or_else(|| self.is_actor(entity, id)))
    }

    fn taken(&self, entity: &'static Entity, values: &[(usize, &Value)], except: Uuid) -> Result<bool, StoreError> {
        self.read().taken(entity, values, except)
    }
}

fn there_already(entity: &'static Entity) -> VaultError {
    let names: Vec<&str> = entity.natural_key.iter().map(|at| entity.fields[*at].label.as_str()).collect();
    let message = format!("There already is a {} with this {}. Open that one instead.", entity.label.to_lowercase(), if names.is_empty() { "id".into() } else { names.join(" and ").to_lowercase() });
    let field = entity.natural_key.last().map_or("id", |at| entity.fields[*at].name.as_str());
    invalid(Fault::new(&entity.name, field, "unique", message))
}

fn known(entity: &str) -> Result<&'static Entity, VaultError> {
    Ok(catalogue().get(entity).ok_or_else(|| StoreError::UnknownEntity(entity.into()))?)
}

fn position(entity: &Entity, field: &str) -> Result<usize, VaultError> {
    Ok(entity.position(field).ok_or_else(|| StoreError::UnknownField { entity: entity.name.clone(), field: field.into() })?)
}

fn invalid(fault: Fault) -> VaultError {
    StoreError::Invalid(vec![fault]).into()
}

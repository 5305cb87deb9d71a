//! A vault that is asked whether it would keep a change: what a laptop says about rules, to compare with
//! what a centre says about the same change.

use gladstone_model::{Entity, Value};
use gladstone_protocol::{Mutation, RowState, entry::Body};
use gladstone_store::StoreError;
use gladstone_vault::{Tx, Vault, VaultError};
use uuid::Uuid;

use crate::{Laptop, rows::{self, Numbers}};

/// The vault, with what it wrote so far.
pub struct Asked {
    laptop: Laptop,
    numbers: Numbers,
    told: u64,
}

/// Why a change is not kept: the broken rules by name, with their messages.
pub type Refused = Vec<(String, String)>;

impl Asked {
    /// An empty vault of a person.
    pub fn new(seed: u64, actor: Uuid) -> Asked {
        let laptop = Laptop::new(seed, actor);
        let told = laptop.vault.state().dseq;
        Asked { laptop, numbers: Numbers::default(), told }
    }

    fn vault(&self) -> &Vault {
        &self.laptop.vault
    }

    /// A number that was not drawn before.
    pub fn draw(&self) -> usize {
        self.numbers.draw()
    }

    /// A value for each of these fields; what they refer to is made and kept.
    pub fn values(&self, entity: &'static Entity, fields: &[usize]) -> Vec<(&'static str, Value)> {
        let value = |at: &usize| -> (&'static str, Value) {
            let field = &entity.fields[*at];
            let (value, _) = self.vault().commit::<_, VaultError>("test.value", |tx| rows::value(tx, entity, field, &self.numbers)).unwrap();
            (&field.name, value)
        };
        fields.iter().map(value).collect()
    }

    /// Whether a new row is kept, with other new rows as its parts.
    ///
    /// # Errors
    /// The broken rules.
    pub fn create(&self, rows: &[(&str, Vec<(&str, Value)>)]) -> Result<(), Refused> {
        self.ask(|tx| rows.iter().try_for_each(|(entity, values)| tx.create(entity, values.iter().cloned()).map(|_| ())))
    }

    /// Whether new values of a row are kept.
    ///
    /// # Errors
    /// The broken rules.
    pub fn update(&self, entity: &str, id: Uuid, values: &[(&str, Value)]) -> Result<(), Refused> {
        self.ask(|tx| tx.update(entity, id, values.iter().cloned()).map(|_| ()))
    }

    /// Whether a row may be entered in error.
    ///
    /// # Errors
    /// The broken rules.
    pub fn mark(&self, entity: &str, id: Uuid) -> Result<(), Refused> {
        self.ask(|tx| tx.enter_in_error(entity, id, "Typed twice"))
    }

    fn ask(&self, change: impl FnOnce(&mut Tx<'_>) -> Result<(), VaultError>) -> Result<(), Refused> {
        match self.vault().commit::<_, VaultError>("test.ask", change) {
            Ok(_) => Ok(()),
            Err(VaultError::Store(StoreError::Invalid(faults))) => Err(faults.into_iter().map(|fault| (fault.rule, fault.message)).collect()),
            Err(VaultError::Store(StoreError::InUse(message))) => Err(vec![("in_use".into(), message)]),
            Err(other) => unreachable!("a change is kept or breaks a rule: {other}"),
        }
    }

    /// The mutations that were kept since this was asked last.
    pub fn news(&mut self) -> Vec<Mutation> {
        let last = self.vault().state().dseq;
        let entries: Vec<_> = (self.told + 1..=last).filter_map(|dseq| self.vault().entry(dseq).unwrap()).collect();
        self.told = last;
        entries.into_iter().filter_map(|entry| if let Body::Mutation(mutation) = entry.body { Some(mutation) } else { None }).collect()
    }

    /// A row as it stands.
    pub fn row(&self, entity: &str, id: Uuid) -> Option<RowState> {
        self.laptop.stored(entity, id)
    }
}

//! Verifying what is kept: every chain of every laptop with its hashes, links and signatures, and
//! the sums over the rows of every unit. Changes nothing.

use gladstone_model::{Unit, unit::UnitKind};
use gladstone_protocol::{RowsDigest, seal};
use uuid::Uuid;

use crate::{
    centre::Centre,
    engine::Life,
    error::CentreError,
    work::key_of,
};

/// Envelopes that are read at once.
const CHUNK: u64 = 256;
/// Rows that are read at once.
const ROWS: usize = 1_000;
/// Bytes of rows that are read at once.
const BYTES: usize = 4 * 1024 * 1024;
/// Faults that are told at most.
const FAULTS: usize = 100;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Chains: one for each life of each laptop, and for each history of the centre's own.
    pub chains: u64,
    /// Envelopes that were looked at.
    pub entries: u64,
    /// Units whose sums were looked at.
    pub units: u64,
    /// What does not fit; at most 100.
    pub faults: Vec<AuditFault>,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFault {
    /// The laptop, or nil where a unit is meant.
    pub device: Uuid,
    /// The life of its database, or nil.
    pub incarnation: Uuid,
    /// Number in the chain; 0 where a unit is meant.
    pub dseq: u64,
    /// What is wrong, for people.
    pub what: String,
}

impl Centre {
    /// Walks everything that a realm keeps. `progress` is told how many envelopes of how many were
    /// looked at, and may end it by false.
    ///
    /// # Errors
    /// [`CentreError::Refused`] when it was ended; what the store says.
    pub fn verify_audit(&self, realm: Uuid, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<AuditReport, CentreError> {
        let lives = self.look(realm, |shelf| {
            let mut ids: Vec<Uuid> = shelf.devices(None)?.into_iter().map(|device| device.id).collect();
            ids.push(shelf.head()?.device);
            Ok(shelf.lives(&ids)?)
        })?;
        let total = lives.iter().map(|life| life.dseq).sum();
        let mut report = AuditReport { chains: lives.len() as u64, ..AuditReport::default() };
        for life in &lives {
            self.verify_chain(realm, life, &mut report, &mut |done| progress(done, total))?;
        }
        for kind in [UnitKind::Platform, UnitKind::Org, UnitKind::Person, UnitKind::Account, UnitKind::Thread] {
            for unit in self.look(realm, |shelf| Ok(shelf.units(kind)?))? {
                self.verify_unit(realm, unit, &mut report)?;
            }
        }
        Ok(report)
    }

    fn verify_chain(&self, realm: Uuid, life: &Life, report: &mut AuditReport, progress: &mut dyn FnMut(u64) -> bool) -> Result<(), CentreError> {
        let (mut next, mut head) = (1, [0; 32]);
        while next <= life.dseq {
            let to = life.dseq.min(next + CHUNK - 1);
            for filed in self.look(realm, |shelf| Ok(shelf.filed(life.device, life.incarnation, next, to)?))? {
                let mut wrong = |what: &str| note(report, life, filed.place.dseq, what);
                if filed.place.dseq != next {
                    wrong("envelopes before this one are missing");
                }
                match seal::open(&filed.envelope.bytes, &filed.envelope.hash, &filed.envelope.signature.0, &life.public_key) {
                    Err(fault) => wrong(&fault.to_string()),
                    Ok(entry) if entry.dseq != filed.place.dseq || entry.device != life.device || entry.incarnation != life.incarnation => wrong("the envelope stands in another place than it says"),
                    Ok(entry) if entry.previous != head => wrong("the envelope does not follow the one before"),
                    Ok(_) => {}
                }
                head = filed.envelope.hash;
                next = filed.place.dseq + 1;
                report.entries += 1;
            }
            if next <= to {
                note(report, life, next, "the envelope is missing");
                next = to + 1;
            }
            if !progress(report.entries) {
                return Err(CentreError::Refused("the verification was ended".into()));
            }
        }
        if head != life.head {
            note(report, life, life.dseq, "the chain ends with another envelope than the one that was noted");
        }
        Ok(())
    }

    fn verify_unit(&self, realm: Uuid, unit: Unit, report: &mut AuditReport) -> Result<(), CentreError> {
        let fits = self.look(realm, |shelf| {
            let (mut digest, mut rows, mut after) = (RowsDigest::default(), 0, None);
            loop {
                let part = shelf.unit_rows(unit, after, ROWS, BYTES)?;
                let Some(last) = part.rows.last() else { break };
                after = Some(key_of(last));
                for state in &part.rows {
                    digest.add(state).map_err(|_| CentreError::Inconsistent("a record cannot be encoded".into()))?;
                    rows += 1;
                }
            }
            Ok(shelf.digests(&[unit])?.first().is_some_and(|sum| sum.digest == digest && sum.rows == rows))
        })?;
        report.units += 1;
        if !fits && report.faults.len() < FAULTS {
            let what = format!("the records of {unit} do not add up to what was noted");
            report.faults.push(AuditFault { device: Uuid::nil(), incarnation: Uuid::nil(), dseq: 0, what });
        }
        Ok(())
    }
}

fn note(report: &mut AuditReport, life: &Life, dseq: u64, what: &str) {
    if report.faults.len() < FAULTS {
        report.faults.push(AuditFault { device: life.device, incarnation: life.incarnation, dseq, what: what.into() });
    }
}

//! What the centre holds: one ingest for all writers, rights, changes for each laptop, enrolment.

//! Sample data as a piece of long work.

use super::{app::{Done, Empty}, wire};
use crate::{desk::Desk, error::DeskError, sample};

wire! {
    /// How much sample data.
    pub struct GenerateRequest {
        /// Seed: the same seed gives the same data.
        #[serde(default)]
        pub seed: Option<u32>,
        /// 1 for the counts of the documents, up to 100.
        #[serde(default)]
        pub scale: Option<u32>,
    }

    /// What was generated.
    pub struct Generated {
        /// Records written.
        pub records: u32,
    }

    /// How far the running work is.
    pub struct JobProgress {
        /// What is being done; none when nothing runs.
        pub job: Option<String>,
        /// Steps done.
        pub done: u32,
        /// Steps in all.
        pub of: u32,
    }
}

/// See the command list.
///
/// # Errors
/// Cancelled, or a full disk; what was finished is kept.
pub fn generate(desk: &Desk, request: GenerateRequest) -> Result<Generated, DeskError> {
    let scale = request.scale.unwrap_or(1);
    if !(1..=100).contains(&scale) {
        return Err(DeskError::field("scale", "Choose between 1 and 100."));
    }
    Ok(Generated { records: sample::generate(desk, request.seed.unwrap_or(1), scale)? })
}

/// See the command list.
///
/// # Errors
/// None.
pub fn progress(desk: &Desk, _: Empty) -> Result<JobProgress, DeskError> {
    let progress = desk.jobs.progress();
    Ok(progress.map_or(JobProgress { job: None, done: 0, of: 0 }, |progress| JobProgress { job: Some(progress.job), done: progress.done, of: progress.of }))
}

/// See the command list.
///
/// # Errors
/// None.
pub fn cancel(desk: &Desk, _: Empty) -> Result<Done, DeskError> {
    desk.jobs.cancel();
    Ok(Done::YES)
}

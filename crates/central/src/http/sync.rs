//! Push, pull, and waiting for news.

use std::time::Duration;

use axum::{
    extract::{Query, Request, State},
    response::Response,
};
use gladstone_protocol::{ApiError, wire::{PullRequest, PushRequest}};
use serde::{Deserialize, Serialize};

use super::{Here, admission::Class, answer::{self, Fault}, blocking, body, caller, pulse};

/// Longest time that a laptop is let wait for news.
const LONGEST_WAIT: Duration = Duration::from_secs(55);

/// `POST /v1/push`.
pub(super) async fn push(State(shared): Here, request: Request) -> Result<Response, Fault> {
    let caller = caller(&shared, request.headers()).await?;
    let (message, headers) = body::message::<PushRequest>(request).await?;
    let _place = shared.admission.enter(Class::Ordinary).await?;
    let answer = blocking(&shared, move |centre| centre.push(&caller, &message)).await?;
    answer::message(&answer, &headers)
}

/// `POST /v1/pull`.
pub(super) async fn pull(State(shared): Here, request: Request) -> Result<Response, Fault> {
    let caller = caller(&shared, request.headers()).await?;
    let (message, headers) = body::message::<PullRequest>(request).await?;
    if message.realm != caller.realm {
        return Err(Fault::not_found());
    }
    let class = if message.from_g == 0 || !message.bootstrap.is_empty() { Class::First } else { Class::Ordinary };
    let _place = shared.admission.enter(class).await?;
    let answer = blocking(&shared, move |centre| centre.pull(&caller, &message)).await?;
    answer::message(&answer, &headers)
}

/// What is asked of `/v1/wait`.
#[derive(Deserialize)]
pub(super) struct Wait {
    /// The commit number that is known.
    g: u64,
}

/// What is answered.
#[derive(Serialize)]
struct Head {
    g: u64,
}

/// `GET /v1/wait?g=N`: answers when something behind commit N is news for this laptop, with the realm's
/// commit number; after 55 s without, with N.
pub(super) async fn wait(State(shared): Here, Query(wait): Query<Wait>, request: Request) -> Result<Response, Fault> {
    let caller = caller(&shared, request.headers()).await?;
    if caller.revoked {
        return Err(Fault(ApiError::Revoked));
    }
    let pulse = std::sync::Arc::clone(&shared.pulse);
    let (beat, interest) = blocking(&shared, move |centre| Ok((pulse.of(caller.realm)?, centre.interest(&caller)?))).await?;
    let mut ending = shared.ending.clone();
    let g = tokio::select! {
        g = pulse::news(&beat, &interest, wait.g, LONGEST_WAIT) => g,
        // The service ends: the laptop asks another time.
        _ = ending.wait_for(|ending| *ending) => return Err(Fault::later(2_000)),
    };
    answer::json(&Head { g })
}

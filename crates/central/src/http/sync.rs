//! Push, pull, and waiting for news.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Query, Request, State},
    response::Response,
};
use gladstone_model::Instant;
use gladstone_protocol::{ApiError, enrol::to_hex, pack::LOOKED, wire::{PullAnswer, PullRequest, PushRequest}};
use serde::{Deserialize, Serialize};

use super::{Here, Shared, admission::Class, answer::{self, Fault}, blocking, body, caller, pulse, recognised, session};
use crate::{centre::Caller, stir::Touch};

/// What is asked for where a push is early.
const EARLY: &str = "early";
/// So many commits behind the checkpoint of a pull that waits are brought; of more it is told, and asks: maybe it
/// wrote them itself and fetches them already.
const BROUGHT: u64 = 16;
/// Longest time that a laptop is let wait for news.
const LONGEST_WAIT: Duration = Duration::from_secs(55);

/// `POST /v1/push`, and `POST /v1/push?early` for one that was sent before the one in front of it was
/// answered: that is read and checked at once, and taken in when it is its turn.
pub(super) async fn push(State(shared): Here, request: Request) -> Result<Response, Fault> {
    let early = request.uri().query() == Some(EARLY);
    // One that waits for its turn has the time to be looked at before anything is done for it.
    let (caller, session) = if early { (caller(&shared, request.headers()).await?, None) } else { recognised(&shared, request.headers()).await? };
    let (message, headers) = body::message::<PushRequest>(request).await?;
    let place = shared.admission.enter(Class::Ordinary).await?;
    let turns = Arc::clone(&shared);
    if !early {
        let _place = place;
        let answer = blocking(&shared, move |centre| {
            let arrived = centre.read(&caller, &message, session)?;
            turns.turns.through(&caller, arrived.incarnation(), centre.take_in(&caller, arrived))
        }).await?;
        return answer::message(&answer, &headers);
    }
    let (caller, arrived) = blocking(&shared, move |centre| {
        let arrived = centre.read(&caller, &message, session)?;
        arrived.check();
        centre.look_ahead(&caller, &arrived);
        Ok((caller, Arc::new(arrived)))
    }).await?;
    // Whoever waits holds no place: the one in front may need it.
    drop(place);
    let look = || {
        let (caller, arrived) = (caller.clone(), Arc::clone(&arrived));
        blocking(&shared, move |centre| centre.is_next(&caller, &arrived))
    };
    shared.turns.wait(caller.device, arrived.incarnation(), arrived.first(), &mut shared.ending.clone(), look).await?;
    let _place = shared.admission.enter(Class::Ordinary).await?;
    let Some(arrived) = Arc::into_inner(arrived) else { return Err(Fault::later(1_000)) };
    let answer = blocking(&shared, move |centre| turns.turns.through(&caller, arrived.incarnation(), centre.take_in(&caller, arrived))).await?;
    answer::message(&answer, &headers)
}

/// `POST /v1/pull`.
pub(super) async fn pull(State(shared): Here, request: Request) -> Result<Response, Fault> {
    let caller = caller(&shared, request.headers()).await?;
    let (message, headers) = body::message::<PullRequest>(request).await?;
    if message.realm != caller.realm {
        return Err(Fault::not_found());
    }
    answer::message(&pulled(&shared, caller, message).await?, &headers)
}

async fn pulled(shared: &Arc<Shared>, caller: Caller, message: PullRequest) -> Result<PullAnswer, Fault> {
    let class = if message.from_g == 0 || !message.bootstrap.is_empty() { Class::First } else { Class::Ordinary };
    let _place = shared.admission.enter(class).await?;
    blocking(shared, move |centre| centre.pull(&caller, &message)).await
}

/// What is asked of `GET /v1/wait`.
#[derive(Deserialize)]
pub(super) struct Wait {
    /// The commit number that is known.
    g: u64,
    /// `at` of the answer before: files that became whole since then are told.
    at: Option<i64>,
}

/// What is asked of `POST /v1/wait`, besides the pull.
#[derive(Deserialize)]
pub(super) struct WaitFor {
    /// As for [`Wait`].
    at: Option<i64>,
}

/// What is answered.
#[derive(Serialize)]
struct Head {
    g: u64,
    /// When it was looked for files, in microseconds by the centre's clock.
    at: i64,
    /// Files that became whole, by hash in hexadecimal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
}

/// `GET /v1/wait?g=N&at=T`: answers when something behind commit N is news for this laptop, with the realm's
/// commit number, or when a file is whole that a row names which it may see; after 55 s without, with N.
pub(super) async fn wait(State(shared): Here, Query(wait): Query<Wait>, request: Request) -> Result<Response, Fault> {
    let caller = caller(&shared, request.headers()).await?;
    answer::json(&told(&shared, &caller, wait.g, wait.at).await?)
}

/// `POST /v1/wait?at=T` with a pull: as [`wait`], from the checkpoint of the pull on. Where little is new, the pull
/// is answered in place of the number, so that it need not be asked; the header [`LOOKED`] says `at` then.
pub(super) async fn wait_for(State(shared): Here, Query(wait): Query<WaitFor>, request: Request) -> Result<Response, Fault> {
    let caller = caller(&shared, request.headers()).await?;
    let (message, headers) = body::message::<PullRequest>(request).await?;
    if message.realm != caller.realm {
        return Err(Fault::not_found());
    }
    let head = told(&shared, &caller, message.from_g, wait.at).await?;
    if head.g <= message.from_g || head.g - message.from_g > BROUGHT || message.from_g == 0 {
        return answer::json(&head);
    }
    // It waited: its right may have ended meanwhile.
    let (now, answer) = tokio::join!(session(&shared, &headers), pulled(&shared, caller, message));
    if now?.revoked {
        return Err(Fault(ApiError::Revoked));
    }
    let answer = match answer {
        // There was no place for it: the laptop is told, and asks when it comes to it.
        Err(Fault(ApiError::Later { .. })) => return answer::json(&head),
        answer => answer?,
    };
    let mut response = answer::message(&answer, &headers)?;
    response.headers_mut().insert(LOOKED, head.at.into());
    Ok(response)
}

/// Waits for news behind a commit, or for files since a time.
async fn told(shared: &Arc<Shared>, caller: &Caller, beyond: u64, since: Option<i64>) -> Result<Head, Fault> {
    if caller.revoked {
        return Err(Fault(ApiError::Revoked));
    }
    let pulse = Arc::clone(&shared.pulse);
    let board = shared.centre.boards.of(caller.realm);
    let who = caller.clone();
    let (beat, interest) = blocking(shared, move |centre| Ok((pulse.of(who.realm)?, centre.interest(&who)?))).await?;
    let reads = |unit| interest.concerns(&Touch::Unit(unit));
    let (mut moved, now) = (board.subscribe(), || shared.centre.around.now());
    let since = since.map_or_else(now, Instant);
    let (mut ending, news) = (shared.ending.clone(), pulse::news(&beat, &interest, beyond, LONGEST_WAIT));
    let mut news = std::pin::pin!(news);
    loop {
        moved.mark_unchanged();
        // Before it is looked: what becomes whole meanwhile is told now or the next time, or both.
        let at = now().0;
        let files = board.since(since, &reads);
        if !files.is_empty() {
            return Ok(Head { g: beyond, at, files: files.iter().map(|hash| to_hex(hash)).collect() });
        }
        tokio::select! {
            g = &mut news => return Ok(Head { g, at, files: Vec::new() }),
            // The board is not dropped before this ends.
            _ = moved.changed() => {}
            // The service ends: the laptop asks another time.
            _ = ending.wait_for(|ending| *ending) => return Err(Fault::later(2_000)),
        }
    }
}

//! Joining and signing in: JSON, for those who have no session yet.

use axum::{
    extract::{Request, State},
    response::Response,
};
use gladstone_protocol::enrol::{ChallengeAnswer, ChallengeRequest, EnrolRequest, SessionRequest, to_hex};

use super::{Here, answer::{self, Fault}, blocking, body, peer};

/// `POST /v1/enrol`.
pub(super) async fn enrol(State(shared): Here, request: Request) -> Result<Response, Fault> {
    shared.admission.enrolment(peer(&request))?;
    let asked: EnrolRequest = body::json(request).await?;
    let answer = blocking(&shared, move |centre| centre.enrol(&asked)).await?;
    answer::json(&answer)
}

/// `POST /v1/challenge`.
pub(super) async fn challenge(State(shared): Here, request: Request) -> Result<Response, Fault> {
    shared.admission.sign_in(peer(&request))?;
    let asked: ChallengeRequest = body::json(request).await?;
    let challenge = blocking(&shared, move |centre| centre.challenge(asked.device)).await?;
    answer::json(&ChallengeAnswer { challenge: to_hex(&challenge) })
}

/// `POST /v1/session`.
pub(super) async fn session(State(shared): Here, request: Request) -> Result<Response, Fault> {
    shared.admission.sign_in(peer(&request))?;
    let asked: SessionRequest = body::json(request).await?;
    let answer = blocking(&shared, move |centre| centre.open_session(&asked)).await?;
    answer::json(&answer)
}

//! Results of questionnaires: score, band, how each item counted, change and trend.

use gladstone_care::{Answer, Completeness, change, score::{self, Answers, ScaleResult, TraceStatus}};
use gladstone_model::{Row, Value};
use gladstone_store::{Query, Reader};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{alerts, people::{Person, time}, questionnaires::{self, BandInfo, CutOffInfo, Form}, wire};
use super::responses::{GivenAnswer, ResponseRequest, answer_rows, given, respondent};
use crate::{desk::Desk, error::{Code, DeskError}};

wire! {
    /// A person and a questionnaire.
    pub struct TrendRequest {
        /// The person.
        pub person_id: Uuid,
        /// Code of the instrument.
        pub code: String,
    }

    /// A finished response.
    pub struct ResultView {
        /// The response.
        pub id: Uuid,
        /// The person.
        pub person: Option<Person>,
        /// The questionnaire.
        pub form: Form,
        /// How it was administered.
        pub mode: String,
        /// When it was finished.
        pub completed_at: String,
        /// Duration in seconds.
        pub seconds: Option<i64>,
        /// Results of the scales; empty for questionnaires without a scale.
        pub scales: Vec<ScaleView>,
        /// Answers as given, in the order of the items.
        pub answers: Vec<GivenAnswer>,
        /// Answers of the response before, for comparison.
        pub previous: Option<PreviousResponse>,
        /// Alerts that this response raised.
        pub alerts: Vec<alerts::AlertInfo>,
        /// All scores of the person.
        pub trend: Option<Trend>,
    }

    /// A response before this one.
    pub struct PreviousResponse {
        /// When it was finished.
        pub at: String,
        /// Its score.
        pub score: Option<i64>,
        /// Its answers.
        pub answers: Vec<GivenAnswer>,
    }

    /// The result of a scale.
    pub struct ScaleView {
        /// Code of the scale.
        pub code: String,
        /// What it measures.
        pub label: String,
        /// The score; none when it cannot be given.
        pub score: Option<i64>,
        /// Least possible score.
        pub min: i64,
        /// Greatest possible score.
        pub max: i64,
        /// The band.
        pub band: Option<BandInfo>,
        /// complete, pro_rated or not_scorable.
        pub completeness: String,
        /// Items answered.
        pub answered: u32,
        /// Items of the scale.
        pub items: u32,
        /// Missing items that the rule allows.
        pub allowed_missing: u32,
        /// Where the rule comes from.
        pub missing_source: String,
        /// How each item counted.
        pub trace: Vec<TraceView>,
        /// Version of the scoring rule.
        pub scoring_version: String,
    }

    /// How an item counted.
    pub struct TraceView {
        /// Code of the item.
        pub item: String,
        /// Points.
        pub points: Option<i64>,
        /// answered, declined or missing.
        pub status: String,
    }

    /// All scores of a person on one instrument.
    pub struct Trend {
        /// Code of the instrument.
        pub code: String,
        /// Short title.
        pub title: String,
        /// Greatest possible score.
        pub max: i64,
        /// Bands.
        pub bands: Vec<BandInfo>,
        /// Cut-offs.
        pub cut_offs: Vec<CutOffInfo>,
        /// Points that a reliable change needs.
        pub reliable_change: Option<i64>,
        /// The scores, the earliest first.
        pub points: Vec<TrendPoint>,
        /// From the first score to the last.
        pub since_start: Option<ChangeView>,
        /// From the score before to the last.
        pub since_last: Option<ChangeView>,
    }

    /// One score.
    pub struct TrendPoint {
        /// The response.
        pub response_id: Uuid,
        /// When.
        pub at: String,
        /// The score.
        pub score: i64,
        /// Its band.
        pub band: String,
        /// Step of severity, 1 to 5.
        pub step: u8,
        /// complete or pro_rated.
        pub completeness: String,
    }

    /// A difference between two scores.
    pub struct ChangeView {
        /// Later minus earlier.
        pub difference: i64,
        /// reliable_improvement, reliable_deterioration, too_little or unknown.
        pub meaning: String,
        /// The earlier score.
        pub from: i64,
        /// When that was.
        pub from_at: String,
    }
}

/// See the command list.
///
/// # Errors
/// It is not on this computer, or not finished.
pub fn result(desk: &Desk, request: ResponseRequest) -> Result<ResultView, DeskError> {
    let reach = desk.reach()?;
    desk.read(|read| {
        let row = read.require("responses", request.id)?;
        if row.text("status") != "completed" {
            return Err(DeskError::new(Code::Conflict, "This questionnaire is not finished yet."));
        }
        let questionnaire = read.require("questionnaires", row.uuid("questionnaire_id").unwrap_or_default())?;
        let form = questionnaires::form(read, questionnaire.id())?;
        let instrument = questionnaires::instrument_of(&questionnaire);
        let stored: Vec<ScaleResult> = row.get("scale_results").as_json().and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default();
        let scales = instrument.map(|instrument| stored.iter().filter_map(|result| Some(scale_view(instrument.scale(&result.scale)?, result))).collect()).unwrap_or_default();
        let person = row.uuid("user_id");
        // Earlier responses are not part of a new one.
        let with_earlier = reach.as_ref().is_none_or(|reach| person.is_some_and(|person| reach.opens(Some(person), person)));
        let trend = match (person, instrument) {
            (Some(person), Some(instrument)) if with_earlier => Some(trend_of(read, person, &instrument.code)?),
            _ => None,
        };
        let answers = answer_rows(read, request.id)?;
        let in_order = form.items.iter().filter_map(|item| answers.iter().find(|answer| answer.uuid("question_id") == Some(item.question_id))).map(given).collect();
        Ok(ResultView {
            id: request.id,
            person: respondent(read, &row)?,
            mode: row.text("mode").into(),
            completed_at: time(&row, "completed_at"),
            seconds: row.get("completion_time_seconds").as_integer(),
            scales,
            answers: in_order,
            previous: if with_earlier { previous(read, &row)? } else { None },
            alerts: alerts::of_response(read, request.id)?,
            trend,
            form,
        })
    })
}

/// See the command list.
///
/// # Errors
/// There is no such instrument.
pub fn trend(desk: &Desk, request: TrendRequest) -> Result<Trend, DeskError> {
    desk.read(|read| trend_of(read, request.person_id, &request.code))
}

/// Band and step of the main scale of a finished response.
pub(super) fn main_result(response: &Row) -> Option<(String, u8)> {
    let stored: Vec<ScaleResult> = serde_json::from_value(response.get("scale_results").as_json()?).ok()?;
    let band = stored.into_iter().next()?.band?;
    Some((band.name, band.step))
}

fn trend_of(read: Reader<'_>, person: Uuid, code: &str) -> Result<Trend, DeskError> {
    let instrument = gladstone_care::by_code(code).ok_or_else(|| DeskError::new(Code::NotFound, format!("There is no instrument “{code}”.")))?;
    let scale = &instrument.scales[0];
    let questionnaires: Vec<Value> = read.list("questionnaires", &Query::by("code", code))?.iter().map(|row| row.id().into()).collect();
    let query = Query::by("user_id", person).and("status", gladstone_store::Match::Is("completed".into())).and("questionnaire_id", gladstone_store::Match::In(questionnaires));
    let mut points = Vec::new();
    for row in read.list("responses", &query.sorted("completed_at", false).limit(1_000))? {
        let Some(score) = row.get("score").as_decimal().and_then(|score| i64::try_from(score.trunc()).ok()) else { continue };
        let band = score::band_of(scale, score);
        points.push(TrendPoint {
            response_id: row.id(),
            at: time(&row, "completed_at"),
            score,
            band: band.map(|band| band.name.clone()).unwrap_or_default(),
            step: band.map_or(1, |band| band.step),
            completeness: row.text("completeness").into(),
        });
    }
    let compare = |earlier: Option<&TrendPoint>, later: Option<&TrendPoint>| {
        let (earlier, later) = (earlier?, later?);
        let change = change::compare(scale, earlier.score, later.score);
        let meaning = serde_json::to_value(change.meaning).ok()?.as_str()?.to_owned();
        Some(ChangeView { difference: change.difference, meaning, from: earlier.score, from_at: earlier.at.clone() })
    };
    let last = points.last();
    Ok(Trend {
        code: code.into(),
        title: instrument.short_title.clone(),
        max: scale.max,
        bands: scale.bands.iter().map(BandInfo::from).collect(),
        cut_offs: scale.cut_offs.iter().map(CutOffInfo::from).collect(),
        reliable_change: scale.reliable_change.as_ref().map(|change| change.points),
        since_start: if points.len() > 1 { compare(points.first(), last) } else { None },
        since_last: if points.len() > 2 { compare(points.get(points.len() - 2), last) } else { None },
        points,
    })
}

/// The values that scoring gives a response.
pub(super) fn scored(read: Reader<'_>, row: &Row, form: &Form) -> Result<Vec<(&'static str, Value)>, DeskError> {
    let rows = answer_rows(read, row.id())?;
    let questionnaire = read.require("questionnaires", row.uuid("questionnaire_id").unwrap_or_default())?;
    let Some(instrument) = questionnaires::instrument_of(&questionnaire) else { return generic_score(read, &questionnaire, &rows, form) };
    let mut answers = Answers::new();
    for answer in &rows {
        let Some(item) = form.items.iter().find(|item| Some(item.question_id) == answer.uuid("question_id")) else { continue };
        let value = answer.get("value").as_json().and_then(|json| json.as_i64());
        match (answer.text("status"), value) {
            ("declined", _) => answers.insert(item.code.clone(), Answer::Declined),
            (_, Some(value)) => answers.insert(item.code.clone(), Answer::Given(value)),
            _ => None,
        };
    }
    let results: Vec<ScaleResult> = instrument.scales.iter().map(|scale| score::score(instrument, scale, &answers)).collect();
    let main = &results[0];
    Ok(vec![
        ("score", main.score.map(Decimal::from).into()),
        ("percentage", main.percentage_hundredths.map(|hundredths| Decimal::new(hundredths, 2)).into()),
        ("completeness", main.completeness.name().into()),
        ("risk_level", main.band.as_ref().map_or("unknown", |band| band.risk.name()).into()),
        ("scoring_version", Value::text(&main.scoring_version)),
        ("scale_results", serde_json::to_value(&results).unwrap_or_default().into()),
    ])
}

/// The sum of points against the greatest possible sum, for questionnaires of the site's own.
fn generic_score(read: Reader<'_>, questionnaire: &Row, answers: &[Row], form: &Form) -> Result<Vec<(&'static str, Value)>, DeskError> {
    let scored: Vec<&questionnaires::FormItem> = form.items.iter().filter(|item| item.scored).collect();
    if scored.is_empty() {
        return Ok(vec![("completeness", Value::Null)]);
    }
    let given: Vec<Decimal> = scored.iter().filter_map(|item| answers.iter().find(|a| a.uuid("question_id") == Some(item.question_id))?.get("score").as_decimal()).collect();
    let sum: Decimal = given.iter().sum();
    let mut most = Decimal::ZERO;
    for item in &scored {
        most += read.require("questions", item.question_id)?.get("max_score").as_decimal().unwrap_or_default();
    }
    let complete = given.len() == scored.len();
    let percentage = (complete && most > Decimal::ZERO).then(|| (sum * Decimal::from(100) / most).round_dp(2).clamp(Decimal::ZERO, Decimal::from(100)));
    let config = read.first("scoring_configs", Query::by("questionnaire_id", questionnaire.id()).and("is_active", gladstone_store::Match::Is(true.into())))?;
    let passing = config.and_then(|config| config.get("passing_score").as_decimal());
    Ok(vec![
        ("score", complete.then_some(sum).into()),
        ("percentage", percentage.into()),
        ("passed", percentage.zip(passing).map(|(reached, needed)| reached >= needed).into()),
        ("completeness", if complete { "complete" } else { "not_scorable" }.into()),
    ])
}

fn scale_view(scale: &gladstone_care::Scale, result: &ScaleResult) -> ScaleView {
    let (answered, items, allowed) = match result.completeness {
        Completeness::Complete { items } => (items, items, scale.missing.allowed),
        Completeness::ProRated { answered, items, .. } => (answered, items, scale.missing.allowed),
        Completeness::NotScorable { answered, items, allowed } => (answered, items, allowed),
    };
    let status = |status: TraceStatus| serde_json::to_value(status).ok().and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default();
    ScaleView {
        code: scale.code.clone(),
        label: scale.label.clone(),
        score: result.score,
        min: scale.min,
        max: scale.max,
        band: result.band.as_ref().map(BandInfo::from),
        completeness: result.completeness.name().into(),
        answered: answered as u32,
        items: items as u32,
        allowed_missing: allowed as u32,
        missing_source: scale.missing.source.clone(),
        trace: result.trace.iter().map(|line| TraceView { item: line.item.clone(), points: line.points, status: status(line.status) }).collect(),
        scoring_version: result.scoring_version.clone(),
    }
}

fn previous(read: Reader<'_>, row: &Row) -> Result<Option<PreviousResponse>, DeskError> {
    let (Some(person), Some(questionnaire), Some(at)) = (row.uuid("user_id"), row.uuid("questionnaire_id"), row.get("completed_at").as_instant()) else { return Ok(None) };
    let query = Query::by("user_id", person)
        .and("questionnaire_id", gladstone_store::Match::Is(questionnaire.into()))
        .and("status", gladstone_store::Match::Is("completed".into()))
        .and("completed_at", gladstone_store::Match::Below(at.into()));
    let Some(before) = read.first("responses", query.sorted("completed_at", true))? else { return Ok(None) };
    Ok(Some(PreviousResponse {
        at: time(&before, "completed_at"),
        score: before.get("score").as_decimal().and_then(|score| i64::try_from(score.trunc()).ok()),
        answers: answer_rows(read, before.id())?.iter().map(given).collect(),
    }))
}

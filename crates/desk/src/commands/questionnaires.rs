//! Questionnaires as they are chosen and shown.

use gladstone_care::{Instrument, by_code, instrument::{Band, CutOff}};
use gladstone_model::Row;
use gladstone_store::{Query, Reader};
use serde_json::Value as Json;
use uuid::Uuid;

use super::wire;
use crate::{desk::Desk, error::DeskError, instruments};

wire! {
    /// Which questionnaires.
    pub struct ListQuestionnaires {
        /// Words in the title; empty for all.
        #[serde(default)]
        pub text: String,
    }

    /// A questionnaire.
    pub struct QuestionnaireRequest {
        /// The questionnaire.
        pub id: Uuid,
    }

    /// A questionnaire in a list.
    pub struct QuestionnaireInfo {
        /// The id.
        pub id: Uuid,
        /// Code of the built-in instrument, or empty.
        pub code: String,
        /// Title as it is said.
        pub short_title: String,
        /// Full title.
        pub title: String,
        /// Description or instruction.
        pub description: String,
        /// Number of items.
        pub items: u32,
        /// Usual duration in minutes.
        pub minutes: Option<i64>,
        /// Version.
        pub version: i64,
        /// Language.
        pub language: String,
        /// draft, published or archived.
        pub status: String,
    }

    /// A questionnaire with all its parts.
    pub struct Form {
        /// What the list shows.
        pub info: QuestionnaireInfo,
        /// Terms of use.
        pub licence: String,
        /// Publications.
        pub sources: Vec<String>,
        /// The items.
        pub items: Vec<FormItem>,
        /// Bands of the main scale.
        pub bands: Vec<BandInfo>,
        /// Cut-offs of the main scale.
        pub cut_offs: Vec<CutOffInfo>,
        /// Greatest score of the main scale.
        pub max: Option<i64>,
    }

    /// An item.
    pub struct FormItem {
        /// The question.
        pub question_id: Uuid,
        /// Code, or empty.
        pub code: String,
        /// Wording.
        pub text: String,
        /// Type of the question, for example single_choice.
        pub kind: String,
        /// Whether an answer is asked for.
        pub required: bool,
        /// Whether it counts towards the score.
        pub scored: bool,
        /// Whether an answer may raise an alert.
        pub alerts: bool,
        /// The choices.
        pub options: Vec<OptionInfo>,
        /// Bounds of a number or scale.
        #[ts(type = "unknown")]
        pub range: Json,
    }

    /// A choice.
    pub struct OptionInfo {
        /// Printed value.
        pub value: String,
        /// Wording.
        pub text: String,
    }

    /// A severity band.
    pub struct BandInfo {
        /// Least score.
        pub from: i64,
        /// Greatest score.
        pub to: i64,
        /// Name.
        pub name: String,
        /// Step of severity, 1 to 5.
        pub step: u8,
    }

    /// A cut-off.
    pub struct CutOffInfo {
        /// Score, that one included.
        pub at: i64,
        /// What it is called.
        pub label: String,
        /// Publication.
        pub source: String,
    }
}

impl From<&Band> for BandInfo {
    fn from(band: &Band) -> Self {
        BandInfo { from: band.from, to: band.to, name: band.name.clone(), step: band.step }
    }
}

impl From<&CutOff> for CutOffInfo {
    fn from(cut_off: &CutOff) -> Self {
        CutOffInfo { at: cut_off.at, label: cut_off.label.clone(), source: cut_off.source.clone() }
    }
}

/// See the command list.
///
/// # Errors
/// The vault is locked.
pub fn list(desk: &Desk, request: ListQuestionnaires) -> Result<Vec<QuestionnaireInfo>, DeskError> {
    desk.read(|read| {
        let rows = read.list("questionnaires", &Query::by("is_active", true).sorted("title", false).limit(500))?;
        let wanted = request.text.to_lowercase();
        let mut found = Vec::new();
        for row in rows {
            let item = info(read, &row)?;
            if item.items > 0 && item.status != "archived" && (item.title.to_lowercase().contains(&wanted) || item.short_title.to_lowercase().contains(&wanted)) {
                found.push(item);
            }
        }
        found.sort_by_key(|item| (item.code.is_empty(), gladstone_care::catalogue().iter().position(|i| i.code == item.code), item.title.clone()));
        Ok(found)
    })
}

/// See the command list.
///
/// # Errors
/// It is not on this computer.
pub fn get(desk: &Desk, request: QuestionnaireRequest) -> Result<Form, DeskError> {
    desk.read(|read| form(read, request.id))
}

/// A questionnaire with all its parts.
pub(super) fn form(read: Reader<'_>, id: Uuid) -> Result<Form, DeskError> {
    let row = read.require("questionnaires", id)?;
    let instrument = instrument_of(&row);
    let mut items = Vec::new();
    for question in read.list("questions", &Query::by("questionnaire_id", id).sorted("position", false).limit(1_000))? {
        if question.get("is_visible").as_bool() == Some(false) {
            continue;
        }
        let options = read.list("question_options", &Query::by("question_id", question.id()).sorted("position", false))?;
        let code = question.text("code").to_owned();
        items.push(FormItem {
            question_id: question.id(),
            text: question.text("text").into(),
            kind: question.text("type").into(),
            required: question.get("required").as_bool().unwrap_or(true),
            scored: question.get("is_scored").as_bool().unwrap_or(false),
            alerts: instrument.is_some_and(|instrument| instrument.alerts.iter().any(|alert| alert.item == code)),
            options: options.iter().map(|option| OptionInfo { value: option.text("value").into(), text: option.text("text").into() }).collect(),
            range: question.get("value_range").to_json(),
            code,
        });
    }
    let scale = instrument.map(|instrument| &instrument.scales[0]);
    Ok(Form {
        info: info(read, &row)?,
        licence: row.text("licence_note").into(),
        sources: row.text("source").lines().map(str::to_owned).collect(),
        items,
        bands: scale.map(|scale| scale.bands.iter().map(BandInfo::from).collect()).unwrap_or_default(),
        cut_offs: scale.map(|scale| scale.cut_offs.iter().map(CutOffInfo::from).collect()).unwrap_or_default(),
        max: scale.map(|scale| scale.max),
    })
}

/// The built-in instrument behind a questionnaire, when it is that very version.
pub(super) fn instrument_of(questionnaire: &Row) -> Option<&'static Instrument> {
    by_code(questionnaire.text("code")).filter(|instrument| instruments::questionnaire_id(instrument) == questionnaire.id())
}

/// The title as it is said.
pub(super) fn short_title(questionnaire: &Row) -> String {
    instrument_of(questionnaire).map_or_else(|| questionnaire.text("title").to_owned(), |instrument| instrument.short_title.clone())
}

fn info(read: Reader<'_>, row: &Row) -> Result<QuestionnaireInfo, DeskError> {
    Ok(QuestionnaireInfo {
        id: row.id(),
        code: row.text("code").into(),
        short_title: short_title(row),
        title: row.text("title").into(),
        description: row.text("description").into(),
        items: u32::try_from(read.count("questions", &Query::by("questionnaire_id", row.id()))?).unwrap_or(u32::MAX),
        minutes: row.get("estimated_minutes").as_integer(),
        version: row.get("version").as_integer().unwrap_or(1),
        language: row.text("language").into(),
        status: row.text("status").into(),
    })
}

//! Instruments as data: wording, codes, scales, bands, cut-offs, alert rules, sources.
//! The files in `instruments/` are embedded; a site's own pack has the same form.

use std::{collections::HashSet, sync::OnceLock};

use serde::{Deserialize, Serialize};

/// A published questionnaire with its scoring rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// Short code, for example `phq-9`.
    pub code: String,
    /// Version of wording and structure; a started response keeps it.
    pub version: u32,
    /// Language of the wording (BCP 47).
    pub language: String,
    /// Full title.
    pub title: String,
    /// Title as it is said, for example PHQ-9.
    pub short_title: String,
    /// What is read before the items.
    pub stem: String,
    /// Usual duration in minutes.
    pub minutes: u32,
    /// LOINC code of the panel.
    pub loinc: Option<String>,
    /// Terms of use and authors.
    pub licence: String,
    /// Publications behind wording and rules.
    pub sources: Vec<String>,
    /// Version of the scoring rule, kept with each score.
    pub scoring_version: String,
    /// Options of all items that have none of their own.
    #[serde(rename = "option")]
    pub options: Vec<AnswerOption>,
    /// The items in their printed order.
    #[serde(rename = "item")]
    pub items: Vec<Item>,
    /// The scales.
    #[serde(rename = "scale")]
    pub scales: Vec<Scale>,
    /// Answers that raise an alert when they are given.
    #[serde(default, rename = "alert")]
    pub alerts: Vec<AlertRule>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Code within the instrument (the link id in exchange formats).
    pub code: String,
    /// Exact wording.
    pub text: String,
    /// LOINC code.
    pub loinc: Option<String>,
    /// Whether it counts towards a scale.
    #[serde(default = "yes")]
    pub scored: bool,
    /// Whether the questionnaire is incomplete without it.
    #[serde(default = "yes")]
    pub required: bool,
    /// Options of its own.
    #[serde(default, rename = "option")]
    pub options: Vec<AnswerOption>,
}

/// One printed choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerOption {
    /// Printed value.
    pub value: i64,
    /// Exact wording.
    pub text: String,
}

/// A sum over items, with its interpretation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Code within the instrument; `total` for the only or main one.
    pub code: String,
    /// What it measures.
    pub label: String,
    /// Codes of its items.
    pub items: Vec<String>,
    /// Codes of the items that count in reverse.
    #[serde(default)]
    pub reversed: Vec<String>,
    /// Factor of the sum, for example 2 for DASS-21.
    #[serde(default = "one")]
    pub factor: i64,
    /// Least possible score.
    pub min: i64,
    /// Greatest possible score.
    pub max: i64,
    /// Which way is worse.
    pub direction: Direction,
    /// LOINC code of the score.
    pub loinc: Option<String>,
    /// How many items may be missing.
    pub missing: MissingRule,
    /// Change that is unlikely to be chance.
    pub reliable_change: Option<ReliableChange>,
    /// Severity bands, from least to greatest, without gaps.
    #[serde(rename = "band")]
    pub bands: Vec<Band>,
    /// Cut-offs.
    #[serde(default, rename = "cut_off")]
    pub cut_offs: Vec<CutOff>,
}

/// Which way is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A higher score means more trouble.
    HigherIsWorse,
    /// A lower score means more trouble.
    LowerIsWorse,
}

/// Up to how many missing items the mean of the others stands in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingRule {
    /// Number of items; 0 means that none may be missing.
    pub allowed: usize,
    /// Where the rule comes from.
    pub source: String,
}

/// Change that is unlikely to be chance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReliableChange {
    /// Points of difference, at least.
    pub points: i64,
    /// Where the figure comes from.
    pub source: String,
}

/// A named range of scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Least score.
    pub from: i64,
    /// Greatest score.
    pub to: i64,
    /// Published name.
    pub name: String,
    /// Step of severity for showing, 1 to 5.
    pub step: u8,
    /// Level kept with the response.
    pub risk: Risk,
}

/// Level kept with a response; the names are those of the response's `risk_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// No or little trouble.
    Low,
    /// Some trouble.
    Medium,
    /// Much trouble.
    High,
}

impl Risk {
    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
        }
    }
}

/// A score from which on something is likely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutOff {
    /// Score, that one included.
    pub at: i64,
    /// What it is called.
    pub label: String,
    /// Where it comes from.
    pub source: String,
}

/// An answer that raises an alert at the moment it is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// Code of the item.
    pub item: String,
    /// Values above this alert.
    pub above: i64,
    /// What it is about.
    pub topic: String,
    /// Level for the first, second, … value above; the last one for all further.
    pub levels: Vec<AlertLevel>,
    /// Where the rule comes from.
    pub note: String,
}

/// Level of an alert; the names are those of the crisis detection's `risk_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    /// Look.
    Low,
    /// Ask today.
    Medium,
    /// Act now.
    High,
    /// Act now, do not leave the person alone.
    Critical,
}

impl AlertLevel {
    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            AlertLevel::Low => "low",
            AlertLevel::Medium => "medium",
            AlertLevel::High => "high",
            AlertLevel::Critical => "critical",
        }
    }
}

impl Instrument {
    /// Reads an instrument file and checks that it is whole.
    ///
    /// # Errors
    /// What is wrong, in words for whoever wrote the file.
    pub fn parse(text: &str) -> Result<Instrument, String> {
        let instrument: Instrument = toml::from_str(text).map_err(|error| error.to_string())?;
        instrument.check()?;
        Ok(instrument)
    }

    /// An item by its code.
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.code == code)
    }

    /// The options of an item.
    pub fn options_of<'a>(&'a self, item: &'a Item) -> &'a [AnswerOption] {
        if item.options.is_empty() { &self.options } else { &item.options }
    }

    /// A scale by its code.
    pub fn scale(&self, code: &str) -> Option<&Scale> {
        self.scales.iter().find(|scale| scale.code == code)
    }

    fn check(&self) -> Result<(), String> {
        let codes: HashSet<&str> = self.items.iter().map(|item| item.code.as_str()).collect();
        if codes.len() != self.items.len() {
            return Err("two items have the same code".into());
        }
        for scale in &self.scales {
            if let Some(code) = scale.items.iter().chain(&scale.reversed).find(|code| !codes.contains(code.as_str())) {
                return Err(format!("scale {} names an unknown item {code}", scale.code));
            }
            let (mut least, mut most) = (0, 0);
            for item in scale.items.iter().filter_map(|code| self.item(code)) {
                let values = self.options_of(item).iter().map(|option| option.value);
                least += values.clone().min().unwrap_or_default();
                most += values.max().unwrap_or_default();
            }
            if (least * scale.factor, most * scale.factor) != (scale.min, scale.max) {
                return Err(format!("scale {} says {} to {}, its items give {least} to {most}", scale.code, scale.min, scale.max));
            }
            let mut next = scale.min;
            for band in &scale.bands {
                if band.from != next || band.to < band.from || !(1..=5).contains(&band.step) {
                    return Err(format!("the bands of scale {} leave a gap before {}", scale.code, band.name));
                }
                next = band.to + 1;
            }
            if next != scale.max + 1 {
                return Err(format!("the bands of scale {} do not end at {}", scale.code, scale.max));
            }
        }
        match self.alerts.iter().find(|alert| !codes.contains(alert.item.as_str()) || alert.levels.is_empty()) {
            Some(alert) => Err(format!("the alert on {} is incomplete", alert.item)),
            None => Ok(()),
        }
    }
}

/// The instruments that come with the product.
///
/// # Panics
/// When an embedded file is not whole; a test reads all of them.
#[allow(clippy::panic, reason = "what is embedded was tested")]
pub fn catalogue() -> &'static [Instrument] {
    static ALL: OnceLock<Vec<Instrument>> = OnceLock::new();
    ALL.get_or_init(|| {
        let files = [
            include_str!("../instruments/phq-9.toml"),
            include_str!("../instruments/gad-7.toml"),
            include_str!("../instruments/phq-2.toml"),
            include_str!("../instruments/gad-2.toml"),
        ];
        files.iter().map(|text| Instrument::parse(text).unwrap_or_else(|why| panic!("an embedded instrument is not whole: {why}"))).collect()
    })
}

/// An instrument by its code.
pub fn by_code(code: &str) -> Option<&'static Instrument> {
    catalogue().iter().find(|instrument| instrument.code == code)
}

fn yes() -> bool {
    true
}

fn one() -> i64 {
    1
}

//! How alike two persons are, so that the same person is not registered twice. A hint for
//! people to decide on, never a merge.

use chrono::{Datelike, NaiveDate};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likeness<'a> {
    /// Name as written.
    pub name: &'a str,
    /// Date of birth, if known.
    pub born: Option<NaiveDate>,
}

/// 0 (different) to 100 (the same): the words of the names in any order count 70, the date of
/// birth 30. An unknown date counts half. Day and month exchanged count as a slip of the pen.
/// From 75 on, a person should look.
pub fn similarity(a: Likeness<'_>, b: Likeness<'_>) -> u8 {
    let names = name_likeness(a.name, b.name);
    let dates = match (a.born, b.born) {
        (Some(a), Some(b)) if a == b => 1.0,
        (Some(a), Some(b)) if a.year() == b.year() && a.day() == b.month() && a.month() == b.day() => 0.8,
        (Some(a), Some(b)) if (a.year() == b.year()) as u8 + (a.month() == b.month()) as u8 + (a.day() == b.day()) as u8 == 2 => 0.6,
        (Some(_), Some(_)) => 0.0,
        _ => 0.5,
    };
    (names * 70.0 + dates * 30.0).round() as u8
}

/// Mean likeness of each word of the shorter name with its best partner in the other.
fn name_likeness(a: &str, b: &str) -> f64 {
    let (a, b) = (plain(a), plain(b));
    let words = |name: &'_ str| -> Vec<String> { name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect() };
    let (mut short, mut long) = (words(&a), words(&b));
    if short.len() > long.len() {
        std::mem::swap(&mut short, &mut long);
    }
    if short.is_empty() {
        return 0.0;
    }
    let missing = (long.len() - short.len()) as f64;
    let count = short.len() as f64;
    let mut sum = 0.0;
    for word in short {
        let best = long.iter().enumerate().map(|(at, other)| (at, word_likeness(&word, other))).max_by(|x, y| x.1.total_cmp(&y.1));
        if let Some((at, likeness)) = best {
            sum += likeness;
            long.remove(at);
        }
    }
    sum / (count + 0.35 * missing)
}

/// 1 less the share of letters that must change; neighbouring letters exchanged count once.
fn word_likeness(a: &str, b: &str) -> f64 {
    let longer = a.chars().count().max(b.chars().count()).max(1);
    1.0 - strsim::osa_distance(a, b) as f64 / longer as f64
}

/// Small letters without accents, so that Wieczorek and Więczorek meet.
fn plain(name: &str) -> String {
    let without_stroke = |c| match c {
        'ł' => 'l',
        'ø' => 'o',
        'đ' => 'd',
        'ı' => 'i',
        c => c,
    };
    name.to_lowercase().nfd().filter(|c| !is_combining_mark(*c)).map(without_stroke).collect()
}

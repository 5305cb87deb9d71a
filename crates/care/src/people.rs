//! How alike two persons are, so that the same person is not registered twice. A hint for
//! people to decide on, never a merge.

use chrono::{Datelike, NaiveDate};

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
    let words = |name: &str| -> Vec<Vec<char>> { name.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(|w| w.chars().map(plain).collect()).collect() };
    let (mut short, mut long) = (words(a), words(b));
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
fn word_likeness(a: &[char], b: &[char]) -> f64 {
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for j in 0..=b.len() {
        rows[0][j] = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    1.0 - rows[a.len()][b.len()] as f64 / a.len().max(b.len()).max(1) as f64
}

/// The commonest accented letters without their accents, so that Wieczorek and Więczorek meet.
fn plain(c: char) -> char {
    match c {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ą' => 'a',
        'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' => 'e',
        'í' | 'ì' | 'î' | 'ï' | 'ı' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' => 'o',
        'ú' | 'ù' | 'û' | 'ü' | 'ů' => 'u',
        'ç' | 'ć' | 'č' => 'c',
        'ñ' | 'ń' => 'n',
        'ś' | 'š' | 'ş' => 's',
        'ź' | 'ż' | 'ž' => 'z',
        'ł' => 'l',
        'ý' | 'ÿ' => 'y',
        'ğ' => 'g',
        c => c,
    }
}

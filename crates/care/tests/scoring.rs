//! Scores, bands, alerts and change of the instruments that come with the product.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use gladstone_care::{
    Answer, Completeness, Instrument, alert, answer, by_code, catalogue,
    change::{self, Meaning},
    people::{Likeness, similarity},
    score::{self, Answers, recheck, score},
};
use proptest::prelude::*;

/// Answers from a text such as `0123.-`: digits are values, a point is missing, a hyphen declined.
fn answers(instrument: &Instrument, text: &str) -> Answers {
    let scale = &instrument.scales[0];
    let answer = |c: char| match c {
        '.' => None,
        '-' => Some(Answer::Declined),
        c => Some(Answer::Given(i64::from(c.to_digit(10).unwrap()))),
    };
    scale.items.iter().zip(text.chars()).filter_map(|(item, c)| Some((item.clone(), answer(c)?))).collect()
}

#[track_caller]
fn check(code: &str, text: &str, expected: Option<i64>, band: &str, completeness: &str) {
    let instrument = by_code(code).unwrap();
    let result = score(instrument, &instrument.scales[0], &answers(instrument, text));
    assert_eq!(result.score, expected, "score of {code} for {text}");
    assert_eq!(result.band.map(|b| b.name).unwrap_or_default(), band, "band of {code} for {text}");
    assert_eq!(result.completeness.name(), completeness, "completeness of {code} for {text}");
}

#[test]
fn every_boundary_of_every_band_is_as_published() {
    for (text, score, band) in [
        ("000000000", 0, "Minimal"), ("111100000", 4, "Minimal"), ("111110000", 5, "Mild"), ("333000000", 9, "Mild"),
        ("333100000", 10, "Moderate"), ("333320000", 14, "Moderate"), ("333330000", 15, "Moderately severe"),
        ("333333100", 19, "Moderately severe"), ("333333200", 20, "Severe"), ("333333333", 27, "Severe"),
    ] {
        check("phq-9", text, Some(score), band, "complete");
    }
    for (text, score, band) in [("0000000", 0, "Minimal"), ("1111000", 4, "Minimal"), ("1111100", 5, "Mild"), ("3330000", 9, "Mild"), ("3331000", 10, "Moderate"), ("3333200", 14, "Moderate"), ("3333300", 15, "Severe"), ("3333333", 21, "Severe")] {
        check("gad-7", text, Some(score), band, "complete");
    }
    for code in ["phq-2", "gad-2"] {
        for (text, score, band) in [("11", 2, "Negative screen"), ("12", 3, "Positive screen"), ("33", 6, "Positive screen")] {
            check(code, text, Some(score), band, "complete");
        }
    }
}

#[test]
fn missing_items_are_pro_rated_within_the_published_limit_and_never_beyond() {
    check("phq-9", "22222222.", Some(18), "Moderately severe", "pro_rated");
    check("phq-9", "1111111..", Some(9), "Mild", "pro_rated");
    check("phq-9", "1111111-.", Some(9), "Mild", "pro_rated");
    check("phq-9", "1000000..", Some(1), "Minimal", "pro_rated");
    check("phq-9", "333333...", None, "", "not_scorable");
    check("gad-7", "33333..", Some(21), "Severe", "pro_rated");
    check("gad-7", "3333...", None, "", "not_scorable");
    check("phq-2", "3.", None, "", "not_scorable");
    check("gad-2", "..", None, "", "not_scorable");
}

#[test]
fn item_nine_alerts_for_every_value_above_zero_and_for_no_other_item() {
    let phq9 = by_code("phq-9").unwrap();
    for (value, level) in [(0, None), (1, Some("medium")), (2, Some("high")), (3, Some("critical"))] {
        assert_eq!(alert::raised(phq9, "phq9-9", value).map(|a| a.level.name()), level, "item 9 answered {value}");
    }
    assert!(phq9.items.iter().filter(|i| i.code != "phq9-9").all(|i| alert::raised(phq9, &i.code, 3).is_none()));
}

#[test]
fn a_change_is_reliable_from_the_published_points_on() {
    for (code, earlier, later, meaning) in [
        ("phq-9", 22, 16, Meaning::ReliableImprovement), ("phq-9", 17, 16, Meaning::TooLittle), ("phq-9", 10, 15, Meaning::TooLittle),
        ("phq-9", 10, 16, Meaning::ReliableDeterioration), ("gad-7", 12, 8, Meaning::ReliableImprovement), ("gad-7", 8, 12, Meaning::ReliableDeterioration), ("phq-2", 6, 0, Meaning::Unknown),
    ] {
        assert_eq!(change::compare(&by_code(code).unwrap().scales[0], earlier, later).meaning, meaning, "{code} {earlier} to {later}");
    }
}

#[test]
fn only_printed_values_are_taken() {
    let phq9 = by_code("phq-9").unwrap();
    for (value, good) in [(0, true), (3, true), (4, false), (-1, false)] {
        assert_eq!(answer::check(phq9, &phq9.items[0], value).is_ok(), good, "value {value}");
    }
}

#[test]
fn values_that_no_item_has_give_no_band_and_nothing_overflows() {
    for instrument in catalogue() {
        for scale in &instrument.scales {
            for value in [i64::MIN, i64::MAX] {
                for left_out in [0, scale.missing.allowed] {
                    let given: Answers = scale.items.iter().skip(left_out).map(|item| (item.clone(), Answer::Given(value))).collect();
                    assert_eq!(score(instrument, scale, &given).band, None, "{} {value}", instrument.code);
                }
            }
            assert_eq!(change::compare(scale, i64::MIN, i64::MAX).difference, i64::MAX);
        }
    }
}

#[test]
fn an_imported_total_that_does_not_follow_is_reported() {
    let phq9 = by_code("phq-9").unwrap();
    let given = answers(phq9, "111111111");
    assert_eq!(recheck(phq9, &phq9.scales[0], &given, 9), None);
    assert_eq!(recheck(phq9, &phq9.scales[0], &given, 12).unwrap().computed, Some(9));
}

#[test]
fn every_instrument_names_its_licence_sources_and_options() {
    assert_eq!(catalogue().len(), 4);
    for instrument in catalogue() {
        assert!(!instrument.licence.is_empty() && !instrument.sources.is_empty(), "{} has its notes", instrument.code);
        assert_eq!(instrument.options[0].text, "Not at all", "{} begins with Not at all", instrument.code);
    }
}

#[test]
fn persons_who_may_be_the_same_are_noticed() {
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d);
    let alike = |a, born_a, b, born_b| similarity(Likeness { name: a, born: born_a }, Likeness { name: b, born: born_b });
    for (a, b, least, most) in [
        (("Tomasz Wieczorek", day(1979, 3, 12)), ("Tomasz Wieczorek", day(1979, 3, 12)), 100, 100),
        (("Tomasz Wieczorek", day(1979, 3, 12)), ("Wieczorek, Tomasz", day(1979, 12, 3)), 90, 99),
        (("Tomasz Wieczorek", day(1979, 3, 12)), ("Tomsaz Więczorek", None), 75, 95),
        (("Tomasz Wieczorek", day(1979, 3, 12)), ("Leila Haddad", day(1990, 1, 5)), 0, 40),
        (("Anna Berg", day(1980, 1, 1)), ("Anna Berg", day(1955, 7, 9)), 60, 74),
    ] {
        let found = alike(a.0, a.1, b.0, b.1);
        assert!((least..=most).contains(&found), "{} and {}: {found}", a.0, b.0);
    }
}

proptest! {
    #[test]
    fn a_score_lies_in_its_range_and_grows_with_every_item(which in 0_usize..4, values in proptest::collection::vec(proptest::option::weighted(0.9, 0_i64..4), 9), at in 0_usize..9) {
        let instrument = &catalogue()[which];
        let scale = &instrument.scales[0];
        let given: Answers = scale.items.iter().zip(&values).filter_map(|(i, v)| Some((i.clone(), Answer::Given((*v)?)))).collect();
        let result = score(instrument, scale, &given);
        if let Some(score) = result.score {
            prop_assert!((scale.min..=scale.max).contains(&score));
            prop_assert_eq!(score::band_of(scale, score).map(|b| &b.name), result.band.as_ref().map(|b| &b.name));
        } else {
            let not_scorable = matches!(result.completeness, Completeness::NotScorable { .. });
            prop_assert!(not_scorable);
        }
        let item = &scale.items[at % scale.items.len()];
        if let (Some(Answer::Given(value)), Some(before)) = (given.get(item), result.score) {
            let more: Answers = given.iter().map(|(k, v)| (k.clone(), if k == item { Answer::Given((*value + 1).min(3)) } else { *v })).collect();
            prop_assert!(score::score(instrument, scale, &more).score.unwrap_or_default() >= before);
        }
        let shuffled: BTreeMap<_, _> = given.clone().into_iter().rev().collect();
        prop_assert_eq!(score::score(instrument, scale, &shuffled), score::score(instrument, scale, &given));
    }
}

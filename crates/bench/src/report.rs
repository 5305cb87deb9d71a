//! The table: samples, their median and p99, the floor, the ratio, the target.

use std::time::Duration;

/// Measured values of one thing, in the unit of its row.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// One more value.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// All values of others.
    pub fn extend(&mut self, others: &Samples) {
        self.0.extend(&others.0);
    }

    /// One more duration, in milliseconds.
    pub fn push_ms(&mut self, took: Duration) {
        self.push(took.as_secs_f64() * 1_000.0);
    }

    /// The value below which `share` of all lie; 0 when there is none.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
        sorted.get(at).copied().unwrap_or_default()
    }

    /// How many times the values of `floor` these are, each beside the one that was measured in its turn.
    pub fn times(&self, floor: &Samples) -> Samples {
        Samples(self.0.iter().zip(&floor.0).filter(|(_, floor)| **floor > 0.0).map(|(value, floor)| value / floor).collect())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle value.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// What must hold.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// The median lies below this.
    Median(f64),
    /// The p99 lies below this.
    P99(f64),
    /// The ratio to the floor is at most this.
    Ratio(f64),
    /// The median lies below the first, and the ratio to the floor is at most the second.
    Both(f64, f64),
    /// Nothing was promised.
    None,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was measured.
    pub name: String,
    /// Unit of median, p99 and floor.
    pub unit: &'static str,
    /// Median.
    pub median: f64,
    /// p99, where it was asked for.
    pub p99: Option<f64>,
    /// Median of the floor.
    pub floor: Option<f64>,
    /// Ratio to the floor.
    pub ratio: Option<f64>,
    /// Least and greatest ratio of the turns.
    pub span: Option<(f64, f64)>,
    /// What must hold.
    pub target: Target,
}

impl Line {
    /// A line without floor.
    pub fn new(name: impl Into<String>, unit: &'static str, samples: &Samples, target: Target) -> Line {
        Line { name: name.into(), unit, median: samples.median(), p99: None, floor: None, ratio: None, span: None, target }
    }

    /// The same with its p99.
    pub fn with_p99(mut self, samples: &Samples) -> Line {
        self.p99 = Some(samples.quantile(0.99));
        self
    }

    /// The same beside a floor; the ratio is that of the medians.
    pub fn beside(mut self, floor: &Samples) -> Line {
        let floor = floor.median();
        self.floor = Some(floor);
        self.ratio = (floor > 0.0).then(|| self.median / floor);
        self
    }

    /// The same beside a floor that took turns with it; the ratio is the middle one of the turns.
    pub fn in_turns(mut self, subject: &Samples, floor: &Samples) -> Line {
        let ratios = subject.times(floor);
        self.floor = Some(floor.median());
        (self.ratio, self.span) = ((ratios.count() > 0).then(|| ratios.median()), (ratios.count() > 1).then(|| (ratios.quantile(0.0), ratios.quantile(1.0))));
        self
    }

    fn met(&self) -> Option<bool> {
        match self.target {
            Target::Median(limit) => Some(self.median < limit),
            Target::P99(limit) => self.p99.map(|p99| p99 < limit),
            Target::Ratio(limit) => self.ratio.map(|ratio| ratio <= limit),
            Target::Both(median, limit) => self.ratio.map(|ratio| self.median < median && ratio <= limit),
            Target::None => None,
        }
    }

    fn cells(&self) -> [String; 7] {
        let number = |value: f64| if value >= 100.0 { format!("{value:.0} {}", self.unit) } else if value >= 10.0 { format!("{value:.1} {}", self.unit) } else { format!("{value:.2} {}", self.unit) };
        let some = |value: Option<f64>| value.map_or(String::new(), number);
        let span = self.span.map_or(String::new(), |(least, greatest)| format!(" ({least:.2} to {greatest:.2})"));
        let ratio = self.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}x{span}"));
        let target = match self.target {
            Target::Median(limit) => format!("median < {limit} {}", self.unit),
            Target::P99(limit) => format!("p99 < {limit} {}", self.unit),
            Target::Ratio(limit) => format!("ratio <= {limit}"),
            Target::Both(median, limit) => format!("median < {median} {}, ratio <= {limit}", self.unit),
            Target::None => String::new(),
        };
        let ok = match self.met() {
            Some(true) => "ok",
            Some(false) => "miss",
            None => "",
        };
        [self.name.clone(), number(self.median), some(self.p99), some(self.floor), ratio, target, ok.into()]
    }
}

/// All lines of a run.
#[derive(Debug, Default)]
pub struct Report(Vec<Line>);

impl Report {
    /// One more line, printed at once as well.
    pub fn add(&mut self, line: Line) {
        println!("  {}", line.cells().join(" | "));
        self.0.push(line);
    }

    /// Whether every target was met.
    pub fn all_met(&self) -> bool {
        self.0.iter().all(|line| line.met() != Some(false))
    }

    /// The table as Markdown.
    pub fn table(&self) -> String {
        let head = ["what", "median", "p99", "floor", "ratio", "target", ""].map(str::to_owned);
        let rows: Vec<[String; 7]> = std::iter::once(head).chain(self.0.iter().map(Line::cells)).collect();
        let widths: Vec<usize> = (0..7).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default()).collect();
        let line = |row: &[String; 7]| -> String {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count()))).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let mut text = rows.first().map(line).unwrap_or_default();
        text.push_str(&format!("| {} |\n", rule.join(" | ")));
        rows.iter().skip(1).for_each(|row| text.push_str(&line(row)));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_p99_are_values_that_were_measured() {
        let mut samples = Samples::default();
        (1..=100).rev().for_each(|value| samples.push(f64::from(value)));
        assert_eq!((samples.median(), samples.quantile(0.99)), (50.0, 99.0), "the ranks are those of the sorted values");
        assert_eq!(Samples::default().median(), 0.0, "nothing measured is no reason to stop");
    }

    #[test]
    fn the_ratio_of_turns_is_the_middle_one_and_not_that_of_the_middle_values() {
        let of = |values: [f64; 3]| values.into_iter().fold(Samples::default(), |mut samples, value| {
            samples.push(value);
            samples
        });
        let (subject, floor) = (of([2.0, 6.0, 3.0]), of([1.0, 4.0, 2.0]));
        let line = Line::new("x", "s", &subject, Target::Both(4.0, 1.5)).in_turns(&subject, &floor);
        assert_eq!((line.median, line.floor, line.ratio, line.span, line.met()), (3.0, Some(2.0), Some(1.5), Some((1.5, 2.0)), Some(true)), "a slow turn is slow for both");
    }

    #[test]
    fn a_ratio_above_its_target_is_a_miss() {
        let (mut subject, mut floor) = (Samples::default(), Samples::default());
        subject.push(3.0);
        floor.push(1.0);
        assert_eq!(Line::new("x", "s", &subject, Target::Ratio(2.5)).beside(&floor).met(), Some(false), "3 is above 2.5");
        assert_eq!(Line::new("x", "s", &subject, Target::None).met(), None, "without target there is nothing to miss");
    }
}

//! Random numbers that a seed repeats (splitmix64), and the size of a run: ordinary or soak.

use std::io::Write;

/// A sequence of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The sequence of a test: a fixed one in an ordinary run; in a soak one that follows from
    /// `GLADSTONE_SOAK` (1: from the time), and is printed so that it can be repeated.
    pub fn of(test: &str) -> Dice {
        let fixed = test.bytes().fold(0x676c_6164_7374_6f6e, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let Some(given) = soak() else { return Dice(fixed) };
        let given = if given == 1 { std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64) } else { given };
        let _ = writeln!(std::io::stderr().lock(), "{test}: seed {given}");
        Dice(fixed ^ given)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when the limit is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.roll() % limit as u64) as usize }
    }

    /// True in one of two cases.
    pub fn coin(&mut self) -> bool {
        self.roll() & 1 == 1
    }

    /// Fills a buffer.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.roll().to_le_bytes()[..chunk.len()]);
        }
    }

    /// `count` different numbers below `limit` in ascending order; all of them when there are no more.
    pub fn sample(&mut self, count: usize, limit: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..limit).collect();
        for at in 0..count.min(limit) {
            let other = at + self.below(limit - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all.sort_unstable();
        all
    }
}

/// The value of `GLADSTONE_SOAK` when a soak is asked for.
pub fn soak() -> Option<u64> {
    std::env::var("GLADSTONE_SOAK").ok().map(|text| text.parse().unwrap_or(1)).filter(|value| *value != 0)
}

/// One number for an ordinary run, another one for a soak.
pub fn size(ordinary: usize, soaking: usize) -> usize {
    if soak().is_some() { soaking } else { ordinary }
}

//! Random changes to bytes, the same for the same seed.

use std::time::{Duration, Instant};

/// Runs this many rounds, or for as many seconds as `RHUMB_FUZZ_SECONDS` says; prints the seed and the count.
///
/// # Panics
///
/// When `RHUMB_SEED` or `RHUMB_FUZZ_SECONDS` is no number.
pub(crate) fn fuzz(what: &str, rounds: u64, mut round: impl FnMut(&mut Mutation, u64)) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed = number("RHUMB_SEED").unwrap_or_else(|| u64::from(now().subsec_nanos()));
    println!("{what}: RHUMB_SEED={seed}");
    let end = number("RHUMB_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut mutation = Mutation(seed);
    let mut done = 0;
    while end.map_or(done < rounds, |end| Instant::now() < end) {
        round(&mut mutation, done);
        done += 1;
    }
    println!("{what}: {done} rounds");
}

/// Where the next change comes from.
pub(crate) struct Mutation(u64);

/// What stands at borders in many formats.
const MEANINGFUL: [u8; 12] = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0b, 0x41, b'"', b'[', b'{', b'}', b'9'];

impl Mutation {
    /// The next number below a bound (splitmix64).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap_or_default()
    }

    /// The bytes with one to eight changes: other bytes, some more, some less, a part of them elsewhere.
    pub(crate) fn of(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(8) {
            let (at, length) = (self.below(bytes.len()), 1 + self.below(16));
            let end = (at + length).min(bytes.len());
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = MEANINGFUL[self.below(MEANINGFUL.len())],
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let part = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    drop(bytes.splice(to..to, part));
                }
                4 => {
                    let part: Vec<u8> = (0..length).map(|_| MEANINGFUL[self.below(MEANINGFUL.len())]).collect();
                    drop(bytes.splice(at..at, part));
                }
                _ => bytes.truncate(if self.below(20) == 0 { at } else { bytes.len() }),
            }
        }
        bytes
    }
}

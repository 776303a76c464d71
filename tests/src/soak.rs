//! How long the long tests are: bounded in `cargo verify`, in full by `cargo soak`, which says so in the environment.

/// How many rounds a long test makes: `bounded` in `cargo verify`, `full` by `cargo soak`.
///
/// A long test prints what it counted. To have `cargo soak` run it, name it in `tests/xtask/src/soak.rs`.
pub fn rounds(bounded: usize, full: usize) -> usize {
    if std::env::var_os("RHUMB_SOAK").is_some() { full } else { bounded }
}

/// Numbers that look random, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with the seed of `RHUMB_SEED`, or another one each time. A test prints it.
    ///
    /// # Panics
    ///
    /// When `RHUMB_SEED` is no number.
    pub fn seeded() -> (Self, u64) {
        let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let seed = match std::env::var("RHUMB_SEED") {
            Ok(text) => text.parse().expect("RHUMB_SEED is a number"),
            Err(_) => u64::from(now().subsec_nanos()),
        };
        (Self(seed), seed)
    }

    /// The next one below a bound (splitmix64).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

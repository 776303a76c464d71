//! The choices that a case is made of.

/// A list of choices: drawn from a seed at first, and played back, shortened, to make a case smaller. Past its end every
/// choice is 0, which is the simplest one.
#[derive(Debug)]
pub(crate) struct Tape {
    choices: Vec<u32>,
    at: usize,
    /// Where further choices come from.
    random: Option<u64>,
}

impl Tape {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self { choices: Vec::new(), at: 0, random: Some(seed) }
    }

    pub(crate) fn of_choices(choices: Vec<u32>) -> Self {
        Self { choices, at: 0, random: None }
    }

    /// What was chosen so far.
    pub(crate) fn played(&self) -> Vec<u32> {
        self.choices.iter().copied().take(self.at).collect()
    }

    /// One of `0..n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        if n < 2 {
            return 0;
        }
        if self.at == self.choices.len() {
            let choice = self.random.as_mut().map_or(0, |state| split_mix(state) % n as u64);
            self.choices.push(u32::try_from(choice).unwrap_or(0));
        }
        let choice = self.choices[self.at] as usize;
        self.at += 1;
        choice.min(n - 1)
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

//! Makes a case smaller for as long as it still shows its difference.

use crate::grammar::{Case, case};
use crate::outcome::Answer;
use crate::tape::Tape;

/// How often a smaller case is tried; less often when each try costs a start of Helm.
const TRIES: usize = 1_500;
const TRIES_WHERE_HELM_DIES: usize = 40;

/// The smallest case that is still interesting, with its number of bytes as the measure.
pub(crate) fn shrink(choices: Vec<u32>, theirs: &Answer, mut is_interesting: impl FnMut(&Case) -> bool) -> Case {
    let mut best = Candidate::of(choices);
    let mut left = if *theirs == Answer::died() { TRIES_WHERE_HELM_DIES } else { TRIES };
    loop {
        let before = best.measure();
        for size in [32, 16, 8, 4, 2, 1] {
            let mut at = 0;
            while at < best.choices.len() && left > 0 {
                let mut cut = best.choices.clone();
                cut.drain(at..(at + size).min(cut.len()));
                if !best.becomes(cut, &mut left, &mut is_interesting) {
                    at += size;
                }
            }
        }
        for at in 0..best.choices.len() {
            for change in [|_| 0, |choice| choice / 2, |choice: u32| choice.saturating_sub(1)] {
                let Some(choice) = best.choices.get(at).copied().filter(|choice| *choice > 0) else { continue };
                let mut changed = best.choices.clone();
                changed[at] = change(choice);
                best.becomes(changed, &mut left, &mut is_interesting);
            }
        }
        // One choice fewer often needs what followed from it to go too.
        for size in [1, 2, 3, 4, 6, 8, 12, 16] {
            let mut at = 0;
            while at < best.choices.len() && left > 0 {
                let mut cut = best.choices.clone();
                cut.drain((at + 1).min(cut.len())..(at + 1 + size).min(cut.len()));
                let lowered = cut[at].saturating_sub(1);
                let was = std::mem::replace(&mut cut[at], lowered);
                if was == 0 || !best.becomes(cut, &mut left, &mut is_interesting) {
                    at += 1;
                }
            }
        }
        if left == 0 || best.measure() == before {
            return best.case;
        }
    }
}

struct Candidate {
    choices: Vec<u32>,
    case: Case,
}

impl Candidate {
    fn of(choices: Vec<u32>) -> Self {
        let mut tape = Tape::of_choices(choices);
        let case = case(&mut tape);
        Self { choices: tape.played(), case }
    }

    fn measure(&self) -> (usize, usize, Vec<u32>) {
        (self.case.template.len() + self.case.values.len(), self.choices.len(), self.choices.clone())
    }

    fn becomes(&mut self, choices: Vec<u32>, left: &mut usize, is_interesting: &mut impl FnMut(&Case) -> bool) -> bool {
        let other = Self::of(choices);
        if *left == 0 || other.measure() >= self.measure() {
            return false;
        }
        *left -= 1;
        let smaller = is_interesting(&other.case);
        if smaller {
            *self = other;
        }
        smaller
    }
}

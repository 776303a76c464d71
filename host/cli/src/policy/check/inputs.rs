//! Made-up questions: parts of the cases that there are, mixed and bent.

use rhumb_core::judge::Kind;
use rhumb_policy::cases::{BASE, Case, Expect, Offer, Time};
use serde_json::{Map, Value};

use super::super::random::Random;
use super::config::{Seen, word};

/// Most tags of a made-up question.
const TAGS: usize = 12;
/// Most moves of one.
const MOVES: usize = 3;
const HOUR: u64 = 3_600_000;

/// Makes questions.
pub(super) struct Inputs<'a> {
    bases: Vec<Case>,
    schema: &'a Value,
    seen: Seen,
    /// Names of tags that the cases have.
    names: Vec<String>,
    random: Random,
}

impl<'a> Inputs<'a> {
    /// Makes them from these cases, of which there is one at least, and from the schema of the config.
    pub(super) fn new(bases: Vec<Case>, schema: &'a Value, random: Random) -> Self {
        let mut seen = Seen::default();
        bases.iter().for_each(|case| seen.note(&case.config, ""));
        seen.note_examples(schema, "");
        let mut names: Vec<String> =
            bases.iter().flat_map(|case| &case.offers).map(|offer| offer.name.clone()).collect();
        names.sort();
        names.dedup();
        Self { bases, schema, seen, names, random }
    }

    /// The next question.
    pub(super) fn next(&mut self, kind: Kind) -> Case {
        let mut case = self.base();
        case.sweep = None;
        case.expect = Expect::default();
        let other = self.base();
        // A config of the cases is one that can be used; a made-up one often is not.
        match self.random.below(4) {
            0 => case.config = self.seen.make(self.schema, "", &mut self.random),
            1 => case.config = other.config.clone(),
            _ => {}
        }
        if self.random.once_in(3) {
            case.now = Time(other.now.0.saturating_add(HOUR * self.random.below(24 * 40) as u64));
        }
        if self.random.once_in(3) {
            (case.environment, case.labels) = (other.environment.clone(), other.labels.clone());
        }
        case.seed = self.random.below(1000) as u64;
        match kind {
            Kind::ImageFilter => self.offers(&mut case),
            Kind::PromotionRule => self.moves(&mut case),
            Kind::ValueTransform => {
                let depth = 1 + self.random.below(3);
                bend(&mut case.values, depth, &mut self.random);
            }
        }
        if !matches!(kind, Kind::ImageFilter) {
            self.evidence(&mut case);
        }
        case
    }

    fn base(&mut self) -> Case {
        let at = self.random.below(self.bases.len());
        self.bases.get(at).or(self.bases.first()).cloned().expect("there is a case at least")
    }

    fn offers(&mut self, case: &mut Case) {
        let mut offers: Vec<Offer> = Vec::new();
        for _ in 0..self.random.below(TAGS + 1) {
            let name = self.tag();
            // The host offers no tag twice.
            if offers.iter().any(|offer| offer.name == name) {
                continue;
            }
            let created = match self.random.below(12) {
                0 => None,
                1 => Some(0),
                // Some are built at the same time.
                _ => Some(BASE + 1000 * self.random.below(20) as u64),
            };
            let first_seen = BASE + HOUR * self.random.below(48) as u64;
            offers.push(Offer { name, created, first_seen });
        }
        case.current = match self.random.below(4) {
            0 => None,
            1 => Some(self.tag()),
            _ => self.random.pick(&offers).map(|offer| offer.name.clone()),
        };
        case.offers = offers;
        case.incomplete = self.random.once_in(8);
    }

    /// A tag of the cases, often with another number in it.
    fn tag(&mut self) -> String {
        const NAMES: [&str; 8] = ["latest", "1.2.3", "1.10.0", "2.0.0-rc.1", "dev-a", "20260101", "v1", "x"];
        let name = match self.random.pick(&self.names) {
            Some(name) if !self.random.once_in(6) => name.clone(),
            _ => self.random.pick(&NAMES).copied().unwrap_or_default().to_owned(),
        };
        if self.random.once_in(2) { renumbered(&name, self.random.below(30)) } else { name }
    }

    fn moves(&mut self, case: &mut Case) {
        for _ in 0..self.random.below(MOVES) {
            let other = self.base();
            for one in other.moves {
                if case.moves.len() < MOVES && case.moves.iter().all(|other| other.subject != one.subject) {
                    case.moves.push(one);
                }
            }
        }
        if self.random.once_in(4) {
            let number = self.random.below(30);
            case.moves.iter_mut().for_each(|one| one.to = renumbered(&one.to, number));
        }
        // The host computes it.
        case.moves.iter_mut().for_each(|one| one.step = None);
    }

    /// Each part as another case has it, or not at all.
    fn evidence(&mut self, case: &mut Case) {
        let mut evidence = case.evidence.as_object().cloned().unwrap_or_default();
        if let Value::Object(other) = self.base().evidence {
            for (part, value) in other {
                if self.random.once_in(2) {
                    evidence.insert(part, value);
                }
            }
        }
        if self.random.once_in(4)
            && let Some(part) = self.random.pick(&evidence.keys().cloned().collect::<Vec<_>>())
        {
            evidence.shift_remove(part);
        }
        case.evidence = Value::Object(evidence);
    }
}

/// Another number where the last one stands.
pub(in super::super) fn renumbered(name: &str, number: usize) -> String {
    let Some(end) = name.rfind(|c: char| c.is_ascii_digit()).map(|at| at + 1) else {
        return format!("{name}-{number}");
    };
    let (before, after) = (name.get(..end).unwrap_or_default(), name.get(end..).unwrap_or_default());
    format!("{}{number}{after}", before.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// Changes a value somewhere: a key that is gone, another type, one more.
fn bend(value: &mut Value, depth: usize, random: &mut Random) {
    if !value.is_object() && !value.is_array() || depth == 0 {
        *value = match random.below(4) {
            0 => Value::Null,
            1 => Value::from(random.below(10)),
            2 => Value::Object(Map::new()),
            _ => Value::from(word(random)),
        };
        return;
    }
    match value {
        Value::Object(map) => {
            let Some(key) = random.pick(&map.keys().cloned().collect::<Vec<_>>()).cloned() else {
                map.insert("made-up".to_owned(), Value::from(1));
                return;
            };
            match random.below(3) {
                0 => drop(map.shift_remove(&key)),
                1 => drop(map.insert("made-up".to_owned(), Value::from(word(random)))),
                _ => {
                    if let Some(below) = map.get_mut(&key) {
                        bend(below, depth - 1, random);
                    }
                }
            }
        }
        Value::Array(items) => {
            let at = random.below(items.len());
            match (random.below(3), items.get_mut(at)) {
                (0, Some(_)) => drop(items.remove(at)),
                (1, Some(item)) => bend(item, depth - 1, random),
                _ => items.push(Value::from(word(random))),
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_gets_another_number_at_its_end() {
        assert_eq!(renumbered("1.2.3", 41), "1.2.41");
        assert_eq!(renumbered("build-09-x", 7), "build-7-x");
        assert_eq!(renumbered("dev", 7), "dev-7");
    }
}

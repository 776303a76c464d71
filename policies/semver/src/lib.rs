//! The image filter `semver`: the highest version in a range, as in Flux v1.
//!
//! Versions and ranges are read as Flux read them (Masterminds/semver 3.1.1), which is not how Cargo or npm read them.

mod range;

use rhumb_guest_sdk::{
    About, Container, Context, Failure, ImageFilter, Metadata, Policy, PolicyConfig, Problem, Reason, Selection, Tag,
    Tags, Wants, export_policy, version::Version,
};
use serde::Deserialize;

use range::Range;

/// How many tags in the range, and how many outside of it, get a reason.
const CONSIDERED: usize = 20;

/// The settings of `semver`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which versions may be chosen, such as `~1.2` or `>=1.0.0 <2.0.0 || 3.x`.
    range: String,
    /// Whether a current version above all that may be chosen is moved down; Flux does.
    #[serde(default)]
    downgrade: Downgrade,
}

/// What to do with a current version above all that may be chosen.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, PolicyConfig)]
#[serde(rename_all = "lowercase")]
pub enum Downgrade {
    /// Move down, as Flux does.
    #[default]
    Allow,
    /// Keep it.
    Refuse,
}

/// A range, ready to be asked.
pub struct Semver {
    range: Range,
    text: String,
    downgrade: Downgrade,
}

impl Policy for Semver {
    type Config = Config;

    const ABOUT: About = About {
        name: "semver",
        version: env!("CARGO_PKG_VERSION"),
        summary: "The highest version in a range",
        reasons: &[
            ("highest", "the highest version in the range"),
            ("lower", "in the range, but another version is higher"),
            ("up-to-date", "the current version is the highest in the range"),
            ("outside-range", "not in the range"),
            ("pre-release", "a pre-release, which the range does not admit"),
            ("no-match", "no version on offer is in the range"),
            ("tags-incomplete", "the registry's list is incomplete and what matches is lower than the current version"),
            ("downgrade-refused", "what matches is lower than the current version"),
        ],
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        match Range::parse(&config.range) {
            Ok(range) => Ok(Self { range, text: config.range, downgrade: config.downgrade }),
            Err(text) => Err(vec![Problem::new("/range", "bad-range", text)]),
        }
    }
}

impl ImageFilter for Semver {
    /// The versions in the range, highest first.
    fn shortlist(&self, _: &Context, _: &Container, tags: &Tags) -> Result<Vec<u32>, Failure> {
        let mut inside: Vec<Candidate<'_>> =
            versions(tags).filter(|(version, _)| self.range.contains(version)).collect();
        inside.sort_unstable_by(order);
        Ok(inside.iter().map(|(_, tag)| tag.index).collect())
    }

    fn select(&self, _: &Context, container: &Container, tags: &Tags, _: &Metadata) -> Result<Selection, Failure> {
        let (mut inside, mut outside) = (Best::default(), Best::default());
        for candidate in versions(tags) {
            let side = if self.range.contains(&candidate.0) { &mut inside } else { &mut outside };
            side.push(candidate);
        }
        let (inside, mut outside) = (inside.sorted(), outside.sorted());
        let highest = inside.first().copied();
        // Only what is higher than the choice makes people ask why it was not taken.
        outside.retain(|candidate| highest.is_none_or(|highest| order(candidate, &highest).is_lt()));
        let selection = match highest {
            None => Selection::none(Reason::new("no-match", format!("no version on offer is in `{}`", self.text))),
            Some(highest) => self.decide(container.current_tag.as_deref(), tags.complete, highest),
        };
        let inside = inside.iter().map(|(_, tag)| {
            let code = if highest.is_some_and(|highest| highest.1 == *tag) { "highest" } else { "lower" };
            (tag.index, Reason::new(code, format!("in `{}`", self.text)))
        });
        let outside = outside.iter().map(|(version, tag)| (tag.index, self.why_not(version)));
        Ok(selection.considering(inside.chain(outside)))
    }
}

type Candidate<'a> = (Version<'a>, Tag<'a>);

/// The versions on offer.
fn versions(tags: &Tags) -> impl Iterator<Item = Candidate<'_>> {
    tags.iter().filter_map(|tag| Version::parse(tag.name).map(|version| (version, tag)))
}

impl Semver {
    fn decide(&self, current: Option<&str>, complete: bool, (highest, tag): Candidate<'_>) -> Selection {
        if current == Some(tag.name) {
            let text = format!("`{}` is the highest in `{}`", tag.name, self.text);
            return Selection::keep_current(Reason::new("up-to-date", text));
        }
        let lower = current.and_then(Version::parse).is_some_and(|current| highest.compare(&current).is_lt());
        let text = format!("`{}` is the highest in `{}`", tag.name, self.text);
        if lower && !complete {
            let text = format!("{text}, lower than the current version, and the list of tags is incomplete");
            return Selection::keep_current(Reason::new("tags-incomplete", text));
        }
        if lower && self.downgrade == Downgrade::Refuse {
            let text = format!("{text}, lower than the current version");
            return Selection::keep_current(Reason::new("downgrade-refused", text));
        }
        Selection::pick(tag.index, Reason::new("highest", text))
    }

    fn why_not(&self, version: &Version<'_>) -> Reason {
        if !version.pre.is_empty() && self.range.contains(&version.release()) {
            return Reason::new("pre-release", format!("`{}` admits no pre-release of it", self.text));
        }
        Reason::new("outside-range", format!("not in `{}`", self.text))
    }
}

/// Highest first; of equal versions the greater text first, so `1.10.0` before `1.10`.
fn order((a, a_tag): &Candidate<'_>, (b, b_tag): &Candidate<'_>) -> std::cmp::Ordering {
    b.compare(a).then_with(|| b_tag.name.cmp(a_tag.name))
}

/// The highest candidates among many, in little memory: touching a page costs more than comparing.
#[derive(Default)]
struct Best<'a> {
    kept: Vec<Candidate<'a>>,
    /// The lowest that still counts, once there are enough.
    floor: Option<Candidate<'a>>,
}

impl<'a> Best<'a> {
    fn push(&mut self, candidate: Candidate<'a>) {
        if self.floor.is_some_and(|floor| order(&candidate, &floor).is_gt()) {
            return;
        }
        self.kept.push(candidate);
        // Sorting out rarely makes it cheap for each.
        if self.kept.len() >= 16 * CONSIDERED {
            self.kept.select_nth_unstable_by(CONSIDERED - 1, order);
            self.kept.truncate(CONSIDERED);
            self.floor = self.kept.last().copied();
        }
    }

    fn sorted(mut self) -> Vec<Candidate<'a>> {
        self.kept.sort_unstable_by(order);
        self.kept.truncate(CONSIDERED);
        self.kept
    }
}

export_policy!(Semver: image-filter);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn decides_its_cases() {
        testing::filter_cases::<Semver>(env!("CARGO_MANIFEST_DIR"));
    }
}

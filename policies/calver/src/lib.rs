//! The image filter `calver`: the highest calendar version, written as <https://calver.org> does.

mod format;

use rhumb_guest_sdk::{
    About, Container, Context, Failure, ImageFilter, Metadata, Policy, PolicyConfig, Problem, Selection, Tags, Wants,
    export_policy, highest,
};
use serde::Deserialize;

use format::Format;

/// The settings of `calver`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How tags are written, in the words of calver.org: `YYYY`, `YY`, `0Y`, `MM`, `0M`, `WW`, `0W`, `DD`, `0D`,
    /// `MAJOR`, `MINOR`, `MICRO`; everything else stands for itself. Such as `YYYY.0M.MICRO` or `vYY.MM`.
    format: String,
    /// What a tag may carry behind the format, such as `-rc1`.
    #[serde(default)]
    modifier: Modifier,
}

/// What to do with a tag that has something behind the format.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, PolicyConfig)]
#[serde(rename_all = "lowercase")]
pub enum Modifier {
    /// It is no version.
    #[default]
    Refuse,
    /// It counts, below the same version without one.
    Allow,
}

/// A format, ready to read tags.
pub struct Calver {
    format: Format,
    modifier: Modifier,
}

impl Policy for Calver {
    type Config = Config;

    const ABOUT: About = About {
        name: "calver",
        version: env!("CARGO_PKG_VERSION"),
        summary: "The highest calendar version of a given form",
        reasons: &highest::REASONS,
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        match Format::parse(&config.format) {
            Ok(format) => Ok(Self { format, modifier: config.modifier }),
            Err(text) => Err(vec![Problem::new("/format", "bad-format", text)]),
        }
    }
}

impl ImageFilter for Calver {
    fn select(&self, _: &Context, container: &Container, tags: &Tags, _: &Metadata) -> Result<Selection, Failure> {
        Ok(highest::choose(container, tags, |tag| {
            let (numbers, rest) = self.format.read(tag)?;
            let allowed = rest.is_empty() || (self.modifier == Modifier::Allow && rest.starts_with(['-', '.', '_']));
            // Without a modifier a version is above the same with one.
            allowed.then(|| (numbers, rest.is_empty(), rest.to_owned()))
        }))
    }
}

export_policy!(Calver: image-filter);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn decides_its_cases() {
        testing::filter_cases::<Calver>(env!("CARGO_MANIFEST_DIR"));
    }
}

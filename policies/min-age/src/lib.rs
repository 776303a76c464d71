//! The image filter `min-age`: the best image that is old enough, and a hold until the next one is.

mod choose;

use rhumb_guest_sdk::{
    About, Container, Context, Duration, Failure, ImageFilter, Metadata, Pattern, Policy, PolicyConfig, Problem,
    Selection, Tags, Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `min-age`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the whole tag must look like, such as `1.*`; `*` stands for any run of characters, nothing else is special.
    #[serde(default = "any")]
    pattern: String,
    /// How old an image must be, such as `3d` or `12h`.
    age: String,
    /// From when its age counts.
    #[serde(default)]
    clock: Clock,
    /// Which of two images is better.
    #[serde(default)]
    order: Order,
}

/// From when the age of an image counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, PolicyConfig)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// When Rhumb saw the tag first, which no publisher can set.
    #[default]
    FirstSeen,
    /// When it was built, as the image claims; one that claims nothing is never old enough.
    Created,
}

/// Which of two images is better.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, PolicyConfig)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The higher version; a tag that is none is not chosen.
    #[default]
    Version,
    /// The younger one by the clock.
    Newest,
}

fn any() -> String {
    "*".to_owned()
}

/// The filter, ready to choose.
pub struct MinAge {
    pattern: Pattern,
    age: Duration,
    clock: Clock,
    order: Order,
}

impl Policy for MinAge {
    type Config = Config;

    const ABOUT: About = About {
        name: "min-age",
        version: env!("CARGO_PKG_VERSION"),
        summary: "The best image that is old enough, and a hold until the next one is",
        reasons: &[
            ("old-enough", "the best image that is old enough"),
            ("worse", "another image is better"),
            ("too-young", "it is not old enough yet"),
            ("no-build-time", "it claims no build time, so nobody can say how old it is"),
            ("up-to-date", "no image is better than the current one"),
            ("no-match", "no tag on offer matches"),
            ("metadata-incomplete", "some build times are not known yet"),
            ("current-unknown", "the current tag cannot be compared with what is on offer"),
        ],
        wants: Wants { created: true, ..Wants::NOTHING },
        fuel: 100_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let Some(age) = Duration::parse(&config.age) else {
            let text = format!("wanted a duration such as `3d` or `12h`, got `{}`", config.age);
            return Err(vec![Problem::new("/age", "bad-duration", text)]);
        };
        Ok(Self { pattern: Pattern::new(&config.pattern), age, clock: config.clock, order: config.order })
    }
}

impl ImageFilter for MinAge {
    /// Build times are needed only where they are the clock.
    fn shortlist(&self, _: &Context, container: &Container, tags: &Tags) -> Result<Vec<u32>, Failure> {
        if self.clock == Clock::FirstSeen {
            return Ok(Vec::new());
        }
        let current = container.current_tag.as_deref();
        let wanted = tags.iter().filter(|tag| self.takes(tag.name) || Some(tag.name) == current);
        Ok(wanted.map(|tag| tag.index).collect())
    }

    fn select(
        &self,
        context: &Context,
        container: &Container,
        tags: &Tags,
        metadata: &Metadata,
    ) -> Result<Selection, Failure> {
        Ok(self.choose(context.now, container, tags, metadata))
    }
}

export_policy!(MinAge: image-filter);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn decides_its_cases() {
        testing::filter_cases::<MinAge>(env!("CARGO_MANIFEST_DIR"));
    }
}

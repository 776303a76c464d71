//! The image filter `regexp`: the newest image whose tag contains a match, as in Flux v1.

mod re2;

use regex_lite::{Regex, RegexBuilder};
use rhumb_guest_sdk::{
    About, Container, Context, Failure, ImageFilter, Metadata, Policy, PolicyConfig, Problem, Selection, Tags, Wants,
    export_policy, newest,
};

/// Largest compiled expression in bytes.
const SIZE: usize = 256 << 10;

/// The settings of `regexp`.
#[derive(serde::Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What a part of the tag must look like, in RE2 syntax, such as `^build-[0-9]+$`.
    pattern: String,
}

/// An expression, ready to match.
pub struct Regexp {
    regex: Regex,
}

impl Policy for Regexp {
    type Config = Config;

    const ABOUT: About = About {
        name: "regexp",
        version: env!("CARGO_PKG_VERSION"),
        summary: "The newest image whose tag contains a match of a regular expression",
        reasons: &newest::REASONS,
        wants: Wants { created: true, ..Wants::NOTHING },
        fuel: 200_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let wrong = |text: String| vec![Problem::new("/pattern", "bad-pattern", text)];
        let pattern = re2::translate(&config.pattern).map_err(wrong)?;
        let regex = RegexBuilder::new(&pattern).size_limit(SIZE).build();
        regex.map(|regex| Self { regex }).map_err(|error| wrong(error.to_string()))
    }
}

impl Regexp {
    /// Flux drops `latest`, however it is written.
    fn takes(&self, tag: &str) -> bool {
        !tag.eq_ignore_ascii_case("latest") && self.regex.is_match(tag)
    }
}

impl ImageFilter for Regexp {
    fn shortlist(&self, _: &Context, container: &Container, tags: &Tags) -> Result<Vec<u32>, Failure> {
        Ok(newest::shortlist(container, tags, |tag| self.takes(tag)))
    }

    fn select(
        &self,
        _: &Context,
        container: &Container,
        tags: &Tags,
        metadata: &Metadata,
    ) -> Result<Selection, Failure> {
        Ok(newest::choose(container, tags, metadata, |tag| self.takes(tag)))
    }
}

export_policy!(Regexp: image-filter);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn decides_its_cases() {
        testing::filter_cases::<Regexp>(env!("CARGO_MANIFEST_DIR"));
    }
}

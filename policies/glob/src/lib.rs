//! The image filter `glob`: the newest image whose tag matches, as in Flux v1.
//!
//! Only `*` is special; it stands for any run of characters. "Newest" is by the build time that images claim, so the
//! filter asks for that of every tag that matches, and keeps the current image until it has all of them.

use rhumb_guest_sdk::{
    About, Container, Context, Failure, ImageFilter, Metadata, Pattern, Policy, PolicyConfig, Problem, Selection, Tags,
    Wants, export_policy, newest,
};

/// The settings of `glob`.
#[derive(serde::Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the whole tag must look like, such as `dev-*`; `*` stands for any run of characters, nothing else is special.
    pattern: String,
}

/// A glob, ready to match.
pub struct Glob {
    pattern: Pattern,
}

impl Policy for Glob {
    type Config = Config;

    const ABOUT: About = About {
        name: "glob",
        version: env!("CARGO_PKG_VERSION"),
        summary: "The newest image whose tag matches a pattern in which only `*` is special",
        reasons: &newest::REASONS,
        wants: Wants { created: true, ..Wants::NOTHING },
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        Ok(Self { pattern: Pattern::new(&config.pattern) })
    }
}

impl ImageFilter for Glob {
    fn shortlist(&self, _: &Context, container: &Container, tags: &Tags) -> Result<Vec<u32>, Failure> {
        Ok(newest::shortlist(container, tags, |tag| self.pattern.takes(tag)))
    }

    fn select(
        &self,
        _: &Context,
        container: &Container,
        tags: &Tags,
        metadata: &Metadata,
    ) -> Result<Selection, Failure> {
        Ok(newest::choose(container, tags, metadata, |tag| self.pattern.takes(tag)))
    }
}

export_policy!(Glob: image-filter);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn decides_its_cases() {
        testing::filter_cases::<Glob>(env!("CARGO_MANIFEST_DIR"));
    }
}

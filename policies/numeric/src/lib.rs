//! The image filter `numeric`: the highest by the numbers that stand in the tag, such as build numbers.

use rhumb_guest_sdk::{
    About, Container, Context, Failure, ImageFilter, Metadata, Pattern, Policy, PolicyConfig, Problem, Selection, Tags,
    Wants, export_policy, highest,
};
use serde::Deserialize;

/// The settings of `numeric`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the whole tag must look like, such as `build-#` or `#.#-r#-*`: `#` is a whole number, and the numbers count
    /// from left to right; `*` behind the last of them is any run of characters.
    pattern: String,
}

/// A pattern, ready to read tags.
pub struct Numeric {
    /// Texts before each number.
    before: Vec<String>,
    /// What stands behind the last number.
    after: Pattern,
}

impl Policy for Numeric {
    type Config = Config;

    const ABOUT: About = About {
        name: "numeric",
        version: env!("CARGO_PKG_VERSION"),
        summary: "The highest by the numbers that stand in the tag",
        reasons: &highest::REASONS,
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let mut before: Vec<String> = config.pattern.split('#').map(str::to_owned).collect();
        let after = before.pop().unwrap_or_default();
        let wrong = if before.is_empty() {
            "wanted a pattern such as `build-#`, in which `#` is a number"
        } else if before.iter().any(|text| text.contains('*')) {
            "`*` may stand only behind the last `#`"
        } else if before.iter().skip(1).any(String::is_empty) {
            "nothing says where one number ends and the next begins"
        } else {
            return Ok(Self { before, after: Pattern::new(&after) });
        };
        Err(vec![Problem::new("/pattern", "bad-pattern", format!("{wrong}; got `{}`", config.pattern))])
    }
}

impl Numeric {
    /// The numbers of a tag; `None` when it does not look like the pattern.
    fn read(&self, tag: &str) -> Option<Vec<u64>> {
        let (mut numbers, mut rest) = (Vec::with_capacity(self.before.len()), tag);
        for text in &self.before {
            rest = rest.strip_prefix(text.as_str())?;
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, after) = rest.split_at_checked(length)?;
            // Longer than 64 bits hold is no number that anybody counts with.
            numbers.push(digits.parse().ok()?);
            rest = after;
        }
        self.after.matches(rest).then_some(numbers)
    }
}

impl ImageFilter for Numeric {
    fn select(&self, _: &Context, container: &Container, tags: &Tags, _: &Metadata) -> Result<Selection, Failure> {
        Ok(highest::choose(container, tags, |tag| self.read(tag)))
    }
}

export_policy!(Numeric: image-filter);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn decides_its_cases() {
        testing::filter_cases::<Numeric>(env!("CARGO_MANIFEST_DIR"));
    }
}

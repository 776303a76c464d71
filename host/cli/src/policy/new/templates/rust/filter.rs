//! Takes the tag with the highest number behind a prefix: `build-42` before `build-41`.

use rhumb_guest_sdk::{
    About, Container, Context, Failure, ImageFilter, Metadata, Policy, PolicyConfig, Problem, Reason, Selection, Tags,
    Wants, export_policy,
};

/// The settings. A JSON Schema is made of them, by which Rhumb checks a config before this policy sees it.
#[derive(serde::Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What stands before the number, such as `build-`.
    prefix: String,
}

/// The policy with its config understood. It lives for one question.
pub struct Filter {
    prefix: String,
}

impl Policy for Filter {
    type Config = Config;

    const ABOUT: About = About {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        summary: env!("CARGO_PKG_DESCRIPTION"),
        // Every code that an answer may carry; the cases have to show each.
        reasons: &[
            ("highest", "no other tag has a higher number"),
            ("up-to-date", "no tag on offer has a higher number than the current one"),
            ("no-match", "no tag on offer is the prefix and a number"),
        ],
        // Build times, digests and labels come only when they are asked for here.
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        if config.prefix.is_empty() {
            return Err(vec![Problem::new("/prefix", "empty", "say what stands before the number, such as `build-`")]);
        }
        Ok(Self { prefix: config.prefix })
    }
}

impl ImageFilter for Filter {
    fn select(&self, _: &Context, container: &Container, tags: &Tags, _: &Metadata) -> Result<Selection, Failure> {
        let number = |tag: &str| tag.strip_prefix(self.prefix.as_str())?.parse::<u64>().ok();
        let numbered = tags.iter().filter_map(|tag| Some((number(tag.name)?, tag)));
        // Of two tags with the same number the name decides, so that the order of the tags does not.
        let Some((highest, tag)) = numbered.max_by_key(|(number, tag)| (*number, tag.name)) else {
            let text = format!("none of {} tags is `{}` and a number", tags.count(), self.prefix);
            return Ok(Selection::none(Reason::new("no-match", text)));
        };
        if container.current_tag.as_deref().and_then(number) >= Some(highest) {
            return Ok(Selection::keep_current(Reason::new("up-to-date", format!("{highest} is the highest number"))));
        }
        Ok(Selection::pick(tag.index, Reason::new("highest", format!("{highest} is the highest number"))))
    }
}

export_policy!(Filter: image-filter);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn decides_its_cases() {
        testing::filter_cases::<Filter>(env!("CARGO_MANIFEST_DIR"));
    }
}

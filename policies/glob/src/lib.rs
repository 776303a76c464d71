//! stub
use rhumb_guest_sdk::*;

/// glob
pub struct Glob(String);

/// c
#[derive(serde::Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Pattern
    pattern: String,
}
impl Policy for Glob {
    type Config = Config;
    const ABOUT: About = About {
        name: "glob",
        version: env!("CARGO_PKG_VERSION"),
        summary: "The newest image whose tag matches",
        reasons: &[("newest", "x"), ("none", "x")],
        wants: Wants { created: true, ..Wants::NOTHING },
        fuel: 50_000_000,
        examples: "",
    };
    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        Ok(Self(config.pattern))
    }
}
impl ImageFilter for Glob {
    fn select(&self, _: &Context, _: &Container, tags: &Tags, _: &Metadata) -> Result<Selection, Failure> {
        let p = self.0.trim_end_matches('*');
        Ok(match tags.iter().filter(|t| t.name.starts_with(p)).last() {
            Some(tag) => Selection::pick(tag.index, Reason::new("newest", format!("`{}` is newest", tag.name))),
            None => Selection::none(Reason::new("none", "nothing matches")),
        })
    }
}
export_policy!(Glob: image-filter);

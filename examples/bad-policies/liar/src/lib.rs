//! A hostile image filter: it picks a tag that it was not offered. The host checks every answer.

use rhumb_guest_sdk::{
    About, Container, Context, Failure, ImageFilter, Metadata, Policy, PolicyConfig, Problem, Reason, Selection, Tags,
    Wants, export_policy,
};

/// No settings.
#[derive(serde::Deserialize, PolicyConfig)]
pub struct Config {}

/// The policy.
pub struct Liar;

impl Policy for Liar {
    type Config = Config;

    const ABOUT: About = About {
        name: "liar",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Picks what it was not offered",
        reasons: &[("trust-me", "there is no such tag")],
        wants: Wants::NOTHING,
        fuel: 20_000_000,
        examples: "",
    };

    fn configure(_: Config) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }
}

impl ImageFilter for Liar {
    fn select(&self, _: &Context, _: &Container, tags: &Tags, _: &Metadata) -> Result<Selection, Failure> {
        Ok(Selection::pick(tags.count() + 7, Reason::new("trust-me", "this one is good")))
    }
}

export_policy!(Liar: image-filter);

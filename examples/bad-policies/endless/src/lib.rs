//! A hostile image filter: it never ends. The host stops it when its fuel is used up.

use rhumb_guest_sdk::{
    About, Container, Context, Failure, ImageFilter, Metadata, Policy, PolicyConfig, Problem, Selection, Tags, Wants,
    export_policy,
};

/// No settings.
#[derive(serde::Deserialize, PolicyConfig)]
pub struct Config {}

/// The policy.
pub struct Endless;

impl Policy for Endless {
    type Config = Config;

    const ABOUT: About = About {
        name: "endless",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Never decides",
        reasons: &[("never", "it never comes to this")],
        wants: Wants::NOTHING,
        fuel: 20_000_000,
        examples: "",
    };

    fn configure(_: Config) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }
}

impl ImageFilter for Endless {
    fn select(&self, _: &Context, _: &Container, _: &Tags, _: &Metadata) -> Result<Selection, Failure> {
        let mut turns = 0u64;
        loop {
            turns = std::hint::black_box(turns.wrapping_add(1));
        }
    }
}

export_policy!(Endless: image-filter);

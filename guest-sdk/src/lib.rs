//! What the author of a Rhumb policy imports.
//!
//! A policy is a pure function in a WebAssembly component. Implement [`Policy`] and the trait of one kind, then name
//! the type in [`export_policy!`]; the macro writes the component's exports and its description, and is nothing at
//! all off wasm, so that plain `cargo test` works.
//!
//! ```
//! use rhumb_guest_sdk::*;
//!
//! /// Takes the tag with the most characters.
//! struct Longest;
//!
//! #[derive(serde::Deserialize, PolicyConfig)]
//! #[serde(deny_unknown_fields)]
//! struct Config {}
//!
//! impl Policy for Longest {
//!     type Config = Config;
//!     const ABOUT: About = About {
//!         name: "longest",
//!         version: "0.1.0",
//!         summary: "Takes the tag with the most characters",
//!         reasons: &[("longest", "no other tag is longer"), ("no-tags", "nothing is on offer")],
//!         wants: Wants::NOTHING,
//!         fuel: 10_000_000,
//!         examples: "",
//!     };
//!     fn configure(_: Config) -> Result<Self, Vec<Problem>> {
//!         Ok(Self)
//!     }
//! }
//!
//! impl ImageFilter for Longest {
//!     fn select(&self, _: &Context, _: &Container, tags: &Tags, _: &Metadata) -> Result<Selection, Failure> {
//!         Ok(match tags.iter().max_by_key(|tag| (tag.name.len(), tag.name)) {
//!             Some(tag) => Selection::pick(tag.index, Reason::new("longest", format!("`{}` is longest", tag.name))),
//!             None => Selection::none(Reason::new("no-tags", "nothing is on offer")),
//!         })
//!     }
//! }
//!
//! export_policy!(Longest: image-filter);
//!
//! testing::Filter::<Longest>::new("{}").tags("a ccc bb").picks("ccc", "longest");
//! ```
//!
//! Panics are traps: the host records a failure, never a verdict.

#[cfg(target_arch = "wasm32")]
mod arena;
#[doc(hidden)]
pub mod bindings;
mod config;
mod describe;
mod evidence;
mod export;
#[doc(hidden)]
pub mod glue;
pub mod highest;
mod json;
pub mod newest;
mod pattern;
mod policy;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod time;
pub mod version;
mod words;

pub use bindings::image_filter::exports::rhumb::policy::image_filter::{
    Consideration, Container, Metadata, Outcome, Selection, Tags,
};
pub use bindings::meta::rhumb::policy::types::{Context, Failure, Problem, Reason};
pub use bindings::promotion_rule::exports::rhumb::policy::promotion_rule::{Approval, Hold, Move, Step, Verdict};
pub use bindings::value_transform::exports::rhumb::policy::value_transform::{
    Change, Chart, Operation, Transformation,
};
pub use config::{Field, PolicyConfig, Schema};
#[doc(hidden)]
pub use describe::Document;
pub use describe::{About, Wants, schema_text};
pub use evidence::{
    Approved, ApprovedMove, ChartVersion, Commit, Environment, Evidence, Fleet, Image, Revision, Stop, Window,
};
pub use pattern::Pattern;
pub use policy::{ImageFilter, Policy, PromotionRule, ValueTransform};
pub use rhumb_guest_sdk_macros::PolicyConfig;
pub use serde_json::{Value, json};
pub use time::{Duration, Timestamp};
pub use words::{Tag, can_hold};

// The derive names this crate by its own name, also in here.
extern crate self as rhumb_guest_sdk;

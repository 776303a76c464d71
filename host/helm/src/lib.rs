//! A Helm 3 engine in memory: a chart and values in, manifests, hooks, notes and the release record out.
//!
//! ```text
//! files or archive → Chart → values (coalesced) → templates → manifests in install order, hooks, notes → record
//! ```
//!
//! It follows Helm 3.19. A template function or a chart feature that is not in yet is an error that names file, line and
//! function, never a silent difference.
//!
//! Invariant: nothing here reads a clock, a file or a socket. Time and randomness come in as [`Entropy`].
//! Invariant: charts are not trusted. Every size, depth and amount of work is bounded by [`Limits`].

#![forbid(unsafe_code)]

mod capabilities;
mod chart;
mod crds;
mod error;
mod functions;
mod glob;
mod limits;
mod manifest;
mod name;
mod render;
mod schema;
mod show;
mod template;
mod text;
mod time;
mod toml;
mod value;
pub mod version;

pub mod order;
pub mod record;
pub mod set;
pub mod values;

pub use capabilities::Capabilities;
pub use chart::{Chart, Dependency, File, Maintainer, Metadata, unpack};
pub use crds::Definitions;
pub use error::{Error, Included};
pub use limits::{Limits, Usage};
pub use manifest::{Manifest, parse_manifest};
pub use name::{check_release_name, name_from_template};
pub use render::{Action, Entropy, Integers, ReleaseOptions, RenderInput, Rendered, Seed, render};
pub use show::show_only;
pub use text::{Hooks, Parts, template_text};

//! YAML as Kubernetes and Helm read and write it.
//!
//! Reading keeps the exact bytes of every value, so that one scalar of a file can be replaced and everything else kept.
//! Typing a document follows `sigs.k8s.io/yaml`, the library that Kubernetes, Helm and Flux share (YAML 1.1 with Go's
//! number rules), and writing gives the bytes that the same library's `Marshal` gives.
//!
//! Invariant: nothing here trusts its input. Size, depth and the number of nodes, those that aliases stand for included,
//! are bounded by [`Limits`].

#![forbid(unsafe_code)]

mod emit;
mod error;
mod json;
mod node;
mod parse;
mod quick;
mod resolve;
mod scalar;
mod words;

pub mod number;

pub use emit::{to_pretty_string, to_string};
pub use error::Error;
pub use json::{Duplicates, Part, first_part, first_value, from_str, to_json, to_json_with};
pub use node::{Document, Kind, Layout, Limits, Node, Style};
pub use parse::documents;
pub use scalar::scalar;
pub use words::go_words;

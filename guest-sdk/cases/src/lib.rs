//! The form of case files: questions to a policy and what is expected of its answers.
//!
//! The SDK asks a policy natively and the host asks it in the sandbox; both read the same files and compare by the same
//! rules, which are here. `wit/cases.schema.json` describes the form. Files are YAML or JSON and read strictly, so that
//! a misspelt key is an error and not a case that tests nothing.

#![forbid(unsafe_code)]

mod case;
mod expect;
mod file;
mod offers;
mod run;
mod time;
mod update;
mod write;

pub use case::{Case, Move, Sweep};
pub use expect::{Answered, Expect};
pub use file::{Error, File, paths};
pub use offers::{BASE, Offer, offers};
pub use run::{Outcomes, Subject, run};
pub use time::{Time, printed};
pub use update::updated;

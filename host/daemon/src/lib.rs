//! The daemon: it wires the three loops to the outside and decides nothing itself.
//!
//! ```text
//! event.rs    what can wake a loop, and the agenda
//! driver.rs   one pass of a loop at a time
//! flights.rs  release actions at work beside the loops
//! watched.rs  the cluster as watches keep it known; statements.rs  what people say in it about versions
//! evidence.rs what rules and transforms may see, as far as one of them wants it
//! loops/      images, sync, releases: observe … report, the same six verbs each
//! publish.rs  conditions, events, reports
//! leadership.rs  which of several daemons acts
//! webhooks/   what git hosts and registries post
//! operator.rs what operators ask; admin.rs serves it
//! ```
//!
//! Invariant: loops share no memory that matters. Whatever is kept here besides the store is a cache or a report.

#![forbid(unsafe_code)]

pub mod admin;
pub mod clock;
pub mod config;
pub mod context;
pub mod credentials;
pub mod driver;
pub mod event;
pub mod external;
pub mod flights;
pub mod git_access;
pub mod leadership;
pub mod loops;
pub mod operator;
pub mod policies;
pub mod probe;
pub mod report;
pub mod repository;
pub mod scanner;
pub mod webhooks;

mod chart_repositories;
mod evidence;
mod execute;
mod publish;
mod releases_view;
mod statements;
mod values;
mod verdicts;
mod watched;
mod words;

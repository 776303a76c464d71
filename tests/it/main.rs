//! The integration tests, one binary: the story, bad input, the demo's transcript, the layering.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bad_input;
mod cluster;
mod declared;
mod evidence;
mod faults;
mod git;
mod helm_template;
mod kill;
mod layering;
mod lifecycle;
mod operated;
mod operator;
mod plan;
mod policy;
mod registry;
mod releases;
mod scenes;
mod secrets;
mod story;
mod told;
mod transcript;
mod webhooks;

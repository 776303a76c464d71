//! The command `rhumb`: plan a repository, tell the demo, work on policies, ask a running daemon.
//!
//! One file for each command; `args.rs` lists them; results go through `print.rs` alone.

#![forbid(unsafe_code)]

pub mod approve;
pub mod args;
mod declared;
pub mod demo;
pub mod operator;
pub mod plan;
pub mod policy;
pub mod print;
mod reach;
pub mod records;
pub mod release;
pub mod show;
pub mod stop;
pub mod table;
pub mod template;

use std::path::{Path, PathBuf};

/// Where the policies that ship with Rhumb are: beside the binary when it is installed, in cargo's target folder when
/// it was built in its tree.
pub fn policy_folder() -> PathBuf {
    let beside = |binary: PathBuf| {
        let folder = binary.parent()?.to_path_buf();
        let candidates = [folder.join("policies"), folder.join("../policies"), folder.join("../share/rhumb/policies")];
        candidates.into_iter().find(|candidate| candidate.is_dir())
    };
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/policies");
    std::env::current_exe().ok().and_then(beside).unwrap_or(built)
}

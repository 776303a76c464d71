//! Runs the cases again whenever a file changes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::policy::Printed;
use crate::print;

/// How often files are looked at.
const PAUSE: Duration = Duration::from_millis(300);
/// Folders that are made and not written.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];
/// Most files that are looked at.
const FILES: usize = 10_000;

/// Runs now and after each change, until the program is ended.
pub(super) fn forever(folders: &[PathBuf], once: impl Fn() -> Result<Printed>) -> ! {
    loop {
        match once() {
            Ok(printed) => print::out(&printed.text),
            Err(error) => print::error(&error),
        }
        print::say("\nwaiting for a change; Ctrl-C ends it");
        // Taken after the run, which may have written into the folders itself.
        let before = state(folders);
        while state(folders) == before {
            std::thread::sleep(PAUSE);
        }
    }
}

/// Which files there are and when each was changed.
fn state(folders: &[PathBuf]) -> Vec<(PathBuf, Option<SystemTime>)> {
    let mut found = Vec::new();
    folders.iter().for_each(|folder| look(folder, &mut found));
    found.sort();
    found
}

fn look(folder: &Path, found: &mut Vec<(PathBuf, Option<SystemTime>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if found.len() >= FILES || name.starts_with('.') || MADE.contains(&name.as_ref()) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => look(&path, found),
            // `cargo` may write it.
            Ok(_) if name != "Cargo.lock" => {
                let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
                found.push((path, changed));
            }
            _ => {}
        }
    }
}

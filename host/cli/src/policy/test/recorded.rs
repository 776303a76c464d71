//! Cases made of decision records: `rhumb policy test --from RECORD`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rhumb_policy::cases::{File, case};

/// The case file that they go into.
const FILE: &str = "cases/records.yaml";
const HEAD: &str = "about: Decisions as they were recorded; `rhumb policy test --from RECORD` adds one.\ncases:\n";

/// Adds a case for each record, unless it is there.
pub(super) fn write(folder: &Path, records: &[PathBuf]) -> Result<()> {
    let path = folder.join(FILE);
    let mut text =
        if path.exists() { String::from_utf8_lossy(&super::super::read(&path)?).into_owned() } else { HEAD.to_owned() };
    let known: Vec<String> = if path.exists() {
        let file = File::parse(&text).with_context(|| format!("failed to use `{}`", path.display()))?;
        file.cases.into_iter().map(|case| case.name).collect()
    } else {
        Vec::new()
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    for record in records {
        let case = case(&super::super::record(record)?);
        let case = case.with_context(|| format!("failed to make a case of `{}`", record.display()))?;
        if !known.contains(&case.name) {
            // One line of JSON is YAML too.
            text += &format!("  - {}\n", case.written());
        }
    }
    std::fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))
}

//! The commit message, as Flux v1 words it (`flux-v1.md` 5.3).

use std::collections::BTreeSet;

use super::plan::Update;

/// `Auto-release <ref>`, or a list of the new references, sorted and each once.
pub(super) fn message(updates: &[Update]) -> String {
    let references: BTreeSet<String> = updates.iter().map(|update| update.to.to_string()).collect();
    let lines: Vec<String> = references.iter().map(|reference| format!(" - {reference}")).collect();
    match references.first() {
        Some(only) if references.len() == 1 => format!("Auto-release {only}\n"),
        _ => format!("Auto-release multiple ({}) images\n\n{}\n", references.len(), lines.join("\n")),
    }
}

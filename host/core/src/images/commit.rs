//! The edits of one pass → at most one commit, every file of it proved.

use std::collections::BTreeMap;

use super::message::message;
use super::plan::{Action, Update};
use super::row::{Decided, Kept, Row};
use super::view::ImagesView;
use crate::manifest::{Edit, EditError, File, apply};

/// One edit that a row asks for.
pub(super) struct Wanted {
    /// Which row.
    pub(super) row: usize,
    pub(super) edit: Edit,
    pub(super) update: Update,
}

/// Edits file by file. An edit that cannot be proved is left out and its row says why; the others go on.
pub(super) fn commit(view: &ImagesView, wanted: BTreeMap<String, Vec<Wanted>>, rows: &mut [Row]) -> Option<Action> {
    let (mut files, mut updates) = (Vec::new(), Vec::new());
    for (path, wanted) in wanted {
        let (wanted, disputed): (Vec<_>, Vec<_>) = wanted_and_disputed(wanted);
        for wanted in disputed {
            keep(rows, wanted, "other containers write the same place and want another tag there");
        }
        let Some(file) = view.files.get(&path) else {
            wanted.into_iter().for_each(|wanted| keep(rows, wanted, &format!("`{path}` was not read")));
            continue;
        };
        let (file, done, failed) = edit(file, wanted);
        for (wanted, error) in failed {
            keep(rows, wanted, &error.to_string());
        }
        files.extend(file);
        updates.extend(done.into_iter().map(|wanted| wanted.update));
    }
    let message = message(&updates);
    (!files.is_empty()).then(|| Action::Commit { onto: view.head.clone(), files, message, updates })
}

fn keep(rows: &mut [Row], wanted: Wanted, message: &str) {
    if let (Some(row), Some(to)) = (rows.get_mut(wanted.row), wanted.update.to.tag) {
        row.decided = Decided::Keep(Kept::Unwritable { to, message: message.to_owned() });
    }
}

/// Two containers can share one scalar. When they do not agree, neither gets it: taking one would flap.
fn wanted_and_disputed(wanted: Vec<Wanted>) -> (Vec<Wanted>, Vec<Wanted>) {
    let mut values: BTreeMap<usize, Option<String>> = BTreeMap::new();
    for Wanted { edit, .. } in &wanted {
        let value = values.entry(edit.span.start).or_insert_with(|| Some(edit.value.clone()));
        if value.as_ref() != Some(&edit.value) {
            *value = None;
        }
    }
    wanted.into_iter().partition(|wanted| values.get(&wanted.edit.span.start).is_some_and(Option::is_some))
}

/// The edited file, what is in it, and what could not be proved.
fn edit(file: &File, wanted: Vec<Wanted>) -> (Option<File>, Vec<Wanted>, Vec<(Wanted, EditError)>) {
    if let Ok(file) = apply(file, &edits(&wanted)) {
        return ((!wanted.is_empty()).then_some(file), wanted, Vec::new());
    }
    // Which of them is at fault shows one by one.
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for wanted in wanted {
        match apply(file, std::slice::from_ref(&wanted.edit)) {
            Ok(_) => good.push(wanted),
            Err(error) => bad.push((wanted, error)),
        }
    }
    match apply(file, &edits(&good)) {
        Ok(file) => ((!good.is_empty()).then_some(file), good, bad),
        Err(error) => {
            bad.extend(good.into_iter().map(|wanted| (wanted, error.clone())));
            (None, Vec::new(), bad)
        }
    }
}

fn edits(wanted: &[Wanted]) -> Vec<Edit> {
    wanted.iter().map(|wanted| wanted.edit.clone()).collect()
}

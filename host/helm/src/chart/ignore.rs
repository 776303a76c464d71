//! `.helmignore`.

use super::File;
use crate::error::Error;
use crate::glob;
use crate::limits::Limits;

/// One line of the file.
struct Rule {
    negated: bool,
    only_folders: bool,
    /// Whether the whole path is compared, not the last name.
    whole_path: bool,
    matcher: glob::Path,
}

/// Takes out what `.helmignore` names, and dot files right below `templates/`.
///
/// A line that Helm cannot read makes it refuse the chart. Gives the number of patterns too.
pub(super) fn apply(files: Vec<File>, limits: &Limits) -> Result<(Vec<File>, usize), Error> {
    let source = files.iter().find(|file| file.path == ".helmignore");
    let text = source.map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default();
    let mut rules = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().chain(["templates/.?*"]).enumerate() {
        let wrong = |message| Error::chart("", format!("line {} of .helmignore: {message}", at + 1));
        rules.extend(rule(line).map_err(wrong)?);
        if rules.len() > limits.ignore_patterns {
            return Err(Error::limit(
                "the number of patterns of .helmignore",
                "ignore_patterns",
                limits.ignore_patterns,
            ));
        }
    }
    Ok((files.into_iter().filter(|file| !is_ignored(&rules, &file.path)).collect(), rules.len()))
}

fn rule(line: &str) -> Result<Option<Rule>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if line.contains("**") {
        return Err("double-star (**) syntax is not supported".to_owned());
    }
    let broken = || format!("`{line}` is no pattern");
    let (negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (only_folders, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
    let whole_path = rest.contains('/');
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    Ok(Some(Rule { negated, only_folders, whole_path, matcher: glob::path(rest).ok_or_else(broken)? }))
}

/// Whether the file or one of the folders that it is in is ignored.
fn is_ignored(rules: &[Rule], path: &str) -> bool {
    let folders = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
    folders.into_iter().any(|folder| hits(rules, folder, Entry::Folder)) || hits(rules, path, Entry::File)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Folder,
    File,
}

fn hits(rules: &[Rule], path: &str, entry: Entry) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    rules.iter().any(|rule| {
        let fits = rule.matcher.is_match(if rule.whole_path { path } else { name });
        // Helm ignores what a negated rule does not match.
        if rule.negated {
            return !fits || rule.only_folders && entry == Entry::File;
        }
        fits && !(rule.only_folders && entry == Entry::File)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_names_paths_and_folders() {
        let file = |path: &str| File { path: path.to_owned(), data: Vec::new() };
        let rules = File { path: ".helmignore".to_owned(), data: b"*.bak\n# c\n/only.txt\nci/\ndocs/*.md\n".to_vec() };
        let files = vec![
            rules,
            file("Chart.yaml"),
            file("a/b.bak"),
            file("only.txt"),
            file("sub/only.txt"),
            file("ci/values.yaml"),
            file("docs/a.md"),
            file("docs/a.txt"),
            file("templates/.hidden.yaml"),
        ];
        let kept: Vec<String> = apply(files, &Limits::default()).unwrap().0.into_iter().map(|file| file.path).collect();
        assert_eq!(kept, [".helmignore", "Chart.yaml", "sub/only.txt", "docs/a.txt"]);
    }
}

//! `.helmignore`.

use globset::{GlobBuilder, GlobMatcher};

use super::File;

/// One line of the file.
struct Rule {
    negated: bool,
    only_folders: bool,
    /// Whether the whole path is compared, not the last name.
    whole_path: bool,
    matcher: GlobMatcher,
}

/// Takes out what `.helmignore` names, and dot files right below `templates/`.
pub(super) fn apply(files: Vec<File>) -> Vec<File> {
    let source = files.iter().find(|file| file.path == ".helmignore");
    let text = source.map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default();
    let rules: Vec<Rule> = text.lines().filter_map(rule).chain(rule("templates/.?*")).collect();
    files.into_iter().filter(|file| !is_ignored(&rules, &file.path)).collect()
}

fn rule(line: &str) -> Option<Rule> {
    let line = line.trim_start_matches('\u{feff}').trim();
    if line.is_empty() || line.starts_with('#') || line.contains("**") {
        return None;
    }
    let (negated, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (only_folders, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
    let whole_path = line.contains('/');
    let line = line.strip_prefix('/').unwrap_or(line);
    let glob = GlobBuilder::new(line).literal_separator(true).backslash_escape(true).build().ok()?;
    Some(Rule { negated, only_folders, whole_path, matcher: glob.compile_matcher() })
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
        let kept: Vec<String> = apply(files).into_iter().map(|file| file.path).collect();
        assert_eq!(kept, [".helmignore", "Chart.yaml", "sub/only.txt", "docs/a.txt"]);
    }
}

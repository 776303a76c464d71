//! `helm template --show-only`.

use crate::manifest::split;

/// The documents of a text of [`crate::template_text`] whose template fits one of the patterns of Go's `filepath.Match`,
/// in the order of the patterns. The error is Helm's: a pattern that fits nothing.
pub fn show_only(text: &str, patterns: &[String]) -> Result<String, String> {
    let documents = split(text);
    let mut shown = String::new();
    for pattern in patterns {
        let fitting = documents.iter().filter(|document| template(document).is_some_and(|path| fits(pattern, path)));
        let before = shown.len();
        fitting.for_each(|document| shown.push_str(&format!("---\n{document}\n")));
        if shown.len() == before {
            return Err(format!("could not find template {pattern} in chart"));
        }
    }
    Ok(shown)
}

/// The path behind the chart's name in the first `# Source:` line.
fn template(document: &str) -> Option<&str> {
    let (_, path) = document.split_once("# Source: ")?;
    let (chart, rest) = path.split_once('/')?;
    let line = rest.split('\n').next().unwrap_or_default();
    (!chart.is_empty() && !line.is_empty()).then_some(line)
}

/// Go's `filepath.Match`; a broken pattern fits nothing.
fn fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let path: Vec<char> = path.chars().collect();
    // What is left of both after the last star, and how much that star has taken: only the last one is ever tried again,
    // because a star takes no `/`.
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(at) {
            None if from == path.len() => return true,
            None => None,
            Some('*') => {
                star = Some((at + 1, from));
                at += 1;
                continue;
            }
            Some('?') => path.get(from).filter(|c| **c != '/').map(|_| at + 1),
            Some('[') => path.get(from).and_then(|c| class(&pattern, at + 1, *c)),
            Some('\\') => pattern.get(at + 1).filter(|c| path.get(from) == Some(*c)).map(|_| at + 2),
            Some(c) => path.get(from).filter(|other| *other == c).map(|_| at + 1),
        };
        match (step, star) {
            (Some(next), _) => (at, from) = (next, from + 1),
            (None, Some((after, taken))) if path.get(taken).is_some_and(|c| *c != '/') => {
                star = Some((after, taken + 1));
                (at, from) = (after, taken + 1);
            }
            (None, _) => return false,
        }
    }
}

/// The place behind a class such as `[^a-z]` that takes a character.
fn class(pattern: &[char], mut at: usize, c: char) -> Option<usize> {
    let negated = pattern.get(at) == Some(&'^');
    at += usize::from(negated);
    let mut found = false;
    let one = |at: usize| match pattern.get(at)? {
        '-' | ']' => None,
        '\\' => Some((*pattern.get(at + 1)?, at + 2)),
        c => Some((*c, at + 1)),
    };
    let start = at;
    while pattern.get(at) != Some(&']') || at == start {
        let (low, next) = one(at)?;
        let (high, next) = if pattern.get(next) == Some(&'-') { one(next + 1)? } else { (low, next) };
        found |= (low..=high).contains(&c);
        at = next;
    }
    (found != negated).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_go() {
        for (pattern, path, fit) in [
            ("templates/*.yaml", "templates/a.yaml", true),
            ("templates/*.yaml", "templates/a/b.yaml", false),
            ("*/*", "templates/a.yaml", true),
            ("templates/[a-c]?.y*l", "templates/bx.yaml", true),
            ("templates/[^a-c].yaml", "templates/b.yaml", false),
            ("templates/\\a.yaml", "templates/a.yaml", true),
            ("templates/[a", "templates/a", false),
            ("templates/[]a]", "templates/a", false),
            ("", "templates/a", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(fits(pattern, path), fit, "{pattern} {path}");
        }
    }

    #[test]
    fn documents_are_shown_in_the_order_of_the_patterns() {
        let text =
            "---\n# Source: c/templates/a.yaml\na: 1\n---\n# Source: c/templates/b.yaml\nb: 1\n---\nno: source\n";
        let patterns = ["templates/b.yaml".to_owned(), "templates/*".to_owned()];
        let (a, b) = ("---\n# Source: c/templates/a.yaml\na: 1\n", "---\n# Source: c/templates/b.yaml\nb: 1\n");
        assert_eq!(show_only(text, &patterns).unwrap(), format!("{b}{a}{b}"));
        let missing = show_only(text, &["templates/c.yaml".to_owned()]);
        assert_eq!(missing.unwrap_err(), "could not find template templates/c.yaml in chart");
    }
}

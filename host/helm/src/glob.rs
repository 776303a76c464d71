//! The two dialects of path patterns that Helm uses, as regular expressions, so that matching takes linear time.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// The widest expression that a pattern may become, in bytes of its program.
const SIZE: usize = 1 << 20;

/// A pattern of `path/filepath.Match`.
pub(crate) enum Path {
    /// Characters, or `None` for any one, with at most one `*`, and those behind it: what nearly all patterns are. To
    /// compile an expression for each would be the most that loading a small chart costs.
    Simple(Vec<Option<char>>, Option<Vec<Option<char>>>),
    Expression(Regex),
}

impl Path {
    /// Whether it fits this path.
    pub(crate) fn is_match(&self, path: &str) -> bool {
        let one = |(wanted, c): (&Option<char>, char)| wanted.map_or(c != '/', |wanted| wanted == c);
        match self {
            Path::Expression(regex) => regex.is_match(path),
            Path::Simple(all, None) => path.chars().count() == all.len() && all.iter().zip(path.chars()).all(one),
            Path::Simple(before, Some(behind)) => {
                let Some(between) = path.chars().count().checked_sub(before.len() + behind.len()) else { return false };
                before.iter().zip(path.chars()).all(one)
                    && path.chars().skip(before.len()).take(between).all(|c| c != '/')
                    && behind.iter().zip(path.chars().skip(before.len() + between)).all(one)
            }
        }
    }
}

/// `path/filepath.Match`: `.helmignore`, `--show-only`. `None` when the pattern is broken.
pub(crate) fn path(pattern: &str) -> Option<Path> {
    if !pattern.contains(['[', '\\']) && pattern.matches('*').count() < 2 {
        let parts = |text: &str| text.chars().map(|c| (c != '?').then_some(c)).collect();
        return Some(match pattern.split_once('*') {
            Some((before, behind)) => Path::Simple(parts(before), Some(parts(behind))),
            None => Path::Simple(parts(pattern), None),
        });
    }
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' => literal(&mut out, chars.next()?),
            '[' => path_class(&mut out, &mut chars)?,
            c => literal(&mut out, c),
        }
    }
    compile(&out).map(Path::Expression)
}

/// A class of `filepath.Match`: ranges and characters, each of which may be escaped; `^` in front turns it around.
fn path_class(out: &mut String, chars: &mut Peekable<Chars<'_>>) -> Option<()> {
    let one = |chars: &mut Peekable<Chars<'_>>| match chars.next()? {
        '\\' => chars.next(),
        '-' | ']' => None,
        c => Some(c),
    };
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let before = out.len();
    loop {
        if out.len() > before && chars.next_if_eq(&']').is_some() {
            break;
        }
        let low = one(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { one(chars)? } else { low };
        range(out, low, high);
    }
    out.push(']');
    Some(())
}

/// `github.com/gobwas/glob` with `/` as separator: `.Files.Glob`. `None` when the pattern is broken.
pub(crate) fn gobwas(pattern: &str) -> Option<Regex> {
    let mut out = String::new();
    let mut open = 0_usize;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => out.push_str(".*"),
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => gobwas_class(&mut out, &mut chars)?,
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            ',' if open > 0 => out.push('|'),
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            // An escape at the very end stands for nothing.
            '\\' => chars.next().into_iter().for_each(|c| literal(&mut out, c)),
            c => literal(&mut out, c),
        }
    }
    // The library takes an alternative that is not closed for one that ends with the pattern.
    out.extend(std::iter::repeat_n(')', open));
    compile(&out)
}

/// A class of that library: one range or a list of characters, and `!` in front turns it around.
fn gobwas_class(out: &mut String, chars: &mut Peekable<Chars<'_>>) -> Option<()> {
    out.push('[');
    if chars.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let first = chars.next()?;
    if chars.next_if_eq(&'-').is_some() {
        let last = chars.next()?;
        chars.next_if_eq(&']')?;
        if last < first {
            return None;
        }
        range(out, first, last);
    } else {
        let mut next = Some(first);
        let before = out.len();
        while let Some(c) = next {
            match c {
                ']' => break,
                '\\' => range_of(out, chars.next()?),
                c => range_of(out, c),
            }
            next = Some(chars.next()?);
        }
        if out.len() == before {
            return None;
        }
    }
    out.push(']');
    Some(())
}

fn range_of(out: &mut String, c: char) {
    range(out, c, c);
}

/// A range of characters inside a class; one that is upside down holds nothing.
fn range(out: &mut String, low: char, high: char) {
    if low <= high {
        out.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high)));
    } else {
        out.push_str("[a&&b]");
    }
}

fn literal(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{pattern})$")).dot_matches_new_line(true).size_limit(SIZE).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_filepath_match_does() {
        let fits = |pattern: &str, text: &str| path(pattern).map(|regex| regex.is_match(text));
        assert_eq!(fits("*.yaml", "a.yaml"), Some(true));
        assert_eq!(fits("*.yaml", "d/a.yaml"), Some(false));
        assert_eq!(fits("a{b,c}", "a{b,c}"), Some(true));
        assert_eq!(fits("[!a]", "b"), Some(false));
        assert_eq!(fits("[^a-c]", "d"), Some(true));
        assert_eq!(fits("\\*", "*"), Some(true));
        assert_eq!(fits("[]a]", "a"), None);
        assert_eq!(fits("[a", "a"), None);
        assert_eq!(fits("a\\", "a"), None);
        assert_eq!(fits("?", "é"), Some(true));
        assert_eq!(fits("templates/[a-c]?.y*l", "templates/bx.yaml"), Some(true));
        assert_eq!(fits("templates/[^a-c].yaml", "templates/b.yaml"), Some(false));
        assert_eq!(fits("templates/\\a.yaml", "templates/a.yaml"), Some(true));
        assert_eq!(fits("", "templates/a"), Some(false));
        assert_eq!(fits("templates/.?*", "templates/.x"), Some(true));
        assert_eq!(fits("templates/.?*", "templates/."), Some(false));
        assert_eq!(fits("templates/.?*", "templates/.x/y"), Some(false));
        assert_eq!(fits("ab*ba", "aba"), Some(false));
        assert_eq!(fits("ab*ba", "abba"), Some(true));
        assert_eq!(fits("a*b*c", "aXbYbZc"), Some(true));
        assert_eq!(fits("a*b*c", "aXbYbZ"), Some(false));
    }

    #[test]
    fn matches_as_the_glob_library_of_files_does() {
        let fits = |pattern: &str, text: &str| gobwas(pattern).map(|regex| regex.is_match(text));
        assert_eq!(fits("**.yaml", "a/b.yaml"), Some(true));
        assert_eq!(fits("**/x", "x"), Some(false));
        assert_eq!(fits("a/**", "a/b/c"), Some(true));
        assert_eq!(fits("*.{txt,bin}", "a.bin"), Some(true));
        assert_eq!(fits("[!a]x", "bx"), Some(true));
        assert_eq!(fits("[a-zA-Z]", "b"), None);
        assert_eq!(fits("[ab]", "b"), Some(true));
        assert_eq!(fits("a?c", "a/c"), Some(false));
    }
}

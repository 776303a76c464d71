//! Ranges as Masterminds/semver 3.1.1 reads and checks them (`NewConstraint`, `Constraints.Check`), its quirks included:
//! a pre-release passes only a term that has one itself, `^0.0.3` takes every `0.x.3`, `~0.0.0` takes everything.

use std::cmp::Ordering;

use rhumb_guest_sdk::version::{Version, digits, is_identifier};

/// Alternatives, each a list of terms that must all hold.
#[derive(Debug)]
pub(crate) struct Range {
    alternatives: Vec<Vec<Term>>,
}

#[derive(Debug)]
struct Term {
    operator: Operator,
    numbers: [u64; 3],
    pre: String,
    /// From where on numbers were left out or written as `x`: 0 for all of them, 3 for none.
    given: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// Nothing or `=`.
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterEqual),
    ("=>", Operator::GreaterEqual),
    ("<=", Operator::LessEqual),
    ("=<", Operator::LessEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

impl Range {
    /// Reads a range, or says which part is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let alternatives = text.split("||").map(alternative).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }

    /// Whether a version is in the range.
    pub(crate) fn contains(&self, version: &Version<'_>) -> bool {
        self.alternatives.iter().any(|terms| terms.iter().all(|term| term.admits(version)))
    }
}

/// Terms that are joined by commas, spaces or nothing; `a - b` is `>=a, <=b`.
fn alternative(text: &str) -> Result<Vec<Term>, String> {
    let wrong = || format!("`{}` is not a range of versions", text.trim());
    let mut rest = trim(text);
    let mut terms = Vec::new();
    while !rest.is_empty() || terms.is_empty() {
        let (written, after) = OPERATORS
            .iter()
            .find_map(|(sign, operator)| rest.strip_prefix(sign).map(|after| (Some(*operator), trim(after))))
            .unwrap_or((None, rest));
        let (term, after) = Term::read(written.unwrap_or(Operator::Equal), after).ok_or_else(wrong)?;
        rest = after;
        terms.push(term);
        let spaced = trim(rest);
        if let (None, Some(upper)) = (written, spaced.strip_prefix('-'))
            && spaced.len() < rest.len()
            && trim(upper).len() < upper.len()
        {
            let (upper, after) = Term::read(Operator::LessEqual, trim(upper)).ok_or_else(wrong)?;
            if let Some(lower) = terms.last_mut() {
                lower.operator = Operator::GreaterEqual;
            }
            terms.push(upper);
            rest = after;
        }
        let spaced = trim(rest);
        rest = trim(spaced.strip_prefix(',').unwrap_or(spaced));
    }
    Ok(terms)
}

/// Go's `\s` at the start.
fn trim(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c'])
}

impl Term {
    /// Reads a version whose numbers may be left out or be `x`, `X` or `*`, and gives the text after it.
    fn read(operator: Operator, text: &str) -> Option<(Self, &str)> {
        let mut rest = text.strip_prefix('v').unwrap_or(text);
        let mut parts: [Option<&str>; 3] = [None; 3];
        for (at, part) in parts.iter_mut().enumerate() {
            let start = if at == 0 { Some(rest) } else { rest.strip_prefix('.') };
            let Some(start) = start else { break };
            let end = start.find(|c: char| !matches!(c, '0'..='9' | 'x' | 'X' | '*')).unwrap_or(start.len());
            if end == 0 {
                if at == 0 {
                    return None;
                }
                break;
            }
            let (number, after) = start.split_at(end);
            *part = Some(number);
            rest = after;
        }
        let (pre, after) = suffix(rest, '-');
        let (_, after) = suffix(after, '+');
        let is_given = |part: &Option<&str>| part.is_some_and(|part| !matches!(part, "x" | "X" | "*"));
        let given = parts.iter().take_while(|part| is_given(part)).count();
        let mut numbers = [0; 3];
        for (number, part) in numbers.iter_mut().zip(parts.into_iter().flatten().take(given)) {
            *number = digits(part)?;
        }
        // `*-0` stands for 0.0.0 without the pre-release.
        let pre = if given == 0 { "" } else { pre };
        let leading_zero =
            |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
        if pre.split('.').any(leading_zero) {
            return None;
        }
        Some((Self { operator, numbers, pre: pre.to_owned(), given }, after))
    }

    fn admits(&self, version: &Version<'_>) -> bool {
        let term = Version { numbers: self.numbers, pre: &self.pre };
        let order = version.compare(&term);
        let dirty = self.given < 3;
        if self.operator == Operator::NotEqual && !dirty {
            return order != Ordering::Equal;
        }
        if !version.pre.is_empty() && self.pre.is_empty() {
            return false;
        }
        let ([major, minor, patch], [v_major, v_minor, v_patch]) = (self.numbers, version.numbers);
        // What the library calls minorDirty and patchDirty: which number is the first that was left out.
        let (minor_open, patch_open) = (self.given == 1, self.given == 2);
        match self.operator {
            Operator::NotEqual => {
                v_major != major || (!minor_open && (v_minor != minor || (!patch_open && v_patch != patch)))
            }
            Operator::Greater if !dirty => order == Ordering::Greater,
            Operator::Greater if v_major != major => v_major > major,
            Operator::Greater if minor_open => false,
            Operator::Greater if patch_open => v_minor > minor,
            Operator::Greater => order == Ordering::Greater,
            Operator::Less => order == Ordering::Less,
            Operator::GreaterEqual => order != Ordering::Less,
            Operator::LessEqual if !dirty => order != Ordering::Greater,
            Operator::LessEqual => v_major < major || (v_major == major && (v_minor <= minor || minor_open)),
            Operator::Equal if !dirty => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => {
                let everything = self.numbers == [0; 3] && !minor_open && !patch_open;
                order != Ordering::Less && (everything || (v_major == major && (v_minor == minor || minor_open)))
            }
            Operator::Caret if order == Ordering::Less => false,
            Operator::Caret if major > 0 || minor_open => v_major == major,
            Operator::Caret if v_major > 0 => false,
            Operator::Caret if minor > 0 || patch_open => v_minor == minor,
            Operator::Caret => v_patch == patch,
        }
    }
}

/// Dot-separated identifiers after this sign, as far as they go, and the rest.
fn suffix(text: &str, sign: char) -> (&str, &str) {
    let Some(inner) = text.strip_prefix(sign) else { return ("", text) };
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.')).unwrap_or(inner.len());
    let mut found = inner.get(..end).unwrap_or_default();
    // What is no identifier is left where it is, and refused there.
    while !found.is_empty() && !found.split('.').all(is_identifier) {
        found = found.get(..found.len() - 1).unwrap_or_default();
    }
    if found.is_empty() { ("", text) } else { (found, inner.get(found.len()..).unwrap_or_default()) }
}

//! What is known to differ, with its reasons.

use regex::Regex;

/// Lines of expressions that the story of a shortened case matches: how it ends, its template, values and both answers, as
/// they are printed. The reason stands above each.
const LIST: &str = include_str!("../../tests/fuzz/accepted.txt");

/// The list, compiled.
pub(crate) struct Accepted(Vec<Regex>);

impl Accepted {
    pub(crate) fn read() -> Result<Self, String> {
        let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
        let compiled = lines.map(|line| Regex::new(line).map_err(|error| format!("accepted.txt: `{line}`: {error}")));
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    pub(crate) fn holds(&self, story: &str) -> bool {
        self.0.iter().any(|line| line.is_match(story))
    }
}

//! What is known to differ, with its reasons.

use regex::Regex;

use crate::grammar::Case;

/// Lines of expressions that a shortened template matches, below the reason of each group.
const LIST: &str = include_str!("../../tests/fuzz/accepted.txt");

/// The list, compiled.
pub(crate) struct Accepted(Vec<Regex>);

impl Accepted {
    pub(crate) fn read() -> Result<Self, String> {
        let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
        let compiled = lines.map(|line| Regex::new(line).map_err(|error| format!("accepted.txt: `{line}`: {error}")));
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    pub(crate) fn holds(&self, case: &Case) -> bool {
        self.0.iter().any(|line| line.is_match(&case.template))
    }
}

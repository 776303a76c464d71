//! Prints an error with its causes on one line, as logs, conditions and the CLI show it.

use std::error::Error;
use std::fmt::Write as _;

/// Longest text that a condition or an event carries.
pub const CONDITION_LIMIT: usize = 1024;

/// `error`, then each of its sources, joined by `: `.
///
/// Errors of ours never print their own source, so nothing is said twice.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Some libraries repeat their source in their own text; once is enough.
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// `text` cut to at most `limit` bytes at a character boundary, with an ellipsis where it was cut.
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub('…'.len_utf8());
    while end > 0 && !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to push")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn joins_causes_once() {
        let error = Outer(std::io::Error::other("connection refused"));
        assert_eq!(chain(&error), "failed to push: connection refused");
    }

    #[test]
    fn cuts_at_a_character_boundary() {
        assert_eq!(cut("aäöü", 6), "aä…");
        assert_eq!(cut("short", 6), "short");
    }
}

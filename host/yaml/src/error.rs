//! Why a text could not be read.

/// A problem at a place in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Error {
    /// Counted from 1.
    pub line: usize,
    /// Characters, counted from 1.
    pub column: usize,
    /// A lower-case fragment that names the problem; it never holds a value of the text.
    pub message: String,
}

impl Error {
    /// A problem at the first column of a line.
    pub(crate) fn at_line(line: usize, message: impl Into<String>) -> Self {
        Self { line, column: 1, message: message.into() }
    }
}

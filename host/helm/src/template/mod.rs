//! Go's `text/template`, as Helm uses it: lexer, parser and evaluator.

mod access;
mod exec;
mod lex;
pub(crate) mod literal;
mod node;
mod parse;
mod set;
mod tokens;

use std::borrow::Cow;

use crate::error::Included;
use crate::limits;
use crate::value::Text;

pub(crate) use access::field;
pub(crate) use exec::{Engine, Exec};
pub(crate) use node::{Expr, Parsed};
pub(crate) use parse::parse;
pub(crate) use set::{Template, TemplateSet};

/// Why a template could not be parsed or executed, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) message: String,
    /// The file, or the name of the template inside a file.
    pub(crate) file: Option<Text>,
    pub(crate) line: usize,
    /// The function that failed or is unknown.
    pub(crate) function: Option<String>,
    /// Templates included on the way, innermost first. A line of nought is not known yet.
    pub(crate) chain: Vec<Included>,
    /// What the user may do about it.
    pub(crate) hint: Option<&'static str>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Box<Self> {
        Box::new(Self { message: message.into(), ..Self::default() })
    }

    /// A bound of [`crate::Limits`] is passed; `what` is such as `templates take more steps`.
    pub(crate) fn limit(what: &str, name: &str, most: impl std::fmt::Display) -> Box<Self> {
        Self::new(format!("{what} {}", limits::than(name, most)))
            .hint("charts need far less: look for a loop in the template, or for values that make it large")
    }

    /// Adds where it happened, unless a place further inside is known; then it is where that was included.
    pub(crate) fn at(mut self: Box<Self>, file: &Text, line: usize) -> Box<Self> {
        if self.file.is_none() {
            self.file = Some(file.clone());
            self.line = line;
        } else if let Some(included) = self.chain.last_mut().filter(|included| included.line == 0) {
            included.line = line;
        }
        self
    }

    /// Adds that it happened in a template of this name, which the file includes on a line that is not known yet.
    pub(crate) fn included(mut self: Box<Self>, name: &str, file: &str) -> Box<Self> {
        self.chain.push(Included { name: name.to_owned(), file: file.to_owned(), line: 0 });
        self
    }

    /// Adds what the user may do about it.
    pub(crate) fn hint(mut self: Box<Self>, hint: &'static str) -> Box<Self> {
        self.hint = Some(hint);
        self
    }

    /// Adds the file to a failure that knows its line.
    pub(crate) fn in_file(self: Box<Self>, file: &Text) -> Box<Self> {
        let line = self.line;
        self.at(file, line)
    }

    /// Adds which function it was, unless one further inside is known.
    pub(crate) fn in_function(mut self: Box<Self>, name: &str) -> Box<Self> {
        if self.file.is_none() && self.function.is_none() {
            self.function = Some(name.to_owned());
        }
        self
    }
}

impl From<String> for Box<Failure> {
    fn from(message: String) -> Self {
        Failure::new(message)
    }
}

/// The text without what a template prints for a value that is not there.
pub(crate) fn without_missing(text: &str) -> Cow<'_, str> {
    const MISSING: &str = "<no value>";
    let found = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with(MISSING));
    // Looking for one character is much quicker than for a text, and few texts have it.
    if text.match_indices('<').any(|(at, _)| found(&at)) {
        Cow::Owned(text.replace(MISSING, ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// What parsing and executing give.
pub(crate) type Outcome<T> = Result<T, Box<Failure>>;

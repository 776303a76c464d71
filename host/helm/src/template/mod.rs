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

use crate::limits;
use crate::value::Text;

pub(crate) use access::field;
pub(crate) use exec::{Engine, Exec};
pub(crate) use node::Parsed;
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
    /// Templates included on the way, outermost first.
    pub(crate) chain: Vec<Text>,
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
    }

    /// Adds where it happened, unless a place further inside is known.
    pub(crate) fn at(mut self: Box<Self>, file: &Text, line: usize) -> Box<Self> {
        if self.file.is_none() {
            self.file = Some(file.clone());
            self.line = line;
        }
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

//! The parsed form of a template: a few tables, and runs in them.
//!
//! A source is parsed for each chart that is loaded, and most of it is never executed. So nothing of it is copied and
//! nearly nothing is allocated: names and texts are spans of the source, lists are spans of one table for all of their
//! kind.
//!
//! It holds nothing of a rendering, so that threads can share it and a chart can keep it.

use std::ops::Range;

use crate::functions::Function;
use crate::value::{Text, Value};

/// What one source defines.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(super) source: Text,
    /// In the order of the source; the body is the last.
    pub(crate) definitions: Vec<Definition>,
    /// How deep its blocks and parentheses nest.
    pub(crate) nesting: usize,
    pub(super) nodes: Vec<Node>,
    pub(super) commands: Vec<Span<Expr>>,
    pub(super) operands: Vec<Expr>,
    pub(super) names: Vec<Span<u8>>,
}

/// One `define`, or the body of a source.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// `None` is the body, which has the name that the source has where it is used.
    pub(crate) name: Option<Text>,
    pub(crate) body: Span<Node>,
    /// Whether there is nothing in it but blanks and comments.
    pub(crate) blank: bool,
}

/// A run in the table of what it holds; of bytes that is the source.
#[derive(Debug)]
pub(crate) struct Span<T> {
    start: u32,
    end: u32,
    of: std::marker::PhantomData<fn() -> T>,
}

/// One statement.
#[derive(Debug)]
pub(crate) enum Node {
    Text(Span<u8>),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { name: Text, data: Option<Pipe>, at: u32 },
    Break,
    Continue,
}

/// `if`, `with` or `range` with its two bodies; `else if` is an `if` in the second.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) then: Span<Node>,
    pub(crate) otherwise: Span<Node>,
}

/// Commands whose results go from one to the next, and the variables that take the last one's.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// The byte of the source that it begins with.
    pub(crate) at: u32,
    /// One or two, with their `$`, or none.
    pub(crate) variables: Span<Span<u8>>,
    pub(crate) binding: Binding,
    pub(crate) commands: Span<Span<Expr>>,
}

/// Whether variables are made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// One operand.
#[derive(Debug)]
pub(crate) enum Expr {
    Dot,
    Nil,
    Constant(Constant),
    /// `.a.b`
    Field(Span<Span<u8>>),
    /// `$x.a.b`
    Variable(Span<u8>, Span<Span<u8>>),
    Function(Span<u8>, Callee),
    /// `(…).a.b`
    Chain(Box<Expr>, Span<Span<u8>>),
    Pipe(Pipe),
}

/// What a call runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Callee {
    /// Stops at the first operand that is false.
    And,
    /// Stops at the first operand that is true.
    Or,
    Native(Function),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text),
}

impl Parsed {
    pub(super) fn text(&self, span: Span<u8>) -> &str {
        self.source.get(span.range()).unwrap_or_default()
    }

    pub(super) fn nodes(&self, span: Span<Node>) -> &[Node] {
        self.nodes.get(span.range()).unwrap_or_default()
    }

    pub(super) fn commands(&self, span: Span<Span<Expr>>) -> &[Span<Expr>] {
        self.commands.get(span.range()).unwrap_or_default()
    }

    pub(super) fn operands(&self, span: Span<Expr>) -> &[Expr] {
        self.operands.get(span.range()).unwrap_or_default()
    }

    pub(super) fn names(&self, span: Span<Span<u8>>) -> &[Span<u8>] {
        self.names.get(span.range()).unwrap_or_default()
    }

    /// The line of a byte of the source.
    pub(super) fn line(&self, at: u32) -> usize {
        super::lex::line(&self.source, at)
    }
}

impl<T> Span<T> {
    /// None of a template's tables has as many entries as its source has bytes, and longer ones are refused.
    pub(super) fn new(range: Range<usize>) -> Self {
        let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: index(range.start), end: index(range.end), of: std::marker::PhantomData }
    }

    pub(super) fn is_empty(self) -> bool {
        self.start >= self.end
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

// Derived, these would ask the same of what the table holds.
impl<T> Clone for Span<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Span<T> {}

impl From<&Constant> for Value {
    fn from(constant: &Constant) -> Self {
        match constant {
            Constant::Bool(bool) => Value::Bool(*bool),
            Constant::Int(int) => Value::Int(*int),
            Constant::Float(float) => Value::Float(*float),
            Constant::Text(text) => Value::Text(Text::clone(text)),
        }
    }
}

//! The parsed form of a template.
//!
//! It holds nothing of a rendering, so that threads can share it and a chart can keep it.

use std::sync::Arc;

use crate::functions::Function;
use crate::value::{Text, Value};

/// What one source defines, in its order.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    /// The body is the last.
    pub(crate) definitions: Vec<Definition>,
    /// How deep its blocks and parentheses nest.
    pub(crate) nesting: usize,
}

/// One `define`, or the body of a source.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// `None` is the body, which has the name that the source has where it is used.
    pub(crate) name: Option<Text>,
    pub(crate) body: Arc<[Node]>,
    /// Whether there is nothing in it but blanks and comments.
    pub(crate) blank: bool,
}

/// One statement.
#[derive(Debug)]
pub(crate) enum Node {
    Text(Box<str>),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { name: Text, data: Option<Pipe>, line: usize },
    Break,
    Continue,
}

/// `if`, `with` or `range` with its two bodies; `else if` is an `if` in the second.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) then: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

/// Commands whose results go from one to the next, and the variables that take the last one's.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) line: usize,
    pub(crate) variables: Vec<Text>,
    pub(crate) binding: Binding,
    pub(crate) commands: Vec<Vec<Expr>>,
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
    Field(Vec<Text>),
    /// `$x.a.b`
    Variable(Text, Vec<Text>),
    Function(Text, Callee),
    /// `(…).a.b`
    Chain(Box<Expr>, Vec<Text>),
    Pipe(Box<Pipe>),
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

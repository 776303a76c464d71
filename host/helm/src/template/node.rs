//! The parsed form of a template.

use std::rc::Rc;

use crate::value::Value;

/// One `define`, or the body of a file.
#[derive(Debug)]
pub(crate) struct Template {
    /// The file it stands in, for errors.
    pub(crate) file: Rc<str>,
    pub(crate) body: Vec<Node>,
}

/// One statement.
#[derive(Debug)]
pub(crate) enum Node {
    Text(Rc<str>),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { name: Rc<str>, data: Option<Pipe>, line: usize },
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
    pub(crate) variables: Vec<Rc<str>>,
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
    /// A literal.
    Value(Value),
    /// `.a.b`
    Field(Vec<Rc<str>>),
    /// `$x.a.b`
    Variable(Rc<str>, Vec<Rc<str>>),
    Function(Rc<str>),
    /// `(…).a.b`
    Chain(Box<Expr>, Vec<Rc<str>>),
    Pipe(Box<Pipe>),
}

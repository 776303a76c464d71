//! The arguments of one call, with Go's rules about their types.

use std::rc::Rc;

use crate::template::{Exec, Expr, Failure, Outcome};
use crate::value::{Entries, MapOf, Shared, Text, Value};

/// One call of a function.
pub(crate) struct Call<'e, 'a> {
    pub(crate) args: Vec<Value>,
    /// The arguments as they are written; the last may be that of a pipe, which is not among them.
    pub(crate) operands: &'e [Expr],
    pub(crate) exec: &'e mut Exec<'a>,
    /// Which arguments are nil as a field that is there or missing: to Go that nil has a type, and is no map.
    pub(crate) typed_nils: u64,
}

impl Call<'_, '_> {
    /// Fails unless there are this many arguments.
    pub(crate) fn exactly(&self, want: usize) -> Outcome<()> {
        let got = self.args.len();
        if got == want { Ok(()) } else { Err(Failure::new(format!("wrong number of args: want {want} got {got}"))) }
    }

    /// Fails unless there are at least this many arguments.
    pub(crate) fn at_least(&self, want: usize) -> Outcome<()> {
        let got = self.args.len();
        let wrong = || Failure::new(format!("wrong number of args: want at least {want} got {got}"));
        if got >= want { Ok(()) } else { Err(wrong()) }
    }

    /// An argument of any type.
    pub(crate) fn any(&self, at: usize) -> Outcome<Value> {
        let missing =
            || Failure::new(format!("wrong number of args: want at least {} got {}", at + 1, self.args.len()));
        self.args.get(at).cloned().ok_or_else(missing)
    }

    /// A `string`; other types are refused, as Go does.
    pub(crate) fn text(&self, at: usize) -> Outcome<Text> {
        match self.any(at)? {
            Value::Text(text) => Ok(text),
            other => Err(wrong_type("string", &other)),
        }
    }

    /// An `int`; a float of a document is refused, as Go does.
    pub(crate) fn int(&self, at: usize) -> Outcome<i64> {
        match self.any(at)? {
            Value::Int(int) => Ok(int),
            // A number in the template is of the type that is wanted, if it can be.
            Value::Float(float) if self.is_literal(at) => {
                to_whole(float).ok_or_else(|| Failure::new(format!("expected integer; found {float}")))
            }
            other => Err(wrong_type("int", &other)),
        }
    }

    /// Whether an argument is a number, text or truth value as it stands in the template.
    pub(super) fn is_literal(&self, at: usize) -> bool {
        matches!(self.operands.get(at), Some(Expr::Constant(_)))
    }

    /// A `bool`.
    pub(crate) fn bool(&self, at: usize) -> Outcome<bool> {
        match self.any(at)? {
            Value::Bool(bool) => Ok(bool),
            other => Err(wrong_type("bool", &other)),
        }
    }

    /// A map that is shared with whoever else holds it; nil is an empty one.
    pub(crate) fn map(&self, at: usize) -> Outcome<Rc<Shared>> {
        match self.any(at)? {
            Value::Map(map) if map.1 != MapOf::Texts => Ok(map),
            Value::Values(map) => Ok(map),
            Value::Nil if at < 64 && self.typed_nils >> at & 1 == 1 => {
                Err(Failure::new("wrong type for value; expected map[string]interface {}; got interface {}"))
            }
            Value::Nil => Ok(Rc::default()),
            Value::Files(files) => {
                let entries = files.iter().map(|(path, data)| (path.into(), Value::bytes(data)));
                Ok(Rc::new(entries.collect::<Entries>().into()))
            }
            other => Err(wrong_type("map[string]interface {}", &other)),
        }
    }

    /// The items of a list; `verb` is what the function does, for its error.
    pub(crate) fn list(&self, at: usize, verb: &str) -> Outcome<Vec<Value>> {
        let value = self.any(at)?;
        let items = value.items().ok_or_else(|| Failure::new(format!("Cannot {verb} on type {}", value.kind())))?;
        self.exec.engine.spend(items.len() / 16)?;
        Ok(items)
    }

    /// The limit on output, in bytes.
    pub(crate) fn most(&self) -> usize {
        self.exec.engine.limits.output_bytes
    }

    /// Refuses to make a text over the limit on output.
    pub(crate) fn sized(&self, bytes: usize) -> Outcome<()> {
        self.exec.engine.spend(bytes / 64)?;
        self.exec.engine.check_text(bytes)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "checked")]
fn to_whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() < 9.2e18).then_some(float as i64)
}

pub(super) fn wrong_type(expected: &str, got: &Value) -> Box<Failure> {
    let got = match got {
        Value::Nil => "nil",
        other => other.type_name(),
    };
    Failure::new(format!("wrong type for value; expected {expected}; got {got}"))
}

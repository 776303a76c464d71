//! Writes a JSON value as `sigs.k8s.io/yaml`'s `Marshal` does, byte for byte: sorted keys, lists at the column of their
//! key, text folded at 80 columns.

mod order;
mod style;
mod writer;

use serde_json::{Number, Value};

pub(crate) use style::{Analysis, needs_quotes};
use writer::Writer;
pub(crate) use writer::escape;

use crate::number;
use crate::resolve::{Scalar, resolve};

/// The value as YAML, with a final line break. Keys are sorted in go-yaml's natural order (`a2` before `a10`) and whole
/// numbers are written as integers, whatever they were.
pub fn to_string(value: &Value) -> String {
    let mut writer = Writer::new(Dialect::Two);
    writer.document(value);
    writer.finish()
}

/// The same as go-yaml 3 writes it, which Helm's `toYamlPretty` uses: lists one step in, no folding, and every float as
/// Go's `%g`.
pub fn to_pretty_string(value: &Value) -> String {
    let mut writer = Writer::new(Dialect::Three);
    writer.document(value);
    writer.finish()
}

/// Which go-yaml writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// `gopkg.in/yaml.v2`.
    Two,
    /// `gopkg.in/yaml.v3`.
    Three,
}

/// How a number reads after a way through JSON: as an integer when it has no fraction and fits, else as Go's `%g`.
fn number_text(number: &Number, dialect: Dialect) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    if dialect == Dialect::Three {
        return number::format_float(float);
    }
    match resolve(&number::format_json(float)) {
        Scalar::Int(int) => int.to_string(),
        Scalar::Uint(uint) => uint.to_string(),
        _ => number::format_float(float),
    }
}

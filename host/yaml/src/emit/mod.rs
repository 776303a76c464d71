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
    let mut writer = Writer::default();
    writer.document(value);
    writer.finish()
}

/// How a number reads after a way through JSON: as an integer when it has no fraction and fits, else as Go's `%g`.
fn number_text(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    match resolve(&number::format_json(float)) {
        Scalar::Int(int) => int.to_string(),
        Scalar::Uint(uint) => uint.to_string(),
        _ => number::format_float(float),
    }
}

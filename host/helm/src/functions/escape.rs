//! `html` and `js` of Go's templates.

use std::fmt::Write as _;

use super::{Call, Function};
use crate::template::Outcome;
use crate::value::{Value, is_printable, sprint};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "html" => html,
        "js" => js,
        _ => return None,
    })
}

/// What these functions of Go's own print: like `print`, but nil as an action prints it.
pub(super) fn printed(args: &[Value]) -> String {
    let text = |arg: &Value| if matches!(arg, Value::Nil) { Value::text("<no value>") } else { arg.clone() };
    sprint(&args.iter().map(text).collect::<Vec<_>>())
}

fn html(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let text = printed(&call.args);
    call.sized(text.len().saturating_mul(5))?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    Ok(Value::text(out))
}

fn js(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let text = printed(&call.args);
    call.sized(text.len().saturating_mul(6))?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' => out.push_str("\\u003C"),
            '>' => out.push_str("\\u003E"),
            '&' => out.push_str("\\u0026"),
            '=' => out.push_str("\\u003D"),
            c if c < ' ' || !c.is_ascii() && !is_printable(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Ok(Value::text(out))
}

//! What reaches outside of one value: `include`, `tpl`, `required`, `fail`, `lookup`.

use super::{Call, Function};
use crate::template::{Failure, Outcome, parse, without_missing};
use crate::value::{Entries, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "call" => call_value,
        "fail" => fail,
        "getHostByName" => get_host_by_name,
        "hello" => hello,
        "include" => include,
        "lookup" => lookup,
        "required" => required,
        "tpl" => tpl,
        _ => return None,
    })
}

fn include(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (name, data) = (call.text(0)?, call.any(1)?);
    Ok(Value::text(call.exec.include(&name, data)?))
}

/// Renders a text as a template. What it defines is seen by itself only.
fn tpl(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (source, data) = (call.text(0)?, call.any(1)?);
    if !source.contains("{{") {
        return Ok(Value::text(without_missing(&source)));
    }
    call.exec.engine.spend(source.len() / 16)?;
    let name = format!("tpl of {}", shorten(&source)).into();
    let parsed = parse(&source).map_err(|failure| call.exec.unparsed(&name, failure))?;
    Ok(Value::text(without_missing(&call.exec.tpl(&name, parsed, data)?)))
}

fn shorten(source: &str) -> String {
    let line: String = source.trim().chars().take_while(|c| *c != '\n').take(60).collect();
    if line.len() < source.trim().len() { format!("`{line}…`") } else { format!("`{line}`") }
}

fn required(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (warning, value) = (call.text(0)?, call.any(1)?);
    let missing = matches!(&value, Value::Nil) || matches!(&value, Value::Text(text) if text.is_empty());
    if missing { Err(Failure::new(&*warning)) } else { Ok(value) }
}

fn fail(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Err(Failure::new(&*call.text(0)?))
}

/// Rendering has no cluster to look into, so nothing is found, as in `helm template`.
fn lookup(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(4)?;
    (0..4).try_for_each(|at| call.text(at).map(|_| ()))?;
    Ok(Value::map(Entries::new()))
}

/// Helm looks no names up unless it is asked to.
fn get_host_by_name(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    call.text(0)?;
    Ok(Value::text(""))
}

/// Charts hold no functions as values.
fn call_value(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Err(Failure::new(match call.any(0)? {
        Value::Nil => "call of nil".to_owned(),
        other => format!("non-function of type {}", other.type_name()),
    }))
}

fn hello(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(0)?;
    Ok(Value::text("Hello!"))
}

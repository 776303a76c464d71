//! Lists. None of these changes the list that it is given.

use super::strings::texts;
use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{ListOf, Value, deep_equal, strval, to_int};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "append" | "push" | "mustAppend" | "mustPush" => append,
        "chunk" | "mustChunk" => chunk,
        "compact" | "mustCompact" => compact,
        "concat" => concat,
        "first" | "mustFirst" => first,
        "has" | "mustHas" => has,
        "initial" | "mustInitial" => initial,
        "last" | "mustLast" => last,
        "list" | "tuple" => list,
        "prepend" | "mustPrepend" => prepend,
        "rest" | "mustRest" => rest,
        "reverse" | "mustReverse" => reverse,
        "seq" => seq,
        "slice" | "mustSlice" => slice,
        "sortAlpha" => sort_alpha,
        "uniq" | "mustUniq" => uniq,
        "until" => until,
        "untilStep" => until_step,
        "without" | "mustWithout" => without,
        _ => return None,
    })
}

fn list(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::list(std::mem::take(&mut call.args)))
}

fn append(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let mut items = call.list(0, "push")?;
    items.push(call.any(1)?);
    Ok(Value::list(items))
}

fn prepend(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let mut items = call.list(0, "prepend")?;
    items.insert(0, call.any(1)?);
    Ok(Value::list(items))
}

fn concat(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let mut items = Vec::new();
    for (at, arg) in call.args.iter().enumerate() {
        let wrong = || Failure::new(format!("Cannot concat type {} as list", arg.kind()));
        arg.items().ok_or_else(wrong)?;
        items.append(&mut call.list(at, "concat")?);
    }
    Ok(Value::list_or_nil(items, ListOf::Anything))
}

fn first(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(call.list(0, "find first")?.into_iter().next().unwrap_or(Value::Nil))
}

fn last(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(call.list(0, "find last")?.pop().unwrap_or(Value::Nil))
}

fn rest(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let items = call.list(0, "find rest")?;
    let of = if items.is_empty() { ListOf::NilOfAnything } else { ListOf::Anything };
    Ok(Value::list_of(items.into_iter().skip(1).collect(), of))
}

fn initial(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut items = call.list(0, "find initial")?;
    let of = if items.pop().is_none() { ListOf::NilOfAnything } else { ListOf::Anything };
    Ok(Value::list_of(items, of))
}

fn reverse(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::list(call.list(0, "find reverse")?.into_iter().rev().collect()))
}

fn compact(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::list(call.list(0, "compact")?.into_iter().filter(Value::truth).collect()))
}

fn uniq(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut kept: Vec<Value> = Vec::new();
    for item in call.list(0, "find uniq")? {
        call.exec.engine.spend(kept.len() / 8)?;
        if !kept.iter().any(|known| deep_equal(known, &item)) {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn without(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.at_least(1)?;
    let omitted = call.args.get(1..).unwrap_or_default();
    let items = call.list(0, "find without")?;
    call.exec.engine.spend(items.len().saturating_mul(omitted.len()) / 8)?;
    let kept = items.into_iter().filter(|item| !omitted.iter().any(|omitted| deep_equal(omitted, item)));
    Ok(Value::list(kept.collect()))
}

fn has(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let needle = call.any(0)?;
    if matches!(call.any(1)?, Value::Nil) {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(call.list(1, "find has")?.iter().any(|item| deep_equal(&needle, item))))
}

fn slice(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let value = call.any(0)?;
    let wrong = || Failure::new(format!("list should be type of slice or array but {}", value.kind()));
    let items = value.items().ok_or_else(wrong)?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = call.args.get(1).map_or(0, to_int);
    let end = call.args.get(2).map_or_else(|| i64::try_from(items.len()).unwrap_or(i64::MAX), to_int);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = range.and_then(|(start, end)| items.get(start..end));
    Ok(Value::list(part.ok_or_else(|| Failure::new("reflect.Value.Slice: slice index out of bounds"))?.to_vec()))
}

fn chunk(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (size, items) = (call.int(0)?, call.list(1, "chunk")?);
    let impossible = || Failure::new("reflect.MakeSlice: len out of range");
    let chunks = match usize::try_from(size) {
        Ok(0) => return Err(impossible()),
        Ok(size) => items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect(),
        // Sprig counts the parts by dividing: none, or one of a single item.
        Err(_) if items.len() > 1 && (items.len() - 1) as u64 <= size.unsigned_abs() => Vec::new(),
        Err(_) if items.len() == 1 && size < -1 => vec![Value::list(items)],
        Err(_) => return Err(impossible()),
    };
    Ok(Value::list_of(chunks, ListOf::Lists))
}

fn sort_alpha(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut items = match call.any(0)? {
        nil @ Value::Nil => vec![strval(&nil)],
        value => texts(&value),
    };
    items.sort();
    Ok(Value::texts(items))
}

fn until(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let count = call.int(0)?;
    steps(call, 0, count, if count < 0 { -1 } else { 1 })
}

fn until_step(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (start, stop, step) = (call.int(0)?, call.int(1)?, call.int(2)?);
    steps(call, start, stop, step)
}

fn steps(call: &Call<'_, '_>, start: i64, stop: i64, step: i64) -> Outcome<Value> {
    let mut items = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        call.exec.engine.spend(1)?;
        items.push(Value::Int(at));
        at = at.saturating_add(step);
    }
    Ok(Value::list_of(items, ListOf::Ints))
}

/// The numbers of `seq`, as in the shell, with blanks between them.
fn seq(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let params = (0..call.args.len()).map(|at| call.int(at)).collect::<Outcome<Vec<_>>>()?;
    let (start, step, end) = match params.as_slice() {
        [end] => (1, if *end < 1 { -1 } else { 1 }, *end),
        [start, end] => (*start, if end < start { -1 } else { 1 }, *end),
        [start, step, end] if !(end < start && *step > 0) => (*start, *step, *end),
        _ => return Ok(Value::text("")),
    };
    let beyond = end.saturating_add(if end < start { -1 } else { 1 });
    Ok(Value::text(texts(&steps(call, start, beyond, step)?).join(" ")))
}

//! Text: `quote`, `indent`, `trunc`, `printf` and their like.

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{
    Entries, MapOf, Text, Value, characters, display, from_bytes, go_quote, letter, sprint, sprintf, strval, to_bytes,
};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "abbrev" => abbrev,
        "abbrevboth" => abbrev_both,
        "cat" => cat,
        "contains" => contains,
        "hasPrefix" => has_prefix,
        "hasSuffix" => has_suffix,
        "indent" => indent,
        "join" => join,
        "lower" => lower,
        "nindent" => nindent,
        "plural" => plural,
        "print" => print,
        "printf" => printf,
        "println" => println,
        "quote" => quote,
        "repeat" => repeat,
        "replace" => replace,
        "split" => split,
        "splitList" => split_list,
        "splitn" => splitn,
        "squote" => squote,
        "substr" => substr,
        "swapcase" => swapcase,
        "title" => title,
        "toString" => to_string,
        "toStrings" => to_strings,
        "trim" => trim,
        "trimAll" | "trimall" => trim_all,
        "trimPrefix" => trim_prefix,
        "trimSuffix" => trim_suffix,
        "trunc" => trunc,
        "untitle" => untitle,
        "upper" => upper,
        _ => return None,
    })
}

fn quote(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let quoted = call.args.iter().filter(|arg| !matches!(arg, Value::Nil)).map(|arg| go_quote(&strval(arg)));
    Ok(Value::text(quoted.collect::<Vec<_>>().join(" ")))
}

fn squote(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let quoted = call.args.iter().filter(|arg| !matches!(arg, Value::Nil)).map(|arg| format!("'{}'", display(arg)));
    Ok(Value::text(quoted.collect::<Vec<_>>().join(" ")))
}

fn cat(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let words = call.args.iter().filter(|arg| !matches!(arg, Value::Nil)).map(display);
    Ok(Value::text(words.collect::<Vec<_>>().join(" ")))
}

fn indented(call: &Call<'_, '_>) -> Outcome<String> {
    call.exactly(2)?;
    let (spaces, text) = (call.int(0)?, call.text(1)?);
    let spaces = usize::try_from(spaces).map_err(|_| Failure::new("strings: negative Repeat count"))?;
    let lines = 1 + text.matches('\n').count();
    call.sized(text.len().saturating_add(lines.saturating_mul(spaces)))?;
    let pad = " ".repeat(spaces);
    Ok(format!("{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

fn indent(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::text(indented(call)?))
}

fn nindent(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::text(format!("\n{}", indented(call)?)))
}

fn print(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::text(sprint(&call.args)))
}

fn println(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::text(call.args.iter().map(display).collect::<Vec<_>>().join(" ") + "\n"))
}

fn printf(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let format = call.text(0)?;
    let text = sprintf(&format, call.args.get(1..).unwrap_or_default(), call.most())?;
    call.sized(text.len())?;
    Ok(Value::text(text))
}

fn trim(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(call.text(0)?.trim()))
}

fn trim_all(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (cut, text) = (call.text(0)?, call.text(1)?);
    Ok(Value::text(text.trim_matches(|c| cut.contains(c))))
}

fn trim_prefix(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (prefix, text) = (call.text(0)?, call.text(1)?);
    Ok(Value::text(text.strip_prefix(&*prefix).unwrap_or(&text)))
}

fn trim_suffix(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (suffix, text) = (call.text(0)?, call.text(1)?);
    Ok(Value::text(text.strip_suffix(&*suffix).unwrap_or(&text)))
}

fn upper(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(characters(&call.text(0)?).map(letter::upper).collect::<String>()))
}

fn lower(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(characters(&call.text(0)?).map(letter::lower).collect::<String>()))
}

/// `strings.Title`: upper case for each letter that follows no letter, digit or `_`.
fn title(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut previous = ' ';
    let letter = |c: char| {
        let before = std::mem::replace(&mut previous, c);
        let part_of_word =
            if before.is_ascii() { before.is_ascii_alphanumeric() || before == '_' } else { !before.is_whitespace() };
        if part_of_word { c } else { letter::title(c) }
    };
    Ok(Value::text(characters(&call.text(0)?).map(letter).collect::<String>()))
}

fn untitle(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut start = true;
    let letter = |c: char| {
        let lowers = start && !c.is_whitespace();
        start = c.is_whitespace();
        if lowers { letter::lower(c) } else { c }
    };
    Ok(Value::text(characters(&call.text(0)?).map(letter).collect::<String>()))
}

fn swapcase(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut after_space = true;
    let swap = |c: char| {
        let starts = std::mem::replace(&mut after_space, false);
        if letter::is_upper(c) || letter::is_title(c) {
            letter::lower(c)
        } else if letter::is_lower(c) {
            if starts { letter::title(c) } else { letter::upper(c) }
        } else {
            after_space = c.is_whitespace();
            c
        }
    };
    Ok(Value::text(characters(&call.text(0)?).map(swap).collect::<String>()))
}

/// Cuts at a byte, as Go does; half a character at the cut becomes the replacement character.
fn trunc(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (count, text) = (call.int(0)?, call.text(1)?);
    let length = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let bytes = to_bytes(&text);
    if length >= bytes.len() {
        return Ok(Value::Text(Text::clone(&text)));
    }
    let cut = if count < 0 { bytes.get(bytes.len() - length..) } else { bytes.get(..length) };
    Ok(Value::Text(from_bytes(cut.unwrap_or_default())))
}

fn substr(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (start, end, text) = (call.int(0)?, call.int(1)?, call.text(2)?);
    let bytes = to_bytes(&text);
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let (from, to) = match (start, end) {
        (..0, end) => (0, end),
        (start, end) if end < 0 || end > length => (start, length),
        (start, end) => (start, end),
    };
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let cut = range.and_then(|(from, to)| bytes.get(from..to));
    let cut = cut.ok_or_else(|| Failure::new("slice bounds out of range"))?;
    Ok(Value::Text(from_bytes(cut)))
}

fn contains(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(call.text(1)?.contains(&*call.text(0)?)))
}

fn has_prefix(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(call.text(1)?.starts_with(&*call.text(0)?)))
}

fn has_suffix(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(call.text(1)?.ends_with(&*call.text(0)?)))
}

fn replace(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (old, new, text) = (call.text(0)?, call.text(1)?, call.text(2)?);
    let found = if old.is_empty() { text.chars().count() + 1 } else { text.matches(&*old).count() };
    call.sized(text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(Value::text(text.replace(&*old, &new)))
}

fn repeat(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (count, text) = (call.int(0)?, call.text(1)?);
    let count = usize::try_from(count).map_err(|_| Failure::new("strings: negative Repeat count"))?;
    call.sized(text.len().saturating_mul(count))?;
    Ok(Value::text(text.repeat(count)))
}

fn plural(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (one, many, count) = (call.text(0)?, call.text(1)?, call.int(2)?);
    Ok(Value::Text(if count == 1 { one } else { many }))
}

/// The items of a list as text, nil left out; anything else is a list of one.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(list) => list.0.iter().filter(|item| !matches!(item, Value::Nil)).map(strval).collect(),
        other => match other.items() {
            Some(items) => items.iter().map(strval).collect(),
            None => vec![strval(other)],
        },
    }
}

fn join(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (separator, items) = (call.text(0)?, texts(&call.any(1)?));
    call.sized(items.iter().map(|item| item.len() + separator.len()).sum())?;
    Ok(Value::text(items.join(&separator)))
}

fn to_strings(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::texts(texts(&call.any(0)?)))
}

fn to_string(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(strval(&call.any(0)?)))
}

/// `strings.Split`, where an empty separator cuts between characters.
fn cut<'t>(text: &'t str, separator: &str, most: Option<usize>) -> Vec<&'t str> {
    if separator.is_empty() {
        let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        starts.truncate(most.unwrap_or(usize::MAX));
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        return starts.iter().zip(ends).filter_map(|(start, end)| text.get(*start..end)).collect();
    }
    match most {
        Some(most) => text.splitn(most, separator).collect(),
        None => text.split(separator).collect(),
    }
}

fn split_list(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (separator, text) = (call.text(0)?, call.text(1)?);
    Ok(Value::texts(cut(&text, &separator, None)))
}

fn numbered(parts: &[&str]) -> Value {
    let entries = parts.iter().enumerate().map(|(at, part)| (format!("_{at}").into(), Value::text(*part)));
    Value::map_of(entries.collect::<Entries>(), MapOf::Texts)
}

fn split(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (separator, text) = (call.text(0)?, call.text(1)?);
    Ok(numbered(&cut(&text, &separator, None)))
}

fn splitn(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (separator, count, text) = (call.text(0)?, call.int(1)?, call.text(2)?);
    // A negative count means all parts.
    Ok(numbered(&match usize::try_from(count) {
        Ok(0) => Vec::new(),
        Ok(count) => cut(&text, &separator, Some(count)),
        Err(_) => cut(&text, &separator, None),
    }))
}

fn abbrev(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (width, text) = (call.int(0)?, call.text(1)?);
    let Ok(width) = usize::try_from(width) else { return Ok(Value::Text(text)) };
    let bytes = to_bytes(&text);
    if width < 4 || bytes.len() <= width {
        return Ok(Value::Text(Text::clone(&text)));
    }
    let cut = bytes.get(..width - 3).unwrap_or_default();
    Ok(Value::Text(from_bytes(&[cut, b"..."].concat())))
}

/// `goutils.AbbreviateFull`: cuts both ends away so that what is around `offset` stays.
fn abbrev_both(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (left, width, text) = (call.int(0)?, call.int(1)?, call.text(2)?);
    if width < 4 || left > 0 && width < 7 {
        return Ok(Value::Text(text));
    }
    let bytes = to_bytes(&text);
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    if width >= size {
        return Ok(Value::Text(Text::clone(&text)));
    }
    let part = |from: i64, to: i64| {
        let range = usize::try_from(from.max(0)).unwrap_or(0)..usize::try_from(to.max(0)).unwrap_or(0);
        from_bytes(bytes.get(range).unwrap_or_default()).to_string()
    };
    let mut offset = left.min(size);
    // Go's difference wraps around for the smallest numbers.
    if size.wrapping_sub(offset) < width - 3 {
        offset = size - (width - 3);
    }
    Ok(Value::text(if offset <= 4 {
        part(0, width - 3) + "..."
    } else if offset + width - 3 < size {
        format!("...{}...", part(offset, offset + width - 6))
    } else {
        format!("...{}", part(size - (width - 3), size))
    }))
}

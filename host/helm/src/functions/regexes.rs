//! Regular expressions, in Go's RE2 syntax.

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{ListOf, Value};

/// How many compiled expressions are kept: charts have a few, and each may take a megabyte.
const KEPT: usize = 100;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "regexFind" | "mustRegexFind" => find_one,
        "regexFindAll" | "mustRegexFindAll" => find_all,
        "regexMatch" => matches,
        "mustRegexMatch" => must_match,
        "regexQuoteMeta" => quote_meta,
        "regexReplaceAll" | "mustRegexReplaceAll" => replace_all,
        "regexReplaceAllLiteral" | "mustRegexReplaceAllLiteral" => replace_all_literal,
        "regexSplit" | "mustRegexSplit" => split,
        _ => return None,
    })
}

fn compiled(call: &Call<'_, '_>, at: usize) -> Outcome<regex::Regex> {
    try_compiled(call, at)?
}

/// The inner error is that of a pattern that cannot be parsed.
fn try_compiled(call: &Call<'_, '_>, at: usize) -> Outcome<Outcome<regex::Regex>> {
    let pattern = call.text(at)?;
    if let Some(regex) = call.exec.engine.regexes.borrow().get(&pattern) {
        return Ok(Ok(regex.clone()));
    }
    // A short pattern may stand for a large expression.
    call.exec.engine.spend(10_000)?;
    if repeats_twice(&pattern) {
        return Ok(Err(Failure::new("error parsing regexp: invalid repetition")));
    }
    let most = call.exec.engine.limits.regex_bytes;
    let built = regex::RegexBuilder::new(&translated(&pattern)).size_limit(most).build();
    let regex = match built {
        Ok(regex) => regex,
        Err(regex::Error::CompiledTooBig(_)) => {
            return Err(Failure::limit("the regular expression takes more bytes", "regex_bytes", most));
        }
        Err(_) => {
            let message = format!("error parsing regexp: `{pattern}` is no expression that can be used");
            return Ok(Err(Failure::new(message)));
        }
    };
    let mut kept = call.exec.engine.regexes.borrow_mut();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(pattern, regex.clone());
    Ok(Ok(regex))
}

/// Whether a repetition is repeated without parentheses, or has a count over a thousand, which Go refuses.
fn repeats_twice(pattern: &str) -> bool {
    let (mut chars, mut class, mut after) = (pattern.chars().peekable(), false, false);
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
            after = false;
        } else if class {
            class = c != ']';
        } else if c == '[' {
            class = true;
            chars.next_if_eq(&'^');
            chars.next_if_eq(&']');
            after = false;
        } else if matches!(c, '*' | '+' | '?') {
            if after {
                return true;
            }
            chars.next_if_eq(&'?');
            after = true;
        } else {
            // Go repeats no more than a thousand times.
            let digits: String =
                if c == '{' { chars.clone().take_while(char::is_ascii_digit).collect() } else { String::new() };
            if digits.parse::<u64>().is_ok_and(|count| count > 1000) {
                return true;
            }
            after = false;
        }
    }
    false
}

/// Go takes a `-` between a class and a character for itself, as in `[\w-\.]`; here it must be escaped. So must a `[`
/// inside brackets, and `&&`, `~~`, `--` have no meaning in Go.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut class: Option<usize> = None;
    let mut after_set = false;
    while let Some(c) = chars.next() {
        match (c, class) {
            ('\\', None) if chars.peek() == Some(&'Q') => {
                chars.next();
                let rest: String = chars.by_ref().collect();
                let (literal, behind) = rest.split_once("\\E").unwrap_or((&rest, ""));
                out.push_str(&regex::escape(literal));
                out.push_str(&translated(behind));
                return out;
            }
            ('\\', _) => {
                let escaped = chars.next();
                match escaped.and_then(ascii_class) {
                    Some(set) => out.push_str(set),
                    None => out.extend(['\\'].into_iter().chain(escaped)),
                }
                after_set = escaped.is_some_and(|c| matches!(c, 'w' | 'd' | 's' | 'W' | 'D' | 'S'));
                class = class.map(|seen| seen + 1);
                continue;
            }
            ('[', None) => {
                out.push(c);
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                class = Some(0);
            }
            ('[', Some(_)) if chars.peek() == Some(&':') => {
                out.push(c);
                for inner in chars.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
                class = class.map(|seen| seen + 1);
            }
            ('[' | '&' | '~', Some(seen)) => {
                out.push('\\');
                out.push(c);
                class = Some(seen + 1);
            }
            // A range from `-`.
            ('-', Some(0)) if chars.peek() == Some(&'-') => {
                out.push_str("\\-");
                out.extend(chars.next());
                class = Some(1);
            }
            ('-', Some(seen)) if after_set || (seen > 0 && chars.peek() == Some(&'-')) => {
                out.push_str("\\-");
                class = Some(seen + 1);
            }
            (']', Some(0)) => {
                out.push_str("\\]");
                class = Some(1);
            }
            (']', Some(_)) => {
                out.push(c);
                class = None;
            }
            _ => {
                out.push(c);
                class = class.map(|seen| seen + 1);
            }
        }
        after_set = false;
    }
    out
}

/// What Go's classes of one letter hold: characters of ASCII.
fn ascii_class(letter: char) -> Option<&'static str> {
    Some(match letter {
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        'b' => r"(?-u:\b)",
        'B' => r"(?-u:\B)",
        _ => return None,
    })
}

/// An expression that cannot be parsed matches nothing.
fn matches(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let text = call.text(1)?;
    call.text(0)?;
    call.sized(text.len())?;
    Ok(Value::Bool(try_compiled(call, 0)?.is_ok_and(|regex| regex.is_match(&text))))
}

fn must_match(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(compiled(call, 0)?.is_match(&call.text(1)?)))
}

fn find_one(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let text = call.text(1)?;
    call.sized(text.len())?;
    Ok(Value::text(compiled(call, 0)?.find(&text).map_or("", |found| found.as_str())))
}

fn most(call: &Call<'_, '_>, at: usize) -> Outcome<usize> {
    Ok(usize::try_from(call.int(at)?).unwrap_or(usize::MAX))
}

fn find_all(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let text = call.text(1)?;
    call.sized(text.len())?;
    let regex = compiled(call, 0)?;
    let found = regex.find_iter(&text).take(most(call, 2)?).map(|found| Value::text(found.as_str()));
    Ok(Value::list_or_nil(found.collect(), ListOf::Texts))
}

fn replace_all(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (text, with) = (call.text(1)?, call.text(2)?);
    let regex = compiled(call, 0)?;
    call.sized(text.len().saturating_add(regex.find_iter(&text).count().saturating_mul(with.len() + 64)))?;
    let replaced = regex.replace_all(&text, &*with);
    call.sized(replaced.len())?;
    Ok(Value::text(replaced.as_ref()))
}

fn replace_all_literal(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (text, with) = (call.text(1)?, call.text(2)?);
    let regex = compiled(call, 0)?;
    call.sized(text.len().saturating_add(regex.find_iter(&text).count().saturating_mul(with.len())))?;
    Ok(Value::text(regex.replace_all(&text, regex::NoExpand(&with)).as_ref()))
}

/// Go's `Split`: a match of nothing at the start or end gives no empty part.
fn split(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let text = call.text(1)?;
    call.sized(text.len())?;
    let (regex, most) = (compiled(call, 0)?, most(call, 2)?);
    if most == 0 {
        return Ok(Value::list_or_nil(Vec::new(), ListOf::Texts));
    }
    let (mut parts, mut begin) = (Vec::new(), 0);
    if !regex.as_str().is_empty() && text.is_empty() {
        return Ok(Value::texts([""]));
    }
    for found in regex.find_iter(&text) {
        if parts.len() + 1 >= most {
            break;
        }
        if found.end() == 0 || (found.is_empty() && found.start() == text.len()) {
            continue;
        }
        parts.push(text.get(begin..found.start()).unwrap_or_default());
        begin = found.end();
    }
    parts.push(text.get(begin..).unwrap_or_default());
    Ok(Value::texts(parts))
}

fn quote_meta(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let quoted = call.text(0)?.chars().fold(String::new(), |mut out, c| {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
        out
    });
    Ok(Value::text(quoted))
}

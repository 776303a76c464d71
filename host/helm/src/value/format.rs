//! Go's `fmt`: `Sprint`, `Sprintf` and the verbs that templates use.

use rhumb_yaml::number::format_float;

use super::{Value, go_quote, go_quote_ascii, size, to_bool_text};
use crate::limits::{TEXT_BYTES, VALUE_DEPTH, than};

/// `%v`. A text of more than [`TEXT_BYTES`] is not the whole one; whoever prints it or gives it to a template refuses it.
pub(crate) fn display(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

/// Sprig's `strval`: text as it is, bytes as text, everything else `%v`.
pub(crate) fn strval(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => super::from_bytes(bytes).to_string(),
        other => display(other),
    }
}

/// `fmt.Sprint`: a blank between operands when neither is a string.
pub(crate) fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    let mut after_text = true;
    for (at, value) in values.iter().enumerate() {
        if out.len() > TEXT_BYTES {
            break;
        }
        let text = matches!(value, Value::Text(_));
        if at > 0 && !text && !after_text {
            out.push(' ');
        }
        out.push_str(&display(value));
        after_text = text;
    }
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    if depth > VALUE_DEPTH || out.len() > TEXT_BYTES {
        out.push('…');
        return;
    }
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(bool) => out.push_str(to_bool_text(*bool)),
        Value::Int(int) | Value::Int64(int) => out.push_str(&int.to_string()),
        Value::Float(float) => out.push_str(&format_float(*float)),
        Value::Text(text) => out.push_str(text),
        Value::List(_) | Value::Bytes(_) | Value::Versions(_) => {
            write_all(out, &value.items().unwrap_or_default(), depth);
        }
        Value::Map(map) | Value::Values(map) => {
            out.push_str("map[");
            for (at, (key, value)) in map.0.borrow().iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write(out, value, depth + 1);
            }
            out.push(']');
        }
        Value::Files(files) => {
            out.push_str("map[");
            for (at, (path, data)) in files.iter().enumerate() {
                out.push_str(if at > 0 { " " } else { "" });
                out.push_str(path);
                out.push(':');
                write(out, &Value::bytes(data), depth + 1);
            }
            out.push(']');
        }
        Value::Struct(object) => match &object.text {
            Some(text) => out.push_str(text),
            None => {
                let fields: Vec<Value> = object.fields.iter().map(|(_, value)| value.clone()).collect();
                let before = out.len();
                write_all(out, &fields, depth);
                out.replace_range(before..=before, "{");
                out.pop();
                out.push('}');
            }
        },
        Value::Time(nanos) => out.push_str(&crate::time::go_string(*nanos)),
    }
}

fn write_all(out: &mut String, items: &[Value], depth: usize) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        write(out, item, depth + 1);
    }
    out.push(']');
}

/// Flags, width and precision of one verb.
#[derive(Clone, Copy, Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// The widest field that Go prints.
const WIDEST: usize = 1_000_000;

/// `fmt.Sprintf`, which is refused when there is more than `most` bytes: a verb of a few bytes prints a wide field, also
/// for each item of a list, and a number in brackets has it print one argument again and again.
pub(crate) fn sprintf(format: &str, args: &[Value], most: usize) -> Result<String, String> {
    let over = || format!("makes a text of more bytes {}", than("output_bytes", most));
    let sizes = args.iter().map(size).collect::<Result<Vec<_>, _>>()?;
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    let mut args = Args { all: args, at: 0, is_reordered: false, is_unclosed: false, is_good: true };
    while let Some(c) = chars.next() {
        if out.len() > most {
            return Err(over());
        }
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.peek() {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => break,
            }
            chars.next();
        }
        args.is_good = true;
        let mut is_indexed = args.index(&mut chars);
        if chars.next_if_eq(&'*').is_some() {
            is_indexed = false;
            match args.star() {
                Some(width) => {
                    spec.width = Some(width.unsigned_abs().min(WIDEST));
                    if width < 0 {
                        (spec.minus, spec.zero) = (true, false);
                    }
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
        } else {
            spec.width = digits(&mut chars);
            args.is_good &= !(is_indexed && spec.width.is_some());
        }
        if chars.next_if_eq(&'.').is_some() {
            args.is_good &= !is_indexed;
            is_indexed = args.index(&mut chars);
            spec.precision = if chars.next_if_eq(&'*').is_some() {
                is_indexed = false;
                let precision = args.star().and_then(|precision| usize::try_from(precision).ok());
                if precision.is_none() {
                    out.push_str("%!(BADPREC)");
                }
                precision.map(|precision| precision.min(WIDEST))
            } else {
                Some(digits(&mut chars).unwrap_or(0))
            };
        }
        if !is_indexed {
            args.index(&mut chars);
        }
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) if !args.is_good => out.push_str(&format!("%!{verb}(BADINDEX)")),
            Some(verb) => match args.next() {
                Some(arg) => {
                    let size = sizes.get(args.at.saturating_sub(1)).copied().unwrap_or(0);
                    spec.fits(size, most).then_some(()).ok_or_else(over)?;
                    out.push_str(&spec.apply(verb, arg));
                }
                None => out.push_str(&format!("%!{verb}(MISSING)")),
            },
        }
    }
    let left = args.all.get(args.at..).unwrap_or_default();
    if !args.is_reordered && !left.is_empty() {
        let extra: Vec<String> = left.iter().map(extra).collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

/// What is printed, and the place of the next.
struct Args<'a> {
    all: &'a [Value],
    at: usize,
    /// Whether a number in brackets chose one; then nothing counts as left over.
    is_reordered: bool,
    /// Whether the rest of the format ends no bracket: looked for once, as a format may open many.
    is_unclosed: bool,
    /// Whether the numbers of this verb name arguments.
    is_good: bool,
}

impl<'a> Args<'a> {
    fn next(&mut self) -> Option<&'a Value> {
        let arg = self.all.get(self.at)?;
        self.at += 1;
        Some(arg)
    }

    /// Reads a number in brackets, counted from 1, and says whether there was one.
    fn index(&mut self, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
        if chars.next_if_eq(&'[').is_none() {
            return false;
        }
        self.is_reordered = true;
        // Without an end, the bracket alone is passed over. What has none here has none further on.
        self.is_unclosed = self.is_unclosed || !chars.clone().any(|c| c == ']');
        let number = match self.is_unclosed {
            true => None,
            false => {
                let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                inside.parse::<usize>().ok().filter(|_| inside.bytes().all(|b| b.is_ascii_digit()))
            }
        };
        match number.and_then(|number| number.checked_sub(1)).filter(|at| *at < self.all.len()) {
            Some(at) => self.at = at,
            None => self.is_good = false,
        }
        number.is_some()
    }

    /// The number that a `*` takes; one that Go finds too large counts as none.
    fn star(&mut self) -> Option<isize> {
        const TOO_LARGE: i64 = 1_000_000;
        match self.next()? {
            Value::Int(int) | Value::Int64(int) if (-TOO_LARGE..=TOO_LARGE).contains(int) => isize::try_from(*int).ok(),
            _ => None,
        }
    }
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut found = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        found = Some(found.unwrap_or(0_usize).saturating_mul(10).saturating_add(digit as usize).min(WIDEST));
        chars.next();
    }
    found
}

fn extra(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        value => format!("{}={}", value.type_name(), display(value)),
    }
}

impl Spec {
    /// Whether so many values can be printed with it.
    fn fits(&self, values: usize, most: usize) -> bool {
        values.saturating_mul(self.width.max(self.precision).unwrap_or(0)) <= most
    }

    fn apply(&self, verb: char, value: &Value) -> String {
        // To `%v` the plus means the names of fields, not a sign.
        if verb == 'v' && self.plus {
            return Spec { plus: false, ..*self }.apply(verb, value);
        }
        match (verb, value) {
            ('T', _) => self.pad(value.type_name().to_owned()),
            ('v', Value::Text(_)) if self.sharp => self.pad(go_quote(&display(value))),
            ('v', Value::Int(int) | Value::Int64(int)) => self.int('d', *int),
            ('v', Value::Float(float)) => self.float('g', *float),
            ('v', Value::Text(text)) => self.text('s', text),
            ('v', Value::List(_) | Value::Map(_) | Value::Values(_))
                if self.width.is_none() && self.precision.is_none() =>
            {
                display(value)
            }
            ('v', value) if !matches!(value, Value::List(_) | Value::Map(_) | Value::Values(_)) => {
                self.pad(display(value))
            }
            (_, Value::Nil) => format!("%!{verb}(<nil>)"),
            (_, Value::List(list)) => {
                let items: Vec<String> = list.0.iter().map(|item| self.apply(verb, item)).collect();
                format!("[{}]", items.join(" "))
            }
            (_, Value::Map(map) | Value::Values(map)) => {
                let apply = |(key, item): (&super::Text, &Value)| {
                    format!("{}:{}", self.apply(verb, &Value::Text(key.clone())), self.apply(verb, item))
                };
                format!("map[{}]", map.0.borrow().iter().map(apply).collect::<Vec<_>>().join(" "))
            }
            ('s', Value::Struct(object)) if object.text.is_some() => self.pad(display(value)),
            ('s' | 'q' | 'x' | 'X', Value::Text(_) | Value::Bytes(_)) => self.text(verb, &strval(value)),
            ('t', Value::Bool(bool)) => self.pad(to_bool_text(*bool).to_owned()),
            ('d' | 'x' | 'X' | 'o' | 'O' | 'b' | 'c' | 'q' | 'U', Value::Int(int) | Value::Int64(int)) => {
                self.int(verb, *int)
            }
            ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Float(float)) => self.float(verb, *float),
            ('x' | 'X', Value::Float(float)) if self.precision.is_none() && !self.sharp => self.float(verb, *float),
            _ => {
                // Go quotes for the verb `#v` alone.
                let plain = Spec { sharp: self.sharp && !matches!(value, Value::Text(_)), ..*self };
                format!("%!{verb}({}={})", value.type_name(), plain.apply('v', value))
            }
        }
    }

    fn text(&self, verb: char, text: &str) -> String {
        let cut: String = match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        };
        self.pad(match verb {
            'q' if self.sharp && !cut.contains('`') => format!("`{cut}`"),
            'q' if self.plus => go_quote_ascii(&cut),
            'q' => go_quote(&cut),
            'x' => self.hex(text),
            'X' => self.hex(text).to_uppercase(),
            _ => cut,
        })
    }

    /// The bytes of a text, of which the precision counts the first.
    fn hex(&self, text: &str) -> String {
        let bytes = super::to_bytes(text);
        let bytes = bytes.get(..self.precision.unwrap_or(bytes.len())).unwrap_or(&bytes);
        let prefix = if self.sharp && !bytes.is_empty() { "0x" } else { "" };
        if !self.space {
            return format!("{prefix}{}", hex::encode(bytes));
        }
        let each = bytes.iter().map(|byte| format!("{prefix}{byte:02x}"));
        each.collect::<Vec<_>>().join(" ")
    }

    fn int(&self, verb: char, int: i64) -> String {
        let size = int.unsigned_abs();
        let digits = match verb {
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'o' | 'O' => format!("{size:o}"),
            'b' => format!("{size:b}"),
            'c' => return self.pad(character(int).to_string()),
            'q' => {
                let character = character(int).to_string();
                let quoted = if self.plus { go_quote_ascii(&character) } else { go_quote(&character) };
                let quoted = quoted.replace("\\\"", "\"").replace('\'', "\\'");
                let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
                return self.pad(format!("'{inside}'"));
            }
            'U' if self.sharp => return self.pad(format!("U+{size:04X} '{}'", character(int))),
            'U' => return self.pad(format!("U+{size:04X}")),
            _ => size.to_string(),
        };
        // Zeros up to the width count as digits: a prefix comes before them and makes the text longer than the width.
        let signs = usize::from(int < 0 || self.plus || self.space);
        let zeros = self.width.filter(|_| self.zero && !self.minus).map(|width| width.saturating_sub(signs));
        let digits = match self.precision.or(zeros) {
            Some(0) if self.precision == Some(0) && int == 0 => return self.pad(String::new()),
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        };
        let prefix = match verb {
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            'b' if self.sharp => "0b",
            'o' if self.sharp && !digits.starts_with('0') => "0",
            'O' => "0o",
            _ => "",
        };
        let sign = if int < 0 { "-" } else { "" };
        Spec { zero: false, ..*self }.pad(self.signed(format!("{sign}{prefix}{digits}")))
    }

    fn float(&self, verb: char, float: f64) -> String {
        let text = match (verb, self.precision) {
            ('x' | 'X', _) => hex_float(float),
            ('g' | 'G', None) => format_float(float),
            ('g' | 'G', Some(precision)) => general(float, precision.max(1)),
            ('f' | 'F', precision) => format!("{float:.*}", precision.unwrap_or(6)),
            (_, precision) => exponent(&format!("{float:.*e}", precision.unwrap_or(6))),
        };
        let text = if verb.is_ascii_uppercase() { text.to_uppercase() } else { text };
        self.pad(self.signed(text))
    }

    fn signed(&self, number: String) -> String {
        match (number.starts_with('-'), self.plus, self.space) {
            (false, true, _) => format!("+{number}"),
            (false, false, true) => format!(" {number}"),
            _ => number,
        }
    }

    fn pad(&self, text: String) -> String {
        let Some(width) = self.width else { return text };
        let missing = width.saturating_sub(text.chars().count());
        if self.minus {
            return text + &" ".repeat(missing);
        }
        if !self.zero {
            return " ".repeat(missing) + &text;
        }
        match text.strip_prefix(['-', '+']) {
            Some(digits) => format!("{}{}{digits}", text.get(..1).unwrap_or_default(), "0".repeat(missing)),
            None => "0".repeat(missing) + &text,
        }
    }
}

/// `strconv.FormatFloat(float, 'x', -1, 64)`: the bits as they are, with a power of two.
fn hex_float(float: f64) -> String {
    const FRACTION_BITS: u32 = 52;
    const BIAS: i32 = 1023;
    if !float.is_finite() {
        return format_float(float);
    }
    let sign = if float.is_sign_negative() { "-" } else { "" };
    if float == 0.0 {
        return format!("{sign}0x0p+00");
    }
    let bits = float.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let biased = i32::try_from(bits >> FRACTION_BITS & 0x7ff).unwrap_or_default();
    let (fraction, power) = if biased == 0 {
        // A number below the normal ones has no leading one: it is moved there.
        let moved = fraction.leading_zeros() - (u64::BITS - 1 - FRACTION_BITS);
        (fraction << moved & ((1 << FRACTION_BITS) - 1), 1 - BIAS - moved.cast_signed())
    } else {
        (fraction, biased - BIAS)
    };
    let digits = format!("{fraction:013x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("{sign}0x1{point}{digits}p{power:+03}")
}

fn character(int: i64) -> char {
    u32::try_from(int).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Rust's `1.5e7` with a sign and two digits in the exponent.
fn exponent(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `%.3g`.
fn general(float: f64, precision: usize) -> String {
    let scientific = format!("{float:.*e}", precision - 1);
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let whole = i32::try_from(precision).unwrap_or(i32::MAX);
    if power < -4 || power >= whole {
        let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        return exponent(&format!("{}e{power}", trim(mantissa)));
    }
    trim(&format!("{float:.*}", usize::try_from(whole - 1 - power).unwrap_or(0)))
}

//! `fmt.Sprintf`: what a format asks for.

use std::iter::Peekable;
use std::str::Chars;

use super::spec::{Printer, Spec};
use crate::limits::than;
use crate::value::{Value, size};

/// `fmt.Sprintf`, which is refused when there is more than `most` bytes: a verb of a few bytes prints a wide field, also
/// for each item of a list, and a number in brackets has it print one argument again and again.
pub(crate) fn sprintf(format: &str, args: &[Value], most: usize) -> Result<String, String> {
    for arg in args {
        size(arg)?;
    }
    let mut printer = Printer { out: String::new(), most, is_unknown: false };
    let mut args = Args { all: args, at: 0, is_reordered: false, is_unclosed: false, is_good: true };
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            printer.out.push(c);
        } else if printer.is_full() {
            break;
        } else {
            verb(&mut printer, &mut args, &mut chars);
        }
    }
    let left = args.all.get(args.at..).unwrap_or_default();
    if !args.is_reordered && !left.is_empty() {
        printer.out.push_str("%!(EXTRA ");
        for (at, arg) in left.iter().enumerate() {
            printer.out.push_str(if at > 0 { ", " } else { "" });
            printer.extra(arg);
        }
        printer.out.push(')');
    }
    if printer.is_unknown {
        return Err("prints an address in memory, which is another each time".to_owned());
    }
    if printer.is_full() {
        return Err(format!("makes a text of more bytes {}", than("output_bytes", most)));
    }
    Ok(printer.out)
}

/// Prints what one verb asks for.
fn verb(printer: &mut Printer, args: &mut Args<'_>, chars: &mut Peekable<Chars<'_>>) {
    let mut spec = Spec::default();
    while let Some(flag) = chars.next_if(|c| matches!(c, '#' | '0' | '+' | '-' | ' ')) {
        match flag {
            '#' => spec.sharp = true,
            '0' => spec.zero = true,
            '+' => spec.plus = true,
            '-' => spec.minus = true,
            _ => spec.space = true,
        }
    }
    args.is_good = true;
    let mut is_indexed = args.index(chars);
    if chars.next_if_eq(&'*').is_some() {
        is_indexed = false;
        match args.star() {
            Some(width) => {
                spec.width = Some(width.unsigned_abs());
                if width < 0 {
                    (spec.minus, spec.zero) = (true, false);
                }
            }
            None => printer.out.push_str("%!(BADWIDTH)"),
        }
    } else {
        spec.width = number(chars);
        args.is_good &= !(is_indexed && spec.width.is_some());
    }
    // A point at the end is a verb that does not exist.
    if chars.clone().nth(1).is_some() && chars.next_if_eq(&'.').is_some() {
        args.is_good &= !is_indexed;
        is_indexed = args.index(chars);
        spec.precision = if chars.next_if_eq(&'*').is_some() {
            is_indexed = false;
            let precision = args.star().and_then(|precision| usize::try_from(precision).ok());
            if precision.is_none() {
                printer.out.push_str("%!(BADPREC)");
            }
            precision
        } else {
            Some(number(chars).unwrap_or(0))
        };
    }
    if !is_indexed {
        args.index(chars);
    }
    match chars.next() {
        None => printer.out.push_str("%!(NOVERB)"),
        Some('%') => printer.out.push('%'),
        Some(verb) if !args.is_good => printer.out.push_str(&format!("%!{verb}(BADINDEX)")),
        Some(verb) => match args.next() {
            Some(arg) => printer.argument(spec.of_verb(verb), verb, arg),
            None => printer.out.push_str(&format!("%!{verb}(MISSING)")),
        },
    }
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
    fn index(&mut self, chars: &mut Peekable<Chars<'_>>) -> bool {
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
        let too_large = i64::try_from(TOO_LARGE).unwrap_or(i64::MAX);
        match self.next()? {
            Value::Int(int) | Value::Int64(int) if (-too_large..=too_large).contains(int) => isize::try_from(*int).ok(),
            _ => None,
        }
    }
}

/// The widest field.
const TOO_LARGE: usize = 1_000_000;

/// A number in a format. Behind one that is too large Go reads nothing more.
fn number(chars: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut found = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        if found.is_some_and(|number| number > TOO_LARGE) {
            chars.by_ref().for_each(drop);
            return None;
        }
        found = Some(found.unwrap_or(0) * 10 + digit as usize);
        chars.next();
    }
    found
}

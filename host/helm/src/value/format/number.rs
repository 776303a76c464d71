//! Integers.

use super::spec::{Printer, Spec};
use crate::value::{from_bytes, go_quote, go_quote_ascii, is_printable};

impl Printer {
    pub(super) fn int(&mut self, spec: Spec, verb: char, int: i128) {
        let size = int.unsigned_abs();
        let digits = match verb {
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'o' | 'O' => format!("{size:o}"),
            'b' => format!("{size:b}"),
            'c' => return self.pad(spec, &character(int)),
            'q' => return self.pad(spec, &quoted(spec, int)),
            'U' => return self.unicode(spec, wrapped(int)),
            _ => size.to_string(),
        };
        // Zeros up to the width count as digits: a prefix comes before them and makes the text longer than the width.
        let signs = usize::from(int < 0 || spec.plus || spec.space);
        let zeros = spec.width.filter(|_| spec.zero && !spec.minus).map(|width| width.saturating_sub(signs));
        let plain = spec.without_zero();
        if spec.precision == Some(0) && int == 0 {
            return self.fill(plain, spec.width.unwrap_or(0));
        }
        let wanted = spec.precision.or(zeros).unwrap_or(0).min(self.most);
        let digits = "0".repeat(wanted.saturating_sub(digits.len())) + &digits;
        let prefix = match verb {
            'x' if spec.sharp => "0x",
            'X' if spec.sharp => "0X",
            'b' if spec.sharp => "0b",
            'O' if spec.sharp && !digits.starts_with('0') => "0o0",
            'o' if spec.sharp && !digits.starts_with('0') => "0",
            'O' => "0o",
            _ => "",
        };
        let sign = match int < 0 {
            true => "-",
            false if spec.plus => "+",
            false if spec.space => " ",
            false => "",
        };
        self.pad(plain, &format!("{sign}{prefix}{digits}"));
    }

    /// `U+0078`, and with `#` the character behind it.
    fn unicode(&mut self, spec: Spec, code: u64) {
        let digits = spec.precision.unwrap_or(0).clamp(4, self.most.max(4));
        let hex = format!("{code:X}");
        let mut text = format!("U+{}{hex}", "0".repeat(digits.saturating_sub(hex.len())));
        let char = u32::try_from(code).ok().and_then(char::from_u32).filter(|c| is_printable(*c));
        if let Some(c) = char.filter(|_| spec.sharp) {
            text.push_str(&format!(" '{c}'"));
        }
        self.pad(spec.without_zero(), &text);
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as Go does")]
fn wrapped(int: i128) -> u64 {
    int as u64
}

/// The character of this number, or the replacement character.
fn character(int: i128) -> String {
    let c = u32::try_from(int).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    from_bytes(c.encode_utf8(&mut [0; 4]).as_bytes()).to_string()
}

/// `'x'`.
fn quoted(spec: Spec, int: i128) -> String {
    let character = character(int);
    let quoted = if spec.plus { go_quote_ascii(&character) } else { go_quote(&character) };
    let quoted = quoted.replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default())
}

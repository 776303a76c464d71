//! Floating-point numbers.

use rhumb_yaml::number::format_float;

use super::spec::{Printer, Spec};

/// Digits behind the point that any number can have; further ones are zeros.
const DIGITS: usize = 1_100;
const FRACTION_BITS: u32 = 52;
const BIAS: i32 = 1023;

impl Printer {
    pub(super) fn float(&mut self, spec: Spec, verb: char, float: f64) {
        let verb = match verb {
            'v' => 'g',
            'F' => 'f',
            verb => verb,
        };
        let default = if matches!(verb, 'f' | 'e' | 'E') { Some(6) } else { None };
        let precision = spec.precision.or(default).map(|precision| precision.min(self.most));
        let mut number = unsigned(float.abs(), verb, precision);
        let sign = match float.is_sign_negative() && !float.is_nan() {
            true => "-",
            false if spec.plus => "+",
            false if spec.space => " ",
            false => "",
        };
        if !float.is_finite() {
            let sign = if float.is_infinite() && sign.is_empty() { "+" } else { sign };
            return self.pad(spec.without_zero(), &format!("{sign}{number}"));
        }
        if spec.sharp && verb != 'b' {
            number = with_point(&number, verb, precision);
        }
        let padded = spec.zero && !spec.minus && !sign.is_empty();
        match spec.width.and_then(|width| width.checked_sub(1 + number.len())).filter(|_| padded) {
            // Zeros come behind the sign.
            Some(zeros) => {
                self.out.push_str(sign);
                self.fill(spec, zeros);
                self.out.push_str(&number);
            }
            None => self.pad(spec, &format!("{sign}{number}")),
        }
    }
}

/// `strconv.FormatFloat` of a number that is not negative.
fn unsigned(float: f64, verb: char, precision: Option<usize>) -> String {
    if !float.is_finite() {
        return format_float(float).trim_start_matches('+').to_owned();
    }
    // Rust counts digits in 16 bits.
    let kept = precision.map(|precision| precision.min(DIGITS));
    let lacking = "0".repeat(precision.unwrap_or(0) - kept.unwrap_or(0));
    let text = match (verb, kept) {
        ('b', _) => return binary(float),
        ('x' | 'X', kept) => hexadecimal(float, kept, &lacking),
        ('g' | 'G', None) => format_float(float),
        ('g' | 'G', Some(kept)) => general(float, kept.max(1)),
        ('f', kept) => format!("{float:.*}{lacking}", kept.unwrap_or(6)),
        (_, kept) => exponent(&format!("{float:.*e}", kept.unwrap_or(6)), &lacking),
    };
    if verb.is_ascii_uppercase() { text.to_uppercase() } else { text }
}

/// What `#` asks for: a point always, and the zeros that `%g` leaves out.
fn with_point(number: &str, verb: char, precision: Option<usize>) -> String {
    let is_hex = matches!(verb, 'x' | 'X');
    let end = number.find(|c| matches!(c, 'p' | 'P') || !is_hex && matches!(c, 'e' | 'E')).unwrap_or(number.len());
    let (digits, tail) = number.split_at(end);
    let mut wanted = match verb {
        'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    // Go counts all but the point, an `x` too.
    let counted = digits.chars().filter(|c| *c != '.').skip_while(|c| *c == '0').count();
    wanted = wanted.saturating_sub(counted);
    if digits == "0" {
        wanted = wanted.saturating_sub(1);
    }
    let point = if digits.contains('.') { "" } else { "." };
    format!("{digits}{point}{}{tail}", "0".repeat(wanted))
}

/// The bits of the fraction with the one before it, and the power of two, for a number that is not zero.
fn parts(float: f64) -> (u64, i32) {
    let bits = float.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    match i32::try_from(bits >> FRACTION_BITS & 0x7ff).unwrap_or_default() {
        0 => (fraction, 1 - BIAS),
        biased => (fraction | 1 << FRACTION_BITS, biased - BIAS),
    }
}

/// `4503599627370496p-52`.
fn binary(float: f64) -> String {
    let (mantissa, power) = parts(float);
    format!("{mantissa}p{:+}", power - FRACTION_BITS.cast_signed())
}

/// The bits as they are, or rounded to so many digits, with a power of two.
fn hexadecimal(float: f64, digits: Option<usize>, lacking: &str) -> String {
    let (mut mantissa, mut power) = parts(float);
    if mantissa == 0 {
        let zeros = "0".repeat(digits.unwrap_or(0));
        let point = if digits.unwrap_or(0) > 0 { "." } else { "" };
        return format!("0x0{point}{zeros}{lacking}p+00");
    }
    // A number below the normal ones has no leading one: it is moved there.
    let moved = mantissa.leading_zeros() - (u64::BITS - 1 - FRACTION_BITS);
    (mantissa, power) = (mantissa << moved, power - moved.cast_signed());
    const ALL: usize = FRACTION_BITS as usize / 4;
    if let Some(dropped) = digits.and_then(|digits| ALL.checked_sub(digits)).filter(|dropped| *dropped > 0) {
        let bits = 4 * dropped;
        let (rest, half) = (mantissa & ((1 << bits) - 1), 1 << (bits - 1));
        mantissa >>= bits;
        // Halves go to the even digit.
        if rest > half || rest == half && mantissa & 1 == 1 {
            mantissa += 1;
        }
        mantissa <<= bits;
        if mantissa >> (FRACTION_BITS + 1) > 0 {
            (mantissa, power) = (mantissa >> 1, power + 1);
        }
    }
    let fraction = format!("{:013x}", mantissa & ((1 << FRACTION_BITS) - 1));
    let fraction = match digits {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(digits) => format!("{fraction:0<digits$.digits$}"),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("0x1{point}{fraction}{lacking}p{power:+03}")
}

/// Rust's `1.5e7` with a sign and two digits in the exponent.
fn exponent(scientific: &str, lacking: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}{lacking}e{sign}{digits:0>2}")
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
        return exponent(&format!("{}e{power}", trim(mantissa)), "");
    }
    trim(&format!("{float:.*}", usize::try_from(whole - 1 - power).unwrap_or(0)))
}

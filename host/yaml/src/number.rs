//! Numbers as Go prints them.

/// `strconv.FormatFloat(float, 'g', -1, 64)`: the shortest digits that read back as this number, with an exponent below
/// 1e-4 and from 1e6 on.
pub fn format_float(float: f64) -> String {
    from_shortest(float, &shortest(float))
}

/// `strconv.FormatFloat(float, 'f', -1, 64)` of a finite number: the same digits without an exponent.
pub fn format_plain(float: f64) -> String {
    let scientific = shortest(float);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    plain_form(mantissa, exponent.parse().unwrap_or(0))
}

/// The shortest digits that read back as this number, in Rust's form. Of two that are as near Go takes the even one,
/// which Rust does only when it is asked for so many digits.
pub fn shortest(float: f64) -> String {
    const MOST: usize = 17;
    let text = format!("{float:e}");
    let digits = text.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    if digits < MOST {
        return text;
    }
    let even = format!("{float:.*e}", digits - 1);
    if even.parse() == Ok(float) { even } else { text }
}

/// The same for `float` taken as 32 bits wide.
#[allow(clippy::cast_possible_truncation, reason = "that is what is asked for")]
pub fn format_float_32(float: f64) -> String {
    let narrow = float as f32;
    from_shortest(float, &format!("{narrow:e}"))
}

/// The number as Go's `encoding/json` prints it: with an exponent below 1e-6 and from 1e21 on.
pub fn format_json(float: f64) -> String {
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = exponent_form(&shortest(float));
        // A leading zero of a negative exponent is dropped, of a positive one there is none.
        return match text.split_once("e-0") {
            Some((mantissa, exponent)) => format!("{mantissa}e-{exponent}"),
            None => text,
        };
    }
    format_plain(float)
}

fn from_shortest(float: f64, scientific: &str) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) { plain_form(mantissa, exponent) } else { exponent_form(scientific) }
}

/// Rust's `1.5e-7` with a sign and at least two digits in the exponent.
fn exponent_form(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `d.ddd` times a power of ten, written without an exponent.
fn plain_form(mantissa: &str, exponent: i32) -> String {
    let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |unsigned| ("-", unsigned));
    let digits: String = unsigned.chars().filter(char::is_ascii_digit).collect();
    let Ok(whole) = usize::try_from(exponent + 1) else {
        return format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    };
    match digits.split_at_checked(whole) {
        Some((head, "")) => format!("{sign}{head}"),
        Some(("", tail)) => format!("{sign}0.{tail}"),
        Some((head, tail)) => format!("{sign}{head}.{tail}"),
        None => format!("{sign}{digits:0<whole$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_floats_as_strconv_does() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (1e6, "1e+06"),
            (100_000.0, "100000"),
            (1e20, "1e+20"),
            (1e21, "1e+21"),
            (123_456_789.0, "1.23456789e+08"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.1, "0.1"),
            (4_754_315_482_914_833.0 / 4.0, "1.1885788707287082e+15"),
            (1.5e300, "1.5e+300"),
        ];
        for (float, text) in cases {
            assert_eq!(format_float(float), text);
        }
    }

    #[test]
    fn prints_json_numbers_as_encoding_json_does() {
        let cases = [
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-10, "1.5e-10"),
            (0.1, "0.1"),
            (-3.0, "-3"),
        ];
        for (float, text) in cases {
            assert_eq!(format_json(float), text);
        }
    }
}

//! Forms of calendar versions in the words of calver.org.

/// One piece of a form.
enum Part {
    Text(String),
    Number {
        /// Least and most digits.
        digits: (usize, usize),
        /// Least and greatest value.
        values: (u64, u64),
        /// Whether a second digit must not be preceded by a zero.
        plain: bool,
        /// What is added to it, so that `26` and `2026` are the same year.
        offset: u64,
    },
}

/// A form, taken apart.
pub(crate) struct Format {
    parts: Vec<Part>,
}

const WORDS: [(&str, Part); 12] = [
    ("YYYY", number((4, 4), (1970, 9999), 0)),
    ("YY", number((1, 3), (0, 999), 2000)),
    ("0Y", padded((2, 3), (0, 999), 2000)),
    ("MM", number((1, 2), (1, 12), 0)),
    ("0M", padded((2, 2), (1, 12), 0)),
    ("WW", number((1, 2), (1, 53), 0)),
    ("0W", padded((2, 2), (1, 53), 0)),
    ("DD", number((1, 2), (1, 31), 0)),
    ("0D", padded((2, 2), (1, 31), 0)),
    ("MAJOR", number((1, 18), (0, u64::MAX), 0)),
    ("MINOR", number((1, 18), (0, u64::MAX), 0)),
    ("MICRO", number((1, 18), (0, u64::MAX), 0)),
];

const fn number(digits: (usize, usize), values: (u64, u64), offset: u64) -> Part {
    Part::Number { digits, values, plain: true, offset }
}

const fn padded(digits: (usize, usize), values: (u64, u64), offset: u64) -> Part {
    Part::Number { digits, values, plain: false, offset }
}

impl Format {
    /// Reads a form, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut rest, mut plain) = (Vec::new(), text, String::new());
        while let Some(c) = rest.chars().next() {
            let word = WORDS.into_iter().find_map(|(word, part)| Some((rest.strip_prefix(word)?, part)));
            let Some((after, part)) = word else {
                plain.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
                continue;
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            } else if is_open(parts.last()) {
                return Err(format!("nothing says where the number before `{rest}` ends"));
            }
            parts.push(part);
            rest = after;
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        if parts.iter().any(|part| matches!(part, Part::Number { .. })) {
            return Ok(Self { parts });
        }
        Err(format!("wanted a form such as `YYYY.0M.MICRO`, got `{text}`, which has no number"))
    }

    /// The numbers of a tag in the order of the form, and what stands behind it.
    pub(crate) fn read<'a>(&self, tag: &'a str) -> Option<(Vec<u64>, &'a str)> {
        let (mut numbers, mut rest) = (Vec::with_capacity(self.parts.len()), tag);
        for part in &self.parts {
            match part {
                Part::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Part::Number { digits: (least, most), values: (low, high), plain, offset } => {
                    let length = rest.bytes().take(*most).take_while(u8::is_ascii_digit).count();
                    let (digits, after) = rest.split_at_checked(length)?;
                    let value: u64 = digits.parse().ok()?;
                    let padded = *plain && length > 1 && digits.starts_with('0');
                    if length < *least || padded || value < *low || value > *high {
                        return None;
                    }
                    numbers.push(value + offset);
                    rest = after;
                }
            }
        }
        // A longer number is another number.
        let cut =
            matches!(self.parts.last(), Some(Part::Number { .. })) && rest.starts_with(|c: char| c.is_ascii_digit());
        (!cut).then_some((numbers, rest))
    }
}

/// Whether a number does not end by itself.
fn is_open(part: Option<&Part>) -> bool {
    matches!(part, Some(Part::Number { digits: (least, most), .. }) if least != most)
}

//! Characters as Go's `unicode` sees them: one becomes one.

/// `unicode.ToUpper`.
pub(crate) fn upper(c: char) -> char {
    match single(c.to_uppercase()) {
        Some(upper) => upper,
        // Greek letters with an iota below have a capital of their own, and two in full.
        None => match u32::from(c) {
            code @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => char::from_u32(code + 8).unwrap_or(c),
            code @ (0x1fb3 | 0x1fc3 | 0x1ff3) => char::from_u32(code + 9).unwrap_or(c),
            _ => c,
        },
    }
}

/// `unicode.ToTitle`.
pub(crate) fn title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        _ => upper(c),
    }
}

/// `unicode.ToLower`.
pub(crate) fn lower(c: char) -> char {
    if c == 'İ' { 'i' } else { single(c.to_lowercase()).unwrap_or(c) }
}

/// `unicode.IsUpper`: a capital letter, not a number or a sign in the form of one.
pub(crate) fn is_upper(c: char) -> bool {
    let sign = matches!(u32::from(c), 0x2160..=0x216f | 0x24b6..=0x24cf | 0x1_f130..=0x1_f189);
    c.is_uppercase() && !sign
}

/// `unicode.IsLower`: likewise.
pub(crate) fn is_lower(c: char) -> bool {
    let sign =
        matches!(u32::from(c), 0x345 | 0x2170..=0x217f | 0x24d0..=0x24e9 | 0xaa | 0xba | 0x2b0..=0x2b8 | 0x2c0..=0x2c1);
    c.is_lowercase() && !sign
}

/// `unicode.IsTitle`.
pub(crate) fn is_title(c: char) -> bool {
    matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}')
        || matches!(c, '\u{1fa8}'..='\u{1faf}' | '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}')
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    chars.next().filter(|_| chars.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_becomes_one() {
        let all: String = "aßǆﬁᾳᾀı".chars().map(upper).collect();
        assert_eq!(all, "AßǄﬁᾼᾈI");
        assert_eq!((title('ǆ'), title('a'), lower('İ'), lower('É')), ('ǅ', 'A', 'i', 'é'));
        assert!(is_upper('A') && !is_upper('Ⅷ') && is_lower('ß') && !is_lower('ª') && is_title('ǅ'));
    }
}

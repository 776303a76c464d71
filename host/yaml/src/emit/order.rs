//! The order in which go-yaml writes keys.

use std::cmp::Ordering;

/// Compares as go-yaml 2's `keyList.Less`: letters by code point, runs of digits by value, other characters before
/// letters.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (Some(&x), Some(&y)) = (a.get(at), b.get(at)) else { return Ordering::Equal };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let mut start = 0;
    if x == '0' || y == '0' {
        let before = a.get(..at).unwrap_or_default().iter().rev().take_while(|c| c.is_ascii_digit());
        start = i64::from(before.into_iter().any(|c| *c != '0'));
    }
    let (x_end, x_value) = digits(&a, at, start);
    let (y_end, y_value) = digits(&b, at, start);
    x_value.cmp(&y_value).then(x_end.cmp(&y_end)).then(x.cmp(&y))
}

/// End and value of the digits from `at`; the value wraps as Go's does.
fn digits(text: &[char], at: usize, start: i64) -> (usize, i64) {
    let run = text.get(at..).unwrap_or_default().iter().map_while(|c| c.to_digit(10));
    run.fold((at, start), |(end, value), digit| (end + 1, value.wrapping_mul(10).wrapping_add(i64::from(digit))))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn sorts_digits_by_value_and_letters_last() {
        let mut keys = ["b", "a10", "a2", "a-b", "a.b", "a_b", "ab", "A", "_x", "1", "10", "9", "a01", "a1", "a"];
        keys.sort_by(|a, b| compare(a, b));
        assert_eq!(keys, ["_x", "1", "9", "10", "A", "a", "a-b", "a.b", "a_b", "a1", "a01", "a2", "a10", "ab", "b"]);
    }
}

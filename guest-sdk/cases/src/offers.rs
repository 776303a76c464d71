//! Tags in one line, as case files and the command write them.

use crate::time::{parse, printed};

/// 2026-01-01T00:00:00Z in milliseconds: the time from which cases count.
pub const BASE: u64 = 1_767_225_600_000;

/// A tag on offer; times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// `None` while metadata is not there; 0 when the image claims no build time.
    pub created: Option<u64>,
    /// When it was seen first.
    pub first_seen: u64,
}

/// Reads tags that are separated by white space.
///
/// `dev-a@10` was built 10 s after [`BASE`], `dev-b@-` claims no build time, the metadata of `dev-c@?` is not there yet,
/// and `dev-d` was built a second after the tag before it. `dev-a@10^20` was seen first 20 s after [`BASE`], others at
/// [`BASE`]. A time may also be RFC 3339: `dev-e@2026-11-23T14:35:00Z`.
pub fn offers(line: &str) -> Result<Vec<Offer>, String> {
    let mut last = BASE;
    let mut offers = Vec::new();
    for word in line.split_whitespace() {
        let (rest, first_seen) = match word.split_once('^') {
            Some((rest, seen)) => (rest, time(seen).ok_or_else(|| wrong('^', word))?),
            None => (word, BASE),
        };
        let (name, created) = match rest.rsplit_once('@') {
            None => (rest, Some(last.saturating_add(1000))),
            Some((name, "-")) => (name, Some(0)),
            Some((name, "?")) => (name, None),
            Some((name, built)) => (name, Some(time(built).ok_or_else(|| wrong('@', word))?)),
        };
        last = created.filter(|time| *time > 0).unwrap_or(last);
        offers.push(Offer { name: name.to_owned(), created, first_seen });
    }
    Ok(offers)
}

/// The line that [`offers`] reads as these tags.
pub(crate) fn line(offers: &[Offer]) -> String {
    let words = offers.iter().map(|offer| {
        let created = match offer.created {
            None => "?".to_owned(),
            Some(0) => "-".to_owned(),
            Some(time) => point(time),
        };
        let seen = if offer.first_seen == BASE { String::new() } else { format!("^{}", point(offer.first_seen)) };
        format!("{}@{created}{seen}", offer.name)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whole seconds from [`BASE`] on as their number, other times in RFC 3339.
fn point(time: u64) -> String {
    match time.checked_sub(BASE) {
        Some(after) if after % 1000 == 0 && after < 86_400_000 => (after / 1000).to_string(),
        _ => printed(time),
    }
}

fn time(text: &str) -> Option<u64> {
    let seconds = text.parse::<u64>().ok();
    seconds.map(|seconds| BASE.saturating_add(seconds.saturating_mul(1000))).or_else(|| parse(text))
}

fn wrong(sign: char, word: &str) -> String {
    format!("expected a time behind `{sign}`, got `{word}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_build_times_and_when_a_tag_was_seen() {
        let found = offers("a@10 b@- c@?^20 d e@2026-01-01T00:01:00Z^5").unwrap_or_default();
        let times: Vec<_> = found.iter().map(|offer| (offer.name.as_str(), offer.created, offer.first_seen)).collect();
        assert_eq!(
            times,
            [
                ("a", Some(BASE + 10_000), BASE),
                ("b", Some(0), BASE),
                ("c", None, BASE + 20_000),
                ("d", Some(BASE + 11_000), BASE),
                ("e", Some(BASE + 60_000), BASE + 5000),
            ]
        );
        assert_eq!(offers(&line(&found)), Ok(found.clone()));
        assert_eq!(line(&found), "a@10 b@- c@?^20 d@11 e@60^5");
        assert_eq!(offers("a@soon"), Err("expected a time behind `@`, got `a@soon`".to_owned()));
        assert_eq!(offers("a^late"), Err("expected a time behind `^`, got `a^late`".to_owned()));
    }
}

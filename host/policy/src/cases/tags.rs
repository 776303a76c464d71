//! Tags in one line, as case files and the command write them.

use rhumb_core::id::Timestamp;

/// 2026-01-01T00:00:00Z in milliseconds: the time from which cases count build times.
pub const BASE: u64 = 1_767_225_600_000;

/// A tag on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// `None` while metadata is not there; 0 when the image claims no build time.
    pub created: Option<Timestamp>,
}

/// Reads tags that are separated by white space: `dev-a@10` was built 10 s after [`BASE`], `dev-b@-` claims no build
/// time, the metadata of `dev-c@?` is not there yet, and `dev-d` was built a second after the tag before it.
///
/// A time may also be RFC 3339: `dev-e@2026-11-23T14:35:00Z`.
pub fn offers(line: &str) -> Result<Vec<Offer>, String> {
    let mut last = Timestamp(BASE);
    let mut offers = Vec::new();
    for word in line.split_whitespace() {
        let (name, created) = match word.rsplit_once('@') {
            None => (word, Some(last.plus_millis(1000))),
            Some((name, "-")) => (name, Some(Timestamp(0))),
            Some((name, "?")) => (name, None),
            Some((name, time)) => {
                let seconds = time.parse::<u64>().ok();
                let created = seconds.map(|seconds| Timestamp(BASE).plus_millis(seconds.saturating_mul(1000)));
                let created = created.or_else(|| Timestamp::parse(time));
                (name, Some(created.ok_or_else(|| format!("expected a build time behind `@`, got `{word}`"))?))
            }
        };
        last = created.filter(|time| time.is_known()).unwrap_or(last);
        offers.push(Offer { name: name.to_owned(), created });
    }
    Ok(offers)
}

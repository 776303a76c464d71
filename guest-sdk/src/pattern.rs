//! Globs as Flux v1 reads them (`ryanuber/go-glob` 1.0.0): `*` is any run of characters, `/` and none included.

/// A pattern for whole tags in which only `*` is special, taken apart at its stars.
///
/// ```
/// # use rhumb_guest_sdk::Pattern;
/// let pattern = Pattern::new("dev-*");
/// assert!(pattern.takes("dev-7") && !pattern.takes("stg-7"));
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    whole: String,
    /// Text before the first star and after the last; `None` without a star.
    ends: Option<(String, String)>,
    /// Texts between stars.
    middle: Vec<String>,
}

impl Pattern {
    /// Takes any text; there is no wrong one.
    pub fn new(text: &str) -> Self {
        let mut parts: Vec<String> = text.split('*').map(str::to_owned).collect();
        let ends = if parts.len() > 1 { parts.pop().map(|last| (parts.remove(0), last)) } else { None };
        // Two stars in a row are one.
        let middle =
            if ends.is_some() { parts.into_iter().filter(|part| !part.is_empty()).collect() } else { Vec::new() };
        Self { whole: text.to_owned(), ends, middle }
    }

    /// Whether the whole tag matches.
    pub fn matches(&self, tag: &str) -> bool {
        let Some((first, last)) = &self.ends else { return tag == self.whole };
        // Parts must not overlap: `a*a` takes `aa` and not `a`.
        let Some(rest) = tag.strip_prefix(first.as_str()) else { return false };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
        for part in &self.middle {
            match rest.split_once(part.as_str()) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }

    /// Whether a tag may be chosen: Flux drops `latest`, however it is written, unless the pattern is exactly that.
    pub fn takes(&self, tag: &str) -> bool {
        if tag.len() == 6 && tag.eq_ignore_ascii_case("latest") && self.whole != "latest" {
            return false;
        }
        self.matches(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flux v1's table of patterns, and more that was measured with its library.
    #[test]
    fn matches_as_flux_does() {
        for (pattern, matches, others) in [
            ("*", &["", "1", "foo", "a/b"][..], &[][..]),
            ("master-*", &["master-", "master-foo", "master-a/b"], &["", "foo-master", "Master-1"]),
            (" master-*", &[], &["master-1"]),
            ("1.?.0", &["1.?.0"], &["1.2.0"]),
            ("v1.?", &[], &["v1.2"]),
            ("[0-9]*", &[], &["1"]),
            ("[ab]*", &["[ab]1"], &["a1"]),
            ("{a,b}-*", &["{a,b}-1"], &["a-1"]),
            ("a*a", &["aa", "axa"], &["a"]),
            ("a*b*c", &["aXbYc", "abc"], &["acb"]),
            ("a**b", &["a/x/b", "ab"], &["a"]),
            ("a\\*", &["a\\x", "a\\"], &["a*"]),
            ("**", &["x", ""], &[]),
            ("[", &["["], &["x"]),
            ("{", &["{"], &["x"]),
            ("", &[""], &["x"]),
            ("exact", &["exact"], &["exactly", "Exact"]),
            ("*-debian-9-*", &["3.1.1-debian-9-r0"], &["3.1.1-debian-10-r0"]),
            ("*ab*ab*", &["abab", "xabyabz"], &["ab", "aab"]),
        ] {
            let glob = Pattern::new(pattern);
            for tag in matches {
                assert!(glob.matches(tag), "`{pattern}` takes `{tag}`");
            }
            for tag in others {
                assert!(!glob.matches(tag), "`{pattern}` refuses `{tag}`");
            }
        }
    }

    #[test]
    fn latest_is_taken_by_its_own_name_only() {
        for tag in ["latest", "LATEST", "Latest"] {
            assert!(!Pattern::new("*").takes(tag), "{tag}");
            assert!(!Pattern::new("l*").takes(tag), "{tag}");
            assert!(!Pattern::new("LATEST").takes(tag), "{tag}");
        }
        assert!(Pattern::new("latest").takes("latest"));
        assert!(!Pattern::new("latest").takes("LATEST"));
    }
}

//! What RE2 (Go's `regexp`) has and `regex-lite` has not, written in what both have.
//!
//! Tags are ASCII, so a class of Unicode letters or digits is the same as its ASCII part.

/// The expression in `regex-lite`'s syntax, or what cannot be said in it.
pub(crate) fn translate(pattern: &str) -> Result<String, String> {
    let mut text = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let Some(escaped) = after.chars().next().filter(|_| c == '\\') else {
            match c {
                '[' if !in_class => in_class = true,
                ']' => in_class = false,
                _ => {}
            }
            // A class of POSIX ends with a bracket that does not end the class around it.
            if let Some(end) = after.find(":]").filter(|_| in_class && c == '[' && after.starts_with(':')) {
                let (name, tail) = after.split_at(end + 2);
                text.push('[');
                text.push_str(name);
                rest = tail;
                continue;
            }
            text.push(c);
            rest = after;
            continue;
        };
        let tail = after.get(escaped.len_utf8()..).unwrap_or_default();
        rest = match escaped {
            'Q' => {
                let (quoted, tail) = tail.split_once("\\E").unwrap_or((tail, ""));
                text.push_str(&regex_lite::escape(quoted));
                tail
            }
            'p' | 'P' => {
                let (name, tail) = class_name(tail).ok_or("`\\p` names no class")?;
                text.push_str(&class(name, escaped == 'P', in_class)?);
                tail
            }
            _ => {
                text.push('\\');
                text.push(escaped);
                tail
            }
        };
    }
    Ok(text)
}

/// `L` or `{Lu}`, and what follows.
fn class_name(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}'),
        None => text.split_at_checked(1),
    }
}

fn class(name: &str, negated: bool, in_class: bool) -> Result<String, String> {
    let (name, negated) = name.strip_prefix('^').map_or((name, negated), |name| (name, !negated));
    let ranges = match name {
        "L" => "A-Za-z",
        "Lu" => "A-Z",
        "Ll" => "a-z",
        "N" | "Nd" => "0-9",
        _ => return Err(format!("class `\\p{{{name}}}` is not supported; there are L, Lu, Ll, N and Nd")),
    };
    match (in_class, negated) {
        (true, false) => Ok(ranges.to_owned()),
        (true, true) => Err(format!("a negated `\\p{{{name}}}` inside of brackets is not supported")),
        (false, false) => Ok(format!("[{ranges}]")),
        (false, true) => Ok(format!("[^{ranges}]")),
    }
}

//! The little of ASN.1 (DER) and PEM that certificates and keys need.

use base64::Engine as _;

/// `INTEGER`, unsigned, big-endian.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len().saturating_sub(1));
    let mut content = bytes.get(zeros..).unwrap_or_default().to_vec();
    if content.first().is_none_or(|byte| *byte >= 0x80) {
        content.insert(0, 0);
    }
    tagged(0x02, &[&content])
}

/// A value of this tag whose content are the parts one after the other.
pub(super) fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(0));
            out.extend(bytes);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// `SEQUENCE`.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, parts)
}

/// `BIT STRING` of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    tagged(0x03, &[&[0], bytes])
}

/// One value read from the start of a text: its tag, its content, the whole of it, and what follows.
pub(super) struct Read<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
    pub(super) rest: &'a [u8],
}

/// Reads one value.
pub(super) fn read(bytes: &[u8]) -> Option<Read<'_>> {
    let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
    let (length, header) = if first < 0x80 {
        (usize::from(first), 2)
    } else {
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return None;
        }
        let digits = bytes.get(2..2 + count)?;
        (digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit)), 2 + count)
    };
    let end = header.checked_add(length)?;
    let (whole, rest) = bytes.split_at_checked(end)?;
    Some(Read { tag, content: whole.get(header..)?, whole, rest })
}

/// All values of a content.
pub(super) fn read_all(mut bytes: &[u8]) -> Option<Vec<Read<'_>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let one = read(bytes)?;
        bytes = one.rest;
        all.push(one);
    }
    Some(all)
}

/// A PEM block, lines of 64 characters as Go writes them.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// Label and content of the first PEM block of a text.
pub(super) fn read_pem(text: &str) -> Option<(&str, Vec<u8>)> {
    let start = match text.strip_prefix("-----BEGIN ") {
        Some(rest) => rest,
        None => text.split_once("\n-----BEGIN ")?.1,
    };
    let (label, rest) = start.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let compact: String = body.lines().filter(|line| !line.contains(':')).flat_map(str::chars).collect();
    let compact: String = compact.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let data = base64::engine::general_purpose::STANDARD.decode(compact).ok()?;
    Some((label, data))
}

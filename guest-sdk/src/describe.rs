//! What a policy says about itself, written as JSON at compile time.
//!
//! The same text is the custom section `rhumb:policy` of the component and the answer of `describe`, so that a host
//! can read it without running anything and check later that it was true.

#![allow(
    clippy::indexing_slicing,
    reason = "constants have no iterators; each index is below the length that its loop tests"
)]

use crate::{Policy, PolicyConfig, Schema};

/// Longest description.
const CAPACITY: usize = 64 * 1024;

/// What a policy says about itself; the config's schema and the kind are added by the macro.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Lower-case, dashes, such as `semver`.
    pub name: &'static str,
    /// `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Every reason code that an answer may carry, with what it means.
    pub reasons: &'static [(&'static str, &'static str)],
    /// Which data it needs.
    pub wants: Wants,
    /// Recommended budget for one call; the operator may give less.
    pub fuel: u64,
    /// A JSON case file (`{"cases": […]}`), such as `include_str!("../cases/examples.json")`; empty for none.
    pub examples: &'static str,
}

/// Which data a policy needs; the host gives no more than this.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// Build times of the tags that `shortlist` names.
    pub created: bool,
    /// Digests of the same.
    pub digests: bool,
    /// Facts of the same: `platforms`, `labels`, `annotations`, `size`, `signatures`.
    pub facts: &'static [&'static str],
    /// Parts of the evidence: `environments`, `history`, `approvals`, `windows`, `commits`, `fleet`, `stop`, `facts`.
    pub evidence: &'static [&'static str],
}

impl Wants {
    /// Nothing but what every call carries.
    pub const NOTHING: Self = Self { created: false, digests: false, facts: &[], evidence: &[] };
}

/// The description as text, in a buffer of fixed size because constants cannot allocate.
#[derive(Debug)]
pub struct Document {
    bytes: [u8; CAPACITY],
    len: usize,
}

/// The JSON Schema of a config, as `describe` prints it.
pub fn schema_text<C: PolicyConfig>() -> String {
    let mut document = Document::empty();
    document.schema(&C::SCHEMA, "");
    document.as_str().to_owned()
}

impl Document {
    /// Describes a policy of this kind.
    pub const fn of<P: Policy>(kind: &str) -> Self {
        let about = &P::ABOUT;
        let mut text = Self::empty();
        text.raw("{\"contract\":\"rhumb:policy@0.1.0\",\"kind\":");
        text.quoted(kind);
        text.raw(",\"name\":");
        text.quoted(about.name);
        text.raw(",\"version\":");
        text.quoted(about.version);
        text.raw(",\"summary\":");
        text.quoted(about.summary);
        text.raw(",\"config\":");
        text.schema(&<P::Config as PolicyConfig>::SCHEMA, "");
        text.raw(",\"reasons\":[");
        let mut at = 0;
        while at < about.reasons.len() {
            text.comma(at);
            text.raw("{\"code\":");
            text.quoted(about.reasons[at].0);
            text.raw(",\"text\":");
            text.quoted(about.reasons[at].1);
            text.raw("}");
            at += 1;
        }
        text.raw("],\"wants\":{\"created\":");
        text.flag(about.wants.created);
        text.raw(",\"digests\":");
        text.flag(about.wants.digests);
        text.raw(",\"facts\":");
        text.list(about.wants.facts);
        text.raw(",\"evidence\":");
        text.list(about.wants.evidence);
        text.raw("},\"fuel\":");
        text.number(about.fuel);
        text.raw(",\"examples\":");
        text.raw(if about.examples.is_empty() { "null" } else { about.examples });
        text.raw("}");
        text
    }

    /// Length of the text in bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no text.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        Self::text(self.bytes.get(..self.len).unwrap_or_default())
    }

    /// The text in an array of its own length, which is what a custom section is made from.
    pub const fn trimmed<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let mut at = 0;
        while at < N {
            bytes[at] = self.bytes[at];
            at += 1;
        }
        bytes
    }

    /// Bytes of a document as text.
    pub const fn text(bytes: &[u8]) -> &str {
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => unreachable!(),
        }
    }

    const fn empty() -> Self {
        Self { bytes: [0; CAPACITY], len: 0 }
    }

    const fn byte(&mut self, byte: u8) {
        assert!(self.len < CAPACITY, "the description of a policy is at most 64 KiB long");
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    const fn raw(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self.byte(bytes[at]);
            at += 1;
        }
    }

    const fn quoted(&mut self, text: &str) {
        self.byte(b'"');
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'"' => self.raw("\\\""),
                b'\\' => self.raw("\\\\"),
                b'\n' => self.raw("\\n"),
                // Other control characters say nothing to people.
                0..=0x1f => self.byte(b' '),
                byte => self.byte(byte),
            }
            at += 1;
        }
        self.byte(b'"');
    }

    const fn number(&mut self, number: u64) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.byte(b'0' + (number % 10) as u8);
    }

    const fn flag(&mut self, flag: bool) {
        self.raw(if flag { "true" } else { "false" });
    }

    const fn comma(&mut self, at: usize) {
        if at > 0 {
            self.byte(b',');
        }
    }

    const fn list(&mut self, items: &[&str]) {
        self.byte(b'[');
        let mut at = 0;
        while at < items.len() {
            self.comma(at);
            self.quoted(items[at]);
            at += 1;
        }
        self.byte(b']');
    }

    const fn schema(&mut self, schema: &Schema, about: &str) {
        self.byte(b'{');
        if !about.is_empty() {
            self.raw("\"description\":");
            self.quoted(about);
            if !matches!(schema, Schema::Any) {
                self.byte(b',');
            }
        }
        match schema {
            Schema::Any => {}
            Schema::Boolean => self.raw("\"type\":\"boolean\""),
            Schema::Integer { minimum, maximum } => {
                self.raw("\"type\":\"integer\",\"minimum\":");
                if *minimum < 0 {
                    self.byte(b'-');
                }
                self.number(minimum.unsigned_abs());
                self.raw(",\"maximum\":");
                self.number(*maximum);
            }
            Schema::Number => self.raw("\"type\":\"number\""),
            Schema::String => self.raw("\"type\":\"string\""),
            Schema::Choice(names) => {
                self.raw("\"enum\":");
                self.list(names);
            }
            Schema::Array(items) => {
                self.raw("\"type\":\"array\",\"items\":");
                self.schema(items, "");
            }
            Schema::Map(values) => {
                self.raw("\"type\":\"object\",\"additionalProperties\":");
                self.schema(values, "");
            }
            Schema::Object(fields) => self.object(fields),
        }
        self.byte(b'}');
    }

    const fn object(&mut self, fields: &[crate::Field]) {
        self.raw("\"type\":\"object\",\"additionalProperties\":false,\"required\":[");
        let (mut at, mut required) = (0, 0);
        while at < fields.len() {
            if fields[at].required {
                self.comma(required);
                self.quoted(fields[at].name);
                required += 1;
            }
            at += 1;
        }
        self.raw("],\"properties\":{");
        at = 0;
        while at < fields.len() {
            self.comma(at);
            self.quoted(fields[at].name);
            self.byte(b':');
            self.schema(&fields[at].schema, fields[at].about);
            at += 1;
        }
        self.byte(b'}');
    }
}

//! The tree of a document: values with the bytes they stand in, before any typing.

use std::ops::Range;

/// What reading may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text, and bytes of all scalars once aliases are expanded.
    pub bytes: usize,
    /// Nested collections.
    pub depth: usize,
    /// Values in all documents of the text; in one document once aliases are expanded.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 100, nodes: 1_000_000 }
    }
}

/// What ends a message about one of [`Limits`].
pub(crate) fn than(name: &str, most: usize) -> String {
    format!("than the limit `{name}` of {most} allows")
}

/// One document of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its value.
    pub root: Node,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Bytes of the value itself in the text: with its quotes, without anchor, tag, comment and the line break behind
    /// it. The span of a block scalar starts at its `|` or `>` and ends with its last line that is not blank. An empty
    /// value has an empty span.
    pub span: Range<usize>,
    /// Line on which the span starts, counted from 1.
    pub line: usize,
    /// The name behind `&`.
    pub anchor: Option<String>,
    /// The tag, with `!!` resolved: `tag:yaml.org,2002:str`.
    pub tag: Option<String>,
    /// The value.
    pub kind: Kind,
}

/// What a value is, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; its type is not decided yet.
    Scalar {
        /// The text with escapes and folding undone.
        value: String,
        /// How it is written.
        style: Style,
    },
    /// A list.
    Sequence {
        /// In order.
        items: Vec<Node>,
        /// How it is written.
        layout: Layout,
    },
    /// Pairs in the order of the text, merge keys and duplicates included.
    Mapping {
        /// Key and value.
        entries: Vec<(Node, Node)>,
        /// How it is written.
        layout: Layout,
    },
    /// A reference to the node with this anchor.
    Alias {
        /// The name behind `*`.
        name: String,
    },
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// How a collection is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// By indentation.
    Block,
    /// `[…]` or `{…}`
    Flow,
}

impl Node {
    /// The value of the first entry whose key is this text; `None` when this is no mapping. Merge keys are not followed.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The text of a scalar, whatever its type.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The entries of a mapping, else nothing.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The items of a sequence, else nothing.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Sequence { items, .. } => items,
            _ => &[],
        }
    }
}

//! Reads a text into trees, one per document.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Encoding, Event, EventData, MappingStyle, Mark, Parser, ScalarStyle, SequenceStyle};

use crate::node::than;
use crate::{Document, Error, Kind, Layout, Limits, Node, Style, quick};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads all documents of a text. Empty documents, those that hold nothing but comments included, are left out.
///
/// Spans count bytes of `text` as given, a byte order mark included.
pub fn documents(text: &str, limits: &Limits) -> Result<Vec<Document>, Error> {
    quick::documents(text, body(text), limits).or_else(|quick::Declined| thorough(text, limits))
}

/// The same by libyaml alone, which takes every text.
pub(crate) fn thorough(text: &str, limits: &Limits) -> Result<Vec<Document>, Error> {
    let mut documents = Vec::new();
    each(text, limits, |document| {
        documents.extend(document);
        Next::Read
    })?;
    Ok(documents)
}

/// Reads the first document and does not look at what follows; `None` when it is empty.
pub(crate) fn first(text: &str, limits: &Limits) -> Result<Option<Document>, Error> {
    let mut first = None;
    each(text, limits, |document| {
        first = document;
        Next::Stop
    })?;
    Ok(first)
}

/// The text behind a byte order mark.
pub(crate) fn body(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

enum Next {
    Read,
    Stop,
}

fn each(text: &str, limits: &Limits, mut take: impl FnMut(Option<Document>) -> Next) -> Result<(), Error> {
    if text.len() > limits.bytes {
        return Err(Error::at_line(1, format!("the text has more bytes {}", than("bytes", limits.bytes))));
    }
    let body = body(text);
    // The parser panics when a block scalar ends without a line break, so there always is one.
    let unended = !body.ends_with('\n');
    let ended = if unended { Cow::Owned(format!("{body}\n")) } else { Cow::Borrowed(body) };
    let mut bytes = ended.as_bytes();
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    parser.set_input_string(&mut bytes);
    let mut builder =
        Builder { body, offset: text.len() - body.len(), limits, open: Vec::new(), nodes: 0, line: 1, root: None };
    // What it is given is hostile, so a bug in it must not take the program down.
    let mut next = move || catch_unwind(AssertUnwindSafe(|| parser.parse()));
    loop {
        let event = next().map_err(|_| Error::at_line(builder.line, "the parser cannot read what follows"))?;
        let event = event.map_err(|error| syntax_error(&error))?;
        builder.line = index(event.end_mark.line) + 1;
        match event.data {
            EventData::StreamEnd => return Ok(()),
            EventData::DocumentEnd { .. } => {
                let root = builder.root.take().filter(|root| !is_empty(root));
                if matches!(take(root.map(|root| Document { root })), Next::Stop) {
                    return Ok(());
                }
            }
            _ => builder.take(event)?,
        }
    }
}

fn is_empty(root: &Node) -> bool {
    let nothing = matches!(&root.kind, Kind::Scalar { value, style: Style::Plain } if value.is_empty());
    nothing && root.tag.is_none() && root.anchor.is_none()
}

fn syntax_error(error: &libyaml_safer::Error) -> Error {
    let mark = error.problem_mark().or_else(|| error.context_mark()).unwrap_or_default();
    let message = match error.context() {
        Some(context) => format!("{context}: {}", error.problem()),
        None => error.problem().to_owned(),
    };
    Error { line: index(mark.line) + 1, column: index(mark.column) + 1, message }
}

fn index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    /// A key that waits for its value.
    key: Option<Node>,
}

struct Builder<'a> {
    body: &'a str,
    /// Bytes before the body.
    offset: usize,
    limits: &'a Limits,
    open: Vec<Open>,
    nodes: usize,
    /// Where the last event ended.
    line: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event) -> Result<(), Error> {
        let (start, end) = (event.start_mark, event.end_mark);
        match event.data {
            EventData::Scalar { anchor, tag, mut value, style, .. } => {
                let style = scalar_style(style);
                if index(end.index) > self.body.len() && matches!(style, Style::Literal | Style::Folded) {
                    self.unend(&mut value, start);
                }
                let node = self.node(start, end, (anchor, tag), Kind::Scalar { value, style })?;
                self.add(node);
            }
            EventData::Alias { anchor } => {
                let node = self.node(start, end, (None, None), Kind::Alias { name: anchor })?;
                self.add(node);
            }
            EventData::SequenceStart { anchor, tag, style, .. } => {
                let layout = if style == SequenceStyle::Flow { Layout::Flow } else { Layout::Block };
                self.enter(start, end, (anchor, tag), Kind::Sequence { items: Vec::new(), layout })?;
            }
            EventData::MappingStart { anchor, tag, style, .. } => {
                let layout = if style == MappingStyle::Flow { Layout::Flow } else { Layout::Block };
                self.enter(start, end, (anchor, tag), Kind::Mapping { entries: Vec::new(), layout })?;
            }
            EventData::SequenceEnd | EventData::MappingEnd => self.leave(end),
            _ => {}
        }
        Ok(())
    }

    /// Takes back the line break that was added behind a block scalar at the end of the text.
    fn unend(&self, value: &mut String, start: Mark) {
        let scalar = self.body.get(index(start.index)..).unwrap_or_default();
        let keeps = scalar.lines().next().is_some_and(|header| header.contains('+'));
        let last_line = self.body.rsplit('\n').next().unwrap_or_default();
        let blank_content = value.ends_with(" \n") || value.ends_with("\t\n");
        if value.ends_with('\n') && (keeps || blank_content || !last_line.trim().is_empty()) {
            value.pop();
        }
    }

    fn enter(&mut self, start: Mark, end: Mark, props: Properties, kind: Kind) -> Result<(), Error> {
        let node = self.node(start, end, props, kind)?;
        if self.open.len() >= self.limits.depth {
            return Err(Error::at_line(node.line, format!("nested deeper {}", than("depth", self.limits.depth))));
        }
        self.open.push(Open { node, key: None });
        Ok(())
    }

    fn leave(&mut self, end: Mark) {
        let Some(Open { mut node, .. }) = self.open.pop() else { return };
        // The end of a block collection is only known at the next token, so its last value says where it ends.
        let last = match &node.kind {
            Kind::Sequence { items, layout: Layout::Block } => items.last(),
            Kind::Mapping { entries, layout: Layout::Block } => entries.last().map(|(_, value)| value),
            _ => None,
        };
        let end = last.map_or_else(|| index(end.index).min(self.body.len()) + self.offset, |last| last.span.end);
        node.span.end = end.max(node.span.start);
        self.add(node);
    }

    fn add(&mut self, node: Node) {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut parent.node.kind {
            Kind::Sequence { items, .. } => items.push(node),
            Kind::Mapping { entries, .. } => match parent.key.take() {
                Some(key) => entries.push((key, node)),
                None => parent.key = Some(node),
            },
            Kind::Scalar { .. } | Kind::Alias { .. } => {}
        }
    }

    fn node(&mut self, start: Mark, end: Mark, props: Properties, kind: Kind) -> Result<Node, Error> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(Error::at_line(
                index(start.line) + 1,
                format!("more values {}", than("nodes", self.limits.nodes)),
            ));
        }
        let (anchor, mut tag) = props;
        let (first, mut last) = (index(start.index), index(end.index).min(self.body.len()));
        let mut begin = first;
        let text = self.body.get(first..).unwrap_or_default();
        if anchor.is_some() || tag.is_some() || text.starts_with('!') {
            let (skipped, tagged) = skip_properties(text);
            begin += skipped;
            // The parser drops a lone `!`, which go-yaml reads as "this is a string".
            if tagged == Tagged::Yes && tag.is_none() && matches!(kind, Kind::Scalar { .. }) {
                tag = Some("!".to_owned());
            }
        }
        if let Kind::Scalar { value, style } = &kind {
            let plain_and_empty = value.is_empty() && *style == Style::Plain;
            if plain_and_empty {
                // A comment may stand between the properties and the end of an empty value.
                begin = last;
            } else if matches!(style, Style::Literal | Style::Folded) {
                let block = self.body.get(begin..last).unwrap_or_default();
                last = begin + block.trim_end_matches(['\n', '\r', ' ', '\t']).len();
            }
        }
        let skipped = self.body.get(first..begin).unwrap_or_default();
        let line = index(start.line) + 1 + skipped.matches('\n').count();
        let span = begin + self.offset..last.max(begin) + self.offset;
        Ok(Node { span, line, anchor, tag, kind })
    }
}

/// Anchor and tag.
type Properties = (Option<String>, Option<String>);

fn scalar_style(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
        _ => Style::Plain,
    }
}

#[derive(PartialEq, Eq)]
enum Tagged {
    Yes,
    No,
}

/// Bytes of the anchor, the tag, and the blanks, line breaks and comments up to the value behind them.
fn skip_properties(text: &str) -> (usize, Tagged) {
    let mut rest = text;
    let mut tagged = Tagged::No;
    loop {
        let value = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let word = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | ',' | '[' | ']' | '{' | '}');
        let end = match value.bytes().next() {
            Some(b'#') => value.find('\n'),
            Some(b'!') if value.starts_with("!<") => value.find('>').map(|end| end + 1),
            Some(b'&' | b'!') => value.find(word),
            _ => return (text.len() - value.len(), tagged),
        };
        if value.starts_with('!') {
            tagged = Tagged::Yes;
        }
        rest = value.get(end.unwrap_or(value.len())..).unwrap_or_default();
    }
}

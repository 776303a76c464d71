//! A quick reader for the plain texts that nearly all are: block collections, plain, quoted and block scalars, flow
//! collections of simple scalars, comments, documents.
//!
//! It either reads a text exactly as the other reader does, spans and lines included, or declines it: anchors, tags, odd
//! keys, odd escapes, tabs between values, carriage returns, and everything that is wrong. So no error comes from here,
//! and no limit is told from here.
//!
//! Invariant: where this answers, the answer is that of [`crate::parse`] (`tests/quick.rs`).

mod block;
mod flow;
mod scalar;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use crate::{Document, Layout, Limits, Part, Style};
use tree::Tree;
use value::Values;
pub(crate) use value::Wanted;

/// The text is for the other reader.
#[derive(Debug)]
pub(crate) struct Declined;

type Outcome<T = ()> = Result<T, Declined>;

/// The deepest nesting that is read here, whatever the limits allow: the reader calls itself for each level.
const DEPTH: usize = 100;
/// The longest key; the other reader takes no more than 1,024 characters.
const KEY: usize = 1_000;

/// All documents of a text that are not empty.
pub(crate) fn documents(text: &str, body: &str, limits: &Limits) -> Outcome<Vec<Document>> {
    let mut reader = Reader::new(body, limits, Tree::new(text.len() - body.len()))?;
    let mut documents = Vec::new();
    while let Some(found) = reader.document()? {
        if found == Found::Value {
            documents.push(Document { root: reader.sink.take().ok_or(Declined)? });
        }
    }
    Ok(documents)
}

/// The first document as JSON, of two equal keys the last; `Null` when it is empty.
pub(crate) fn first_part(body: &str, limits: &Limits, wanted: Wanted<'_>) -> Outcome<Part> {
    let mut reader = Reader::new(body, limits, Values::new(wanted))?;
    match reader.document()? {
        Some(Found::Value) => reader.sink.take().ok_or(Declined),
        Some(Found::Nothing) | None => Ok(Part { value: Value::Null, nodes: 1 }),
    }
}

/// What a document holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Value,
    Nothing,
}

/// A scalar as it is found.
struct Scalar<'a> {
    text: Cow<'a, str>,
    style: Style,
    span: Range<usize>,
    line: usize,
}

/// A collection as it begins.
struct Begun {
    layout: Layout,
    start: usize,
    line: usize,
}

/// What is made of a text.
trait Sink {
    /// Whether the text of the next scalar matters if it is quoted or a block.
    fn reads_text(&self) -> bool;
    fn key(&mut self, key: Scalar<'_>) -> Outcome;
    fn scalar(&mut self, scalar: Scalar<'_>) -> Outcome;
    fn sequence(&mut self, begun: Begun) -> Outcome;
    fn mapping(&mut self, begun: Begun) -> Outcome;
    /// The end of the innermost collection; of one by indentation its last value says where it ends.
    fn close(&mut self, end: Option<usize>) -> Outcome;
}

/// What stands at the next place that is no blank and no comment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Content,
    /// `---`
    Separator,
    End,
}

struct Reader<'a, S> {
    body: &'a str,
    at: usize,
    /// Counted from 1.
    line: usize,
    /// Spaces before what is ahead on its line.
    column: usize,
    ahead: Ahead,
    /// Collections that may still be opened inside the innermost.
    depth: usize,
    /// Values that may still come.
    nodes: usize,
    begun: bool,
    sink: S,
}

impl<'a, S: Sink> Reader<'a, S> {
    fn new(body: &'a str, limits: &Limits, sink: S) -> Outcome<Self> {
        if body.len() > limits.bytes || !is_plain(body) {
            return Err(Declined);
        }
        let mut reader = Self {
            body,
            at: 0,
            line: 1,
            column: 0,
            ahead: Ahead::End,
            depth: limits.depth.min(DEPTH),
            nodes: limits.nodes,
            begun: false,
            sink,
        };
        reader.next_line()?;
        Ok(reader)
    }

    /// The next document; `None` at the end of the text.
    fn document(&mut self) -> Outcome<Option<Found>> {
        match self.ahead {
            Ahead::End => return Ok(None),
            Ahead::Separator => {
                self.at += 3;
                self.end_line()?;
            }
            Ahead::Content if self.begun => return Err(Declined),
            Ahead::Content => {}
        }
        self.begun = true;
        if self.ahead != Ahead::Content {
            // The other reader takes it for an empty value.
            self.count()?;
            return Ok(Some(Found::Nothing));
        }
        self.node(0)?;
        Ok(Some(Found::Value))
    }

    /// The byte at a place, 0 behind the end; no text that comes here holds a 0.
    fn byte(&self, at: usize) -> u8 {
        self.body.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn slice(&self, range: Range<usize>) -> Outcome<&'a str> {
        self.body.get(range).ok_or(Declined)
    }

    /// Whether a blank, the end of the line or of the text stands there.
    fn is_blank_or_end(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\n' | b'\t' | 0)
    }

    /// Goes over spaces and gives how many there were.
    fn skip_spaces(&mut self) -> usize {
        let rest = self.body.as_bytes().get(self.at..).unwrap_or_default();
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        self.at += spaces;
        spaces
    }

    /// Where the line ends, its break not included.
    fn line_end(&self, from: usize) -> usize {
        let rest = self.body.get(from..).unwrap_or_default();
        rest.find('\n').map_or(self.body.len(), |length| from + length)
    }

    /// Takes the rest of a line, which is blank but for a comment, and goes to what follows.
    fn end_line(&mut self) -> Outcome {
        let spaces = self.skip_spaces();
        match self.byte(self.at) {
            b'\n' | 0 => {}
            b'#' if spaces > 0 => self.at = self.line_end(self.at),
            _ => return Err(Declined),
        }
        self.at += 1;
        self.line += 1;
        self.next_line()
    }

    /// From the start of a line to the next content.
    fn next_line(&mut self) -> Outcome {
        loop {
            let spaces = self.skip_spaces();
            match self.byte(self.at) {
                0 => {
                    self.ahead = Ahead::End;
                    return Ok(());
                }
                b'\n' => {}
                b'#' => {
                    self.at = self.line_end(self.at);
                    if self.at >= self.body.len() {
                        continue;
                    }
                }
                b'\t' => return Err(Declined),
                first => {
                    self.column = spaces;
                    self.ahead = Ahead::Content;
                    if spaces == 0 && matches!(first, b'-' | b'.' | b'%') {
                        self.ahead = self.marker()?;
                    }
                    return Ok(());
                }
            }
            self.at += 1;
            self.line += 1;
        }
    }

    /// What begins a line at its first column.
    fn marker(&self) -> Outcome<Ahead> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        match rest.get(..3) {
            Some("---") if self.is_blank_or_end(self.at + 3) => Ok(Ahead::Separator),
            Some("...") if self.is_blank_or_end(self.at + 3) => Err(Declined),
            _ if rest.starts_with('%') => Err(Declined),
            _ => Ok(Ahead::Content),
        }
    }

    /// Counts a value.
    fn count(&mut self) -> Outcome {
        self.nodes = self.nodes.checked_sub(1).ok_or(Declined)?;
        Ok(())
    }

    /// Counts a collection and its level.
    fn enter(&mut self) -> Outcome {
        self.count()?;
        self.depth = self.depth.checked_sub(1).ok_or(Declined)?;
        Ok(())
    }

    fn leave(&mut self, end: Option<usize>) -> Outcome {
        self.depth += 1;
        self.sink.close(end)
    }
}

/// Whether all characters are ones that the other reader takes, and none is a line break but `\n`.
fn is_plain(body: &str) -> bool {
    let bytes = body.as_bytes();
    let odd = |byte: &u8| (*byte < b' ' && !matches!(byte, b'\n' | b'\t')) || *byte == 0x7f;
    // In blocks, so that the compiler can look at many bytes at once.
    let is_odd = bytes.chunks(256).any(|chunk| chunk.iter().fold(false, |found, byte| found | odd(byte)));
    !is_odd
        && (body.is_ascii()
            || !body.chars().any(|c| {
                matches!(c, '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
            }))
}

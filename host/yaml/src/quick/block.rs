//! Collections by indentation.

use std::borrow::Cow;

use super::scalar::Token;
use super::{Ahead, Begun, Declined, Outcome, Reader, Scalar, Sink};
use crate::{Layout, Style};

/// How a list is indented.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Indented {
    /// Deeper than what is around it.
    Deeper,
    /// As the keys of the mapping around it.
    AsKeys,
}

impl<'a, S: Sink> Reader<'a, S> {
    /// What stands at `column`; whatever stands at the column `floor` or behind it afterwards would belong to it.
    pub(super) fn node(&mut self, floor: usize) -> Outcome {
        match self.byte(self.at) {
            b'-' if self.is_blank_or_end(self.at + 1) => self.sequence(self.column, Indented::Deeper)?,
            b'[' | b'{' => {
                self.flow()?;
                self.end_line()?;
            }
            // What a document that is one scalar means is a matter of details, and nobody writes one.
            _ if floor == 0 => match self.token()? {
                Token { is_key: true, scalar } => self.mapping(self.column, scalar)?,
                Token { .. } => return Err(Declined),
            },
            b'|' | b'>' => self.block_scalar(floor)?,
            _ => match self.token()? {
                Token { is_key: true, scalar } => self.mapping(self.column, scalar)?,
                Token { scalar, .. } => self.lone(scalar, floor)?,
            },
        }
        self.ends_before(floor)
    }

    fn ends_before(&self, floor: usize) -> Outcome {
        if self.ahead == Ahead::Content && self.column >= floor { Err(Declined) } else { Ok(()) }
    }

    /// A scalar with nothing behind it but what goes on with it.
    fn lone(&mut self, mut scalar: Scalar<'a>, floor: usize) -> Outcome {
        if scalar.style == Style::Plain {
            self.continued(&mut scalar, floor)?;
        }
        self.count()?;
        self.sink.scalar(scalar)?;
        self.end_line()
    }

    /// An empty value behind a `-` or a `:`.
    fn nothing(&mut self, at: usize, line: usize) -> Outcome {
        self.count()?;
        self.sink.scalar(Scalar { text: Cow::Borrowed(""), style: Style::Plain, span: at..at, line })
    }

    /// A list whose dashes stand in this column, from its first dash on.
    fn sequence(&mut self, column: usize, indented: Indented) -> Outcome {
        self.enter()?;
        self.sink.sequence(Begun { layout: Layout::Block, start: self.at, line: self.line })?;
        loop {
            let dash = self.at;
            let line = self.line;
            self.at += 1;
            self.skip_spaces();
            if matches!(self.byte(self.at), b'\n' | b'#' | 0) {
                self.at = dash + 1;
                self.end_line()?;
                if self.ahead == Ahead::Content && self.column > column {
                    self.node(column + 1)?;
                } else {
                    self.nothing(dash + 1, line)?;
                }
            } else {
                self.column = column + (self.at - dash);
                self.node(column + 1)?;
            }
            if self.ahead != Ahead::Content || self.column < column {
                break;
            }
            if self.column > column {
                return Err(Declined);
            }
            if self.byte(self.at) != b'-' || !self.is_blank_or_end(self.at + 1) {
                if indented == Indented::AsKeys {
                    break;
                }
                return Err(Declined);
            }
        }
        self.leave(None)
    }

    /// A mapping whose keys stand in this column, from behind the `:` of its first key on.
    fn mapping(&mut self, column: usize, first: Scalar<'a>) -> Outcome {
        self.enter()?;
        self.sink.mapping(Begun { layout: Layout::Block, start: first.span.start, line: first.line })?;
        let mut key = first;
        loop {
            self.count()?;
            self.sink.key(key)?;
            self.value(column)?;
            if self.ahead != Ahead::Content || self.column < column {
                break;
            }
            if self.column > column {
                return Err(Declined);
            }
            match self.token()? {
                Token { is_key: true, scalar } => key = scalar,
                Token { .. } => return Err(Declined),
            }
        }
        self.leave(None)
    }

    /// What stands behind a `:`, of a key in this column.
    fn value(&mut self, column: usize) -> Outcome {
        let (start, line) = (self.at, self.line);
        self.skip_spaces();
        match self.byte(self.at) {
            b'\n' | b'#' | 0 => {
                self.at = start;
                self.end_line()?;
                let is_dash = || self.byte(self.at) == b'-' && self.is_blank_or_end(self.at + 1);
                return if self.ahead == Ahead::Content && self.column > column {
                    self.node(column + 1)
                } else if self.ahead == Ahead::Content && self.column == column && is_dash() {
                    self.sequence(column, Indented::AsKeys)
                } else {
                    self.nothing(start, line)
                };
            }
            b'|' | b'>' => self.block_scalar(column + 1)?,
            b'[' | b'{' => {
                self.flow()?;
                self.end_line()?;
            }
            _ => match self.token()? {
                Token { is_key: true, .. } => return Err(Declined),
                Token { scalar, .. } => self.lone(scalar, column + 1)?,
            },
        }
        self.ends_before(column + 1)
    }
}

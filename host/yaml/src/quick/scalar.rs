//! Scalars: plain and quoted ones, and blocks.

use std::borrow::Cow;

use super::{Declined, KEY, Outcome, Reader, Scalar, Sink};
use crate::Style;

/// A scalar that may be a key.
pub(super) struct Token<'a> {
    pub(super) scalar: Scalar<'a>,
    /// Whether a `:` makes it a key. The reader is behind it then.
    pub(super) is_key: bool,
}

/// What becomes of the line breaks at the end of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    /// One stays.
    Clip,
    /// `-`
    Strip,
    /// `+`
    Keep,
}

impl<'a, S: Sink> Reader<'a, S> {
    /// A plain scalar of one line or a quoted one, and the `:` behind it.
    pub(super) fn token(&mut self) -> Outcome<Token<'a>> {
        let scalar = match self.byte(self.at) {
            b'"' | b'\'' => self.quoted()?,
            _ => self.plain()?,
        };
        let is_key = self.byte(self.at) == b':' && self.is_blank_or_end(self.at + 1);
        if is_key {
            if scalar.span.len() > KEY || scalar.line < self.line {
                return Err(Declined);
            }
            self.at += 1;
        }
        Ok(Token { scalar, is_key })
    }

    fn plain(&mut self) -> Outcome<Scalar<'a>> {
        let start = self.at;
        match self.byte(start) {
            b'-' if !self.is_blank_or_end(start + 1) => {}
            b'-' | b'?' | b':' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\''
            | b'"' | b'%' | b'@' | b'`' | b' ' | b'\t' | b'\n' | 0 => return Err(Declined),
            _ => {}
        }
        let text = self.plain_line(start)?;
        self.at = start + text.len();
        Ok(Scalar { text: text.into(), style: Style::Plain, span: start..self.at, line: self.line })
    }

    /// What stands of a plain scalar on its line from there on.
    fn plain_line(&self, start: usize) -> Outcome<&'a str> {
        let rest = self.body.as_bytes().get(start..).unwrap_or_default();
        let mut end = self.body.len();
        for (at, byte) in rest.iter().enumerate() {
            let ends = match byte {
                b'\n' => true,
                b':' => self.is_blank_or_end(start + at + 1),
                b'#' => rest.get(at.saturating_sub(1)) == Some(&b' '),
                b'\t' => return Err(Declined),
                _ => false,
            };
            if ends {
                end = start + at;
                break;
            }
        }
        let text = self.slice(start..end)?.trim_end_matches(' ');
        // Blanks before a `:` are possible, and rare.
        if self.byte(end) == b':' && text.len() < end - start { Err(Declined) } else { Ok(text) }
    }

    /// Adds the lines that go on with a plain scalar: those that stand at the column `floor` or behind it.
    pub(super) fn continued(&mut self, scalar: &mut Scalar<'a>, floor: usize) -> Outcome {
        loop {
            let (mut at, mut breaks) = (self.at, 0);
            let column = loop {
                let rest = self.body.as_bytes().get(at..).unwrap_or_default();
                let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
                at += spaces;
                match self.byte(at) {
                    b'\n' => {
                        at += 1;
                        breaks += 1;
                    }
                    // A comment behind it ends it.
                    b'#' | 0 => return Ok(()),
                    b'\t' => return Err(Declined),
                    _ if breaks == 0 => return Ok(()),
                    _ => break spaces,
                }
            };
            if column < floor {
                return Ok(());
            }
            let line = self.plain_line(at)?;
            let text = scalar.text.to_mut();
            push_folded(text, breaks);
            text.push_str(line);
            self.line += breaks;
            self.at = at + line.len();
            scalar.span.end = self.at;
            if self.byte(self.at) == b':' && self.is_blank_or_end(self.at + 1) {
                return Err(Declined);
            }
        }
    }

    pub(super) fn quoted(&mut self) -> Outcome<Scalar<'a>> {
        let (start, line) = (self.at, self.line);
        let (text, style) = if self.byte(start) == b'"' {
            (self.double_quoted()?, Style::DoubleQuoted)
        } else {
            (self.single_quoted()?, Style::SingleQuoted)
        };
        Ok(Scalar { text, style, span: start..self.at, line })
    }

    fn single_quoted(&mut self) -> Outcome<Cow<'a, str>> {
        let mut text = Cow::Borrowed("");
        self.at += 1;
        loop {
            let rest = self.body.get(self.at..).ok_or(Declined)?;
            let length = rest.find(['\'', '\n']).ok_or(Declined)?;
            let piece = self.slice(self.at..self.at + length)?;
            self.at += length + 1;
            match (self.byte(self.at - 1), self.byte(self.at)) {
                (b'\'', b'\'') => {
                    push(&mut text, piece);
                    text.to_mut().push('\'');
                    self.at += 1;
                }
                (b'\'', _) => {
                    push(&mut text, piece);
                    return Ok(text);
                }
                _ => self.next_quoted_line(&mut text, piece)?,
            }
        }
    }

    fn double_quoted(&mut self) -> Outcome<Cow<'a, str>> {
        let mut text = Cow::Borrowed("");
        self.at += 1;
        loop {
            let rest = self.body.get(self.at..).ok_or(Declined)?;
            let length = rest.find(['"', '\\', '\n']).ok_or(Declined)?;
            let piece = self.slice(self.at..self.at + length)?;
            self.at += length + 1;
            match self.byte(self.at - 1) {
                b'"' => {
                    push(&mut text, piece);
                    return Ok(text);
                }
                b'\\' => {
                    push(&mut text, piece);
                    let escaped = self.escape()?;
                    text.to_mut().push(escaped);
                }
                _ => self.next_quoted_line(&mut text, piece)?,
            }
        }
    }

    /// From behind the break of a line of a quoted scalar, which ends with `piece`, to what follows.
    fn next_quoted_line(&mut self, text: &mut Cow<'a, str>, piece: &'a str) -> Outcome {
        push(text, piece.trim_end_matches([' ', '\t']));
        let mut breaks = 1;
        let spaces = loop {
            let spaces = self.skip_spaces();
            match self.byte(self.at) {
                b'\n' => {
                    self.at += 1;
                    breaks += 1;
                }
                b'\t' | 0 => return Err(Declined),
                _ => break spaces,
            }
        };
        // A marker of documents is an error here.
        if spaces == 0 && matches!(self.byte(self.at), b'-' | b'.') {
            return Err(Declined);
        }
        self.line += breaks;
        push_folded(text.to_mut(), breaks);
        Ok(())
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Outcome<char> {
        let letter = self.byte(self.at);
        self.at += 1;
        Ok(match letter {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'u' => {
                let digits = self.slice(self.at..self.at + 4)?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return Err(Declined);
                }
                self.at += 4;
                u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).ok_or(Declined)?
            }
            _ => return Err(Declined),
        })
    }

    /// A block, whose lines stand at the column `floor` or behind it.
    pub(super) fn block_scalar(&mut self, floor: usize) -> Outcome {
        let (start, line) = (self.at, self.line);
        let folded = self.byte(start) == b'>';
        self.at += 1;
        let chomp = match self.byte(self.at) {
            b'-' => Chomp::Strip,
            b'+' => Chomp::Keep,
            _ => Chomp::Clip,
        };
        self.at += usize::from(chomp != Chomp::Clip);
        let spaces = self.skip_spaces();
        if self.byte(self.at) == b'#' && spaces > 0 {
            self.at = self.line_end(self.at);
        }
        if self.byte(self.at) != b'\n' {
            return Err(Declined);
        }
        self.next_block_line();
        let mut block = Block { text: String::new(), folded, pending: 0, blank: true, keeps: self.sink.reads_text() };
        let indent = self.indent(&mut block)?.filter(|indent| *indent >= floor);
        let mut ended = true;
        if let Some(indent) = indent {
            ended = self.lines(indent, &mut block)?;
        }
        let breaks = match (chomp, indent) {
            // The break of the last line is one of these.
            (Chomp::Clip, Some(_)) => 1,
            (Chomp::Keep, _) => block.pending,
            _ => 0,
        };
        // Of a last line that has no break none is kept.
        block.push_breaks(if ended { breaks } else { 0 });
        let raw = self.slice(start..self.at.min(self.body.len()))?;
        let end = start + raw.trim_end_matches(['\n', ' ', '\t']).len();
        let style = if folded { Style::Folded } else { Style::Literal };
        self.count()?;
        self.sink.scalar(Scalar { text: block.text.into(), style, span: start..end, line })?;
        self.next_line()
    }

    /// Over a line break.
    fn next_block_line(&mut self) {
        self.at += 1;
        self.line += 1;
    }

    /// Goes over blank lines to the first that is not, and gives its indentation; `None` at the end of the text.
    fn indent(&mut self, block: &mut Block) -> Outcome<Option<usize>> {
        let mut widest = 0;
        loop {
            let line = self.at;
            let spaces = self.skip_spaces();
            match self.byte(self.at) {
                b'\n' => {
                    widest = widest.max(spaces);
                    block.pending += 1;
                    self.next_block_line();
                }
                0 if spaces == 0 => return Ok(None),
                // A blank line that is indented deeper than the text says where the text would have to begin.
                0 | b'\t' => return Err(Declined),
                _ if spaces < widest => return Err(Declined),
                _ => {
                    self.at = line;
                    return Ok(Some(spaces));
                }
            }
        }
    }

    /// The lines of a block from the first with text on; tells whether the last one ends with a break.
    fn lines(&mut self, indent: usize, block: &mut Block) -> Outcome<bool> {
        loop {
            let start = self.at + indent;
            let end = self.line_end(start);
            let text = self.slice(start..end)?;
            block.push_line(text);
            self.at = end;
            if end >= self.body.len() {
                // Whether a blank last line counts is a matter of details.
                return if text.trim().is_empty() { Err(Declined) } else { Ok(false) };
            }
            self.next_block_line();
            block.pending = 1;
            loop {
                let rest = self.body.as_bytes().get(self.at..).unwrap_or_default();
                let spaces = rest.iter().take(indent).take_while(|byte| **byte == b' ').count();
                match self.byte(self.at + spaces) {
                    b'\n' => {
                        self.at += spaces;
                        self.next_block_line();
                        block.pending += 1;
                    }
                    0 if spaces > 0 => return Err(Declined),
                    0 => return Ok(true),
                    _ if spaces == indent => break,
                    b'\t' => return Err(Declined),
                    _ => return Ok(true),
                }
            }
        }
    }
}

fn push<'a>(text: &mut Cow<'a, str>, more: &'a str) {
    if text.is_empty() {
        *text = Cow::Borrowed(more);
    } else if !more.is_empty() {
        text.to_mut().push_str(more);
    }
}

/// One line break becomes a blank, of more of them the first is left out.
fn push_folded(text: &mut String, breaks: usize) {
    if breaks == 1 {
        text.push(' ');
    } else {
        text.extend(std::iter::repeat_n('\n', breaks - 1));
    }
}

/// A block scalar in the making.
struct Block {
    text: String,
    folded: bool,
    /// Line breaks since the last line with text: its own and those of blank lines.
    pending: usize,
    /// Whether the last line began with a blank, or there was none.
    blank: bool,
    keeps: bool,
}

impl Block {
    fn push_line(&mut self, line: &str) {
        let blank = line.starts_with([' ', '\t']);
        if self.folded && !self.blank && !blank && self.pending > 0 {
            if self.keeps {
                push_folded(&mut self.text, self.pending);
            }
        } else {
            self.push_breaks(self.pending);
        }
        self.blank = blank;
        if self.keeps {
            self.text.push_str(line);
        }
    }

    fn push_breaks(&mut self, breaks: usize) {
        if self.keeps {
            self.text.extend(std::iter::repeat_n('\n', breaks));
        }
    }
}

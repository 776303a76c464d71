//! Collections in brackets.

use super::{Begun, Declined, KEY, Outcome, Reader, Scalar, Sink};
use crate::{Layout, Style};

impl<'a, S: Sink> Reader<'a, S> {
    /// A list or mapping, from its bracket on.
    pub(super) fn flow(&mut self) -> Outcome {
        self.enter()?;
        let begun = Begun { layout: Layout::Flow, start: self.at, line: self.line };
        let is_list = self.byte(self.at) == b'[';
        self.at += 1;
        let end = if is_list {
            self.sink.sequence(begun)?;
            b']'
        } else {
            self.sink.mapping(begun)?;
            b'}'
        };
        loop {
            self.flow_blank()?;
            if self.byte(self.at) == end {
                self.at += 1;
                return self.leave(Some(self.at));
            }
            if !is_list {
                self.flow_key()?;
            }
            self.flow_node()?;
            self.flow_blank()?;
            match self.byte(self.at) {
                b',' => self.at += 1,
                byte if byte == end => {}
                _ => return Err(Declined),
            }
        }
    }

    /// Spaces, line breaks and comments.
    fn flow_blank(&mut self) -> Outcome {
        loop {
            let spaces = self.skip_spaces();
            match self.byte(self.at) {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    // A marker of documents is an error here.
                    if matches!(self.byte(self.at), b'-' | b'.' | b'%' | b'#') {
                        return Err(Declined);
                    }
                }
                b'#' if spaces > 0 => self.at = self.line_end(self.at),
                _ => return Ok(()),
            }
        }
    }

    fn flow_node(&mut self) -> Outcome {
        match self.byte(self.at) {
            b'[' | b'{' => self.flow(),
            b'"' | b'\'' => {
                let scalar = self.quoted()?;
                self.count()?;
                self.sink.scalar(scalar)
            }
            _ => {
                let scalar = self.flow_plain()?;
                self.count()?;
                self.sink.scalar(scalar)
            }
        }
    }

    fn flow_key(&mut self) -> Outcome {
        let line = self.line;
        let is_quoted = matches!(self.byte(self.at), b'"' | b'\'');
        let key = if is_quoted { self.quoted()? } else { self.flow_plain()? };
        if self.byte(self.at) != b':'
            || !is_quoted && !self.is_blank_or_end(self.at + 1)
            || key.span.len() > KEY
            || self.line > line
        {
            return Err(Declined);
        }
        self.at += 1;
        self.flow_blank()?;
        self.count()?;
        self.sink.key(key)
    }

    /// An unquoted scalar; the reader is behind it then.
    fn flow_plain(&mut self) -> Outcome<Scalar<'a>> {
        let start = self.at;
        match self.byte(start) {
            b'-' if self.byte(start + 1).is_ascii_alphanumeric() || self.byte(start + 1) == b'-' => {}
            b'_' | b'/' | b'.' | b'$' | b'~' | b'<' | b'=' | b'+' | b'(' => {}
            byte if byte.is_ascii_alphanumeric() => {}
            _ => return Err(Declined),
        }
        let rest = self.body.as_bytes().get(start..).unwrap_or_default();
        let mut end = self.body.len();
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b',' | b'[' | b']' | b'{' | b'}' | b'\n' => {
                    end = start + at;
                    break;
                }
                b':' => match self.byte(start + at + 1) {
                    b' ' | b'\n' => {
                        end = start + at;
                        break;
                    }
                    b',' | b'?' | b'[' | b']' | b'{' | b'}' | b'\t' | 0 => return Err(Declined),
                    _ => {}
                },
                b'\t' => return Err(Declined),
                b'#' if rest.get(at.saturating_sub(1)) == Some(&b' ') => return Err(Declined),
                _ => {}
            }
        }
        let text = self.slice(start..end)?;
        let text = text.trim_end_matches(' ');
        if self.byte(end) == b':' && text.len() < end - start {
            return Err(Declined);
        }
        self.at = end;
        Ok(Scalar { text: text.into(), style: Style::Plain, span: start..start + text.len(), line: self.line })
    }
}

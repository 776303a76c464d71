//! A text and how far it was read.

use super::Error;

/// A text and how far it was read.
pub(super) struct Text<'de> {
    pub(super) all: &'de str,
    /// In bytes; always between two characters.
    pub(super) at: usize,
}

/// A string without its quotes.
pub(super) enum Piece<'de> {
    /// As it stands in the text.
    Borrowed(&'de str),
    /// It had escapes.
    Owned(String),
}

impl Piece<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl<'de> Text<'de> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.all.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space, which is not taken.
    pub(super) fn next_sign(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Takes this sign, or says what is wrong.
    pub(super) fn sign(&mut self, sign: u8, wrong: &str) -> Result<(), Error> {
        if self.next_sign() != Some(sign) {
            return Err(Error::new(wrong));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes this word.
    pub(super) fn word(&mut self, word: &str) -> Result<(), Error> {
        if !self.all.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(Error::new("wanted a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Takes a string; the next byte is its quote.
    pub(super) fn string(&mut self) -> Result<Piece<'de>, Error> {
        self.at += 1;
        let plain = self.plain()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Piece::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Piece::Owned(text));
                }
                _ => text.push(self.escape()?),
            }
            text.push_str(self.plain()?);
        }
    }

    /// Everything up to the next quote or backslash.
    fn plain(&mut self) -> Result<&'de str, Error> {
        let begin = self.at;
        loop {
            match self.peek() {
                Some(b'"' | b'\\') => return self.all.get(begin..self.at).ok_or_else(|| Error::new("broken text")),
                Some(0..0x20) => return Err(Error::new("a control character in a text")),
                Some(_) => self.at += 1,
                None => return Err(Error::new("a text without end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let sign = self.all.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match sign {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(sign @ (b'"' | b'\\' | b'/')) => char::from(sign),
            Some(b'u') => return self.unicode(),
            _ => {
                // It may stand before a character of several bytes.
                self.at -= 1;
                return Err(Error::new("an escape that there is not"));
            }
        })
    }

    fn unicode(&mut self) -> Result<char, Error> {
        let wrong = || Error::new("an escape that is no character");
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(wrong);
        }
        self.word("\\u").map_err(|_| wrong())?;
        let low = self.hex()?.checked_sub(0xdc00).filter(|low| *low < 0x400).ok_or_else(wrong)?;
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + low).ok_or_else(wrong)
    }

    fn hex(&mut self) -> Result<u32, Error> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            number = number * 16 + digit.ok_or_else(|| Error::new("an escape that is no character"))?;
            self.at += 1;
        }
        Ok(number)
    }
}

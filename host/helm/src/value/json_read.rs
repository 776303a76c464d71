//! JSON as Go's `encoding/json` reads it, with the words of its errors: Helm's functions print them.

use super::{Entries, Text, Value};
use crate::limits::{VALUE_DEPTH, than};

/// Reads a text; an error is in Go's words.
pub(crate) fn read_json(text: &[u8]) -> Result<Read, String> {
    let mut reader = Reader { text, at: 0, mismatch: None };
    reader.skip_blanks();
    let value = reader.value(0)?;
    reader.skip_blanks();
    match reader.peek() {
        None => Ok(Read { value, mismatch: reader.mismatch }),
        Some(_) => Err(reader.unexpected("after top-level value")),
    }
}

/// What a text holds.
pub(crate) struct Read {
    pub(crate) value: Value,
    /// The first number that no float can hold. It stands as nil in the value, which Go gives together with the error.
    pub(crate) mismatch: Option<String>,
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    mismatch: Option<String>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The error about the next byte, which is a Latin letter to Go.
    fn unexpected(&self, place: &str) -> String {
        // Go reads one more blank at the end, which is wrong within a number, a word and an escape.
        let within = place != "in string literal" && place.starts_with("in ") || place.starts_with("after decimal");
        let byte = match self.peek() {
            Some(byte) => byte,
            None if within => b' ',
            None => return "unexpected end of JSON input".to_owned(),
        };
        let quoted = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                let quoted = super::go_quote(&char::from(byte).to_string());
                format!("'{}'", quoted.get(1..quoted.len() - 1).unwrap_or_default())
            }
        };
        format!("invalid character {quoted} {place}")
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > VALUE_DEPTH {
            return Err(format!("nests deeper {}", than("value_depth", VALUE_DEPTH)));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Nil),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for letter in word.bytes() {
            if !self.take(letter) {
                return Err(self.unexpected(&format!("in literal {word} (expecting '{}')", char::from(letter))));
            }
        }
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        self.skip_blanks();
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::list(items));
        }
        loop {
            self.skip_blanks();
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(Value::list(items));
            }
            if !self.take(b',') {
                return Err(self.unexpected("after array element"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        self.skip_blanks();
        let mut entries = Entries::new();
        if self.take(b'}') {
            return Ok(Value::map(entries));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.skip_blanks();
            if !self.take(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            entries.insert(key, value);
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(Value::map(entries));
            }
            if !self.take(b',') {
                return Err(self.unexpected("after object key:value pair"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(self.unexpected("in numeric literal"));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.unexpected("after decimal point in numeric literal"));
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(self.unexpected("in exponent of numeric literal"));
            }
        }
        let written = std::str::from_utf8(self.text.get(start..self.at).unwrap_or_default()).unwrap_or_default();
        let float: f64 = written.parse().unwrap_or(f64::INFINITY);
        if float.is_finite() {
            return Ok(Value::Float(float));
        }
        self.mismatch.get_or_insert(format!("json: cannot unmarshal number {written} into Go value of type float64"));
        Ok(Value::Nil)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<Text, String> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(super::from_bytes(replaced(&out).as_bytes()));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(byte) if byte >= b' ' => {
                    out.push(byte);
                    self.at += 1;
                }
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let c = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        Ok(c)
    }

    /// What stands behind `\u`; half of a pair alone is a replacement character.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u")) {
            let before = self.at;
            self.at += 2;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected("in \\u hexadecimal character escape"))?;
            self.at += 1;
        }
        Ok(code)
    }
}

/// The text, with a replacement character for each byte that is none.
fn replaced(bytes: &[u8]) -> String {
    bytes.utf8_chunks().fold(String::new(), |mut out, chunk| {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_in_the_words_of_go() {
        let error = |text: &str| {
            read_json(text.as_bytes()).map_or_else(|error| error, |read| read.mismatch.unwrap_or_default())
        };
        for (text, words) in [
            ("", "unexpected end of JSON input"),
            ("{\"a\":", "unexpected end of JSON input"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("'", "invalid character '\\'' looking for beginning of value"),
            ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[1 2]", "invalid character '2' after array element"),
            ("01", "invalid character '1' after top-level value"),
            ("-", "invalid character ' ' in numeric literal"),
            ("[tru", "invalid character ' ' in literal true (expecting 'e')"),
            ("\"a", "unexpected end of JSON input"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("trux", "invalid character 'x' in literal true (expecting 'e')"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\ug\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("é", "invalid character 'Ã' looking for beginning of value"),
            ("1e400", "json: cannot unmarshal number 1e400 into Go value of type float64"),
        ] {
            assert_eq!(error(text), words, "{text}");
        }
    }

    #[test]
    fn halves_of_pairs_are_replaced() {
        let text = |json: &str| match read_json(json.as_bytes()).map(|read| read.value) {
            Ok(Value::Text(text)) => text.to_string(),
            _ => String::new(),
        };
        assert_eq!(text(r#""\ud83d\ude00""#), "😀");
        assert_eq!(text(r#""\ud83dx\ud83d\ud83d\ude00\ude00""#), "\u{fffd}x\u{fffd}😀\u{fffd}");
    }
}

//! JSON, read for serde.
//!
//! `serde_json` reads as well, but its errors print numbers of every kind and its reader knows readers of every kind,
//! which is three times the code of a small policy. This one reads texts that a host has checked already.

mod error;
mod number;
mod text;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

pub(crate) use error::Error;
use text::Text;

/// Deepest nesting; hosts allow 64.
const DEPTH: u8 = 128;

/// Reads a whole text.
pub(crate) fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Error> {
    let mut reader = Reader { text: Text { all: text, at: 0 }, depth: DEPTH };
    let read = T::deserialize(&mut reader).and_then(|value| match reader.text.next_sign() {
        None => Ok(value),
        Some(_) => Err(Error::new("there is more behind the end")),
    });
    read.map_err(|error| error.at(reader.text.at))
}

struct Reader<'de> {
    text: Text<'de>,
    depth: u8,
}

impl<'de> Reader<'de> {
    /// One list or object.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| Error::new("nested too deeply"))?;
        self.text.at += 1;
        let value = read(self)?;
        self.depth += 1;
        Ok(value)
    }

    /// Whether there is another item before `end`, with the comma between.
    fn more(&mut self, end: u8, is_first: &mut bool) -> Result<bool, Error> {
        let first = std::mem::replace(is_first, false);
        match self.text.next_sign() {
            Some(sign) if sign == end => Ok(false),
            Some(b',') if !first => {
                self.text.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => Err(Error::new("wanted a comma or an end")),
        }
    }

    fn end(&mut self, end: u8) -> Result<(), Error> {
        self.text.sign(end, "there are too many items")
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text.next_sign() {
            Some(b'"') => match self.text.string()? {
                text::Piece::Borrowed(text) => visitor.visit_borrowed_str(text),
                text::Piece::Owned(text) => visitor.visit_string(text),
            },
            Some(b'{') => self.nested(|reader| {
                let value = visitor.visit_map(Items { reader, is_first: true })?;
                reader.end(b'}')?;
                Ok(value)
            }),
            Some(b'[') => self.nested(|reader| {
                let value = visitor.visit_seq(Items { reader, is_first: true })?;
                reader.end(b']')?;
                Ok(value)
            }),
            Some(b't') => self.text.word("true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.text.word("false").and_then(|()| visitor.visit_bool(false)),
            Some(b'n') => self.text.word("null").and_then(|()| visitor.visit_unit()),
            Some(b'-' | b'0'..=b'9') => match number::read(&mut self.text)? {
                number::Number::Whole(number) => visitor.visit_u64(number),
                number::Number::Negative(number) => visitor.visit_i64(number),
                number::Number::Broken(number) => visitor.visit_f64(number),
            },
            _ => Err(Error::new("wanted a value")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.text.next_sign() == Some(b'n') {
            return self.text.word("null").and_then(|()| visitor.visit_none());
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.text.next_sign() != Some(b'"') {
            return Err(Error::new("wanted one of the choices, as a text"));
        }
        let choice = self.text.string()?;
        let choice: StrDeserializer<'_, Error> = choice.as_str().into_deserializer();
        visitor.visit_enum(choice)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The items of one list or object.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    is_first: bool,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.reader.more(b']', &mut self.is_first)? {
            seed.deserialize(&mut *self.reader).map(Some)
        } else {
            Ok(None)
        }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if !self.reader.more(b'}', &mut self.is_first)? {
            return Ok(None);
        }
        if self.reader.text.next_sign() != Some(b'"') {
            return Err(Error::new("wanted a key"));
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.reader.text.sign(b':', "wanted a colon behind the key")?;
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests;

//! One value by one verb.

use super::spec::{Printer, Spec};
use crate::limits::VALUE_DEPTH;
use crate::time::{SECOND, Time, Zone};
use crate::value::{Struct, Text, Value, from_bytes, go_quote, go_quote_ascii, to_bool_text, to_bytes};

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    /// In a list, a map or a struct, so deep.
    Within(usize),
}

impl Printer {
    /// An argument that the format does not name.
    pub(super) fn extra(&mut self, value: &Value) {
        if matches!(value, Value::Nil) {
            self.out.push_str("<nil>");
            return;
        }
        self.out.push_str(value.type_name());
        self.out.push('=');
        self.argument(Spec::default(), 'v', value);
    }

    /// Prints an argument.
    pub(super) fn argument(&mut self, spec: Spec, verb: char, value: &Value) {
        match (verb, value) {
            ('T' | 'v', Value::Nil) => self.pad(spec, "<nil>"),
            ('T', _) => self.cut(spec, value.type_name()),
            ('p', Value::List(_) | Value::Map(_)) if value.is_nil() => self.pad(spec, "0x0"),
            ('p', Value::List(_) | Value::Bytes(_) | Value::Map(_) | Value::Values(_) | Value::Files(_))
            | ('p', Value::Versions(_) | Value::Time(_)) => self.is_unknown = true,
            _ => self.value(spec, verb, value, Place::Argument),
        }
    }

    fn value(&mut self, spec: Spec, verb: char, value: &Value, place: Place) {
        let depth = match place {
            Place::Argument => 0,
            Place::Within(depth) => depth,
        };
        if self.is_full() {
            return;
        }
        if depth > VALUE_DEPTH {
            self.out.push('…');
            return;
        }
        match value {
            Value::Nil if place == Place::Argument => self.bad(spec, verb, value),
            Value::Nil => self.out.push_str(if spec.sharp_v { "interface {}(nil)" } else { "<nil>" }),
            Value::Bool(bool) if matches!(verb, 't' | 'v') => self.pad(spec, to_bool_text(*bool)),
            Value::Int(int) | Value::Int64(int) if "vdboOxXcqU".contains(verb) => self.int(spec, verb, (*int).into()),
            Value::Uint64(uint) if "vdboOxXcqU".contains(verb) => self.uint(spec, verb, *uint),
            Value::Float(float) if "vbgGxXfFeE".contains(verb) => self.float(spec, verb, *float),
            Value::Text(text) if "vsxXq".contains(verb) => self.text(spec, verb, text),
            Value::Bytes(bytes) if "sxXq".contains(verb) => self.text(spec, verb, &from_bytes(bytes)),
            Value::Struct(object) if object.text.is_some() && !spec.sharp_v && "vsxXq".contains(verb) => {
                self.text(spec, verb, object.text.as_deref().unwrap_or_default());
            }
            Value::Struct(object) if let Some(number) = object.number() => match verb {
                _ if "vdboOxXcqU".contains(verb) => self.int(spec, verb, number.into()),
                _ => self.bad(spec, verb, value),
            },
            Value::Time(time) if !spec.sharp_v && "vsxXq".contains(verb) => {
                self.text(spec, verb, &time.go_string());
            }
            Value::Time(time) if spec.sharp_v => self.cut(spec, &time.go_syntax()),
            Value::Time(time) => self.time(spec, verb, time, depth),
            Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Uint64(_) | Value::Float(_) | Value::Text(_) => {
                self.bad(spec, verb, value);
            }
            _ if verb == 'w' => self.bad(spec, verb, value),
            Value::Bytes(bytes) => {
                let each = |printer: &mut Self, byte: &u8| match verb {
                    _ if "vdboOxXcqU".contains(verb) => printer.uint(spec, verb, u64::from(*byte)),
                    _ => printer.out.push_str(&format!("%!{verb}(uint8={byte})")),
                };
                self.items(spec, "[]byte", bytes.as_slice(), each);
            }
            Value::List(_) | Value::Map(_) if spec.sharp_v && value.is_nil() => {
                self.out.push_str(value.type_name());
                self.out.push_str("(nil)");
            }
            Value::List(_) | Value::Versions(_) => {
                let items = value.items().unwrap_or_default();
                let each = |printer: &mut Self, item: &Value| printer.value(spec, verb, item, Place::Within(depth + 1));
                self.items(spec, value.type_name(), &items, each);
            }
            Value::Map(_) | Value::Values(_) | Value::Files(_) => self.entries(spec, verb, value, depth),
            Value::Struct(object) => self.fields(spec, verb, object, depth),
        }
    }

    fn uint(&mut self, spec: Spec, verb: char, uint: u64) {
        match verb {
            'v' if spec.sharp_v => self.int(Spec { sharp: true, ..spec }, 'x', uint.into()),
            _ => self.int(spec, verb, uint.into()),
        }
    }

    /// The fields of a time: nanoseconds, seconds since the year 1, and where its zone is in memory.
    fn time(&mut self, spec: Spec, verb: char, time: &Time, depth: usize) {
        let seconds = (time.nanos - Time::ZERO.nanos).div_euclid(SECOND);
        let within = Place::Within(depth + 1);
        self.out.push('{');
        let nanos = Value::Uint64(u64::try_from(time.nanos.rem_euclid(SECOND)).unwrap_or(0));
        self.value(spec, verb, &nanos, within);
        self.out.push(' ');
        self.value(spec, verb, &Value::Int64(i64::try_from(seconds).unwrap_or(0)), within);
        self.out.push(' ');
        match (&time.zone, "bodxX".contains(verb)) {
            (Zone::Utc, true) => self.int(spec, verb, 0),
            (Zone::Utc, false) => {
                self.out.push_str(&format!("%!{verb}(*time.Location="));
                self.pad(spec, "<nil>");
                self.out.push(')');
            }
            (Zone::Local, false) => self.local(spec, verb),
            _ => self.is_unknown = true,
        }
        self.out.push('}');
    }

    /// The fields of the local zone, most of which are nothing.
    fn local(&mut self, spec: Spec, verb: char) {
        self.out.push_str(&format!("%!{verb}(*time.Location=&{{"));
        self.text(spec, 'v', "UTC");
        self.out.push_str(" [] [] ");
        self.text(spec, 'v', "");
        for _ in 0..2 {
            self.out.push(' ');
            self.int(spec, 'v', 0);
        }
        self.out.push(' ');
        self.pad(spec, "<nil>");
        self.out.push_str("})");
    }

    /// `%!d(string=a)`.
    fn bad(&mut self, spec: Spec, verb: char, value: &Value) {
        self.out.push_str(&format!("%!{verb}("));
        match value {
            Value::Nil => self.out.push_str("<nil>"),
            value => {
                self.out.push_str(value.type_name());
                self.out.push('=');
                self.value(spec, 'v', value, Place::Within(1));
            }
        }
        self.out.push(')');
    }

    fn items<T>(&mut self, spec: Spec, name: &str, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        let (open, between, close) = if spec.sharp_v { ("{", ", ", '}') } else { ("[", " ", ']') };
        self.out.push_str(if spec.sharp_v { name } else { "" });
        self.out.push_str(open);
        for (at, item) in items.iter().enumerate() {
            self.out.push_str(if at > 0 { between } else { "" });
            each(self, item);
        }
        self.out.push(close);
    }

    /// The entries of a map.
    fn entries(&mut self, spec: Spec, verb: char, map: &Value, depth: usize) {
        let entries: Vec<(Text, Value)> = match map {
            Value::Map(map) | Value::Values(map) => {
                map.0.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
            }
            Value::Files(files) => files.iter().map(|(path, data)| (path.into(), Value::bytes(data))).collect(),
            _ => Vec::new(),
        };
        let (between, close) = if spec.sharp_v { (", ", '}') } else { (" ", ']') };
        self.out.push_str(if spec.sharp_v { map.type_name() } else { "map" });
        self.out.push(if spec.sharp_v { '{' } else { '[' });
        for (at, (key, item)) in entries.iter().enumerate() {
            self.out.push_str(if at > 0 { between } else { "" });
            self.value(spec, verb, &Value::Text(key.clone()), Place::Within(depth + 1));
            self.out.push(':');
            self.value(spec, verb, item, Place::Within(depth + 1));
        }
        self.out.push(close);
    }

    fn fields(&mut self, spec: Spec, verb: char, object: &Struct, depth: usize) {
        let name = match object.name.strip_prefix('*') {
            Some(name) => {
                self.out.push('&');
                name
            }
            None => object.name,
        };
        self.out.push_str(if spec.sharp_v { name } else { "" });
        self.out.push('{');
        for (at, (name, field)) in object.fields.iter().enumerate() {
            self.out.push_str(match at {
                0 => "",
                _ if spec.sharp_v => ", ",
                _ => " ",
            });
            if spec.plus_v || spec.sharp_v {
                self.out.push_str(name);
                self.out.push(':');
            }
            self.value(spec, verb, field, Place::Within(depth + 1));
        }
        self.out.push('}');
    }

    /// A text cut to the precision.
    fn cut(&mut self, spec: Spec, text: &str) {
        self.pad(spec, truncated(spec, text));
    }

    fn text(&mut self, spec: Spec, verb: char, text: &str) {
        match verb {
            'x' => self.hex(spec, text, str::to_owned),
            'X' => self.hex(spec, text, str::to_uppercase),
            'q' => self.quoted(spec, text),
            'v' if spec.sharp_v => self.quoted(spec, text),
            _ => self.cut(spec, text),
        }
    }

    fn quoted(&mut self, spec: Spec, text: &str) {
        let cut = truncated(spec, text);
        if spec.sharp && !cut.contains(|c: char| c != '\t' && c.is_ascii_control() || matches!(c, '`' | '\u{feff}')) {
            self.pad(spec, &format!("`{cut}`"));
        } else if spec.plus {
            self.pad(spec, &go_quote_ascii(cut));
        } else {
            self.pad(spec, &go_quote(cut));
        }
    }

    /// The bytes of a text, of which the precision counts the first.
    fn hex(&mut self, spec: Spec, text: &str, case: fn(&str) -> String) {
        let bytes = to_bytes(text);
        let bytes = bytes.get(..spec.precision.unwrap_or(bytes.len())).unwrap_or(&bytes);
        let prefix = if spec.sharp && !bytes.is_empty() { "0x" } else { "" };
        let digits = if spec.space {
            let each = bytes.iter().map(|byte| format!("{prefix}{byte:02x}"));
            each.collect::<Vec<_>>().join(" ")
        } else {
            format!("{prefix}{}", hex::encode(bytes))
        };
        self.pad(spec, &case(&digits));
    }
}

fn truncated(spec: Spec, text: &str) -> &str {
    let end = spec.precision.and_then(|most| text.char_indices().nth(most)).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

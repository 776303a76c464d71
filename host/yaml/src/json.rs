//! A document as a JSON value, as `sigs.k8s.io/yaml` converts it.

use std::collections::HashMap;

use base64::Engine as _;
use serde_json::{Map, Number, Value};

use crate::node::than;
use crate::quick::{self, Wanted};
use crate::resolve::{Scalar, resolve};
use crate::{Document, Error, Kind, Limits, Node, Style, number, parse};

pub(crate) const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// What a key that stands twice in one mapping means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// An error, as for Kubernetes' strict decoding.
    Refuse,
    /// The last one counts, as for Helm.
    LastWins,
}

/// Types a document: YAML 1.1 booleans (as keys too), Go's integers and floats, merge keys, aliases, `!!binary`.
///
/// Keys become strings and keep the order of the text. A key that stands twice, a key or number that JSON cannot hold
/// (null, a list, `.nan`) and an alias in itself are errors.
pub fn to_json(document: &Document, limits: &Limits) -> Result<Value, Error> {
    to_json_with(document, limits, Duplicates::Refuse)
}

/// The same with a choice about duplicate keys.
pub fn to_json_with(document: &Document, limits: &Limits, duplicates: Duplicates) -> Result<Value, Error> {
    let mut aliases = Aliases::default();
    aliases.collect(&document.root)?;
    Converter { aliases: aliases.targets, limits, duplicates, nodes: 0, bytes: 0 }.value(&document.root, 0)
}

/// Reads a text of one document under the default limits; an empty text is null.
pub fn from_str(text: &str) -> Result<Value, Error> {
    let limits = Limits::default();
    let documents = parse::documents(text, &limits)?;
    match documents.as_slice() {
        [] => Ok(Value::Null),
        [document] => to_json(document, &limits),
        [_, second, ..] => Err(Error::at_line(second.root.line, "a second document where one was expected")),
    }
}

/// Reads the first document and nothing behind it, as `yaml.Unmarshal` does: duplicate keys are allowed, an empty first
/// document is null.
pub fn first_value(text: &str, limits: &Limits) -> Result<Value, Error> {
    let quick = quick::first_part(parse::body(text), limits, Wanted::All);
    quick.map(|part| part.value).or_else(|quick::Declined| thorough_value(text, limits))
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What was asked for.
    pub value: Value,
    /// How many values there are in the whole document once aliases are expanded.
    pub nodes: usize,
}

/// What [`first_value`] reads, without those entries of a map whose key is none of these. All of the document is checked,
/// so that one is refused exactly if the other is.
pub fn first_part(text: &str, limits: &Limits, keys: &[&str]) -> Result<Part, Error> {
    let quick = quick::first_part(parse::body(text), limits, Wanted::Keys(keys));
    quick.or_else(|quick::Declined| {
        let mut value = thorough_value(text, limits)?;
        let nodes = nodes_of(&value);
        if let Value::Object(object) = &mut value {
            object.retain(|key, _| keys.contains(&key.as_str()));
        }
        Ok(Part { value, nodes })
    })
}

pub(crate) fn nodes_of(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes_of).sum(),
        Value::Object(object) => object.values().map(nodes_of).sum(),
        _ => 0,
    }
}

pub(crate) fn thorough_value(text: &str, limits: &Limits) -> Result<Value, Error> {
    match parse::first(text, limits)? {
        Some(document) => to_json_with(&document, limits, Duplicates::LastWins),
        None => Ok(Value::Null),
    }
}

/// Finds what each alias stands for: the last node before it with that anchor.
#[derive(Default)]
struct Aliases<'a> {
    anchors: HashMap<&'a str, &'a Node>,
    /// By the first byte of the alias.
    targets: HashMap<usize, &'a Node>,
}

impl<'a> Aliases<'a> {
    fn collect(&mut self, node: &'a Node) -> Result<(), Error> {
        if let Some(anchor) = &node.anchor {
            self.anchors.insert(anchor, node);
        }
        match &node.kind {
            Kind::Alias { name } => {
                let unknown = || Error::at_line(node.line, format!("unknown anchor `{name}` referenced"));
                let target = self.anchors.get(name.as_str()).ok_or_else(unknown)?;
                self.targets.insert(node.span.start, target);
            }
            Kind::Sequence { items, .. } => items.iter().try_for_each(|item| self.collect(item))?,
            Kind::Mapping { entries, .. } => entries.iter().try_for_each(|(key, value)| {
                self.collect(key)?;
                self.collect(value)
            })?,
            Kind::Scalar { .. } => {}
        }
        Ok(())
    }
}

struct Converter<'a> {
    aliases: HashMap<usize, &'a Node>,
    limits: &'a Limits,
    duplicates: Duplicates,
    nodes: usize,
    bytes: usize,
}

impl<'a> Converter<'a> {
    fn value(&mut self, node: &'a Node, depth: usize) -> Result<Value, Error> {
        self.spend(node, depth)?;
        match &node.kind {
            Kind::Scalar { value, style } => typed(node, value, *style),
            Kind::Alias { .. } => self.value(self.target(node)?, depth + 1),
            Kind::Sequence { items, .. } => {
                let items = items.iter().map(|item| self.value(item, depth + 1));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Kind::Mapping { entries, .. } => {
                let mut object = Map::new();
                self.fill(&mut object, entries, depth)?;
                Ok(Value::Object(object))
            }
        }
    }

    fn target(&self, node: &Node) -> Result<&'a Node, Error> {
        let unknown = || Error::at_line(node.line, "unknown anchor referenced");
        self.aliases.get(&node.span.start).copied().ok_or_else(unknown)
    }

    /// Counts what a node costs, so that neither nested aliases nor an alias inside its own anchor run away.
    fn spend(&mut self, node: &Node, depth: usize) -> Result<(), Error> {
        self.nodes += 1;
        self.bytes += node.as_str().map_or(0, str::len);
        if self.nodes > self.limits.nodes {
            return Err(Error::at_line(
                node.line,
                format!("aliases stand for more values {}", than("nodes", self.limits.nodes)),
            ));
        }
        if self.bytes > self.limits.bytes {
            return Err(Error::at_line(
                node.line,
                format!("aliases stand for more bytes {}", than("bytes", self.limits.bytes)),
            ));
        }
        // Aliases count as levels too, so twice the depth is enough for what `documents` lets through.
        if depth > self.limits.depth.saturating_mul(2) {
            return Err(Error::at_line(node.line, "aliases nest too deep, or one contains itself"));
        }
        Ok(())
    }

    fn fill(
        &mut self,
        object: &mut Map<String, Value>,
        entries: &'a [(Node, Node)],
        depth: usize,
    ) -> Result<(), Error> {
        let mut written = std::collections::HashSet::new();
        for (key, value) in entries {
            if is_merge(key) {
                self.merge(object, value, depth)?;
                continue;
            }
            let name = self.key(key, depth)?;
            let value = self.value(value, depth + 1)?;
            if self.duplicates == Duplicates::Refuse && !written.insert(name.clone()) {
                return Err(Error::at_line(key.line, format!("key `{}` already set in map", shorten(&name))));
            }
            object.insert(name, value);
        }
        Ok(())
    }

    /// Takes over the entries of the mappings behind `<<`; what is already there is overwritten, as go-yaml 2 does it,
    /// and what comes later in the mapping overwrites these.
    fn merge(&mut self, object: &mut Map<String, Value>, node: &'a Node, depth: usize) -> Result<(), Error> {
        self.spend(node, depth)?;
        let wrong = || Error::at_line(node.line, "map merge requires map or sequence of maps as the value");
        match &node.kind {
            Kind::Mapping { entries, .. } => self.fill(object, entries, depth + 1),
            Kind::Alias { .. } => match self.target(node)? {
                target @ Node { kind: Kind::Mapping { .. }, .. } => self.merge(object, target, depth + 1),
                _ => Err(wrong()),
            },
            Kind::Sequence { items, .. } => items.iter().rev().try_for_each(|item| match item.kind {
                Kind::Mapping { .. } | Kind::Alias { .. } => self.merge(object, item, depth + 1),
                _ => Err(wrong()),
            }),
            Kind::Scalar { .. } => Err(wrong()),
        }
    }

    fn key(&mut self, node: &'a Node, depth: usize) -> Result<String, Error> {
        self.spend(node, depth)?;
        let wrong = |what: &str| Err(Error::at_line(node.line, format!("{what} cannot be a key")));
        match &node.kind {
            Kind::Alias { .. } => self.key(self.target(node)?, depth + 1),
            Kind::Scalar { value, style } => match scalar_type(node, value, *style)? {
                Typed::Plain(Scalar::Null) => wrong("null"),
                Typed::Plain(Scalar::Bool(bool)) => Ok(bool.to_string()),
                Typed::Plain(Scalar::Int(int)) => Ok(int.to_string()),
                Typed::Plain(Scalar::Uint(_)) => wrong("an integer over 64 bits"),
                Typed::Plain(Scalar::Float(float)) => Ok(match number::format_float_32(float).as_str() {
                    "+Inf" => ".inf".to_owned(),
                    "-Inf" => "-.inf".to_owned(),
                    "NaN" => ".nan".to_owned(),
                    text => text.to_owned(),
                }),
                Typed::Plain(Scalar::Timestamp | Scalar::Text) => Ok(value.clone()),
                Typed::Binary(text) => Ok(text),
            },
            Kind::Sequence { .. } => wrong("a list"),
            Kind::Mapping { .. } => wrong("a map"),
        }
    }
}

pub(crate) fn is_merge(key: &Node) -> bool {
    match &key.kind {
        Kind::Scalar { value, style } if value == "<<" => match key.tag.as_deref() {
            Some(tag) => tag == "tag:yaml.org,2002:merge",
            None => *style == Style::Plain,
        },
        _ => false,
    }
}

pub(crate) enum Typed {
    Plain(Scalar),
    Binary(String),
}

pub(crate) fn scalar_type(node: &Node, value: &str, style: Style) -> Result<Typed, Error> {
    let tag = node.tag.as_deref();
    let Some(tag) = tag else {
        return Ok(Typed::Plain(if style == Style::Plain { resolve(value) } else { Scalar::Text }));
    };
    let short = tag.strip_prefix(TAG_PREFIX);
    let resolved = resolve(value);
    let fits = match (short, &resolved) {
        (Some("bool"), Scalar::Bool(_))
        | (Some("int"), Scalar::Int(_) | Scalar::Uint(_))
        | (Some("float"), Scalar::Float(_))
        | (Some("null"), Scalar::Null)
        | (Some("timestamp"), Scalar::Timestamp) => true,
        #[allow(clippy::cast_precision_loss, reason = "Go converts in the same way")]
        (Some("float"), Scalar::Int(int)) => return Ok(Typed::Plain(Scalar::Float(*int as f64))),
        (Some("binary"), _) => return binary(node, value).map(Typed::Binary),
        (Some("bool" | "int" | "float" | "null" | "timestamp"), _) => false,
        _ => return Ok(Typed::Plain(Scalar::Text)),
    };
    let name = short.unwrap_or(tag);
    if fits {
        Ok(Typed::Plain(resolved))
    } else {
        Err(Error::at_line(node.line, format!("cannot decode as a !!{name}")))
    }
}

fn binary(node: &Node, value: &str) -> Result<String, Error> {
    let compact: String = value.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let data = base64::engine::general_purpose::STANDARD.decode(compact);
    let data = data.map_err(|_| Error::at_line(node.line, "!!binary value contains invalid base64 data"))?;
    Ok(String::from_utf8_lossy(&data).into_owned())
}

fn typed(node: &Node, text: &str, style: Style) -> Result<Value, Error> {
    Ok(match scalar_type(node, text, style)? {
        Typed::Binary(text) => Value::String(text),
        Typed::Plain(Scalar::Text | Scalar::Timestamp) => Value::String(text.to_owned()),
        Typed::Plain(scalar) => {
            let unsupported = || Error::at_line(node.line, format!("`{}` has no place in JSON", shorten(text)));
            value(&scalar).ok_or_else(unsupported)?
        }
    })
}

/// The JSON of a scalar that is no text; `None` of a number that JSON cannot hold.
pub(crate) fn value(scalar: &Scalar) -> Option<Value> {
    Some(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(bool) => Value::Bool(*bool),
        Scalar::Int(int) => Value::Number((*int).into()),
        Scalar::Uint(uint) => Value::Number((*uint).into()),
        Scalar::Float(float) => Value::Number(Number::from_f64(*float)?),
        Scalar::Text | Scalar::Timestamp => return None,
    })
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

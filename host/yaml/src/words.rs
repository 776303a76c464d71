//! What `sigs.k8s.io/yaml` says about a text that it cannot read. Helm's `fromYaml` gives these words to charts, so they
//! can end up in what a chart renders to.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Encoding, ErrorKind, EventData, Parser};

use crate::json::{Typed, is_merge, scalar_type};
use crate::resolve::{Scalar, resolve};
use crate::{Document, Error, Kind, Limits, Node, Style, number, parse};

/// The words for a text and the error that reading its first document gave. What the library would not refuse, such as a
/// text over one of the limits, has the words of that error.
pub fn go_words(text: &str, error: &Error, limits: &Limits) -> String {
    let words = match parse::first(text, limits) {
        Ok(Some(document)) => Walk::new(&document).words(),
        Ok(None) => None,
        Err(_) => syntax(parse::body(text)),
    };
    words.unwrap_or_else(|| format!("yaml: line {}: {}", error.line, error.message))
}

/// The first thing that libyaml refuses, or an alias of nothing before it.
fn syntax(body: &str) -> Option<String> {
    let mut bytes = if body.is_empty() { b"\n" } else { body.as_bytes() };
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    parser.set_input_string(&mut bytes);
    // What it is given is hostile, so a bug in it must not take the program down.
    let mut next = move || catch_unwind(AssertUnwindSafe(|| parser.parse())).ok();
    let mut anchors = std::collections::HashSet::new();
    loop {
        match next()? {
            Ok(event) => match event.data {
                EventData::Alias { anchor } if !anchors.contains(&anchor) => {
                    return Some(format!("yaml: unknown anchor '{anchor}' referenced"));
                }
                EventData::Scalar { anchor: Some(anchor), .. }
                | EventData::SequenceStart { anchor: Some(anchor), .. }
                | EventData::MappingStart { anchor: Some(anchor), .. } => {
                    anchors.insert(anchor);
                }
                EventData::DocumentEnd { .. } | EventData::StreamEnd => return None,
                _ => {}
            },
            Err(error) => return Some(refusal(&error)),
        }
    }
}

fn refusal(error: &libyaml_safer::Error) -> String {
    let line = |mark: Option<libyaml_safer::Mark>| mark.map(|mark| mark.line).filter(|line| *line > 0);
    // Lines are counted from 0, and the library adds one for those of the scanner only.
    let more = u64::from(error.kind() == ErrorKind::Scanner);
    let line = line(error.problem_mark()).map(|line| line + more).or_else(|| line(error.context_mark()));
    match line {
        Some(line) => format!("yaml: line {line}: {}", error.problem()),
        None => format!("yaml: {}", error.problem()),
    }
}

/// Goes through a document as the library does, to what it stumbles over.
struct Walk<'a> {
    root: &'a Node,
    anchors: HashMap<&'a str, &'a Node>,
    /// Names of the aliases that it is inside of.
    aliases: Vec<&'a str>,
    depth: usize,
    /// Nodes that it may still go to.
    left: usize,
    /// What the second step stumbles over, a key, and what the third does, a number: there they are known already.
    key: Option<String>,
    number: Option<&'static str>,
}

/// Levels, those of aliases included, and bytes of a value that is told.
const DEEPEST: usize = 500;
const LONGEST: usize = 64 << 10;

type Step = Result<(), Option<String>>;

impl<'a> Walk<'a> {
    fn new(document: &'a Document) -> Self {
        let root = &document.root;
        Self { root, anchors: HashMap::new(), aliases: Vec::new(), depth: 0, left: 1_000_000, key: None, number: None }
    }

    fn words(mut self) -> Option<String> {
        match self.anchors_of(self.root).and_then(|()| self.value(self.root)) {
            Err(words) => words.map(|words| format!("yaml: {words}")),
            Ok(()) => self.key.or_else(|| self.number.map(|number| format!("json: unsupported value: {number}"))),
        }
    }

    /// Takes note of all anchors; an alias stands for the last one before it, which is checked here too.
    fn anchors_of(&mut self, node: &'a Node) -> Step {
        if let Some(anchor) = &node.anchor {
            self.anchors.insert(anchor, node);
        }
        match &node.kind {
            Kind::Alias { name } if !self.anchors.contains_key(name.as_str()) => {
                Err(Some(format!("unknown anchor '{name}' referenced")))
            }
            Kind::Alias { .. } | Kind::Scalar { .. } => Ok(()),
            Kind::Sequence { items, .. } => items.iter().try_for_each(|item| self.anchors_of(item)),
            Kind::Mapping { entries, .. } => entries.iter().try_for_each(|(key, value)| {
                self.anchors_of(key)?;
                self.anchors_of(value)
            }),
        }
    }

    fn value(&mut self, node: &'a Node) -> Step {
        self.left = self.left.checked_sub(1).ok_or(None)?;
        if self.depth > DEEPEST {
            return Err(None);
        }
        self.depth += 1;
        let step = self.inside(node);
        self.depth -= 1;
        step
    }

    fn inside(&mut self, node: &'a Node) -> Step {
        match &node.kind {
            Kind::Scalar { value, style } => match typed(node, value, *style)? {
                Typed::Plain(Scalar::Float(float)) if !float.is_finite() => {
                    self.number.get_or_insert(non_finite(float));
                    Ok(())
                }
                _ => Ok(()),
            },
            Kind::Alias { name } => {
                if self.aliases.contains(&name.as_str()) {
                    return Err(Some(format!("anchor '{name}' value contains itself")));
                }
                let target = *self.anchors.get(name.as_str()).ok_or(None)?;
                self.aliases.push(name);
                let step = self.value(target);
                self.aliases.pop();
                step
            }
            Kind::Sequence { items, .. } => items.iter().try_for_each(|item| self.value(item)),
            Kind::Mapping { entries, .. } => entries
                .iter()
                .try_for_each(|(key, value)| if is_merge(key) { self.merge(value) } else { self.entry(key, value) }),
        }
    }

    fn entry(&mut self, key: &'a Node, value: &'a Node) -> Step {
        self.value(key)?;
        let target = self.resolved(key)?;
        let unsupported = match &target.kind {
            Kind::Scalar { value, style } => match typed(target, value, *style)? {
                Typed::Plain(Scalar::Null) => Some("%!s(<nil>), key: <nil>".to_owned()),
                Typed::Plain(Scalar::Uint(uint)) => Some(format!("uint64, key: {uint:#x}")),
                _ => None,
            },
            _ => return Err(Some(format!("invalid map key: {}", self.go_syntax(target)?))),
        };
        self.value(value)?;
        if let (Some(what), None) = (unsupported, &self.key) {
            let value = match self.go_syntax(value)? {
                nil if nil == "interface {}(nil)" => "<nil>".to_owned(),
                other => other,
            };
            self.key = Some(format!("unsupported map key of type: {what}, value: {value}"));
        }
        Ok(())
    }

    fn merge(&mut self, node: &'a Node) -> Step {
        let is_map = |walk: &Self, node| walk.resolved(node).map(|node| matches!(node.kind, Kind::Mapping { .. }));
        let wrong = || Some("map merge requires map or sequence of maps as the value".to_owned());
        match &node.kind {
            Kind::Sequence { items, .. } => items.iter().rev().try_for_each(|item| match is_map(self, item)? {
                true => self.value(item),
                false => Err(wrong()),
            }),
            _ if is_map(self, node)? => self.value(node),
            _ => Err(wrong()),
        }
    }

    /// What an alias stands for.
    fn resolved(&self, node: &'a Node) -> Result<&'a Node, Option<String>> {
        let mut node = node;
        for _ in 0..self.anchors.len() + 1 {
            match &node.kind {
                Kind::Alias { name } => node = self.anchors.get(name.as_str()).ok_or(None)?,
                _ => return Ok(node),
            }
        }
        Err(None)
    }

    /// What `%#v` prints of a value, which [`Walk::value`] went through before.
    fn go_syntax(&self, node: &'a Node) -> Result<String, Option<String>> {
        let node = self.resolved(node)?;
        let syntax = match &node.kind {
            Kind::Scalar { value, style } => match typed(node, value, *style)? {
                Typed::Plain(Scalar::Null) => "interface {}(nil)".to_owned(),
                Typed::Plain(Scalar::Bool(bool)) => bool.to_string(),
                Typed::Plain(Scalar::Int(int)) => int.to_string(),
                Typed::Plain(Scalar::Uint(uint)) => format!("{uint:#x}"),
                Typed::Plain(Scalar::Float(float)) if !float.is_finite() => non_finite(float).to_owned(),
                Typed::Plain(Scalar::Float(float)) => number::format_float(float),
                Typed::Plain(Scalar::Text | Scalar::Timestamp) => format!("{value:?}"),
                Typed::Binary(text) => format!("{text:?}"),
            },
            Kind::Sequence { items, .. } => {
                let items = items.iter().map(|item| self.go_syntax(item)).collect::<Result<Vec<_>, _>>()?;
                format!("[]interface {{}}{{{}}}", items.join(", "))
            }
            Kind::Mapping { entries, .. } => {
                let mut pairs = Vec::new();
                for (key, value) in entries {
                    pairs.push(format!("{}:{}", self.go_syntax(key)?, self.go_syntax(value)?));
                }
                pairs.sort();
                format!("map[interface {{}}]interface {{}}{{{}}}", pairs.join(", "))
            }
            Kind::Alias { .. } => return Err(None),
        };
        if syntax.len() <= LONGEST { Ok(syntax) } else { Err(None) }
    }
}

fn non_finite(float: f64) -> &'static str {
    match float {
        _ if float.is_nan() => "NaN",
        _ if float > 0.0 => "+Inf",
        _ => "-Inf",
    }
}

fn typed(node: &Node, text: &str, style: Style) -> Result<Typed, Option<String>> {
    scalar_type(node, text, style).map_err(|_| {
        let tag = node.tag.as_deref().unwrap_or_default();
        let short = tag.strip_prefix(crate::json::TAG_PREFIX).unwrap_or(tag);
        if short == "binary" {
            return Some("!!binary value contains invalid base64 data".to_owned());
        }
        let is = match resolve(text) {
            Scalar::Null => "null",
            Scalar::Bool(_) => "bool",
            Scalar::Int(_) | Scalar::Uint(_) => "int",
            Scalar::Float(_) => "float",
            Scalar::Timestamp if short == "timestamp" => "timestamp",
            Scalar::Timestamp | Scalar::Text => "str",
        };
        Some(format!("cannot decode !!{is} `{text}` as a !!{short}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let limits = Limits::default();
        crate::first_value(text, &limits)
            .map_or_else(|error| go_words(text, &error, &limits), |value| value.to_string())
    }

    #[test]
    fn the_words_are_those_of_go_yaml() {
        for (text, expected) in [
            ("a: b: c", "yaml: mapping values are not allowed in this context"),
            ("x: 1\na: b: c", "yaml: line 2: mapping values are not allowed in this context"),
            ("a: *nope\nb: [", "yaml: unknown anchor 'nope' referenced"),
            ("a: !!int x", "yaml: cannot decode !!str `x` as a !!int"),
            ("a: .inf", "json: unsupported value: +Inf"),
            ("~: a", "unsupported map key of type: %!s(<nil>), key: <nil>, value: \"a\""),
            ("? [a]\n: b", "yaml: invalid map key: []interface {}{\"a\"}"),
            ("<<: 1", "yaml: map merge requires map or sequence of maps as the value"),
            ("a: &x [*x]", "yaml: anchor 'x' value contains itself"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}

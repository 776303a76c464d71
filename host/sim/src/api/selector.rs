//! Label and field selectors.

use serde_json::Value;

use super::object;
use super::refusal::Refusal;

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Selector {
    /// Reads the two query parameters; either may be empty.
    pub(super) fn parse(labels: &str, fields: &str) -> Result<Self, Refusal> {
        let read = |text: &str| split(text).into_iter().map(requirement).collect::<Result<Vec<_>, _>>();
        Ok(Self { labels: read(labels)?, fields: read(fields)? })
    }

    /// Whether the object is selected.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object.pointer("/metadata/labels").and_then(|l| l.get(key)).and_then(Value::as_str);
        self.labels.iter().all(|r| r.test.holds(label(&r.key)))
            // A field that is not set counts as empty, which is what the API server's own fields do.
            && self.fields.iter().all(|r| r.test.holds(Some(&field(object, &r.key))))
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(list) => value.is_some_and(|v| list.iter().any(|l| l == v)),
            Self::NotIn(list) => !value.is_some_and(|v| list.iter().any(|l| l == v)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

/// The value of a dotted field path, as text.
fn field(object: &Value, path: &str) -> String {
    match object.pointer(&format!("/{}", path.replace('.', "/"))) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(value)) => value.to_string(),
        _ => String::new(),
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let parts = text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn requirement(text: &str) -> Result<Requirement, Refusal> {
    let bad = || Refusal::bad_request(format!("unable to parse requirement: {text}"));
    let made = |key: &str, test| {
        let key = key.trim();
        let valid = !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || "()=!".contains(c));
        valid.then(|| Requirement { key: key.to_owned(), test }).ok_or_else(bad)
    };
    if let Some(list) = text.strip_suffix(')') {
        let (head, list) = list.split_once('(').ok_or_else(bad)?;
        let values = list.split(',').map(|v| v.trim().to_owned()).collect();
        return match head.trim().rsplit_once(char::is_whitespace) {
            Some((key, "in")) => made(key, Test::In(values)),
            Some((key, "notin")) => made(key, Test::NotIn(values)),
            _ => Err(bad()),
        };
    }
    let value = |v: &str| vec![v.trim().to_owned()];
    if let Some((key, right)) = text.split_once("!=") {
        made(key, Test::NotIn(value(right)))
    } else if let Some((key, right)) = text.split_once("==").or_else(|| text.split_once('=')) {
        made(key, Test::In(value(right)))
    } else if let Some(key) = text.strip_prefix('!') {
        made(key, Test::Absent)
    } else {
        made(text, Test::Exists)
    }
}

/// Whether the labels of an object hold everything that a workload's `matchLabels` asks for.
pub(super) fn match_labels(object: &Value, wanted: &Value) -> bool {
    let labels = object.pointer("/metadata/labels");
    let has = |(key, value): (&String, &Value)| labels.and_then(|l| l.get(key)) == Some(value);
    wanted.as_object().is_some_and(|wanted| !wanted.is_empty() && wanted.iter().all(has))
        && !object::is_deleting(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selects_by_labels_and_fields_as_kubernetes_does() {
        let object = json!({
            "metadata": {"name": "a", "namespace": "dev", "labels": {"owner": "helm", "status": "deployed"}},
            "type": "helm.sh/release.v1",
        });
        let check = |labels: &str, fields: &str| Selector::parse(labels, fields).unwrap().matches(&object);
        assert!(check("owner=helm,status in (deployed, failed),!gone,name!=x,status", ""));
        assert!(check("", "metadata.name=a,metadata.namespace!=prod,type=helm.sh/release.v1"));
        assert!(!check("owner==tiller", ""));
        assert!(!check("status notin (deployed)", ""));
        assert!(!check("", "metadata.name=b"));
        assert!(Selector::parse("a b", "").is_err());
        assert!(Selector::parse("x like (a)", "").is_err());
    }
}

//! Windows, freezes and facts that operators announce in ConfigMaps labelled `rhumb.dev/evidence`.
//!
//! A ConfigMap is what a commit, a person with `kubectl` and a job in the cluster can all write. What one of them cannot
//! be read is said for its whole part, so that a freeze with a typing error holds rather than opens.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::id::Timestamp;

/// The label that makes a ConfigMap of Rhumb's own namespace evidence: its value is `windows` or `facts`.
pub const LABEL: &str = "rhumb.dev/evidence";

/// How far repeated windows are expanded: the 31 days of the contract, and the one that is under way.
const AHEAD_MILLIS: u64 = 32 * DAY_MILLIS;
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// Most windows of one ConfigMap.
const WINDOWS: usize = 200;
/// Longest facts of one ConfigMap, in bytes.
const FACTS_BYTES: usize = 64 << 10;

/// What one ConfigMap announces.
#[derive(Clone, Debug, PartialEq)]
pub struct Announced {
    /// Namespace and name of the ConfigMap.
    pub place: (String, String),
    /// What it says.
    pub said: Said,
}

/// Windows or facts, or why they cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// The label is `windows`: each value of `data` is a YAML list of windows.
    Windows(Result<Vec<Window>, String>),
    /// The label is `facts`: each value of `data` is JSON, or else text.
    Facts(Result<Value, String>),
    /// The label is another.
    Unknown(String),
}

/// A window or a freeze, once or again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    name: String,
    freeze: bool,
    from: Timestamp,
    to: Timestamp,
    /// How long after its beginning it begins again, and when it no longer does.
    again: Option<(u64, Timestamp)>,
    reason: String,
}

/// A window as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    freeze: bool,
    from: String,
    to: String,
    #[serde(default)]
    every: Option<Every>,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Every {
    Day,
    Week,
}

impl Every {
    fn millis(self) -> u64 {
        match self {
            Self::Day => DAY_MILLIS,
            Self::Week => 7 * DAY_MILLIS,
        }
    }
}

impl Announced {
    /// Reads a ConfigMap; `None` without the label.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |key: &str| object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
        let label = object.pointer("/metadata/labels")?.get(LABEL)?.as_str()?;
        let none = Map::new();
        let data = object.get("data").and_then(Value::as_object).unwrap_or(&none);
        let said = match label {
            "windows" => Said::Windows(windows(data)),
            "facts" => Said::Facts(facts(data)),
            other => Said::Unknown(format!("`{LABEL}` is `windows` or `facts`, not `{other}`")),
        };
        Some(Self { place: (text("namespace").unwrap_or_default().to_owned(), text("name")?.to_owned()), said })
    }

    fn words(&self, why: &str) -> String {
        format!("ConfigMap `{}/{}`: {why}", self.place.0, self.place.1)
    }
}

/// The windows that are not over at this time, repeated ones expanded, by their beginning.
pub(super) fn windows_at<'a>(
    announced: impl IntoIterator<Item = &'a Announced>,
    now: Timestamp,
) -> Result<Vec<Value>, String> {
    let mut spells: Vec<(Timestamp, &Window)> = Vec::new();
    for one in announced {
        match &one.said {
            Said::Windows(Ok(windows)) => {
                spells.extend(windows.iter().flat_map(|window| window.begins(now).map(move |from| (from, window))));
            }
            Said::Windows(Err(why)) | Said::Unknown(why) => return Err(one.words(why)),
            Said::Facts(_) => {}
        }
    }
    spells.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
    let json = |(from, window): (Timestamp, &Window)| {
        let to = from.plus_millis(window.to.millis_since(window.from));
        json!({"name": window.name, "freeze": window.freeze, "from": from, "to": to, "reason": window.reason})
    };
    Ok(spells.into_iter().map(json).collect())
}

/// The facts by the name of their ConfigMap.
pub(super) fn facts_of<'a>(announced: impl IntoIterator<Item = &'a Announced>) -> Result<Value, String> {
    let mut facts = BTreeMap::new();
    for one in announced {
        match &one.said {
            Said::Facts(Ok(said)) => {
                facts.insert(one.place.1.as_str(), said);
            }
            Said::Facts(Err(why)) | Said::Unknown(why) => return Err(one.words(why)),
            Said::Windows(_) => {}
        }
    }
    Ok(json!(facts))
}

impl Window {
    /// When it begins, from the one that is under way or the next one on.
    fn begins(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let length = self.to.millis_since(self.from);
        let (every, until) = self.again.unwrap_or((0, Timestamp(0)));
        // The first that is not over.
        let over = now.0.saturating_sub(self.from.0.saturating_add(length));
        let missed = match (every, now.0 >= self.from.0.saturating_add(length)) {
            (0, _) | (_, false) => 0,
            (every, true) => over / every + 1,
        };
        let first = self.from.plus_millis(missed.saturating_mul(every));
        let times = if every == 0 { 1 } else { AHEAD_MILLIS.div_ceil(every) };
        (0..times)
            .map(move |n| first.plus_millis(n.saturating_mul(every)))
            .filter(move |from| now < from.plus_millis(length) && (every == 0 || until.0 == 0 || *from < until))
    }

    fn read(written: Written) -> Result<Self, String> {
        let Written { name, freeze, from, to, every, until, reason } = written;
        let at = |key: &str, text: &str| {
            let form = || format!("`{name}`: `{key}: {text}` is no time such as 2026-12-20T18:00:00+01:00");
            Timestamp::parse(text).ok_or_else(form)
        };
        let (from, to) = (at("from", &from)?, at("to", &to)?);
        if to <= from {
            return Err(format!("`{name}`: `to` is not later than `from`"));
        }
        let until = until.map_or(Ok(Timestamp(0)), |until| at("until", &until))?;
        let again = match every {
            Some(every) if to.millis_since(from) > every.millis() => {
                return Err(format!("`{name}`: it is longer than the time after which it begins again"));
            }
            Some(every) => Some((every.millis(), until)),
            None if until.0 != 0 => return Err(format!("`{name}`: `until` is for what has `every`")),
            None => None,
        };
        Ok(Self { name, freeze, from, to, again, reason })
    }
}

fn windows(data: &Map<String, Value>) -> Result<Vec<Window>, String> {
    let mut all = Vec::new();
    for (key, text) in data {
        let within = |why: String| format!("`{key}`: {why}");
        let value =
            rhumb_yaml::from_str(text.as_str().unwrap_or_default()).map_err(|error| within(error.to_string()))?;
        let written: Vec<Written> = serde_json::from_value(value).map_err(|error| within(error.to_string()))?;
        if all.len() + written.len() > WINDOWS {
            return Err(within(format!("more than {WINDOWS} windows")));
        }
        let read: Result<Vec<Window>, String> = written.into_iter().map(Window::read).collect();
        all.extend(read.map_err(within)?);
    }
    Ok(all)
}

fn facts(data: &Map<String, Value>) -> Result<Value, String> {
    let size: usize = data.values().filter_map(Value::as_str).map(str::len).sum();
    if size > FACTS_BYTES {
        return Err(format!("{size} bytes of facts, allowed are {FACTS_BYTES}"));
    }
    let fact = |(key, text): (&String, &Value)| {
        let text = text.as_str().unwrap_or_default();
        (key.clone(), serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.trim_end())))
    };
    Ok(Value::Object(data.iter().map(fact).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(label: &str, data: Value) -> Announced {
        let metadata = json!({"name": "a", "namespace": "rhumb", "labels": {LABEL: label}});
        Announced::of(&json!({"metadata": metadata, "data": data})).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn windows(text: &str, now: &str) -> Result<Vec<(String, String)>, String> {
        let spells = windows_at([&announced("windows", json!({"w.yaml": text}))], at(now))?;
        let time = |value: &Value| Timestamp(value.as_u64().unwrap()).to_string();
        Ok(spells.iter().map(|spell| (time(&spell["from"]), time(&spell["to"]))).collect())
    }

    #[test]
    fn only_a_labelled_object_is_evidence() {
        let plain = json!({"metadata": {"name": "a", "namespace": "b", "labels": {"app": "windows"}}});
        assert_eq!(Announced::of(&plain), None);
        let odd = announced("calendar", json!({}));
        let words = "ConfigMap `rhumb/a`: `rhumb.dev/evidence` is `windows` or `facts`, not `calendar`";
        assert_eq!(windows_at([&odd], Timestamp(1)).unwrap_err(), words);
        assert_eq!(facts_of([&odd]).unwrap_err(), words);
    }

    #[test]
    fn what_is_over_is_gone_and_what_comes_again_is_expanded() {
        let freeze = "- {name: year, freeze: true, from: 2026-12-20T00:00:00Z, to: 2027-01-04T00:00:00Z}";
        assert_eq!(windows(freeze, "2027-01-03T23:59:59Z").unwrap().len(), 1);
        assert_eq!(windows(freeze, "2027-01-04T00:00:00Z").unwrap(), []);
        assert_eq!(windows(freeze, "2020-01-01T00:00:00Z").unwrap().len(), 1, "however far ahead");

        let weekly = "- {name: w, from: 2026-11-02T09:00:00+01:00, to: 2026-11-02T17:00:00+01:00, every: week}";
        let found = windows(weekly, "2026-11-23T16:00:00Z").unwrap();
        let first = ("2026-11-30T08:00:00Z".to_owned(), "2026-11-30T16:00:00Z".to_owned());
        assert_eq!((found.len(), &found[0]), (5, &first), "that of this Monday is over");
        assert_eq!(windows(weekly, "2026-11-23T15:59:59Z").unwrap()[0].0, "2026-11-23T08:00:00Z");
        assert_eq!(windows(weekly, "2026-01-01T00:00:00Z").unwrap()[0].0, "2026-11-02T08:00:00Z");

        let daily = "- {name: d, from: 2026-11-02T09:00:00Z, to: 2026-11-03T09:00:00Z, every: day,
            until: 2026-11-05T00:00:00Z}";
        let begins: Vec<String> =
            windows(daily, "2026-11-03T10:00:00Z").unwrap().into_iter().map(|one| one.0).collect();
        assert_eq!(begins, ["2026-11-03T09:00:00Z", "2026-11-04T09:00:00Z"]);
        assert_eq!(windows(daily, "2026-11-03T10:00:00Z").unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        for (text, words) in [
            ("- {name: a, from: x, to: z}", "`a`: `from: x` is no time"),
            ("- {name: a, from: 2026-11-02T09:00:00Z, to: 2026-11-02T09:00:00Z}", "`a`: `to` is not later than `from`"),
            ("- {name: a, freezes: true, from: x, to: z}", "unknown field `freezes`"),
            ("- {name: a, from: 2026-11-02T09:00:00Z, to: 2026-11-04T09:00:00Z, every: day}", "it is longer than"),
            (
                "- {name: a, from: 2026-11-02T09:00:00Z, to: 2026-11-04T09:00:00Z, until: 2027-01-01T00:00:00Z}",
                "`until`",
            ),
            ("{", "`w.yaml`: "),
            ("name: a", "expected a sequence"),
        ] {
            let error = windows(text, "2026-11-02T09:00:00Z").unwrap_err();
            assert!(error.starts_with("ConfigMap `rhumb/a`: `w.yaml`: ") && error.contains(words), "{error}");
        }
        let many = "- {name: a, from: 2026-11-02T09:00:00Z, to: 2026-11-02T10:00:00Z}\n".repeat(201);
        assert!(windows(&many, "2026-11-02T09:00:00Z").unwrap_err().ends_with("more than 200 windows"));
    }

    #[test]
    fn facts_are_json_or_text() {
        let facts = announced("facts", json!({"errors": "0.02", "region": "eu-1\n", "slo": "{\"ok\": true}"}));
        let expected = json!({"a": {"errors": 0.02, "region": "eu-1", "slo": {"ok": true}}});
        assert_eq!(facts_of([&facts]).unwrap(), expected);
        let large = announced("facts", json!({"a": "x".repeat(70_000)}));
        let words = "ConfigMap `rhumb/a`: 70000 bytes of facts, allowed are 65536";
        assert_eq!(facts_of([&large]).unwrap_err(), words);
    }
}

//! The value transform `merge-lists`: items of lists such as `env` are added, changed and removed by their name.

use rhumb_guest_sdk::{
    About, Change, Chart, Context, Evidence, Failure, Operation, Policy, PolicyConfig, Problem, Reason, Transformation,
    Value, ValueTransform, Wants, can_hold, export_policy,
};
use serde::Deserialize;
use serde_json::Map;

/// The settings of `merge-lists`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Lists and what belongs into them.
    lists: Vec<List>,
}

/// A list and what belongs into it.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Where it stands in the values, as a JSON Pointer such as `/env`; one that is not there is made.
    path: String,
    /// The key by which its items are told apart.
    #[serde(default = "name")]
    key: String,
    /// Items to be there. Keys that an item in the values has besides stay; one that is null here is removed.
    #[serde(default)]
    items: Vec<Map<String, Value>>,
    /// Names of items not to be there.
    #[serde(default)]
    remove: Vec<String>,
}

fn name() -> String {
    "name".to_owned()
}

/// The transform, ready to apply.
pub struct MergeLists {
    lists: Vec<List>,
}

impl Policy for MergeLists {
    type Config = Config;

    const ABOUT: About = About {
        name: "merge-lists",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Items of lists such as `env` are added, changed and removed by their name",
        reasons: &[
            ("added", "an item that was missing"),
            ("changed", "a key of an item"),
            ("removed", "an item or a key of one that is not wanted"),
            ("not-a-list", "there is something else where the list should be"),
        ],
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        for (at, list) in config.lists.iter().enumerate() {
            let mut wrong = |below: String, code: &str, text: String| {
                problems.push(Problem::new(&format!("/lists/{at}/{below}"), code, text));
            };
            if !list.path.starts_with('/') {
                wrong(
                    "path".into(),
                    "bad-pointer",
                    format!("wanted a JSON Pointer such as `/env`, got `{}`", list.path),
                );
            }
            let mut seen: Vec<&str> = Vec::new();
            for (index, item) in list.items.iter().enumerate() {
                match item.get(&list.key).and_then(Value::as_str) {
                    None => {
                        wrong(format!("items/{index}"), "no-name", format!("an item needs a text at `{}`", list.key));
                    }
                    Some(name) if seen.contains(&name) || list.remove.iter().any(|gone| gone == name) => {
                        wrong(format!("items/{index}"), "twice", format!("`{name}` stands here twice"));
                    }
                    Some(name) => seen.push(name),
                }
            }
        }
        if problems.is_empty() { Ok(Self { lists: config.lists }) } else { Err(problems) }
    }
}

impl ValueTransform for MergeLists {
    fn apply(&self, _: &Context, _: &Chart, values: &Value, _: &Evidence) -> Result<Transformation, Failure> {
        let mut found = Transformation::none();
        for list in &self.lists {
            match values.pointer(&list.path) {
                None | Some(Value::Null) if can_hold(values, &list.path) => list.merge(&[], &mut found),
                Some(Value::Array(items)) => list.merge(items, &mut found),
                _ => {
                    let text = format!("there is something else than a list at `{}`", list.path);
                    found.warnings.push(Reason::new("not-a-list", text));
                }
            }
        }
        Ok(found)
    }
}

impl List {
    fn merge(&self, there: &[Value], found: &mut Transformation) {
        let name_of = |item: &Value| item.get(&self.key).and_then(Value::as_str).map(str::to_owned);
        let mut added: Vec<Value> = Vec::new();
        for item in &self.items {
            let name = item.get(&self.key).and_then(Value::as_str).unwrap_or_default();
            match there.iter().enumerate().find(|(_, other)| name_of(other).as_deref() == Some(name)) {
                Some(place) => self.change(place, item, found),
                None => {
                    let kept = item.iter().filter(|(_, value)| !value.is_null());
                    added.push(Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect()));
                }
            }
        }
        // From the end, so that no index moves before it is used.
        for (index, item) in there.iter().enumerate().rev() {
            if let Some(name) = name_of(item).filter(|name| self.remove.contains(name)) {
                let reason = Reason::new("removed", format!("`{name}` is not wanted"));
                found.operations.push(Operation {
                    path: format!("{}/{index}", self.path),
                    change: Change::Remove,
                    reason,
                });
            }
        }
        let removed = there.iter().filter(|item| name_of(item).is_some_and(|name| self.remove.contains(&name))).count();
        if there.is_empty() && !added.is_empty() {
            let reason = Reason::new("added", format!("{} items", added.len()));
            found.set(&self.path, &Value::Array(added), reason);
            return;
        }
        for (offset, item) in added.iter().enumerate() {
            let reason = Reason::new("added", format!("`{}` was missing", name_of(item).unwrap_or_default()));
            found.set(format!("{}/{}", self.path, there.len() - removed + offset), item, reason);
        }
    }

    /// Key by key, so that a secret beside what changes stays the handle that it is.
    fn change(&self, (index, there): (usize, &Value), item: &Map<String, Value>, found: &mut Transformation) {
        let name = item.get(&self.key).and_then(Value::as_str).unwrap_or_default();
        for (key, wanted) in item {
            let is = there.get(key);
            let path = format!("{}/{index}/{}", self.path, key.replace('~', "~0").replace('/', "~1"));
            if wanted.is_null() && is.is_some() {
                let reason = Reason::new("removed", format!("`{key}` of `{name}` is not wanted"));
                found.operations.push(Operation { path, change: Change::Remove, reason });
            } else if !wanted.is_null() && is != Some(wanted) {
                found.set(path, wanted, Reason::new("changed", format!("`{key}` of `{name}`")));
            }
        }
    }
}

export_policy!(MergeLists: value-transform);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn transforms_its_cases() {
        testing::transform_cases::<MergeLists>(env!("CARGO_MANIFEST_DIR"));
    }
}

//! The settings of a policy's object with those of a release laid over them.

use serde_json::{Map, Value};

/// `over` laid upon `below`, key by key; what stands in both is taken from `over`, whole. Settings that are no mapping are
/// left as they are: the policy refuses them.
pub fn laid(below: &Map<String, Value>, over: &Value) -> Value {
    match over {
        Value::Object(over) => {
            let mut all = below.clone();
            all.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
            Value::Object(all)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_release_sets_wins_key_by_key() {
        let below = json!({"quorum": 2, "groups": ["a", "b"], "other": {"x": 1}});
        let below = below.as_object().unwrap();
        let over = json!({"groups": ["c"], "other": {"y": 2}});
        assert_eq!(laid(below, &over), json!({"quorum": 2, "groups": ["c"], "other": {"y": 2}}));
        assert_eq!(laid(below, &json!({})), json!(below));
        assert_eq!(laid(below, &json!(3)), json!(3));
    }
}

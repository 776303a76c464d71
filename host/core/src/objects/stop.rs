//! `StopSwitch`: while this object is there, no version moves.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Binding;
use super::{API_VERSION, created, spec};
use crate::attach::{Attached, By, Mode};
use crate::id::{PolicyName, Timestamp};

/// The rule that is asked about every move while the switch is pulled, whatever the releases themselves ask for.
const RULE: &str = "stop-switch";

/// Stops every move of a version, or those of some environments. Deleting it lets them go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StopSwitchSpec {
    /// The user who pulls it, as the API server knows him; it refuses any other name.
    #[cfg_attr(test, schemars(length(min = 1, max = 512)))]
    pub by: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(test, schemars(length(max = 1024)))]
    pub reason: String,
    /// Environments that it stops; all of them when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(length(max = 64)))]
    pub environments: Vec<String>,
    /// Namespaces that go on, such as that of the monitoring; `*` stands for any run of characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(length(max = 64)))]
    pub except: Vec<String>,
    /// When it ends by itself, in RFC 3339; never when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    pub until: Option<String>,
}

/// The object that says this. There is one in a cluster.
pub fn stop_switch(spec: &StopSwitchSpec) -> Value {
    json!({"apiVersion": API_VERSION, "kind": "StopSwitch", "metadata": {"name": "rhumb"}, "spec": spec})
}

/// The switch as it stands in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Who pulled it.
    pub by: String,
    /// When the API server took it.
    pub since: Timestamp,
    /// When it ends by itself; 0 for never.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Environments that it stops; none for all.
    pub environments: Vec<String>,
    /// Namespaces that go on.
    pub except: Vec<String>,
}

impl Stop {
    /// Reads a `StopSwitch`. What of it cannot be read makes it no weaker: it stops everything, and for ever.
    pub fn of(object: &Value) -> Self {
        let spec: Option<StopSwitchSpec> = spec(object);
        let spec = spec.unwrap_or_else(|| StopSwitchSpec {
            by: "somebody".to_owned(),
            reason: "the object cannot be read".to_owned(),
            environments: Vec::new(),
            except: Vec::new(),
            until: None,
        });
        Self {
            by: spec.by,
            since: created(object),
            until: spec.until.and_then(|until| Timestamp::parse(&until)).unwrap_or_default(),
            reason: spec.reason,
            environments: spec.environments,
            except: spec.except,
        }
    }

    /// The rule that enforces it, with settings that no release can change: the namespaces that go on.
    pub fn rule(except: &[String]) -> Binding {
        let (name, policy) = (PolicyName::new(RULE), PolicyName::new(RULE));
        Binding::rule_for_all(Attached {
            name,
            policy,
            config: json!({"except": except}),
            mode: Mode::Enforce,
            by: By::Binding,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_stops_everything() {
        let pulled = |spec: Value| Stop::of(&json!({"metadata": {"name": "rhumb"}, "spec": spec}));
        let some = pulled(json!({"by": "jo", "environments": ["prod"], "until": "2026-11-23T14:35:00Z"}));
        assert_eq!((some.environments.as_slice(), some.until.is_known()), ([String::from("prod")].as_slice(), true));
        for spec in [json!({}), json!("hostile"), json!({"by": "jo", "environments": "prod"})] {
            let all = pulled(spec);
            assert!(all.environments.is_empty() && all.except.is_empty() && all.until == Timestamp(0));
        }
        assert_eq!(pulled(json!({"by": "jo", "until": "soon"})).until, Timestamp(0));
    }
}

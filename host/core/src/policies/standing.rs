//! How far a declared policy came, as its object's status says it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::chain::cut;
use crate::condition::{Condition, Truth, set_condition};
use crate::id::{Digest, Timestamp};
use crate::judge::Kind;

/// The condition of policies and bindings.
const READY: &str = "Ready";
/// Longest reason for a failure that is kept beside what else a condition says.
const WHY_LIMIT: usize = 800;

/// What becomes of a policy, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Step {
    /// Its object can be read.
    Declared,
    /// The bytes are here, and are those that were asked for.
    Fetched,
    /// They are a component that may be compiled.
    Admitted,
    /// It was compiled.
    Compiled,
    /// It describes itself truly, and takes the settings of its object.
    Checked,
}

/// Where a policy got stuck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The step that failed.
    pub at: Step,
    /// Why, for people.
    pub why: String,
}

/// The version of a policy that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Digest of the component.
    pub component: Digest,
    /// The reference with the manifest's digest, for one that came from a registry.
    pub reference: Option<String>,
    /// What it decides about.
    pub kind: Kind,
    /// Its own name and version.
    pub name: String,
    /// The same.
    pub version: String,
}

/// How far what the object asks for came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It is being loaded.
    Loading,
    /// It serves.
    Ready,
    /// It got stuck; what served before goes on.
    Stuck(Trouble),
    /// It serves, and is left alone for a while as it kills the process that runs it.
    Suspended(String),
}

/// All that there is to say of a declared policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The generation of the object that was looked at.
    pub generation: i64,
    /// What is asked, when anything is.
    pub serving: Option<Serving>,
    /// How far what the object asks for came.
    pub stand: Stand,
}

/// What the status of a policy holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PolicyStatus {
    /// The generation that this is about.
    pub observed_generation: i64,
    /// The last step that what the object asks for went through: Declared, Fetched, Admitted, Compiled or Checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Digest of the component that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Where it came from, with the digest that the tag was found to mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What it decides about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it is ready, and why not.
    #[cfg_attr(test, schemars(schema_with = "crate::objects::definitions::conditions"))]
    pub conditions: Vec<Value>,
}

impl Step {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "Declared",
            Self::Fetched => "Fetched",
            Self::Admitted => "Admitted",
            Self::Compiled => "Compiled",
            Self::Checked => "Checked",
        }
    }

    /// One word for that it failed.
    fn failed(self) -> &'static str {
        match self {
            Self::Declared => "BadSpec",
            Self::Fetched => "NotFetched",
            Self::Admitted => "NotAdmitted",
            Self::Compiled => "NotCompiled",
            Self::Checked => "NotChecked",
        }
    }

    fn before(self) -> Option<Self> {
        match self {
            Self::Declared => None,
            Self::Fetched => Some(Self::Declared),
            Self::Admitted => Some(Self::Fetched),
            Self::Compiled => Some(Self::Admitted),
            Self::Checked => Some(Self::Compiled),
        }
    }
}

impl Trouble {
    /// The words for those who attach the policy.
    pub fn words(&self) -> String {
        let what = match self.at {
            Step::Declared => "its object cannot be used",
            Step::Fetched => "not fetched",
            Step::Admitted => "not admitted",
            Step::Compiled => "not compiled",
            Step::Checked => "not checked",
        };
        format!("{what}: {}", self.why)
    }
}

/// The status of the object, given the one that stands there.
pub fn standing(old: &Value, standing: &Standing, now: Timestamp) -> Value {
    let serving = standing.serving.as_ref();
    let serves = serving.map(|serving| format!("{} {} ({})", serving.name, serving.version, serving.component.short()));
    let meanwhile = |why: &str| match &serves {
        Some(serves) => format!("{}; {serves} serves meanwhile", cut(why, WHY_LIMIT)),
        None => why.to_owned(),
    };
    let (step, truth, reason, message) = match &standing.stand {
        Stand::Loading => (None, Truth::Unknown, "Loading", meanwhile("it is being loaded")),
        Stand::Ready => (Some(Step::Checked), Truth::True, "Ready", serves.clone().unwrap_or_default()),
        Stand::Stuck(trouble) => (trouble.at.before(), Truth::False, trouble.at.failed(), meanwhile(&trouble.why)),
        Stand::Suspended(why) => (Some(Step::Checked), Truth::False, "Suspended", why.clone()),
    };
    let mut conditions = Map::new();
    if let Some(old) = old.get("conditions") {
        conditions.insert("conditions".to_owned(), old.clone());
    }
    set_condition(&mut conditions, &Condition::new(READY, truth, reason, &message), now);
    let status = PolicyStatus {
        observed_generation: standing.generation,
        step: step.map(|step| step.as_str().to_owned()),
        digest: serving.map(|serving| serving.component.to_string()),
        reference: serving.and_then(|serving| serving.reference.clone()),
        kind: serving.map(|serving| serving.kind.as_str().to_owned()),
        version: serving.map(|serving| serving.version.clone()),
        conditions: conditions.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default(),
    };
    json!(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(old: &Value, stand: Stand, serving: Option<Serving>) -> (Value, String) {
        let status = standing(old, &Standing { generation: 3, serving, stand }, Timestamp(1_795_444_500_000));
        let ready = status["conditions"][0].clone();
        let text = |key: &str| ready[key].as_str().unwrap().to_owned();
        let step = status["step"].as_str().unwrap_or("-").to_owned();
        let line = format!("{step} {} {}: {}", text("status"), text("reason"), text("message"));
        (status, line)
    }

    #[test]
    fn says_where_it_stands_and_what_serves_meanwhile() {
        let good = || {
            let (name, version) = ("approval".to_owned(), "0.1.0".to_owned());
            Some(Serving { component: Digest::of("a"), reference: None, kind: Kind::PromotionRule, name, version })
        };
        let (loading, line) = said(&Value::Null, Stand::Loading, None);
        assert_eq!(line, "- Unknown Loading: it is being loaded");
        let (ready, line) = said(&loading, Stand::Ready, good());
        assert_eq!(line, "Checked True Ready: approval 0.1.0 (ca978112ca1b)");
        assert_eq!((&ready["kind"], &ready["observedGeneration"]), (&json!("promotion-rule"), &json!(3)));
        let trouble = |at| Stand::Stuck(Trouble { at, why: "this is not WebAssembly".to_owned() });
        let (stuck, line) = said(&ready, trouble(Step::Admitted), good());
        assert_eq!(
            line,
            "Fetched False NotAdmitted: this is not WebAssembly; approval 0.1.0 (ca978112ca1b) serves meanwhile"
        );
        assert_eq!(said(&stuck, trouble(Step::Admitted), good()).0, stuck, "said once");
        assert_eq!(said(&stuck, trouble(Step::Declared), None).1, "- False BadSpec: this is not WebAssembly");
        let suspended = Stand::Suspended("suspended for 10 s".to_owned());
        assert_eq!(said(&ready, suspended, good()).1, "Checked False Suspended: suspended for 10 s");
    }
}

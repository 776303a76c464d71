//! Which policy a name means, for whom.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{PolicyId, PolicyInfo, laid};
use crate::attach::{Attached, By, Mode, OnFailure};
use crate::id::{ObjectId, PolicyName};
use crate::judge::Kind;

/// All policies that a pass may ask.
#[derive(Clone, Debug)]
pub struct Policies {
    /// Those that Rhumb ships, as far as they were attached.
    shipped: BTreeMap<PolicyName, PolicyInfo>,
    /// Those that objects of the cluster declare; or why nobody knows them.
    declared: Result<Declared, String>,
}

/// By name, then by namespace.
type Declared = BTreeMap<PolicyName, Vec<(PolicyId, Served)>>;

/// What an object of the cluster says of a policy, and what there is to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// How it is asked, and what its answers mean.
    pub settings: Settings,
    /// The component that serves, or why none does, for people.
    pub policy: Result<PolicyInfo, String>,
}

/// How a declared policy is asked, and what its answers mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What its object sets; a release lays its own over it.
    pub config: Map<String, Value>,
    /// Whether its answers count.
    pub mode: Mode,
    /// What it means when it gives no answer.
    pub on_failure: OnFailure,
}

/// Who names a policy.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// An object, in its annotations.
    Object(&'a ObjectId),
    /// Somebody above all objects.
    Above,
}

/// A policy that can be asked.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The component.
    pub info: &'a PolicyInfo,
    /// What its object says; nothing for a shipped one.
    settings: Option<&'a Settings>,
}

/// Why there is no policy to ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    /// Nobody declares or ships one of this name.
    #[error("there is no policy `{0}`")]
    None(PolicyName),
    /// It is declared, and cannot be asked.
    #[error("{id} is not ready: {why}")]
    NotReady {
        /// The object that declares it.
        id: PolicyId,
        /// Why.
        why: String,
        /// What that means.
        on_failure: OnFailure,
    },
    /// It decides about something else.
    #[error("policy `{name}` is of kind {}, not {}", is.as_str(), wanted.as_str())]
    OtherKind {
        /// The policy.
        name: PolicyName,
        /// Its kind.
        is: Kind,
        /// The kind that was asked for.
        wanted: Kind,
    },
    /// The objects that declare policies could not be read.
    #[error("the policies of the cluster are not read: {0}")]
    Unread(String),
}

impl NoPolicy {
    /// What its absence means.
    pub fn on_failure(&self) -> OnFailure {
        match self {
            Self::NotReady { on_failure, .. } => *on_failure,
            _ => OnFailure::Hold,
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self { shipped: BTreeMap::new(), declared: Ok(BTreeMap::new()) }
    }
}

impl Policies {
    /// The shipped policies, and those that objects declare or why nobody knows them.
    pub fn new(
        shipped: BTreeMap<PolicyName, PolicyInfo>,
        declared: Result<BTreeMap<PolicyId, Served>, String>,
    ) -> Self {
        let declared = declared.map(|declared| {
            let mut by_name = Declared::new();
            for (id, served) in declared {
                by_name.entry(id.name.clone()).or_default().push((id, served));
            }
            by_name
        });
        Self { shipped, declared }
    }

    /// The policy of this kind that the name means.
    pub fn find(&self, asker: Asker<'_>, name: &PolicyName, kind: Kind) -> Result<Found<'_>, NoPolicy> {
        let found = self.named(asker, name)?;
        let is = found.info.kind;
        if is == kind { Ok(found) } else { Err(NoPolicy::OtherKind { name: name.clone(), is, wanted: kind }) }
    }

    /// The policy of this kind that counts for this object.
    pub fn attached(&self, object: &ObjectId, attached: &Attached, kind: Kind) -> Result<Found<'_>, NoPolicy> {
        let asker = match attached.by {
            By::Binding => Asker::Above,
            By::Object => Asker::Object(object),
        };
        self.find(asker, &attached.policy, kind)
    }

    fn named(&self, asker: Asker<'_>, name: &PolicyName) -> Result<Found<'_>, NoPolicy> {
        let declared = self.declared.as_ref().map_err(|why| NoPolicy::Unread(why.clone()))?;
        let declared = declared.get(name).map(Vec::as_slice).unwrap_or_default();
        let of = |namespace: Option<&str>| declared.iter().find(|(id, _)| id.namespace.as_deref() == namespace);
        let own = match asker {
            Asker::Object(object) => of(Some(object.namespace.as_deref().unwrap_or("default"))),
            Asker::Above => None,
        };
        match own.or_else(|| of(None)) {
            Some((_, Served { settings, policy: Ok(info) })) => Ok(Found { info, settings: Some(settings) }),
            Some((id, Served { settings, policy: Err(why) })) => {
                Err(NoPolicy::NotReady { id: id.clone(), why: why.clone(), on_failure: settings.on_failure })
            }
            None => {
                let info = self.shipped.get(name).ok_or_else(|| NoPolicy::None(name.clone()))?;
                Ok(Found { info, settings: None })
            }
        }
    }
}

impl Found<'_> {
    /// The settings that it is asked with, when its user sets these.
    pub fn config(&self, own: &Value) -> Value {
        self.settings.map_or_else(|| own.clone(), |settings| laid(&settings.config, own))
    }

    /// Whether its answers count.
    pub fn mode(&self) -> Mode {
        self.settings.map_or(Mode::Enforce, |settings| settings.mode)
    }

    /// What it means when it gives no answer.
    pub fn on_failure(&self) -> OnFailure {
        self.settings.map_or(OnFailure::Hold, |settings| settings.on_failure)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::id::Digest;

    fn info(text: &str) -> PolicyInfo {
        let (component, evidence) = (Digest::of(text), BTreeSet::new());
        PolicyInfo { component, kind: Kind::PromotionRule, wants_metadata: false, evidence }
    }

    fn served(text: &str) -> Served {
        let config = json!({"quorum": 2}).as_object().cloned().unwrap();
        Served { settings: Settings { config, ..Settings::default() }, policy: Ok(info(text)) }
    }

    fn id(namespace: Option<&str>, name: &str) -> PolicyId {
        PolicyId { namespace: namespace.map(str::to_owned), name: PolicyName::new(name) }
    }

    fn found(policies: &Policies, asker: Asker<'_>) -> String {
        let which = |component: &Digest| {
            ["shipped", "cluster", "own"]
                .into_iter()
                .find(|text| Digest::of(text) == *component)
                .unwrap_or("?")
                .to_owned()
        };
        match policies.find(asker, &PolicyName::new("approval"), Kind::PromotionRule) {
            Ok(found) => format!("{} {}", which(&found.info.component), found.config(&json!({"by": "me"}))),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_nearest_declaration_counts_and_none_from_below_for_what_is_bound() {
        let object = |namespace: &str| ObjectId {
            kind: "HelmRelease".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: "app".to_owned(),
        };
        let (prod, dev) = (object("prod"), object("dev"));
        let shipped = BTreeMap::from([(PolicyName::new("approval"), info("shipped"))]);
        let mut declared = BTreeMap::new();
        let policies = |declared: &BTreeMap<PolicyId, Served>| Policies::new(shipped.clone(), Ok(declared.clone()));
        assert_eq!(found(&policies(&declared), Asker::Object(&prod)), r#"shipped {"by":"me"}"#);
        declared.insert(id(Some("prod"), "approval"), served("own"));
        assert_eq!(found(&policies(&declared), Asker::Object(&prod)), r#"own {"quorum":2,"by":"me"}"#);
        assert_eq!(found(&policies(&declared), Asker::Object(&dev)), r#"shipped {"by":"me"}"#);
        assert_eq!(found(&policies(&declared), Asker::Above), r#"shipped {"by":"me"}"#);
        declared.insert(id(None, "approval"), served("cluster"));
        assert_eq!(found(&policies(&declared), Asker::Object(&dev)), r#"cluster {"quorum":2,"by":"me"}"#);
        assert_eq!(found(&policies(&declared), Asker::Object(&prod)), r#"own {"quorum":2,"by":"me"}"#);
        // One that is not ready is not passed over.
        let broken = Served { policy: Err("not fetched: no such tag".to_owned()), ..served("own") };
        declared.insert(id(Some("prod"), "approval"), broken);
        let words = "Policy `prod/approval` is not ready: not fetched: no such tag";
        assert_eq!(found(&policies(&declared), Asker::Object(&prod)), words);
    }

    #[test]
    fn nothing_is_asked_while_nobody_knows_what_is_declared() {
        let shipped = BTreeMap::from([(PolicyName::new("approval"), info("shipped"))]);
        let policies = Policies::new(shipped, Err("forbidden".to_owned()));
        assert_eq!(found(&policies, Asker::Above), "the policies of the cluster are not read: forbidden");
        let other = Policies::default().find(Asker::Above, &PolicyName::new("x"), Kind::ImageFilter).unwrap_err();
        assert_eq!((other.to_string(), other.on_failure()), ("there is no policy `x`".to_owned(), OnFailure::Hold));
    }
}

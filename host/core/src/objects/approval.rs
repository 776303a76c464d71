//! `Approval`: somebody says yes to exactly these versions of one object.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{API_VERSION, created, spec};
use crate::id::{Digest, ObjectId, Timestamp};

/// An approval: who says yes to which versions of one object of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(extend("x-kubernetes-validations" = [
    {"rule": "self == oldSelf", "message": "an approval cannot be changed; delete it and approve anew"},
])))]
pub struct ApprovalSpec {
    /// The user who approves, as the API server knows him; it refuses any other name.
    #[cfg_attr(test, schemars(length(min = 1, max = 512)))]
    pub by: String,
    /// Groups of the user that are to count; the API server refuses one that he is not in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(length(max = 256), inner(length(max = 253))))]
    pub groups: Vec<String>,
    /// What moves, in the namespace of the approval.
    pub object: Subject,
    /// Exactly what is approved: an approval counts for no other version, and for no part of it.
    #[cfg_attr(test, schemars(length(min = 1, max = 64)))]
    pub moves: Vec<ApprovedMove>,
    /// Until when it counts, in RFC 3339; for ever when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(length(max = 64), extend("format" = "date-time")))]
    pub until: Option<String>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(length(max = 1024)))]
    pub reason: Option<String>,
}

/// An object by kind and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Subject {
    /// Its kind, such as `HelmRelease`.
    #[serde(default = "helm_release")]
    #[cfg_attr(test, schemars(length(min = 1, max = 63)))]
    pub kind: String,
    /// Its name.
    #[cfg_attr(test, schemars(length(min = 1, max = 253)))]
    pub name: String,
}

/// One thing that is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ApprovedMove {
    /// A container's name, or `chart`.
    #[cfg_attr(test, schemars(length(min = 1, max = 253)))]
    pub subject: String,
    /// The version that it may go to.
    #[cfg_attr(test, schemars(length(min = 1, max = 253)))]
    pub to: String,
}

fn helm_release() -> String {
    "HelmRelease".to_owned()
}

/// An approval as it stands in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// What it is about.
    pub object: ObjectId,
    /// The user.
    pub by: String,
    /// Groups that count.
    pub groups: Vec<String>,
    /// When the API server took it.
    pub at: Timestamp,
    /// Until when it counts; 0 for ever.
    pub until: Timestamp,
    /// Exactly what is approved.
    pub moves: Vec<ApprovedMove>,
}

impl Approval {
    /// Reads an `Approval`. One whose end cannot be read has ended: no mistake makes it count for longer.
    pub fn of(object: &Value) -> Option<Self> {
        let ApprovalSpec { by, groups, object: subject, moves, until, .. } = spec(object)?;
        let namespace = object.pointer("/metadata/namespace")?.as_str()?.to_owned();
        let until = until.map_or(Timestamp(0), |until| Timestamp::parse(&until).unwrap_or(Timestamp(1)));
        Some(Self {
            object: ObjectId { kind: subject.kind, namespace: Some(namespace), name: subject.name },
            by,
            groups,
            at: created(object),
            until,
            moves,
        })
    }
}

/// The object that says this, to be created in the namespace. Its name is another for each time.
pub fn approval(namespace: &str, spec: &ApprovalSpec, now: Timestamp) -> Value {
    let text = json!(spec).to_string();
    let digest = Digest::of_parts([text.as_bytes(), &now.0.to_be_bytes()]);
    // A name is at most 253 characters long, and that of the release may be so already.
    let stem: String = spec.object.name.chars().take(200).collect();
    json!({
        "apiVersion": API_VERSION,
        "kind": "Approval",
        "metadata": {"name": format!("{stem}-{}", digest.short()), "namespace": namespace},
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(spec: Value) -> Value {
        let metadata = json!({"name": "a", "namespace": "prod", "creationTimestamp": "2026-11-23T14:35:00Z"});
        json!({"metadata": metadata, "spec": spec})
    }

    #[test]
    fn reads_what_it_writes() {
        let moves = vec![ApprovedMove { subject: "chart-image".to_owned(), to: "1.2.3".to_owned() }];
        let object = Subject { kind: helm_release(), name: "app".to_owned() };
        let (until, reason) = (Some("2026-11-24T00:00:00Z".to_owned()), None);
        let spec = ApprovalSpec { by: "jo".to_owned(), groups: vec![], object, moves: moves.clone(), until, reason };
        let made = approval("prod", &spec, Timestamp(7));
        assert_eq!(made["metadata"]["name"], "app-bfdd35799233");
        assert_ne!(made["metadata"]["name"], approval("prod", &spec, Timestamp(8))["metadata"]["name"]);
        let read = Approval::of(&stored(made["spec"].clone())).unwrap();
        let at = Timestamp::parse("2026-11-23T14:35:00Z").unwrap();
        assert_eq!((read.by.as_str(), read.at, read.moves), ("jo", at, moves));
        assert_eq!(read.object.to_string(), "prod:helmrelease/app");
        assert_eq!(read.until, Timestamp::parse("2026-11-24T00:00:00Z").unwrap());
    }

    #[test]
    fn no_mistake_makes_it_count_for_longer() {
        let moves = json!([{"subject": "chart", "to": "1"}]);
        let spec = json!({"by": "jo", "object": {"name": "app"}, "moves": moves, "until": "soon"});
        assert_eq!(Approval::of(&stored(spec)).unwrap().until, Timestamp(1));
        assert_eq!(Approval::of(&stored(json!({"by": "jo", "moves": moves}))), None);
        assert_eq!(Approval::of(&json!({})), None);
    }
}

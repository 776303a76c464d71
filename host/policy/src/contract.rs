//! The contract's records as they cross the boundary: views of the host's words going in, owned values coming out.
//!
//! Written by hand instead of generated, so that names and columns go in without being copied first. The engine
//! compares these types with the component's own when a function is looked up, so a difference from `wit/policy.wit`
//! is an error when a policy is loaded, not a wrong value later.

#![allow(unsafe_code, reason = "the derives of wasmtime implement unsafe traits")]

use serde::{Deserialize, Serialize};
use wasmtime::component::{ComponentType, Lift, Lower};

/// Version of the package `rhumb:policy` that is spoken here.
pub(crate) const PACKAGE: &str = "rhumb:policy";
/// Its version.
pub(crate) const VERSION: &str = "0.1.0";

pub(crate) type Pairs<'a> = Vec<(&'a str, &'a str)>;

#[derive(ComponentType, Lower, Clone, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Context<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) kind: &'a str,
    #[serde(borrow)]
    pub(crate) environment: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) labels: Pairs<'a>,
    #[serde(borrow)]
    pub(crate) annotations: Pairs<'a>,
    pub(crate) now: u64,
    pub(crate) seed: u64,
}

#[derive(ComponentType, Lower, Clone, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Container<'a> {
    pub(crate) name: &'a str,
    pub(crate) repository: &'a str,
    #[component(name = "current-tag")]
    #[serde(borrow)]
    pub(crate) current_tag: Option<&'a str>,
    #[component(name = "current-digest")]
    #[serde(borrow)]
    pub(crate) current_digest: Option<&'a str>,
    #[component(name = "current-since")]
    pub(crate) current_since: u64,
}

#[derive(ComponentType, Lower, Clone, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Tags<'a> {
    pub(crate) names: &'a str,
    #[component(name = "first-seen")]
    pub(crate) first_seen: Vec<u64>,
    pub(crate) moves: Vec<u32>,
    pub(crate) complete: bool,
}

#[derive(ComponentType, Lower, Clone, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Metadata<'a> {
    pub(crate) indices: Vec<u32>,
    pub(crate) created: Vec<u64>,
    #[serde(borrow)]
    pub(crate) digests: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) facts: Option<&'a str>,
    pub(crate) complete: bool,
}

#[derive(ComponentType, Lower, Clone, Copy, Serialize, Deserialize)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Step {
    #[component(name = "none")]
    None,
    #[component(name = "build")]
    Build,
    #[component(name = "pre-release")]
    PreRelease,
    #[component(name = "patch")]
    Patch,
    #[component(name = "minor")]
    Minor,
    #[component(name = "major")]
    Major,
    #[component(name = "backwards")]
    Backwards,
}

#[derive(ComponentType, Lower, Clone, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Move<'a> {
    pub(crate) subject: &'a str,
    pub(crate) repository: &'a str,
    #[component(name = "from-version")]
    #[serde(borrow)]
    pub(crate) from_version: Option<&'a str>,
    #[component(name = "to-version")]
    pub(crate) to_version: &'a str,
    #[component(name = "to-digest")]
    #[serde(borrow)]
    pub(crate) to_digest: Option<&'a str>,
    pub(crate) step: Option<Step>,
}

#[derive(ComponentType, Lower, Clone, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Chart<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    #[component(name = "app-version")]
    #[serde(borrow)]
    pub(crate) app_version: Option<&'a str>,
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Reason {
    pub(crate) code: String,
    pub(crate) message: String,
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Problem {
    pub(crate) pointer: String,
    pub(crate) reason: Reason,
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(variant)]
pub(crate) enum Failure {
    #[component(name = "bad-config")]
    BadConfig(Vec<Problem>),
    #[component(name = "bad-input")]
    BadInput(Vec<Problem>),
    #[component(name = "refused")]
    Refused(Reason),
    #[component(name = "internal")]
    Internal(String),
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(variant)]
pub(crate) enum Outcome {
    #[component(name = "pick")]
    Pick(u32),
    #[component(name = "keep-current")]
    KeepCurrent,
    #[component(name = "none")]
    None,
    #[component(name = "hold-until")]
    HoldUntil(u64),
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Consideration {
    pub(crate) index: u32,
    pub(crate) reason: Reason,
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Selection {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Reason,
    pub(crate) considered: Vec<Consideration>,
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Hold {
    pub(crate) until: Option<u64>,
    pub(crate) reason: Reason,
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Approval {
    pub(crate) reason: Reason,
    pub(crate) quorum: u32,
    pub(crate) groups: Vec<String>,
    pub(crate) expires: Option<u64>,
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(variant)]
pub(crate) enum Verdict {
    #[component(name = "allow")]
    Allow(Reason),
    #[component(name = "deny")]
    Deny(Reason),
    #[component(name = "hold")]
    Hold(Hold),
    #[component(name = "require-approval")]
    RequireApproval(Approval),
    #[component(name = "observe")]
    Observe(Reason),
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(variant)]
pub(crate) enum Change {
    #[component(name = "set")]
    Set(String),
    #[component(name = "remove")]
    Remove,
    #[component(name = "move-from")]
    MoveFrom(String),
    #[component(name = "copy-from")]
    CopyFrom(String),
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Operation {
    pub(crate) path: String,
    pub(crate) change: Change,
    pub(crate) reason: Reason,
}

#[derive(ComponentType, Lift, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Transformation {
    pub(crate) operations: Vec<Operation>,
    pub(crate) warnings: Vec<Reason>,
}

/// `describe`.
pub(crate) type Describe = ((), (String,));
/// `check-config`.
pub(crate) type CheckConfig<'a> = ((&'a str,), (Vec<Problem>,));
/// `shortlist`.
pub(crate) type Shortlist<'a> = ((Context<'a>, &'a str, Container<'a>, Tags<'a>), (Result<Vec<u32>, Failure>,));
/// `select`.
pub(crate) type Select<'a> =
    ((Context<'a>, &'a str, Container<'a>, Tags<'a>, Metadata<'a>), (Result<Selection, Failure>,));
/// `judge`.
pub(crate) type Judge<'a> = ((Context<'a>, &'a str, Vec<Move<'a>>, &'a str), (Result<Verdict, Failure>,));
/// `apply`.
pub(crate) type Apply<'a> = ((Context<'a>, &'a str, Chart<'a>, &'a str, &'a str), (Result<Transformation, Failure>,));

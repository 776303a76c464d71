//! The policies that there are, by the names under which objects attach them.
//!
//! A name is looked for in three places, and the first one that has it counts: a `Policy` in the namespace of the object,
//! a `ClusterPolicy`, what Rhumb ships. What is bound from above is looked for in the last two alone, so that nobody below
//! puts another policy in its place. A policy that is declared and not ready yet hides those behind it all the same: an
//! object is never judged by another policy than the one that it names.

mod bound;
mod laid;
mod last;
mod lookup;
mod standing;

pub use bound::Bindings;
pub(crate) use bound::{Selected, bound_to, policies_bound, statuses};
pub use laid::laid;
pub(crate) use last::About;
pub use last::{Answered, Last};
pub use lookup::{Asker, Found, NoPolicy, Policies, Served, Settings};
pub use standing::{PolicyStatus, Serving, Stand, Standing, Step, Trouble, standing};

use std::collections::BTreeSet;
use std::fmt;

use crate::evidence::Part;
use crate::id::{Digest, PolicyName};
use crate::judge::Kind;

/// What the host knows of a loaded policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInfo {
    /// The component.
    pub component: Digest,
    /// Its kind.
    pub kind: Kind,
    /// Whether it asks for metadata of shortlisted tags.
    pub wants_metadata: bool,
    /// The parts of the evidence that it gets.
    pub evidence: BTreeSet<Part>,
}

/// A policy that is declared by an object of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId {
    /// The namespace of a `Policy`; `None` for a `ClusterPolicy`.
    pub namespace: Option<String>,
    /// Its name, by which objects attach it.
    pub name: PolicyName,
}

impl PolicyId {
    /// The kind of the object that declares it.
    pub fn kind(&self) -> &'static str {
        if self.namespace.is_some() { "Policy" } else { "ClusterPolicy" }
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "Policy `{namespace}/{}`", self.name),
            None => write!(f, "ClusterPolicy `{}`", self.name),
        }
    }
}

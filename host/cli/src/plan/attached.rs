//! The policies that objects of the repository attach, declare and bind, and what they may see of it.

use std::collections::{BTreeMap, BTreeSet};

use rhumb_core::evidence::{Announced, Evidence};
use rhumb_core::id::{PolicyName, Timestamp};
use rhumb_core::manifest::{File, Manifests};
use rhumb_core::objects::{API_VERSION, Binding, Declared};
use rhumb_core::policies::{Bindings, Policies, PolicyId, Served};
use rhumb_policy::{Library, Sandbox};

/// What the repository says of policies.
pub(super) struct Attached<'a> {
    /// Asks them.
    pub(super) sandbox: &'a Sandbox,
    /// The shipped ones.
    library: &'a Library,
    /// Those that objects declare.
    declared: BTreeMap<PolicyId, Served>,
    /// What is bound from above.
    pub(super) bound: Bindings,
    /// What the repository announces.
    pub(super) evidence: Evidence,
    /// The time of the plan.
    pub(super) now: Timestamp,
}

impl<'a> Attached<'a> {
    /// Reads it.
    pub(super) fn new((sandbox, library): (&'a Sandbox, &'a Library), files: &[File], manifests: &Manifests) -> Self {
        let now = Timestamp(now());
        let declared = declared((sandbox, library), files, manifests);
        Self { sandbox, library, declared, bound: Ok(bindings(manifests)), evidence: announced(manifests, now), now }
    }

    /// The policies that these names mean. What is refused shows as missing where it is attached.
    pub(super) fn policies(&self, names: &BTreeSet<PolicyName>) -> Policies {
        let (shipped, _) = self.library.attach(self.sandbox, names);
        Policies::new(shipped, Ok(self.declared.clone()))
    }
}

/// The windows and facts that ConfigMaps of the repository announce, whatever their namespace.
fn announced(manifests: &Manifests, now: Timestamp) -> Evidence {
    let config_maps = manifests.objects.iter().filter(|one| one.api_version == "v1" && one.id.kind == "ConfigMap");
    let announced: Vec<Announced> = config_maps.filter_map(|object| Announced::of(&object.value)).collect();
    let mut evidence = Evidence::default();
    evidence.add_announced(&announced, now);
    evidence
}

/// What objects of the repository bind.
fn bindings(manifests: &Manifests) -> Vec<Binding> {
    let ours = manifests.objects.iter().filter(|one| one.api_version == API_VERSION && one.id.kind == "PolicyBinding");
    ours.filter_map(|object| Binding::of(&object.value)).collect()
}

/// The policies that objects of the repository declare.
fn declared(
    (sandbox, library): (&Sandbox, &Library),
    files: &[File],
    manifests: &Manifests,
) -> BTreeMap<PolicyId, Served> {
    let in_folder = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map(|file| file.data.clone()).ok_or_else(|| format!("there is no file `{path}`"))
    };
    let served = |declared: Declared| {
        let policy = crate::declared::load(sandbox, &declared, |name| library.read(name), in_folder);
        let policy = policy.map(|loaded| loaded.info()).map_err(|trouble| trouble.words());
        (declared.id, Served { settings: declared.settings, policy })
    };
    manifests.objects.iter().filter_map(|object| Declared::of(&object.value)).map(served).collect()
}

/// Milliseconds since the epoch.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

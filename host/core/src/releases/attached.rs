//! Which value transforms count for a release.

use std::collections::BTreeSet;

use serde_json::Value;

use super::view::{ReleaseView, ReleasesView};
use crate::attach::{Attached, By, Mode, OnFailure, value_transforms};
use crate::id::PolicyName;
use crate::judge::Kind;
use crate::objects::BindingObject;
use crate::policies::{self, Bindings, Found, NoPolicy, Selected};

/// The policies that these releases attach as transforms, those that are bound to them included.
pub fn attached<'a>(releases: impl IntoIterator<Item = &'a ReleaseView>, bound: &Bindings) -> BTreeSet<PolicyName> {
    let mut names = policies::policies_bound(bound, Kind::ValueTransform);
    for release in releases {
        names.extend(transforms(release, bound).into_iter().flatten().map(|one| one.policy));
    }
    names
}

/// Each binding of a transform that an object says, with the status that it is to have.
pub fn bindings(view: &ReleasesView) -> Vec<(BindingObject, Value)> {
    let objects: Vec<_> = view.releases.iter().map(ReleaseView::selected).collect();
    policies::statuses((&view.bound, &view.policies, Kind::ValueTransform), &objects, view.now)
}

/// The transforms of a release, in order; or why nobody knows them, for people.
pub(super) fn transforms(release: &ReleaseView, bound: &Bindings) -> Result<Vec<Attached>, String> {
    let bound = bound.as_ref().map_err(|why| format!("the bindings of policies are not read: {why}"))?;
    let bound = policies::bound_to(bound, Kind::ValueTransform, release.selected());
    value_transforms(&release.annotations, &bound).map_err(|error| error.to_string())
}

/// The policy of a transform; nothing where its absence means that it is passed over, and where it only looks on.
pub(super) fn found<'a>(
    view: &'a ReleasesView,
    release: &ReleaseView,
    transform: &Attached,
) -> Option<Result<Found<'a>, NoPolicy>> {
    match view.policies.attached(&release.id, transform, Kind::ValueTransform) {
        Ok(found) => Some(Ok(found)),
        Err(missing) if missing.on_failure() == OnFailure::Skip || transform.mode == Mode::Shadow => None,
        Err(missing) => Some(Err(missing)),
    }
}

/// Whether what the transform says is done.
pub(super) fn counts(transform: &Attached, found: &Found<'_>) -> bool {
    transform.mode == Mode::Enforce && found.mode() == Mode::Enforce
}

/// Why the transforms of a release cannot be asked, for people; nothing when they can.
pub(super) fn missing(view: &ReleasesView, release: &ReleaseView) -> Option<String> {
    let transforms = match transforms(release, &view.bound) {
        Ok(transforms) => transforms,
        Err(why) => return Some(why),
    };
    let words = |transform: &Attached| {
        let missing = found(view, release, transform)?.err()?;
        Some(match transform.by {
            By::Binding => format!("transform `{}`: {missing}", transform.name),
            By::Object => missing.to_string(),
        })
    };
    transforms.iter().find_map(words)
}

impl ReleaseView {
    /// As bindings select it.
    fn selected(&self) -> Selected<'_> {
        (&self.id, self.environment.as_ref(), &self.labels)
    }
}

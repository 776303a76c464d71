//! The one digest of everything that goes into a release.

use super::attached::{counts, found, transforms};
use super::view::{ReleaseView, ReleasesView};
use crate::id::Digest;
use crate::manifest::canonical_text;

/// Repeats the whole object and says nothing of its own.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The digest of chart, values, secrets, transforms with their components and settings, and what transforms see of
/// the release. `None` while a part of it is missing.
pub fn inputs(view: &ReleasesView, release: &ReleaseView) -> Option<Digest> {
    let spec = release.spec.as_ref().ok()?;
    let chart = release.chart.as_ref().ok()?;
    let values = release.values.as_ref().ok()?;
    let mut parts: Vec<String> = vec![
        // A new meaning of these parts is a new number here, and every release is looked at once.
        "1".to_owned(),
        chart.digest.to_string(),
        canonical_text(&values.values),
        release.secrets.to_string(),
        spec.release_name.clone(),
        spec.target_namespace.clone(),
    ];
    if spec.reuse_values {
        // Laid over the values before, the same values come to something else.
        parts.push("reuse-values".to_owned());
    }
    let transforms = transforms(release, &view.bound).ok()?;
    for transform in &transforms {
        let Some(found) = found(view, release, transform) else { continue };
        let found = found.ok()?;
        // What only looks on changes nothing.
        if counts(transform, &found) {
            let (component, config) = (&found.info.component, found.config(&transform.config));
            parts.extend([transform.policy.to_string(), component.to_string(), canonical_text(&config)]);
        }
    }
    if !transforms.is_empty() {
        parts.push(release.environment.clone().unwrap_or_default());
        // Each is preceded by the number of its entries, so that no two lists of parts are alike.
        for map in [&release.labels, &release.annotations] {
            let seen = || map.iter().filter(|(key, _)| key.as_str() != LAST_APPLIED);
            parts.push(seen().count().to_string());
            parts.extend(seen().flat_map(|(key, value)| [key.clone(), value.clone()]));
        }
    }
    Some(Digest::of_parts(parts.iter().map(String::as_bytes)))
}

//! What `rhumb plan` found, as data and as text.

use std::collections::BTreeMap;

use rhumb_core::manifest::Manifests;
use rhumb_daemon::report::Step;
use serde::Serialize;

use crate::table::Table;

/// The whole plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// URLs that mean this repository.
    pub own_urls: Vec<String>,
    /// Objects by kind and namespace.
    pub objects: Vec<ObjectCount>,
    /// Releases.
    pub releases: Vec<Release>,
    /// Containers with images.
    pub containers: Vec<Container>,
    /// What could not be read: file, line, reason.
    pub problems: Vec<String>,
}

/// How many objects of a kind a namespace gets.
#[derive(Debug, Serialize)]
pub struct ObjectCount {
    /// Kind.
    pub kind: String,
    /// Namespace, or `-`.
    pub namespace: String,
    /// How many.
    pub count: usize,
}

/// One release.
#[derive(Debug, Serialize)]
pub struct Release {
    /// `<namespace>/<name>` of the HelmRelease.
    pub object: String,
    /// File and line of the HelmRelease.
    pub place: String,
    /// Helm's release name and target namespace.
    pub release: String,
    /// Where the chart comes from.
    pub source: String,
    /// Name and version, where the chart could be had.
    pub chart: String,
    /// Where values come from.
    pub values: String,
    /// What value transforms would do.
    pub transforms: Vec<Step>,
    /// Objects by kind that it would make, in Helm's order.
    pub objects: Vec<String>,
    /// Why it cannot be released, if it cannot.
    pub problem: Option<String>,
}

/// One container.
#[derive(Debug, Serialize)]
pub struct Container {
    /// Flux's identity of the object.
    pub object: String,
    /// Its name.
    pub container: String,
    /// The image.
    pub image: String,
    /// File and line of the tag.
    pub place: String,
    /// The filter as written, or `-` when it is not automated.
    pub filter: String,
    /// What the filter would pick, or why nothing is picked.
    pub pick: String,
    /// Why this cannot work, if it cannot.
    pub problem: bool,
}

impl Report {
    /// Puts the parts together.
    pub fn new(
        manifests: &Manifests,
        releases: Vec<Release>,
        containers: Vec<Container>,
        own_urls: Vec<String>,
    ) -> Self {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for object in &manifests.objects {
            let namespace = object.id.namespace.clone().unwrap_or_else(|| "-".to_owned());
            *counts.entry((namespace, object.id.kind.clone())).or_default() += 1;
        }
        let objects =
            counts.into_iter().map(|((namespace, kind), count)| ObjectCount { kind, namespace, count }).collect();
        let problems = manifests.problems.iter().map(ToString::to_string).collect();
        Self { own_urls, objects, releases, containers, problems }
    }

    /// Whether everything was planned.
    pub fn is_complete(&self) -> bool {
        let releases = self.releases.iter().all(|release| release.problem.is_none());
        releases && self.containers.iter().all(|container| !container.problem) && self.problems.is_empty()
    }

    /// The plan as text.
    pub fn print(&self) -> String {
        let mut text = String::new();
        let mut table = Table::new(&["NAMESPACE", "KIND", "COUNT"]);
        for count in &self.objects {
            table.row([count.namespace.clone(), count.kind.clone(), count.count.to_string()]);
        }
        text.push_str(&format!("Objects\n{}", table.print("  ")));
        if !self.own_urls.is_empty() {
            text.push_str(&format!("\nCharts of {} are taken from this folder\n", self.own_urls.join(", ")));
        }
        text.push_str("\nReleases\n");
        let mut table = Table::new(&["RELEASE", "CHART", "SOURCE", "VALUES", "PLACE"]);
        for release in &self.releases {
            let chart = if release.chart.is_empty() { "-" } else { release.chart.as_str() };
            table.row([release.object.as_str(), chart, &release.source, &release.values, &release.place]);
        }
        text.push_str(&table.print("  "));
        for (release, step) in self.releases.iter().flat_map(|one| one.transforms.iter().map(move |step| (one, step))) {
            text.push_str(&format!("\n  {} is transformed by {}\n", release.object, step.policy));
            for line in step.operations.iter().chain(&step.warnings) {
                text.push_str(&format!("    {line}\n"));
            }
        }
        for release in self.releases.iter().filter(|release| !release.objects.is_empty()) {
            text.push_str(&format!("\n  {} makes {}\n", release.object, release.objects.join(", ")));
        }
        text.push_str("\nImages\n");
        let mut table = Table::new(&["OBJECT", "CONTAINER", "IMAGE", "FILTER", "PICK", "PLACE"]);
        for c in &self.containers {
            table.row([&c.object, &c.container, &c.image, &c.filter, &c.pick, &c.place]);
        }
        text.push_str(&table.print("  "));
        let mut cannot: Vec<String> = self.problems.clone();
        let of =
            |release: &Release| Some(format!("{}: {}: {}", release.place, release.object, release.problem.clone()?));
        cannot.extend(self.releases.iter().filter_map(of));
        let broken = self.containers.iter().filter(|container| container.problem);
        cannot.extend(broken.map(|c| format!("{}: {} {}: {}", c.place, c.object, c.container, c.pick)));
        if !cannot.is_empty() {
            text.push_str(&format!("\nCannot be done ({})\n", cannot.len()));
            for line in &cannot {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text
    }
}

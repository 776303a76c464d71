//! Questions for the tests.

use std::sync::Arc;

use rhumb_core::id::{Digest, PolicyName, Tag, Timestamp};
use rhumb_core::judge::{Ask, Container, Context, Metadata, Question, Tags};

/// Asks a filter to select among this many tags.
pub(crate) fn question(component: &Digest, config: &str, count: usize) -> Question {
    let names = (0..count).map(|i| format!("0.{i}.{}\n", i % 7)).collect();
    let tags = Tags { names, first_seen: vec![Timestamp(1); count], moves: vec![0; count], complete: true };
    let container = Container {
        name: "app".into(),
        repository: "registry.example/app".into(),
        current_tag: Some(Tag::new("0.1.1")),
        current_digest: None,
        current_since: Timestamp(0),
    };
    let context = Context {
        name: "app".into(),
        namespace: "dev".into(),
        kind: "HelmRelease".into(),
        environment: Some("dev".into()),
        labels: vec![("a".into(), "b".into())],
        annotations: Vec::new(),
        now: Timestamp(1_800_000_000_000),
        seed: 7,
    };
    let ask =
        Ask::Select { container, tags: Arc::new(tags), metadata: Metadata { complete: true, ..Metadata::default() } };
    Question { policy: PolicyName::new("p"), component: component.clone(), config: config.into(), context, ask }
}

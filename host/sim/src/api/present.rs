//! Objects in the form that a client asked for: whole, metadata only, or as rows of a table.

use std::sync::Arc;

use serde_json::{Value, json};

use super::events;
use super::kinds::Resource;
use super::object;
use super::table::{self, Rows};
use super::target::View;

/// How one request wants its objects.
#[derive(Clone, Debug)]
pub(super) struct Presenter {
    pub(super) resource: Arc<Resource>,
    pub(super) version: String,
    pub(super) view: View,
    pub(super) rows: Rows,
    /// For ages in tables.
    pub(super) clock: crate::Clock,
}

/// Where a list goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) revision: u64,
    /// Empty on the last page.
    pub(super) next: String,
    pub(super) remaining: usize,
}

impl Presenter {
    /// One object.
    pub(super) fn object(&self, stored: &Value) -> Value {
        let object = events::present(&self.resource, &self.version, stored);
        match self.view {
            View::Whole => object,
            View::MetadataOnly => partial(&object),
            View::Table => {
                let revision = object::text(&object, "/metadata/resourceVersion").to_owned();
                self.table(&[object], json!({"resourceVersion": revision}))
            }
        }
    }

    /// Many objects.
    pub(super) fn list(&self, stored: &[Arc<Value>], page: &Page) -> Value {
        let objects = stored.iter().map(|object| events::present(&self.resource, &self.version, object));
        let mut metadata = json!({"resourceVersion": page.revision.to_string()});
        if !page.next.is_empty() {
            object::map_at(&mut metadata, &[]).insert("continue".into(), page.next.clone().into());
            object::map_at(&mut metadata, &[]).insert("remainingItemCount".into(), page.remaining.into());
        }
        match self.view {
            View::Whole => json!({
                "kind": self.resource.list_kind, "apiVersion": self.resource.api_version(&self.version),
                "metadata": metadata, "items": objects.collect::<Vec<_>>(),
            }),
            View::MetadataOnly => json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "items": objects.map(|object| partial(&object)).collect::<Vec<_>>(),
            }),
            View::Table => self.table(&objects.collect::<Vec<_>>(), metadata),
        }
    }

    fn table(&self, objects: &[Value], metadata: Value) -> Value {
        let mut table = table::table(&self.resource, &self.version, self.rows, (objects, self.clock.now()));
        object::map_at(&mut table, &[]).insert("metadata".into(), metadata);
        table
    }
}

/// An object's metadata alone.
pub(super) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.get("metadata")})
}

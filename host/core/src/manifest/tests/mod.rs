//! Tests of reading and editing manifests.

mod edits;
mod loads;
mod policies;
mod properties;
mod slots;

use super::{File, Object, load};

/// The only object of a text.
fn object(text: &str) -> Object {
    let mut manifests = load(&[file("app.yaml", text)]);
    assert_eq!(manifests.problems, [], "{text}");
    assert_eq!(manifests.objects.len(), 1, "{text}");
    manifests.objects.remove(0)
}

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), data: text.as_bytes().to_vec() }
}

/// A HelmRelease with these values and annotations, both as flow YAML.
fn helm_release(values: &str, annotations: &str) -> String {
    format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: app\n  namespace: dev\n  \
         annotations: {annotations}\nspec:\n  values: {values}\n"
    )
}

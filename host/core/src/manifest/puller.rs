//! As whom the images of an object are pulled, so that a registry is asked for tags as the same (`flux-v1.md` 7.6).

use serde_json::Value;

use super::object::Object;
use super::slot::pod_spec;

/// The service account and the secrets by which the cluster pulls the images of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Puller {
    /// Namespace of both; `default` where the file names none.
    pub namespace: String,
    /// The pods' service account.
    pub service_account: String,
    /// `imagePullSecrets` of the pods; they win over the account's.
    pub secrets: Vec<String>,
}

impl Puller {
    /// The puller of an object. Of a HelmRelease no pods are known, so it is the default account of its namespace.
    pub fn of(object: &Object) -> Self {
        let spec = pod_spec(&object.id.kind);
        let spec = spec.and_then(|path| path.split('.').try_fold(&object.value, |value, key| value.get(key)));
        let text = |key: &str| spec.and_then(|spec| spec.get(key)).and_then(Value::as_str).filter(|t| !t.is_empty());
        let secrets = spec.and_then(|spec| spec.get("imagePullSecrets")).and_then(Value::as_array);
        let name = |secret: &Value| secret.get("name").and_then(Value::as_str).map(str::to_owned);
        Self {
            namespace: object.id.namespace.clone().unwrap_or_else(|| "default".to_owned()),
            service_account: text("serviceAccountName").or(text("serviceAccount")).unwrap_or("default").to_owned(),
            secrets: secrets.into_iter().flatten().filter_map(name).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn puller(text: &str) -> Puller {
        let file = super::super::File { path: "a.yaml".to_owned(), data: text.into() };
        Puller::of(&super::super::load(&[file]).objects[0])
    }

    #[test]
    fn pods_say_who_pulls() {
        let spec = "serviceAccountName: builder, imagePullSecrets: [{name: a}, {}, {name: b}]";
        let deployment = puller(&format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: x, namespace: apps}}, \
             spec: {{template: {{spec: {{{spec}}}}}}}}}"
        ));
        let secrets = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(deployment, Puller { namespace: "apps".into(), service_account: "builder".into(), secrets });
    }

    #[test]
    fn a_helm_release_pulls_as_the_default_account() {
        let release = puller("{apiVersion: helm.fluxcd.io/v1, kind: HelmRelease, metadata: {name: x}, spec: {}}");
        assert_eq!((release.namespace.as_str(), release.service_account.as_str()), ("default", "default"));
    }
}

//! Components in the CNCF's layout for WebAssembly (TAG Runtime, "Wasm OCI artifact layout"): a manifest with one layer.

use oci_spec::image::ImageManifest;
use rhumb_core::id::Digest;

use super::client::Client;
use super::error::{Error, Kind, malformed};

/// Media type of the config of a component.
pub const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// Media type of the layer.
pub const LAYER_TYPE: &str = "application/wasm";
/// What others call the layer: Spin and older tools.
const OTHER_TYPES: [&str; 2] =
    ["application/vnd.wasm.content.layer.v1+wasm", "application/vnd.module.wasm.content.layer.v1+wasm"];

/// A component as a registry has it, not looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Digest of the manifest, by which it is pinned and signed.
    pub manifest: Digest,
    /// The component.
    pub bytes: Vec<u8>,
}

impl Client {
    /// The component that a tag or the digest of a manifest names, of at most this many bytes. Nothing else of the artifact
    /// is read.
    pub async fn pull_component(&self, repository: &str, reference: &str, limit: usize) -> Result<Component, Error> {
        let attempt = "pull the component";
        let endpoint = self.endpoint(repository, attempt)?;
        let run = async {
            let found = self.manifest(&endpoint, reference).await?;
            let manifest: ImageManifest = serde_json::from_slice(&found.body)
                .map_err(|error| malformed(format!("it is no artifact: {error}")))?;
            let is_component = |kind: &str| kind == LAYER_TYPE || OTHER_TYPES.contains(&kind);
            let mut layers =
                manifest.layers().iter().filter(|layer| is_component(layer.media_type().to_string().as_str()));
            let (Some(layer), None) = (layers.next(), layers.next()) else {
                return Err(malformed(format!(
                    "it is no policy: it has not exactly one layer of the type `{LAYER_TYPE}`"
                )));
            };
            let bytes = self.blob(&endpoint, layer, limit).await?.data;
            Ok(Component { manifest: found.digest, bytes })
        };
        run.await.map_err(|kind: Kind| Error {
            attempt,
            host: endpoint.host.clone(),
            repository: format!("{repository}:{reference}"),
            kind,
        })
    }
}

//! Policies that objects in files declare, without a cluster: shipped ones, and components that lie in the repository.

use rhumb_core::chain::chain;
use rhumb_core::id::PolicyName;
use rhumb_core::objects::{Declared, Source};
use rhumb_core::policies::{Step, Trouble};
use rhumb_daemon::policies::check;
use rhumb_policy::{LibraryError, Loaded, Sandbox};

/// The policy of an object; `shipped` reads one that is shipped, `file` a path of the repository.
pub(crate) fn load(
    sandbox: &Sandbox,
    declared: &Declared,
    shipped: impl FnOnce(&PolicyName) -> Result<Option<Vec<u8>>, LibraryError>,
    file: impl FnOnce(&str) -> Result<Vec<u8>, String>,
) -> Result<Loaded, Trouble> {
    let stuck = |at, why| Trouble { at, why };
    let source = declared.source.as_ref().map_err(|why| stuck(Step::Declared, why.clone()))?;
    let bytes = match source {
        Source::Builtin(name) => match shipped(name) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(format!("no policy `{name}` is shipped")),
            Err(error) => Err(chain(&error)),
        },
        Source::Path(path) => file(path),
        Source::Oci { .. } | Source::Https { .. } => {
            Err("it comes over the network, which is not asked here; try `rhumb policy pull`".to_owned())
        }
    };
    let bytes = bytes.map_err(|why| stuck(Step::Fetched, why))?;
    check(sandbox, declared, &bytes).map_err(|failed| failed.trouble)
}

//! Whether bytes may be compiled at all, found out without running or compiling them.
//!
//! Invariant: nothing reaches the compiler that is too large, imports anything, is for another world, or has a function
//! of a shape that is known to take a compiler minutes.

mod scan;
mod spoken;

use rhumb_core::id::Digest;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::Types;
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::contract::{self, PACKAGE};
use crate::describe::Describe;
use crate::error::LoadError;

use self::scan::{Scan, invalid};
use self::spoken::Spoken;

/// The custom section that holds a policy's description.
const SECTION: &str = "rhumb:policy";

/// Longest description.
const SECTION_BYTES: usize = 64 << 10;

/// What a guest may use; the engine's own settings are no wider.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::SIMD)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::COMPONENT_MODEL);

/// The rules of this module, in its own words: what was admitted by others is looked at again.
const RULES: [&str; 3] = [include_str!("mod.rs"), include_str!("scan.rs"), include_str!("spoken.rs")];

/// Names the rules.
pub(crate) fn rules() -> Digest {
    Digest::of_parts(RULES.map(str::as_bytes))
}

/// A component that may be compiled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Admitted {
    pub(crate) describe: Describe,
    /// The custom section as it stands, which `describe` must equal.
    pub(crate) section: String,
    /// Its imports, all without functions.
    pub(crate) imports: Vec<String>,
}

impl Admitted {
    /// The section and the imports; the rest follows from them.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::json!([self.section, self.imports]).to_string().into_bytes()
    }

    pub(crate) fn from_json(bytes: &[u8]) -> Option<Self> {
        let (section, imports): (String, Vec<String>) = serde_json::from_slice(bytes).ok()?;
        Some(Self { describe: Describe::parse(&section).ok()?, section, imports })
    }
}

/// Looks at the bytes of a component.
pub(crate) fn admit(bytes: &[u8], limit: usize) -> Result<Admitted, LoadError> {
    if bytes.len() > limit {
        return Err(LoadError::TooLarge { bytes: bytes.len(), limit });
    }
    require_component(bytes)?;
    // Counted first: what takes a compiler minutes can take a validator seconds.
    let found = walk(bytes)?;
    let types = Validator::new_with_features(FEATURES).validate_all(bytes).map_err(invalid)?;
    for import in &found.imports {
        if !is_types_only(&types, import) {
            return Err(refused_import(import));
        }
    }
    let Spoken { kind, contract } = Spoken::by(&found.exports)?;
    let section = match found.sections.as_slice() {
        [] => return Err(LoadError::NoDescription),
        [first, rest @ ..] if rest.iter().all(|other| other == first) => first.clone(),
        _ => return Err(LoadError::BadDescription { reason: "more than one section `rhumb:policy`".to_owned() }),
    };
    let describe = Describe::parse(&section).map_err(|reason| LoadError::BadDescription { reason })?;
    let lies = |says: &str, is: &str| LoadError::BadDescription {
        reason: format!("says `{says}`, but the exports are those of `{is}`"),
    };
    if describe.kind != kind {
        return Err(lies(describe.kind.as_str(), kind.as_str()));
    }
    if describe.contract != contract {
        return Err(lies(&describe.contract, &contract));
    }
    Ok(Admitted { describe, section, imports: found.imports })
}

/// Refuses what is no component by its first bytes, in the words of what it is.
fn require_component(bytes: &[u8]) -> Result<(), LoadError> {
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err(LoadError::Precompiled);
    }
    match (bytes.get(..4), bytes.get(4..8)) {
        (Some(b"\0asm"), Some([0x0d, 0, 1, 0])) => Ok(()),
        (Some(b"\0asm"), Some([1, 0, 0, 0])) => Err(LoadError::Module),
        _ if std::str::from_utf8(bytes).is_ok_and(|text| !text.is_empty()) => Err(LoadError::Text),
        _ => Err(LoadError::NotWasm),
    }
}

#[derive(Default)]
struct Found {
    imports: Vec<String>,
    exports: Vec<String>,
    sections: Vec<String>,
}

fn walk(bytes: &[u8]) -> Result<Found, LoadError> {
    let (mut found, mut scan) = (Found::default(), Scan::default());
    // Components and modules nest; imports and exports count for the outermost component alone.
    let mut depth = 0_usize;
    let mut function = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        scan.take(&payload)?;
        match payload {
            Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    found.imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    found.exports.push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if section.name() == SECTION => {
                let data = section.data().get(..SECTION_BYTES + 1).map_or(section.data(), |_| &[]);
                let text = std::str::from_utf8(data).ok().filter(|text| !text.is_empty());
                let reason = || "the section is empty, longer than 64 KiB or not UTF-8".to_owned();
                found.sections.push(text.ok_or_else(|| LoadError::BadDescription { reason: reason() })?.to_owned());
            }
            Payload::CodeSectionEntry(body) => {
                scan.function(function, &body)?;
                function += 1;
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Whether an import is an instance that holds types and nothing to call.
fn is_types_only(types: &Types, import: &str) -> bool {
    let Some(item) = types.component_item_for_import(import) else { return false };
    let ComponentEntityType::Instance(id) = item.ty else { return false };
    let Some(instance) = types.as_ref().get(id) else { return false };
    instance.exports.values().all(|item| match item.ty {
        ComponentEntityType::Type { referenced, .. } => !matches!(referenced, ComponentAnyTypeId::Resource(_)),
        _ => false,
    })
}

fn refused_import(import: &str) -> LoadError {
    let is_ours = import.strip_prefix(PACKAGE).is_some_and(|rest| rest.starts_with('/'));
    let import = import.to_owned();
    match import.starts_with("wasi:") {
        true => LoadError::Wasi { import },
        false if is_ours => LoadError::NotOffered { import, speaks: contract::VERSION },
        false => LoadError::Import { import },
    }
}

#[cfg(test)]
mod tests;

//! Compiles components, through the cache where there is one.
//!
//! This is the one place where the compiler runs. It runs in this process still; it is kept apart so that it can move
//! into a child with limits of its own.

#![allow(unsafe_code, reason = "loading compiled code is unsafe; the cache proves that we wrote it")]

use rhumb_core::id::Digest;
use wasmtime::component::Component;

use crate::cache::Cache;
use crate::engine::Runtime;
use crate::error::{Engine, LoadError};

/// Machine code of a component, from the cache or new.
pub(crate) fn compile(
    runtime: &Runtime,
    cache: Option<&Cache>,
    digest: &Digest,
    bytes: &[u8],
) -> Result<Component, LoadError> {
    let key = Digest::of_parts([digest.as_str().as_bytes(), runtime.code.as_str().as_bytes()]);
    if let Some(code) = cache.and_then(|cache| cache.get(&key)) {
        // SAFETY: the cache gives only bytes that carry the mark of our own key, so this process' user made them with
        // `precompile_component` below, and the name binds them to this component and this engine.
        match unsafe { Component::deserialize(&runtime.engine, &code) } {
            Ok(component) => return Ok(component),
            Err(error) => tracing::warn!(%digest, error = %format!("{error:#}"), "ignored compiled code"),
        }
    }
    let failed = |error| LoadError::Compile(Engine(error));
    let code = runtime.engine.precompile_component(bytes).map_err(failed)?;
    if let Some(cache) = cache
        && let Err(error) = cache.put(&key, &code)
    {
        tracing::warn!(%digest, %error, "failed to keep compiled code");
    }
    // SAFETY: made by this engine in the line above.
    unsafe { Component::deserialize(&runtime.engine, &code) }.map_err(failed)
}

//! The one engine and its profile.
//!
//! Invariant: whoever has the engine has the ticker too, so a deadline that was set always comes.

use std::hash::{Hash, Hasher};
use std::thread;
use std::time::Duration;

use rhumb_core::id::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasmtime::{Config, Engine, OperatorCost};

use crate::allocation::{Allocation, Gate};
use crate::limits::Limits;

/// How long one epoch lasts.
const TICK_MILLIS: u64 = 10;

/// The wasmtime that this crate is built with; decision records name it.
pub(crate) const WASMTIME: &str = "48";

/// What, besides a question, its fuel and outcome can depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineProfile {
    /// Name and major version of the engine.
    pub engine: String,
    /// Digest of the settings that change what guests compute or what fuel costs.
    pub semantics: Digest,
}

/// The engine that everything is compiled for and runs in.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) profile: EngineProfile,
    /// Digest of everything that compiled code depends on, the processor included.
    pub(crate) code: Digest,
    /// Bounds the instances that live at the same time.
    pub(crate) gate: Gate,
}

impl Runtime {
    /// Makes the engine and starts its ticker, a thread that ends with the engine.
    pub(crate) fn start(allocation: Allocation, limits: &Limits) -> wasmtime::Result<Self> {
        let engine = match Engine::new(&config(allocation, limits)) {
            // A pool reserves addresses for all its instances, which this process may be denied.
            Err(_) if allocation == Allocation::Pooled => Engine::new(&config(Allocation::OnDemand, limits))?,
            other => other?,
        };
        let weak = engine.weak();
        thread::Builder::new().name("policy-epochs".to_owned()).spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(TICK_MILLIS));
                match weak.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => break,
                }
            }
        })?;
        let mut hasher = Stable(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let code = Digest::of(hasher.0.finalize());
        let semantics = Digest::of(format!("{SEMANTICS}\n{:?}", costs()));
        Ok(Self {
            engine,
            profile: EngineProfile { engine: format!("wasmtime {WASMTIME}"), semantics },
            code,
            gate: Gate::new(),
        })
    }
}

/// Epochs that this many milliseconds take, at least.
pub(crate) fn ticks(millis: u64) -> u64 {
    // The epoch under way may end at once.
    millis.div_ceil(TICK_MILLIS) + 1
}

/// The settings of [`config`] that a guest's result or fuel can depend on, in words.
const SEMANTICS: &str = "fuel; nan canonical; no simd, threads, memory64, gc, exceptions; stack 512 KiB";

fn config(allocation: Allocation, limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(allocation.strategy(limits))
        .consume_fuel(true)
        .epoch_interruption(true)
        .operator_cost(costs())
        .cranelift_nan_canonicalization(true)
        .wasm_component_model(true)
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_gc(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .concurrency_support(false)
        .max_wasm_stack(512 * 1024)
        // A trap stays cheap; the guest's frames say nothing to an operator.
        .wasm_backtrace_max_frames(None);
    config
}

/// What each instruction costs.
///
/// wasmtime's own defaults have changed between releases; a test fails when ours do, because recorded fuel would no
/// longer be had again.
fn costs() -> OperatorCost {
    let mut costs = OperatorCost::new();
    costs.variable.memory_grow_per_page = 64;
    costs
}

/// Feeds what is hashed to SHA-256, so that the result is the same in every process.
struct Stable(Sha256);

impl Hasher for Stable {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_list_is_the_one_that_records_were_made_with() {
        let runtime = Runtime::start(Allocation::OnDemand, &Limits::default()).unwrap();
        assert_eq!(runtime.profile.semantics.short(), "83475e070c16");
    }

    #[test]
    fn a_deadline_is_never_shorter_than_asked() {
        assert_eq!(ticks(1), 2);
        assert_eq!(ticks(100), 11);
    }
}

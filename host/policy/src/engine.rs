//! The one engine and its profile.
//!
//! Invariant: whoever has the engine has the ticker too, so a deadline that was set always comes.

use std::thread;
use std::time::Duration;

use rhumb_core::id::Digest;
use serde::{Deserialize, Serialize};
use wasmtime::{Config, Engine, OperatorCost};

use crate::allocation::{Allocation, Gate};
use crate::limits::Limits;

/// How long one epoch lasts.
const TICK_MILLIS: u64 = 10;

/// The wasmtime that this crate is built with, of which decision records name the first number: patches of a line neither
/// change what guests compute nor what fuel costs. They do change machine code, so compiled code names the whole.
pub(crate) const WASMTIME: &str = "48.0.8";

/// What, besides a question, its fuel and outcome can depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineProfile {
    /// Name and major version of the engine.
    pub engine: String,
    /// Digest of the settings that change what guests compute or what fuel costs.
    pub semantics: Digest,
}

impl EngineProfile {
    /// The profile of this build.
    pub(crate) fn of_this_build() -> Self {
        let line = WASMTIME.split('.').next().unwrap_or_default();
        Self { engine: format!("wasmtime {line}"), semantics: Digest::of(format!("{SEMANTICS}\n{:?}", costs())) }
    }

    /// Names everything that compiled code depends on and that can differ between hosts of one cache. What else can
    /// (such as the features of the processor) the engine finds in the code itself.
    pub(crate) fn code(&self) -> Digest {
        Digest::of(format!("wasmtime {WASMTIME}\n{}\n{}\n{EMITTED}", self.semantics, std::env::consts::ARCH))
    }
}

/// What an engine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It compiles and runs what it compiled.
    Both,
    /// It has no compiler, and runs what was compiled elsewhere.
    Run,
}

/// The engine that everything runs in.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    /// Bounds the instances that live at the same time.
    pub(crate) gate: Gate,
}

impl Runtime {
    /// Makes the engine. Nothing may run in it before [`Runtime::tick`] was called.
    pub(crate) fn new(role: Role, allocation: Allocation, limits: &Limits) -> wasmtime::Result<Self> {
        let engine = match Engine::new(&config(role, allocation, limits)) {
            // A pool reserves addresses for all its instances, which this process may be denied.
            Err(_) if allocation == Allocation::Pooled => Engine::new(&config(role, Allocation::OnDemand, limits))?,
            other => other?,
        };
        Ok(Self { engine, gate: Gate::new() })
    }

    /// Starts the ticker, a thread that ends with the engine.
    pub(crate) fn tick(&self) -> std::io::Result<()> {
        let weak = self.engine.weak();
        let ticker = thread::Builder::new().name("policy-epochs".to_owned());
        ticker.spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(TICK_MILLIS));
                match weak.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => break,
                }
            }
        })?;
        Ok(())
    }

    /// Makes the engine and starts its ticker.
    pub(crate) fn start(role: Role, allocation: Allocation, limits: &Limits) -> wasmtime::Result<Self> {
        let runtime = Self::new(role, allocation, limits)?;
        runtime.tick()?;
        Ok(runtime)
    }
}

/// An engine that only compiles.
pub(crate) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&config(Role::Both, Allocation::OnDemand, &Limits::default()))
}

/// Epochs that this many milliseconds take, at least.
pub(crate) fn ticks(millis: u64) -> u64 {
    // The epoch under way may end at once.
    millis.div_ceil(TICK_MILLIS) + 1
}

/// The settings of [`config`] that a guest's result or fuel can depend on, in words.
const SEMANTICS: &str = "fuel; nan canonical; no simd, threads, memory64, gc, exceptions; stack 512 KiB";

/// The settings of [`config`] that change what compiled code holds beside what runs.
const EMITTED: &str = "no addresses of instructions, no unwinding";

fn config(role: Role, allocation: Allocation, limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(allocation.strategy(limits))
        .consume_fuel(true)
        .epoch_interruption(true)
        .operator_cost(costs())
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
        .wasm_backtrace_max_frames(None)
        // Nobody asks where in a guest it was, and code without these is half as long to read, to mark and to copy.
        .generate_address_map(false)
        .native_unwind_info(false);
    match role {
        Role::Both => config.cranelift_nan_canonicalization(true),
        Role::Run => config.enable_compiler(false),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_list_is_the_one_that_records_were_made_with() {
        assert_eq!(EngineProfile::of_this_build().semantics.short(), "83475e070c16");
    }

    #[test]
    fn kept_code_names_the_engine_that_is_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        let versions: Vec<&str> = lock.split("[[package]]").filter_map(version_of_wasmtime).collect();
        assert_eq!(versions, [WASMTIME]);
    }

    fn version_of_wasmtime(package: &str) -> Option<&str> {
        let rest = package.trim_start().strip_prefix("name = \"wasmtime\"\nversion = \"")?;
        rest.split('"').next()
    }

    #[test]
    fn what_runs_has_no_compiler_and_nothing_that_policies_do_not_need() {
        let runtime = Runtime::new(Role::Run, Allocation::OnDemand, &Limits::default()).unwrap();
        let compiled = runtime.engine.precompile_component(b"\0asm\x0d\0\x01\0");
        assert!(compiled.is_err(), "it compiles");
        let compiler = compiler().unwrap();
        for (what, body) in [
            ("vectors", "(func (drop (v128.const i32x4 0 0 0 0)))"),
            ("64-bit memory", "(memory i64 1)"),
            ("several memories", "(memory 1)(memory 1)"),
            ("garbage collection", "(type (struct))"),
            ("exceptions", "(tag)"),
            ("threads", "(memory 1 1 shared)"),
            ("pages of other sizes", "(memory 1 (pagesize 1))"),
        ] {
            let bytes = wat::parse_str(format!("(component (core module {body}))")).unwrap();
            assert!(compiler.precompile_component(&bytes).is_err(), "{what} are taken");
        }
        assert!(compiler.precompile_component(b"\0asm\x0d\0\x01\0").is_ok());
    }

    #[test]
    fn a_deadline_is_never_shorter_than_asked() {
        assert_eq!(ticks(1), 2);
        assert_eq!(ticks(100), 11);
    }
}

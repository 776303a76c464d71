//! One call of one function: a fresh instance, its limits, and what a trap means.

use std::collections::BTreeSet;

use rhumb_core::judge::{Failure, Kind};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Linker, Lower, TypedFunc,
};
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder, Trap};

use crate::contract::{self, PACKAGE, VERSION};
use crate::describe::Describe;
use crate::engine::{Runtime, ticks};
use crate::error::{Engine, LoadError};
use crate::limits::{self, Limits};

/// A component that can be instantiated, with its functions looked up.
pub(crate) struct Ready {
    pub(crate) describe: Describe,
    /// Declared reason codes.
    pub(crate) codes: BTreeSet<String>,
    pub(crate) functions: Functions,
    pub(crate) describe_function: ComponentExportIndex,
    pub(crate) check_config: ComponentExportIndex,
    pre: InstancePre<StoreLimits>,
    /// Fuel of one call: what the policy recommends, as far as the operator allows it.
    pub(crate) budget: u64,
}

/// The functions of a kind.
pub(crate) enum Functions {
    ImageFilter { shortlist: ComponentExportIndex, select: ComponentExportIndex },
    PromotionRule { judge: ComponentExportIndex },
    ValueTransform { apply: ComponentExportIndex },
}

impl Ready {
    /// Links a component and checks the types of its functions.
    pub(crate) fn new(
        runtime: &Runtime,
        limits: &Limits,
        component: &Component,
        describe: Describe,
    ) -> Result<Self, LoadError> {
        require_resources(component, limits)?;
        // Nothing is granted, so there is nothing to link.
        let linker = Linker::new(&runtime.engine);
        let pre = linker.instantiate_pre(component).map_err(|error| LoadError::Compile(Engine(error)))?;
        let find = |interface: &str, function: &str| {
            let name = format!("{PACKAGE}/{interface}@{VERSION}");
            let instance = component.get_export_index(None, &name);
            let index = instance.and_then(|instance| component.get_export_index(Some(&instance), function));
            index.ok_or_else(|| LoadError::WrongType {
                function: format!("{name}#{function}"),
                source: Engine(wasmtime::Error::msg("it is not there")),
            })
        };
        let functions = match describe.kind {
            Kind::ImageFilter => Functions::ImageFilter {
                shortlist: find("image-filter", "shortlist")?,
                select: find("image-filter", "select")?,
            },
            Kind::PromotionRule => Functions::PromotionRule { judge: find("promotion-rule", "judge")? },
            Kind::ValueTransform => Functions::ValueTransform { apply: find("value-transform", "apply")? },
        };
        let (describe_function, check_config) = (find("meta", "describe")?, find("meta", "check-config")?);
        let budget = describe.fuel.min(limits.fuel);
        let codes = describe.codes();
        let ready = Self { describe, codes, functions, describe_function, check_config, pre, budget };
        ready.require_types(runtime, limits)?;
        Ok(ready)
    }

    /// Calls a function in an instance of its own; gives the fuel that it used beside the result.
    pub(crate) fn call<P, R>(
        &self,
        runtime: &Runtime,
        limits: &Limits,
        function: &ComponentExportIndex,
        params: P,
    ) -> (Result<R, Failure>, u64)
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + 'static,
    {
        let _place = runtime.gate.enter();
        let mut store = self.store(runtime, limits);
        let started = self.pre.instantiate(&mut store).map_err(|error| self.failure(limits, &error, Phase::Start));
        let result = started.and_then(|instance| {
            let typed: wasmtime::Result<TypedFunc<P, R>> = instance.get_typed_func(&mut store, function);
            let result = typed.and_then(|function| function.call(&mut store, params));
            result.map_err(|error| self.failure(limits, &error, Phase::Call))
        });
        let left = store.get_fuel().unwrap_or_default();
        (result, self.budget.saturating_sub(left))
    }

    fn store(&self, runtime: &Runtime, limits: &Limits) -> Store<StoreLimits> {
        let bounds = StoreLimitsBuilder::new()
            .memory_size(limits.memory_bytes)
            .table_elements(limits.table_elements)
            .instances(limits::INSTANCES as usize)
            .tables(limits::TABLES as usize)
            .memories(limits::MEMORIES as usize)
            .trap_on_grow_failure(false)
            .build();
        let mut store = Store::new(&runtime.engine, bounds);
        store.limiter(|bounds| bounds);
        store.set_fuel(self.budget).expect("the engine's profile turns fuel on");
        store.set_epoch_deadline(ticks(limits.wall_millis));
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_max_component_handles(limits.handles);
        store
    }

    /// Looks every function up once with the contract's types, so that a difference shows now.
    fn require_types(&self, runtime: &Runtime, limits: &Limits) -> Result<(), LoadError> {
        let _place = runtime.gate.enter();
        let mut store = self.store(runtime, limits);
        let instance = self.pre.instantiate(&mut store);
        let instance = instance.map_err(|error| LoadError::Describe(self.failure(limits, &error, Phase::Start)))?;
        macro_rules! require {
            ($signature:ident, $function:expr, $name:literal) => {
                typed::<contract::$signature>(&instance, &mut store, $function)
                    .map_err(|error| LoadError::WrongType { function: $name.to_owned(), source: Engine(error) })?;
            };
        }
        require!(Describe, &self.describe_function, "meta#describe");
        require!(CheckConfig, &self.check_config, "meta#check-config");
        match &self.functions {
            Functions::ImageFilter { shortlist, select } => {
                require!(Shortlist, shortlist, "image-filter#shortlist");
                require!(Select, select, "image-filter#select");
            }
            Functions::PromotionRule { judge } => {
                require!(Judge, judge, "promotion-rule#judge");
            }
            Functions::ValueTransform { apply } => {
                require!(Apply, apply, "value-transform#apply");
            }
        }
        Ok(())
    }

    fn failure(&self, limits: &Limits, error: &wasmtime::Error, phase: Phase) -> Failure {
        match (error.downcast_ref::<Trap>(), phase) {
            (Some(Trap::OutOfFuel), _) => Failure::OutOfFuel { budget: self.budget },
            (Some(Trap::Interrupt), _) => Failure::Timeout { limit_millis: limits.wall_millis },
            (Some(trap), _) => Failure::Trap(trap.to_string()),
            (None, Phase::Start) => Failure::Trap(format!("{error:#}")),
            // Not a trap, so the host could not take what came back: too much of it, or not UTF-8.
            (None, Phase::Call) => Failure::BadOutput(format!("{error:#}")),
        }
    }
}

#[derive(Clone, Copy)]
enum Phase {
    Start,
    Call,
}

/// A function's parameters and results as one type.
trait Signature {
    type Params: ComponentNamedList + Lower;
    type Results: ComponentNamedList + Lift + 'static;
}

impl<P, R> Signature for (P, R)
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift + 'static,
{
    type Params = P;
    type Results = R;
}

fn typed<S: Signature>(
    instance: &wasmtime::component::Instance,
    store: &mut Store<StoreLimits>,
    function: &ComponentExportIndex,
) -> wasmtime::Result<()> {
    instance.get_typed_func::<S::Params, S::Results>(store, function).map(|_| ())
}

/// Refuses a component that asks for more before it has run than it may ever have.
fn require_resources(component: &Component, limits: &Limits) -> Result<(), LoadError> {
    let Some(needs) = component.resources_required() else {
        let needs = "components of others, whose needs are not known,".to_owned();
        return Err(LoadError::Resources { needs, limit: "none".to_owned() });
    };
    let memory = needs.max_initial_memory_size.unwrap_or_default();
    if memory > limits.memory_bytes as u64 {
        let limit = format!("{} bytes", limits.memory_bytes);
        return Err(LoadError::Resources { needs: format!("{memory} bytes of memory"), limit });
    }
    let table = needs.max_initial_table_size.unwrap_or_default();
    if table > limits.table_elements as u64 {
        let limit = limits.table_elements.to_string();
        return Err(LoadError::Resources { needs: format!("{table} elements in a table"), limit });
    }
    Ok(())
}

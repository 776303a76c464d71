//! Runs one call: a fresh instance, its limits, and what a trap means.

use rhumb_core::judge::Kind;
use serde::{Deserialize, Serialize};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower, TypedFunc,
};
use wasmtime::{ResourceLimiter, Store, StoreLimits, StoreLimitsBuilder, Trap};

use crate::call::{Call, Done, Fault, Returned};
use crate::contract::{self, PACKAGE, VERSION};
use crate::engine::{Runtime, ticks};
use crate::limits::{self, Limits};

/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 64 << 10;

/// A component that can be instantiated, with its functions looked up.
pub(crate) struct Ready {
    functions: Functions,
    describe: ComponentExportIndex,
    check_config: ComponentExportIndex,
    pre: InstancePre<Bounds>,
    /// Fuel of one call.
    budget: u64,
}

/// The functions of a kind.
enum Functions {
    ImageFilter { shortlist: ComponentExportIndex, select: ComponentExportIndex },
    PromotionRule { judge: ComponentExportIndex },
    ValueTransform { apply: ComponentExportIndex },
}

/// Why compiled code is no policy.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Unready {
    /// The engine cannot use the code.
    Code(String),
    /// A function is missing or has another type.
    WrongType { function: String, words: String },
    /// It needs more at its start than it may have.
    Resources { needs: String, limit: String },
    /// It cannot be linked.
    Link(String),
    /// It does not start.
    Start(String),
}

impl Ready {
    /// Links a component and checks the types of its functions.
    pub(crate) fn new(
        runtime: &Runtime,
        limits: &Limits,
        component: &Component,
        (kind, budget): (Kind, u64),
    ) -> Result<Self, Unready> {
        require_resources(component, limits)?;
        // Nothing is granted, so there is nothing to link.
        let linker = Linker::new(&runtime.engine);
        let pre = linker.instantiate_pre(component).map_err(|error| Unready::Link(format!("{error:#}")))?;
        let find = |interface: &str, function: &str| {
            let name = format!("{PACKAGE}/{interface}@{VERSION}");
            let instance = component.get_export_index(None, &name);
            let index = instance.and_then(|instance| component.get_export_index(Some(&instance), function));
            let missing = || (format!("{name}#{function}"), "it is not there".to_owned());
            index.ok_or_else(missing).map_err(|(function, words)| Unready::WrongType { function, words })
        };
        let functions = match kind {
            Kind::ImageFilter => Functions::ImageFilter {
                shortlist: find("image-filter", "shortlist")?,
                select: find("image-filter", "select")?,
            },
            Kind::PromotionRule => Functions::PromotionRule { judge: find("promotion-rule", "judge")? },
            Kind::ValueTransform => Functions::ValueTransform { apply: find("value-transform", "apply")? },
        };
        let (describe, check_config) = (find("meta", "describe")?, find("meta", "check-config")?);
        let ready = Self { functions, describe, check_config, pre, budget };
        ready.require_types(runtime, limits)?;
        Ok(ready)
    }

    /// Calls a function in an instance of its own.
    pub(crate) fn run(&self, runtime: &Runtime, limits: &Limits, call: Call<'_>) -> Done {
        macro_rules! run {
            ($function:expr, $params:expr, $returned:expr) => {{
                let (result, fuel, memory) = self.call(runtime, limits, $function, $params);
                Done { outcome: result.map(|(value,)| $returned(value)), fuel, memory }
            }};
        }
        match (call, &self.functions) {
            (Call::Describe, _) => run!(&self.describe, (), Returned::Describe),
            (Call::CheckConfig(config), _) => run!(&self.check_config, (config,), Returned::CheckConfig),
            (Call::Shortlist(context, config, container, tags), Functions::ImageFilter { shortlist, .. }) => {
                run!(shortlist, (context, config, container, tags), Returned::Shortlist)
            }
            (Call::Select(context, config, container, tags, metadata), Functions::ImageFilter { select, .. }) => {
                run!(select, (context, config, container, tags, metadata), Returned::Select)
            }
            (Call::Judge(context, config, moves, evidence), Functions::PromotionRule { judge }) => {
                run!(judge, (context, config, moves, evidence), Returned::Judge)
            }
            (Call::Apply(context, config, chart, values, evidence), Functions::ValueTransform { apply }) => {
                run!(apply, (context, config, chart, values, evidence), Returned::Apply)
            }
            _ => Done { outcome: Err(Fault::OtherKind), fuel: 0, memory: 0 },
        }
    }

    fn call<P, R>(
        &self,
        runtime: &Runtime,
        limits: &Limits,
        function: &ComponentExportIndex,
        params: P,
    ) -> (Result<R, Fault>, u64, u64)
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + 'static,
    {
        let _place = runtime.gate.enter();
        let mut store = self.store(runtime, limits);
        let started = self.pre.instantiate(&mut store).map_err(|error| fault(&error, Phase::Start));
        let result = started.and_then(|instance| {
            let typed: wasmtime::Result<TypedFunc<P, R>> = instance.get_typed_func(&mut store, function);
            let result = typed.and_then(|function| function.call(&mut store, params));
            result.map_err(|error| fault(&error, Phase::Call))
        });
        let left = store.get_fuel().unwrap_or_default();
        (result, self.budget.saturating_sub(left), store.data().peak_memory as u64)
    }

    fn store(&self, runtime: &Runtime, limits: &Limits) -> Store<Bounds> {
        let limited = StoreLimitsBuilder::new()
            .memory_size(limits.memory_bytes)
            .table_elements(limits.table_elements)
            .instances(limits::INSTANCES as usize)
            .tables(limits::TABLES as usize)
            .memories(limits::MEMORIES as usize)
            .trap_on_grow_failure(false)
            .build();
        let mut store = Store::new(&runtime.engine, Bounds { limited, peak_memory: 0 });
        store.limiter(|bounds| bounds);
        store.set_fuel(self.budget).expect("the engine's profile turns fuel on");
        store.set_epoch_deadline(ticks(limits.wall_millis));
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_max_component_handles(limits.handles);
        store
    }

    /// Looks every function up once with the contract's types, so that a difference shows now.
    fn require_types(&self, runtime: &Runtime, limits: &Limits) -> Result<(), Unready> {
        let _place = runtime.gate.enter();
        let mut store = self.store(runtime, limits);
        let instance = self.pre.instantiate(&mut store).map_err(|error| Unready::Start(format!("{error:#}")))?;
        macro_rules! require {
            ($signature:ident, $function:expr, $name:literal) => {
                typed::<contract::$signature>(&instance, &mut store, $function)
                    .map_err(|error| Unready::WrongType { function: $name.to_owned(), words: format!("{error:#}") })?;
            };
        }
        require!(Describe, &self.describe, "meta#describe");
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
}

/// The limits of one instance, and how much memory it had at its most.
pub(crate) struct Bounds {
    limited: StoreLimits,
    peak_memory: usize,
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let may = self.limited.memory_growing(current, desired, maximum)?;
        if may {
            // A memory never shrinks.
            self.peak_memory = self.peak_memory.saturating_add(desired.saturating_sub(current));
        }
        Ok(may)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.limited.table_growing(current, desired, maximum)
    }

    fn instances(&self) -> usize {
        self.limited.instances()
    }

    fn tables(&self) -> usize {
        self.limited.tables()
    }

    fn memories(&self) -> usize {
        self.limited.memories()
    }
}

fn fault(error: &wasmtime::Error, phase: Phase) -> Fault {
    match (error.downcast_ref::<Trap>(), phase) {
        (Some(Trap::OutOfFuel), _) => Fault::OutOfFuel,
        (Some(Trap::Interrupt), _) => Fault::Timeout,
        (Some(trap), _) => Fault::Trap(trap.to_string()),
        (None, Phase::Start) => Fault::Trap(format!("{error:#}")),
        // Not a trap, so the host could not take what came back: too much of it, or not UTF-8.
        (None, Phase::Call) => Fault::BadOutput(format!("{error:#}")),
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
    instance: &Instance,
    store: &mut Store<Bounds>,
    function: &ComponentExportIndex,
) -> wasmtime::Result<()> {
    instance.get_typed_func::<S::Params, S::Results>(store, function).map(|_| ())
}

/// Refuses a component that asks for more before it has run than it may ever have.
fn require_resources(component: &Component, limits: &Limits) -> Result<(), Unready> {
    let Some(needs) = component.resources_required() else {
        let needs = "components of others, whose needs are not known,".to_owned();
        return Err(Unready::Resources { needs, limit: "none".to_owned() });
    };
    // In pages, of which there is one size while custom ones are off.
    let memory = needs.max_initial_memory_size.unwrap_or_default().saturating_mul(PAGE_BYTES);
    if memory > limits.memory_bytes as u64 {
        let limit = format!("{} bytes", limits.memory_bytes);
        return Err(Unready::Resources { needs: format!("{memory} bytes of memory"), limit });
    }
    let table = needs.max_initial_table_size.unwrap_or_default();
    if table > limits.table_elements as u64 {
        let limit = limits.table_elements.to_string();
        return Err(Unready::Resources { needs: format!("{table} elements in a table"), limit });
    }
    Ok(())
}

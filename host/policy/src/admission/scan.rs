//! The shape of a component: how much there is of everything that a compiler pays for, counted before it is asked.
//!
//! The limits are far above what programs have (the largest shipped policy has 600 functions of at most 20 KiB) and below
//! what keeps a compiler busy for seconds. They are a cheap first refusal; the wall is the compiler's own process.

use wasmparser::{BlockType, FuncType, FunctionBody, Operator, Payload};

use crate::error::LoadError;

/// Functions of all modules: 50,000 empty ones took 1.5 s to compile.
pub(super) const FUNCTIONS: usize = 20_000;
/// Bytes of one function.
pub(super) const BODY_BYTES: usize = 128 << 10;
/// Loops of one function: 20,000 took 16 s and 1.5 GB.
pub(super) const LOOPS: usize = 2000;
/// Variables of one function, its parameters not counted.
pub(super) const LOCALS: usize = 5000;
/// Loops times variables of one function: each loop may carry each variable.
pub(super) const LOOP_LOCALS: usize = 400_000;
/// Values that the branches of one function carry, each target of a table counted: 200,000 took 8 to 22 s.
pub(super) const BRANCH_VALUES: usize = 20_000;
/// Blocks within blocks of one function.
pub(super) const NESTING: usize = 2000;
/// Parameters and results of one function type.
pub(super) const TYPE_VALUES: usize = 128;
/// Types of all modules and components.
pub(super) const TYPES: usize = 5000;
/// Imports and exports of all modules and components.
pub(super) const NAMES: usize = 5000;
/// Globals of all modules.
pub(super) const GLOBALS: usize = 2000;
/// Data and element segments of all modules.
pub(super) const SEGMENTS: usize = 5000;
/// Items of all element segments.
pub(super) const ELEMENTS: usize = 100_000;
/// Modules and components, however nested.
pub(super) const MODULES: usize = 32;
/// Components within components.
pub(super) const DEPTH: usize = 4;
/// Instances, aliases and adapted functions of all components.
pub(super) const PARTS: usize = 5000;

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Scan {
    functions: usize,
    types: usize,
    names: usize,
    globals: usize,
    segments: usize,
    elements: usize,
    modules: usize,
    depth: usize,
    parts: usize,
    /// Types of the module at hand, by which blocks name theirs.
    function_types: Vec<Arity>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Arity {
    params: usize,
    results: usize,
}

impl Scan {
    /// Counts one part of the file, in the order in which they stand there.
    pub(super) fn take(&mut self, payload: &Payload<'_>) -> Result<(), LoadError> {
        match payload {
            Payload::Version { .. } => {
                self.depth += 1;
                // A module holds no other, so its types are those that come next.
                self.function_types.clear();
                within("components within components", self.depth, DEPTH)?;
                grow("modules and components", &mut self.modules, 1, MODULES)
            }
            Payload::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            Payload::TypeSection(section) => {
                grow("types", &mut self.types, section.count(), TYPES)?;
                for group in section.clone() {
                    for ty in group.map_err(invalid)?.into_types() {
                        let arity = match &ty.composite_type.inner {
                            wasmparser::CompositeInnerType::Func(ty) => arity(ty),
                            _ => Arity::default(),
                        };
                        within("parameters or results of a type", arity.params.max(arity.results), TYPE_VALUES)?;
                        self.function_types.push(arity);
                    }
                }
                Ok(())
            }
            Payload::ComponentTypeSection(section) => grow("types", &mut self.types, section.count(), TYPES),
            Payload::CoreTypeSection(section) => grow("types", &mut self.types, section.count(), TYPES),
            Payload::ImportSection(section) => grow("imports and exports", &mut self.names, section.count(), NAMES),
            Payload::ExportSection(section) => grow("imports and exports", &mut self.names, section.count(), NAMES),
            Payload::ComponentImportSection(section) => {
                grow("imports and exports", &mut self.names, section.count(), NAMES)
            }
            Payload::ComponentExportSection(section) => {
                grow("imports and exports", &mut self.names, section.count(), NAMES)
            }
            Payload::FunctionSection(section) => grow("functions", &mut self.functions, section.count(), FUNCTIONS),
            Payload::GlobalSection(section) => grow("globals", &mut self.globals, section.count(), GLOBALS),
            Payload::DataSection(section) => grow("segments", &mut self.segments, section.count(), SEGMENTS),
            Payload::ElementSection(section) => {
                grow("segments", &mut self.segments, section.count(), SEGMENTS)?;
                for element in section.clone() {
                    let count = match element.map_err(invalid)?.items {
                        wasmparser::ElementItems::Functions(items) => items.count(),
                        wasmparser::ElementItems::Expressions(_, items) => items.count(),
                    };
                    grow("items of element segments", &mut self.elements, count, ELEMENTS)?;
                }
                Ok(())
            }
            Payload::InstanceSection(section) => grow("parts", &mut self.parts, section.count(), PARTS),
            Payload::ComponentInstanceSection(section) => grow("parts", &mut self.parts, section.count(), PARTS),
            Payload::ComponentAliasSection(section) => grow("parts", &mut self.parts, section.count(), PARTS),
            Payload::ComponentCanonicalSection(section) => grow("parts", &mut self.parts, section.count(), PARTS),
            _ => Ok(()),
        }
    }

    /// Refuses a function that would keep the compiler busy; `number` counts over the whole file.
    pub(super) fn function(&self, number: usize, body: &FunctionBody<'_>) -> Result<(), LoadError> {
        let costly = |what: &str, count: usize, limit: usize| {
            let reason = || format!("{count} {what}, allowed are {limit}");
            if count > limit { Err(LoadError::Costly { function: number, reason: reason() }) } else { Ok(()) }
        };
        let range = body.range();
        costly("bytes", range.end.saturating_sub(range.start), BODY_BYTES)?;
        let mut locals = 0;
        for group in body.get_locals_reader().map_err(invalid)? {
            locals += group.map_err(invalid)?.0 as usize;
            costly("local variables", locals, LOCALS)?;
        }
        // How many values a branch to each open block carries; the function's own results are few.
        let mut blocks = vec![1];
        let (mut loops, mut values) = (0, 0);
        let carried = |blocks: &[usize], depth: u32| {
            blocks.len().checked_sub(depth as usize + 1).and_then(|at| blocks.get(at)).copied().unwrap_or(1)
        };
        for operator in body.get_operators_reader().map_err(invalid)? {
            match operator.map_err(invalid)? {
                Operator::Loop { blockty } => {
                    loops += 1;
                    blocks.push(self.arity(blockty).params);
                }
                Operator::Block { blockty } | Operator::If { blockty } => blocks.push(self.arity(blockty).results),
                Operator::End => drop(blocks.pop()),
                Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                    values += carried(&blocks, relative_depth);
                }
                Operator::BrTable { targets } => {
                    values += carried(&blocks, targets.default()).max(1);
                    for target in targets.targets() {
                        values += carried(&blocks, target.map_err(invalid)?).max(1);
                        costly("values carried by branches", values, BRANCH_VALUES)?;
                    }
                }
                _ => {}
            }
            costly("blocks within blocks", blocks.len().saturating_sub(1), NESTING)?;
            costly("loops", loops, LOOPS)?;
            costly("loops times local variables", loops * locals, LOOP_LOCALS)?;
            costly("values carried by branches", values, BRANCH_VALUES)?;
        }
        Ok(())
    }

    fn arity(&self, ty: BlockType) -> Arity {
        match ty {
            BlockType::Empty => Arity::default(),
            BlockType::Type(_) => Arity { params: 0, results: 1 },
            BlockType::FuncType(index) => self.function_types.get(index as usize).copied().unwrap_or_default(),
        }
    }
}

fn arity(ty: &FuncType) -> Arity {
    Arity { params: ty.params().len(), results: ty.results().len() }
}

fn grow(what: &'static str, sum: &mut usize, more: u32, limit: usize) -> Result<(), LoadError> {
    *sum += more as usize;
    within(what, *sum, limit)
}

fn within(what: &'static str, count: usize, limit: usize) -> Result<(), LoadError> {
    if count <= limit { Ok(()) } else { Err(LoadError::Shape { what, count, limit }) }
}

pub(super) fn invalid(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Invalid { reason: error.to_string() }
}

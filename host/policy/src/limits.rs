//! What a policy may use at most. All of it is the operator's to set; a policy recommends only its fuel.

use serde::{Deserialize, Serialize};

/// Core instances of one component.
pub(crate) const INSTANCES: u32 = 16;
/// Tables of one component.
pub(crate) const TABLES: u32 = 16;
/// Memories of one component.
pub(crate) const MEMORIES: u32 = 4;

/// Bounds on one component and on one call of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Size of a component in bytes.
    pub component_bytes: usize,
    /// Greatest fuel of one call, whatever the policy recommends.
    pub fuel: u64,
    /// Wall-clock time of one call in milliseconds: the net below fuel, for a machine that is slow or busy.
    pub wall_millis: u64,
    /// Linear memory in bytes.
    pub memory_bytes: usize,
    /// Elements of all tables.
    pub table_elements: usize,
    /// Bytes that one call may hand to the host.
    pub hostcall_bytes: usize,
    /// Handles of component resources.
    pub handles: usize,
    /// Bounds on an answer.
    pub answer: AnswerLimits,
    /// Bounds on compiling.
    pub compile: CompileLimits,
}

/// Bounds on the process that compiles one component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileLimits {
    /// Bytes of its memory.
    pub memory_bytes: u64,
    /// Processor time in seconds.
    pub cpu_seconds: u64,
    /// Wall-clock time in milliseconds.
    pub wall_millis: u64,
}

/// Bounds on what comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerLimits {
    /// Tags that a selection may give reasons for.
    pub considered: usize,
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Problems, warnings, groups.
    pub list_items: usize,
    /// Operations of a transform.
    pub operations: usize,
    /// Bytes of all JSON values of a transform together.
    pub json_bytes: usize,
    /// Depth of a JSON value.
    pub json_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes: 4 << 20,
            fuel: 200_000_000,
            wall_millis: 1000,
            memory_bytes: 64 << 20,
            table_elements: 10_000,
            hostcall_bytes: 4 << 20,
            handles: 4096,
            answer: AnswerLimits::default(),
            compile: CompileLimits::default(),
        }
    }
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self {
            considered: 100,
            message_bytes: 2048,
            list_items: 100,
            operations: 1000,
            json_bytes: 1 << 20,
            json_depth: 64,
        }
    }
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { memory_bytes: 512 << 20, cpu_seconds: 5, wall_millis: 20_000 }
    }
}

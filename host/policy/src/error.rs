//! Why a component was not loaded, in the words of the person who made it.

use rhumb_core::judge::Failure;

use crate::evaluate::Unready;

/// Why bytes did not become a policy.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Larger than the operator allows.
    #[error("component of {bytes} bytes is too large, allowed are {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The operator's limit.
        limit: usize,
    },
    /// Native code in disguise.
    #[error("this is precompiled machine code, which is never taken from outside; give the component it was made from")]
    Precompiled,
    /// A core module.
    #[error("this is a core WebAssembly module, not a component; `rhumb policy build` makes a component of it")]
    Module,
    /// WebAssembly's text format, or any other text.
    #[error("this is text, not a WebAssembly component in its binary form")]
    Text,
    /// Anything else.
    #[error("this is not WebAssembly")]
    NotWasm,
    /// Broken, or it uses what is switched off.
    #[error("component is invalid or uses a feature that is switched off: {reason}")]
    Invalid {
        /// The validator's words.
        reason: String,
    },
    /// A function that would take the compiler minutes.
    #[error("function {function} is too costly to compile: {reason}")]
    Costly {
        /// Counted over the whole file.
        function: usize,
        /// What there is too much of.
        reason: String,
    },
    /// More of something than a policy has.
    #[error("component has {count} {what}, allowed are {limit}")]
    Shape {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// It imports WASI.
    #[error(
        "component imports `{import}`: policies get no WASI; build for `wasm32-unknown-unknown` (`rhumb policy build` \
         does) and take time and seed from the context"
    )]
    Wasi {
        /// The first such import.
        import: String,
    },
    /// It imports something else.
    #[error("component imports `{import}`, which nobody granted: policies import nothing but types")]
    Import {
        /// The first such import.
        import: String,
    },
    /// It imports what a later version of the contract may have.
    #[error(
        "component imports `{import}`, which this host does not offer (it speaks `rhumb:policy@{speaks}`): use a newer \
         Rhumb, or build the policy without it"
    )]
    NotOffered {
        /// The first such import.
        import: String,
        /// The contract of this host.
        speaks: &'static str,
    },
    /// It was built for a version of the contract that is not compatible with this host's.
    #[error(
        "component was built for `rhumb:policy@{has}`, and this host speaks `rhumb:policy@{speaks}`: use a Rhumb of the \
         same minor version of the contract, or build the policy with the SDK of this one"
    )]
    OtherContract {
        /// The version that it was built for.
        has: String,
        /// The contract of this host.
        speaks: &'static str,
    },
    /// It exports something else.
    #[error("component is for another world: it exports {has}; a policy exports {needs}")]
    WrongWorld {
        /// Its exports.
        has: String,
        /// What a policy exports.
        needs: String,
    },
    /// No custom section.
    #[error("component has no description: the custom section `rhumb:policy` is missing; `export_policy!` writes it")]
    NoDescription,
    /// The custom section cannot be used.
    #[error("description in the custom section `rhumb:policy` cannot be used: {reason}")]
    BadDescription {
        /// What is wrong with it.
        reason: String,
    },
    /// The compiler refused it.
    #[error("failed to compile the component")]
    Compile(#[source] Engine),
    /// The process that compiles it was stopped.
    #[error("component is too costly to compile: {0}")]
    CompileLimit(String),
    /// A process for policies could not be used.
    #[error("failed to use the process that {task} policies: {reason}")]
    Process {
        /// `compiles` or `evaluates`.
        task: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// A function has another type than the contract says.
    #[error("function `{function}` of the component has another type than the contract says")]
    WrongType {
        /// Interface and function.
        function: String,
        /// The engine's words.
        #[source]
        source: Engine,
    },
    /// It needs more at its start than it may have.
    #[error("component needs {needs} at its start, allowed are {limit}")]
    Resources {
        /// What it needs.
        needs: String,
        /// What it may have.
        limit: String,
    },
    /// It did not answer.
    #[error("component failed to describe itself: {0}")]
    Describe(Failure),
    /// `describe` and the custom section differ.
    #[error("component describes itself otherwise than its custom section `rhumb:policy`")]
    LyingDescription,
    /// The engine could not be set up, or the cache's folder not be used.
    #[error("failed to access `{path}`")]
    Cache {
        /// File or folder.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What was being done with a component when it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Looking at it.
    Admission,
    /// Compiling it.
    Compile,
    /// Asking it what it is.
    Check,
}

impl LoadError {
    /// What was being done.
    pub fn stage(&self) -> Stage {
        match self {
            Self::TooLarge { .. }
            | Self::Precompiled
            | Self::Module
            | Self::Text
            | Self::NotWasm
            | Self::Invalid { .. }
            | Self::Costly { .. }
            | Self::Shape { .. }
            | Self::Wasi { .. }
            | Self::Import { .. }
            | Self::WrongWorld { .. }
            | Self::NotOffered { .. }
            | Self::OtherContract { .. }
            | Self::NoDescription
            | Self::BadDescription { .. } => Stage::Admission,
            Self::Compile(_) | Self::CompileLimit(_) | Self::Process { .. } | Self::Cache { .. } => Stage::Compile,
            Self::WrongType { .. } | Self::Resources { .. } | Self::Describe(_) | Self::LyingDescription => {
                Stage::Check
            }
        }
    }

    /// Whether it may be no fault of the component, so that the same may work later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::CompileLimit(_) | Self::Process { .. } | Self::Cache { .. })
    }
}

/// Words of the engine, as an error with its causes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Engine(pub(crate) String);

impl From<wasmtime::Error> for Engine {
    fn from(error: wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

impl From<Unready> for LoadError {
    fn from(unready: Unready) -> Self {
        match unready {
            Unready::Code(words) | Unready::Link(words) => Self::Compile(Engine(words)),
            Unready::WrongType { function, words } => Self::WrongType { function, source: Engine(words) },
            Unready::Resources { needs, limit } => Self::Resources { needs, limit },
            Unready::Start(words) => Self::Describe(Failure::Trap(words)),
        }
    }
}

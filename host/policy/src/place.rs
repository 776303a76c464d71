//! Where calls are run: in this process or in children.

use std::sync::Arc;

use rhumb_core::id::Digest;
use rhumb_core::judge::{Failure, Kind};

use crate::allocation::Allocation;
use crate::call::{Call, Outcome};
use crate::children::{Artifact, Children, Suspended};
use crate::compile;
use crate::engine::{Role, Runtime};
use crate::error::LoadError;
use crate::evaluate::{Ready, Unready};
use crate::isolation::{Isolation, Walls};
use crate::limits::Limits;
use crate::worker::Setup;

/// Where calls are run.
pub(crate) enum Places {
    Here(Runtime),
    Children(Box<Children>),
}

/// A policy where it runs.
pub(crate) enum Place {
    Here(Ready),
    Child(Artifact),
}

impl Places {
    pub(crate) fn start(isolation: Isolation, allocation: Allocation, limits: &Limits) -> Result<Self, LoadError> {
        match isolation {
            Isolation::InProcess | Isolation::CompileApart(_) => {
                let runtime = Runtime::start(Role::Run, allocation, limits);
                Ok(Self::Here(runtime.map_err(|error| LoadError::Compile(error.into()))?))
            }
            Isolation::Process(program) => {
                let setup = Setup { limits: limits.clone(), allocation };
                Ok(Self::Children(Box::new(Children::start(program, setup)?)))
            }
        }
    }

    pub(crate) fn walls(&self) -> Option<&Walls> {
        match self {
            Self::Here(_) => None,
            Self::Children(children) => Some(children.walls()),
        }
    }

    pub(crate) fn suspended(&self, component: &Digest) -> Option<Suspended> {
        match self {
            Self::Here(_) => None,
            Self::Children(children) => children.suspended(component),
        }
    }

    /// Takes code in and checks that it is a policy of this kind.
    pub(crate) fn prepare(
        &self,
        limits: &Limits,
        component: &Digest,
        (kind, budget): (Kind, u64),
        code: &Arc<Vec<u8>>,
    ) -> Result<Result<Place, Unready>, LoadError> {
        match self {
            Self::Here(runtime) => {
                let revived = compile::revive(runtime, code);
                let ready = revived.and_then(|revived| Ready::new(runtime, limits, &revived, (kind, budget)));
                Ok(ready.map(Place::Here))
            }
            Self::Children(children) => {
                let artifact = Artifact { component: component.clone(), kind, budget, code: Arc::clone(code) };
                Ok(children.load(&artifact)?.map(|()| Place::Child(artifact)))
            }
        }
    }

    /// Bytes of linear memory that a call takes at its largest, where this process runs it.
    pub(crate) fn peak_memory(&self, limits: &Limits, place: &Place, call: Call<'_>) -> Option<u64> {
        match (self, place) {
            (Self::Here(runtime), Place::Here(ready)) => Some(ready.run(runtime, limits, call).memory),
            _ => None,
        }
    }

    /// Runs calls of one policy in order, each in an instance of its own.
    pub(crate) fn run(&self, limits: &Limits, place: &Place, budget: u64, calls: Vec<Call<'_>>) -> Vec<Outcome> {
        match (self, place) {
            (Self::Here(runtime), Place::Here(ready)) => {
                let run = |call| ready.run(runtime, limits, call).outcome(limits, budget);
                calls.into_iter().map(run).collect()
            }
            (Self::Children(children), Place::Child(artifact)) => children.run(artifact, &calls),
            _ => {
                let misplaced = |_| (Err(Failure::Internal("prepared for another place".to_owned())), 0);
                calls.into_iter().map(misplaced).collect()
            }
        }
    }
}

//! The processes that evaluate: who gets one, and what it means when one dies.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rhumb_core::id::Digest;
use rhumb_core::judge::{Failure, Kind};

use super::health::{Health, Suspended};
use super::process::Process;
use crate::call::{Call, Done, Outcome};
use crate::error::LoadError;
use crate::evaluate::Unready;
use crate::isolation::{Program, Walls};
use crate::worker::{self, FRAME_BYTES, Load, Request, Setup};

/// Processes at the same time.
const PROCESSES: usize = 4;
/// Of them, for one policy: the others' are never all taken.
const FOR_ONE: usize = PROCESSES - 1;
/// Processes that are kept while nobody asks.
const KEPT: usize = 2;
/// Policies that one process holds; beyond that a new one takes its place.
const HELD: usize = 256;
/// Calls that are handed over together.
const BATCH: usize = 64;
/// What a process may take to start, or to take in a policy.
const START: Duration = Duration::from_secs(20);
/// What a call may take beyond its own limit, which the process itself keeps.
const GRACE: Duration = Duration::from_secs(2);
/// Longest answer, beside what a guest may hand over.
const ANSWER_BYTES: usize = 1 << 20;

/// A policy that processes take in when they are asked for it.
pub(crate) struct Artifact {
    pub(crate) component: Digest,
    pub(crate) kind: Kind,
    /// Fuel of one call.
    pub(crate) budget: u64,
    /// Machine code.
    pub(crate) code: Arc<Vec<u8>>,
}

/// The processes.
pub(crate) struct Children {
    program: Program,
    setup: Setup,
    /// What the first process said.
    walls: Walls,
    pool: Mutex<Pool>,
    freed: Condvar,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Evaluator>,
    running: usize,
    /// How many are taken, by policy.
    taken: HashMap<Digest, usize>,
}

/// A process and what it holds.
struct Evaluator {
    process: Process,
    slots: HashMap<Digest, u32>,
}

impl Children {
    /// Starts the first process.
    pub(crate) fn start(program: Program, setup: Setup) -> Result<Self, LoadError> {
        let started = Evaluator::start(&program, &setup);
        let (first, walls) = started.map_err(|reason| LoadError::Process { task: "evaluates", reason })?;
        let pool = Pool { idle: vec![first], running: 1, taken: HashMap::new() };
        let (freed, health) = (Condvar::new(), Mutex::default());
        Ok(Self { program, setup, walls, pool: Mutex::new(pool), freed, health })
    }

    /// The walls around each process.
    pub(crate) fn walls(&self) -> &Walls {
        &self.walls
    }

    /// Whether a policy is left alone now.
    pub(crate) fn suspended(&self, component: &Digest) -> Option<Suspended> {
        self.health().suspended(component, Instant::now())
    }

    /// Has a policy taken in by one process; the others follow when they are asked for it.
    pub(crate) fn load(&self, artifact: &Artifact) -> Result<Result<(), Unready>, LoadError> {
        let failed = |reason: String| LoadError::Process { task: "evaluates", reason };
        let mut taken = self.take(&artifact.component).map_err(failed)?;
        match taken.evaluator.as_mut().map(|evaluator| evaluator.slot(artifact)) {
            Some(Ok(loaded)) => Ok(loaded.map(|_| ())),
            Some(Err(error)) => Err(failed(format!("{error}; it ended with {}", taken.end()))),
            None => Err(failed("there is none".to_owned())),
        }
    }

    /// Runs calls of one policy, each in an instance of its own, in order.
    pub(crate) fn run(&self, artifact: &Artifact, calls: &[Call<'_>]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(calls.len());
        for batch in calls.chunks(BATCH) {
            let start = outcomes.len();
            if let Err(failure) = self.run_batch(artifact, batch, &mut outcomes)
                && batch.len() == 1
            {
                outcomes.push((Err(failure), 0));
            }
            // The process ended, and which of the calls ended it is not known: each alone shows.
            for call in batch.iter().skip(outcomes.len() - start) {
                let alone = self.run_batch(artifact, std::slice::from_ref(call), &mut outcomes);
                outcomes.extend(alone.err().map(|failure| (Err(failure), 0)));
            }
        }
        outcomes
    }

    /// Runs a few calls in one process; an error says why the rest of them has no outcome.
    fn run_batch(&self, artifact: &Artifact, calls: &[Call<'_>], to: &mut Vec<Outcome>) -> Result<(), Failure> {
        let component = &artifact.component;
        if let Some(suspended) = self.suspended(component) {
            return Err(Failure::Unavailable(suspended.why));
        }
        let unavailable = |reason: String| Failure::Unavailable(format!("no process to run it in: {reason}"));
        let mut taken = self.take(component).map_err(unavailable)?;
        let Some(evaluator) = taken.evaluator.as_mut() else { return Err(unavailable("there is none".to_owned())) };
        let before = to.len();
        let ran = evaluator.run(artifact, calls, &self.setup, to);
        let answered = to.len() - before;
        match ran {
            Ok(Ok(())) => {
                self.health().lived(component, answered);
                Ok(())
            }
            Ok(Err(unready)) => Err(Failure::Unavailable(LoadError::from(unready).to_string())),
            Err(error) => {
                let how = match error.kind() {
                    io::ErrorKind::TimedOut => "no answer in time".to_owned(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                        taken.end()
                    }
                    _ => format!("an answer that is none ({error})"),
                };
                drop(taken);
                if calls.len() == 1 {
                    let pause = self.health().died(component, how.clone(), Instant::now());
                    tracing::error!(%component, how, pause_seconds = pause.map(|pause| pause.as_secs()), "policy ended its process");
                }
                Err(Failure::Died(how))
            }
        }
    }

    /// A process to ask, an idle one that holds the policy if there is one.
    fn take(&self, component: &Digest) -> Result<Taken<'_>, String> {
        let mut pool = self.pool();
        let idle = loop {
            let others = pool.taken.get(component).copied().unwrap_or_default();
            if others < FOR_ONE {
                let holds = |evaluator: &Evaluator| evaluator.slots.contains_key(component);
                let place = pool.idle.iter().position(holds).or_else(|| pool.idle.len().checked_sub(1));
                if let Some(place) = place {
                    break Some(pool.idle.swap_remove(place));
                }
                if pool.running < PROCESSES {
                    pool.running += 1;
                    break None;
                }
            }
            pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        };
        *pool.taken.entry(component.clone()).or_default() += 1;
        drop(pool);
        let mut taken = Taken { children: self, component: component.clone(), evaluator: idle };
        if taken.evaluator.as_ref().is_none_or(|evaluator| evaluator.slots.len() >= HELD) {
            taken.evaluator = None;
            taken.evaluator = Some(Evaluator::start(&self.program, &self.setup)?.0);
        }
        Ok(taken)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Evaluator {
    fn start(program: &Program, setup: &Setup) -> Result<(Self, Walls), String> {
        let mut process = Process::start(program, worker::EVALUATE).map_err(|error| error.to_string())?;
        let deadline = Instant::now() + START;
        let mut greet = || {
            process.send(setup, deadline)?;
            process.receive(64 << 10, deadline)
        };
        match greet() {
            Ok(walls) => Ok((Self { process, slots: HashMap::new() }, walls)),
            Err(error) => Err(format!("it did not start: {error}; it ended with {}", process.end())),
        }
    }

    /// The slot of a policy, taken in when it is not yet.
    fn slot(&mut self, artifact: &Artifact) -> io::Result<Result<u32, Unready>> {
        if let Some(slot) = self.slots.get(&artifact.component) {
            return Ok(Ok(*slot));
        }
        let slot = u32::try_from(self.slots.len()).map_err(io::Error::other)?;
        let deadline = Instant::now() + START;
        let load = Load { slot, kind: artifact.kind, budget: artifact.budget };
        self.process.send(&Request::Load(load), deadline)?;
        self.process.send_bytes(&artifact.code, deadline)?;
        let loaded: Result<(), Unready> = self.process.receive(64 << 10, deadline)?;
        Ok(loaded.map(|()| {
            self.slots.insert(artifact.component.clone(), slot);
            slot
        }))
    }

    fn run(
        &mut self,
        artifact: &Artifact,
        calls: &[Call<'_>],
        setup: &Setup,
        to: &mut Vec<Outcome>,
    ) -> io::Result<Result<(), Unready>> {
        let slot = match self.slot(artifact)? {
            Ok(slot) => slot,
            Err(unready) => return Ok(Err(unready)),
        };
        let patience = Duration::from_millis(setup.limits.wall_millis) + GRACE;
        self.process.send(&Request::Run(slot, Cow::Borrowed(calls)), Instant::now() + patience)?;
        for _ in calls {
            let limit = setup.limits.hostcall_bytes + ANSWER_BYTES;
            let done: Done = self.process.receive(limit, Instant::now() + patience)?;
            to.push(done.outcome(&setup.limits, artifact.budget));
        }
        Ok(Ok(()))
    }
}

/// A process that one caller has, given back when this is dropped.
struct Taken<'a> {
    children: &'a Children,
    component: Digest,
    /// None when it died.
    evaluator: Option<Evaluator>,
}

impl Taken<'_> {
    /// Says how the process ended, and does not give it back.
    fn end(&mut self) -> String {
        self.evaluator.take().map_or_else(String::new, |evaluator| evaluator.process.end().to_string())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut pool = self.children.pool();
        if let Some(count) = pool.taken.get_mut(&self.component) {
            *count -= 1;
            if *count == 0 {
                pool.taken.remove(&self.component);
            }
        }
        match self.evaluator.take() {
            Some(evaluator) if pool.idle.len() < KEPT => pool.idle.push(evaluator),
            _ => pool.running -= 1,
        }
        drop(pool);
        self.children.freed.notify_all();
    }
}

const _: () = assert!(FOR_ONE >= 1 && KEPT <= PROCESSES && FRAME_BYTES > ANSWER_BYTES);

//! Runs calls of loaded policies until its parent leaves.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufReader, BufWriter, Write};
use std::time::{Duration, Instant};

use rhumb_core::judge::Kind;
use serde::{Deserialize, Serialize};

use super::{frame, walls};
use crate::allocation::Allocation;
use crate::call::Call;
use crate::compile;
use crate::engine::{Role, Runtime};
use crate::evaluate::{Ready, Unready};
use crate::isolation::Walls;
use crate::limits::Limits;

/// The word that starts it.
pub(crate) const TASK: &str = "evaluate";

/// Longest frame that a parent writes: many calls, or the code of one policy.
pub(crate) const FRAME_BYTES: usize = 256 << 20;

/// Answers wait for this many bytes, so that many small ones cost one write.
const BATCH_BYTES: usize = 64 << 10;
/// After a call of this length they wait no longer: the parent measures time by what it reads.
const LONG: Duration = Duration::from_millis(1);

/// How to run, the first frame; the answer is [`Walls`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) allocation: Allocation,
}

/// What a parent asks for.
#[derive(Serialize, Deserialize)]
pub(crate) enum Request<'a> {
    /// Takes a policy in, whose code is the next frame; the answer is `Result<(), Unready>`.
    Load(Load),
    /// Calls the policy of a slot; the answers are [`Done`](crate::call::Done), one for each call, in order.
    Run(u32, #[serde(borrow)] Cow<'a, [Call<'a>]>),
}

/// A policy to take in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) slot: u32,
    pub(crate) kind: Kind,
    /// Fuel of one call.
    pub(crate) budget: u64,
}

pub(super) fn run() -> io::Result<()> {
    let parent = super::parent()?;
    let (mut from, mut to) = (BufReader::new(&parent), BufWriter::with_capacity(BATCH_BYTES, &parent));
    let mut buffer = Vec::new();
    frame::read(&mut from, 1 << 10, &mut buffer)?;
    let Setup { limits, allocation } = frame::decode(&buffer)?;
    walls::bound_evaluating(&limits)?;
    let runtime = Runtime::new(Role::Run, allocation, &limits).map_err(io::Error::other)?;
    let walls: Walls = walls::close_around(|| runtime.tick())?;
    frame::write(&mut to, &walls)?;
    to.flush()?;
    let mut policies = HashMap::new();
    while frame::read(&mut from, FRAME_BYTES, &mut buffer)? {
        match frame::decode(&buffer)? {
            Request::Load(load) => {
                let mut code = Vec::new();
                frame::read(&mut from, FRAME_BYTES, &mut code)?;
                let ready = compile::revive(&runtime, &code)
                    .and_then(|component| Ready::new(&runtime, &limits, &component, (load.kind, load.budget)));
                let loaded: Result<(), Unready> = ready.map(|ready| drop(policies.insert(load.slot, ready)));
                frame::write(&mut to, &loaded)?;
            }
            Request::Run(slot, calls) => {
                let ready = policies.get(&slot).ok_or_else(|| io::Error::other("no such slot"))?;
                for call in calls.into_owned() {
                    let start = Instant::now();
                    let done = ready.run(&runtime, &limits, call);
                    frame::write(&mut to, &done)?;
                    if start.elapsed() > LONG {
                        to.flush()?;
                    }
                }
            }
        }
        to.flush()?;
    }
    Ok(())
}

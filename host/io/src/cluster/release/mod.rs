//! One action on one release, carried out in Helm's order and reported.
//!
//! ```text
//! install   crds → conflicts → record pending-install → hooks → apply → wait → hooks → record deployed
//! upgrade          conflicts → record pending-upgrade → hooks → apply, delete → wait → hooks → record deployed
//! rollback                     record pending-rollback → hooks → apply, delete → wait → hooks → record deployed
//! test                                                 hooks → record with how they went
//! uninstall                    record uninstalling → hooks → delete → hooks → records gone
//! ```
//!
//! Invariant: from the moment that the cluster may have changed, a record says so. A process killed anywhere leaves a
//! `pending-*` record, which [`Cluster::resume`](super::Cluster::resume) goes on with from the first step after it; or,
//! where something else is wanted by then, [`Cluster::heal`](super::Cluster::heal) turns into `failed`.

mod hooks;
mod ready;
mod replace;
mod run;
mod targets;
mod testing;
mod uninstall;
mod wait;
mod work;
mod worker;

#[cfg(test)]
mod tests;

pub(super) use wait::Waits;
pub use work::{Clock, Context, HookRun, Pods, Redact, Report, Settings, TestReport, Update, Wait, Work};
pub use worker::{Worker, Workers};

//! The tests of a release: its hooks for the event `test`, run on what is deployed, and noted in its record as
//! `helm test` notes them.

use rhumb_core::chain::{CONDITION_LIMIT, chain, cut};
use rhumb_core::releases::{Marks, Tested};

use super::hooks::{self, Scene};
use super::targets::Owner;
use super::work::{Context, TestReport};
use crate::cluster::client::Cluster;
use crate::cluster::error::Error;
use crate::cluster::records::Stored;

impl Cluster {
    /// Runs the tests of a revision, one after the other until one fails, and writes how they went into its record.
    /// `marks` are those of the record; how often its tests failed before is `failures`.
    ///
    /// That a test failed is no error. The error is that it is not known how they went, or that it could not be noted:
    /// then they have not run.
    pub async fn test(
        &self,
        stored: &Stored,
        (mut marks, failures): (Marks, u32),
        context: &Context<'_>,
    ) -> Result<TestReport, Error> {
        let Context { owner, settings, worker, clock, redact } = *context;
        let mut stored = stored.clone();
        let release = &mut stored.release;
        let owner = Owner { release: &release.name, namespace: &release.namespace, helm_release: owner };
        let scene = Scene { cluster: self, owner, settings, worker, clock };
        let failure = hooks::run(&scene, &mut release.hooks, "test").await.err();
        marks.tests = Some(match &failure {
            None => Tested::Passed,
            Some(_) => Tested::Failed { times: failures.saturating_add(1) },
        });
        marks.replace(&mut stored.annotations);
        let stored = self.update_record(&stored, clock.now()).await?;
        Ok(TestReport {
            failure: failure.map(|error| cut(&redact.text(&chain(&error)), CONDITION_LIMIT)),
            record_version: stored.resource_version,
        })
    }
}

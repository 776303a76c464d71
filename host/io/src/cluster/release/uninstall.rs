//! Uninstall: everything of the release goes, its records last.

use rhumb_core::chain::chain;
use rhumb_helm::record::Status;

use super::hooks::{self, Scene};
use super::run::held;
use super::targets::{self, Owner};
use super::work::{Context, Report};
use crate::cluster::client::Cluster;
use crate::cluster::error::{Error, Kind};
use crate::cluster::records::Stored;

impl Cluster {
    /// Uninstalls a release and deletes its records. `history` is all of its records, newest last.
    ///
    /// When an object could not be deleted the records stay, the newest as `uninstalling`, so that the next attempt
    /// knows what is left. (Helm deletes them and forgets.)
    pub async fn uninstall(&self, history: &[Stored], context: &Context<'_>) -> Report {
        let Some(newest) = history.last() else {
            return Report {
                revision: None,
                status: None,
                description: "Uninstallation complete".to_owned(),
                error: None,
                written: None,
                notes: vec!["there was no record".to_owned()],
            };
        };
        let mut notes = Vec::new();
        let mut stored = newest.clone();
        stored.release.info.status = Status::Uninstalling;
        stored.release.info.deleted = context.clock.text();
        "Deletion in progress (or silently failed)".clone_into(&mut stored.release.info.description);
        let error = self.take_down(&stored, history, context, &mut notes).await.err();
        let description = match &error {
            None => "Uninstallation complete".to_owned(),
            Some(_) => stored.release.info.description.clone(),
        };
        let left = error.is_some();
        Report {
            revision: left.then_some(stored.release.version),
            status: left.then_some(Status::Uninstalling),
            description,
            error,
            written: None,
            notes,
        }
    }

    async fn take_down(
        &self,
        stored: &Stored,
        history: &[Stored],
        context: &Context<'_>,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let Context { owner, settings, worker, clock, .. } = *context;
        let release = &stored.release;
        let subject = format!("{}/{}", release.namespace, release.name);
        let owner = Owner { release: &release.name, namespace: &release.namespace, helm_release: owner };
        self.update_record(stored, clock.now()).await?;
        let scene = Scene { cluster: self, owner, settings, worker, clock };
        let mut run = release.hooks.clone();
        hooks::run(&scene, &mut run, "pre-delete").await?;
        let mut manifests = held(history)?;
        rhumb_helm::order::uninstall(&mut manifests);
        let mut failures = Vec::new();
        for object in targets::flatten(&manifests) {
            if targets::is_kept(&object) {
                notes.push(format!("kept an object of `{subject}`, as its resource policy says"));
                continue;
            }
            let key = match targets::key(self, &object, owner.namespace).await {
                Err(error) if matches!(*error.kind, Kind::UnknownKind { .. }) => continue,
                other => other?,
            };
            if let Err(error) = self.delete(&key).await {
                failures.push(chain(&error));
            }
        }
        if !failures.is_empty() {
            return Err(Kind::Failed { message: failures.join("; ") }.at("uninstall", subject));
        }
        hooks::run(&scene, &mut run, "post-delete").await?;
        // Oldest first: killed in between, the newest still tells what is going on.
        for record in history {
            let release = &record.release;
            self.delete_record(&release.namespace, &release.name, release.version).await?;
        }
        Ok(())
    }
}

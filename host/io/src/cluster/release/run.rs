//! Install, upgrade and rollback: the same steps with other words.

use std::collections::{BTreeMap, BTreeSet};

use rhumb_core::chain::{chain, cut};
use rhumb_core::releases::{Marks, marks};
use rhumb_helm::record::{Info, Release, Status};
use rhumb_helm::{Definitions, Manifest};
use serde_json::Value;

use super::hooks::{self, Scene};
use super::ready;
use super::targets::{self, Owner};
use super::wait::{self, Waiter};
use super::work::{Clock, Context, Pods, Redact, Report, Settings, Update, Wait, Work};
use super::worker::Worker;
use crate::cluster::client::{Cluster, malformed};
use crate::cluster::error::{Error, Kind};
use crate::cluster::key::Key;
use crate::cluster::records::{self, Stored};

/// Who owns the fields that we set.
const FIELD_MANAGER: &str = "rhumb";
/// Longest reason that a record tells, in bytes: what fits a Secret before an action fits it afterwards.
const REASON_LIMIT: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Install,
    Upgrade,
    Rollback,
}

/// One run of the common steps.
struct Run<'a> {
    cluster: &'a Cluster,
    clock: Clock<'a>,
    verb: Verb,
    owner: Owner<'a>,
    settings: Settings,
    worker: &'a Worker,
    redact: Redact<'a>,
    /// Objects to apply, in install order.
    objects: Vec<Value>,
    /// What the release may have in the cluster; what is no longer wanted goes.
    previous: Vec<Value>,
    history: &'a [Stored],
    notes: Vec<String>,
}

impl Cluster {
    /// Installs a release. `history` is all of its records, newest last: those of installs that failed, or of a release
    /// that was uninstalled. That a record of this revision exists already is the error `AlreadyExists`.
    pub async fn install(&self, work: &Work<'_>, history: &[Stored], clock: Clock<'_>) -> Report {
        let run = Run::new(self, clock, Verb::Install, work, history);
        let mut run = match run {
            Ok(run) => run,
            Err(error) => return Report::refused(error),
        };
        let release = run.pending(work, "Initial install underway");
        let prepare = async {
            records::check_size(&release)?;
            run.crds(&work.rendered.crds).await?;
            run.check().await
        };
        if let Err(error) = prepare.await {
            return Report::refused(error);
        }
        run.finish(release, work.marks.write(), history).await
    }

    /// Upgrades a release. `history` is all of its records, newest last. What the newest deployed one and those after
    /// it had and this one hasn't is deleted.
    pub async fn upgrade(&self, work: &Work<'_>, history: &[Stored], clock: Clock<'_>) -> Report {
        let mut run = match Run::new(self, clock, Verb::Upgrade, work, history) {
            Ok(run) => run,
            Err(error) => return Report::refused(error),
        };
        let release = run.pending(work, "Preparing upgrade");
        let prepare = async {
            records::check_size(&release)?;
            run.check().await
        };
        if let Err(error) = prepare.await {
            return Report::refused(error);
        }
        run.finish(release, work.marks.write(), history).await
    }

    /// Rolls a release back to the content of `to`, as a new revision with these marks. `history` is all of its records,
    /// newest last.
    ///
    /// The settings are those of the rollback.
    pub async fn rollback(&self, (to, marks): (&Stored, &Marks), history: &[Stored], context: &Context<'_>) -> Report {
        let Context { owner, settings, worker, clock, redact } = *context;
        let target = &to.release;
        let Some(newest) = history.last() else {
            let kind = Kind::Failed { message: "it has no records".to_owned() };
            return Report::refused(kind.at("roll back", format!("{}/{}", target.namespace, target.name)));
        };
        let prepare = || {
            let mut wanted = manifests_of(target)?;
            rhumb_helm::order::install(&mut wanted);
            Ok(Run {
                cluster: self,
                clock,
                verb: Verb::Rollback,
                owner: Owner { release: &target.name, namespace: &target.namespace, helm_release: owner },
                settings,
                worker,
                redact,
                objects: targets::flatten(&wanted),
                previous: targets::flatten(&held(history)?),
                history,
                notes: Vec::new(),
            })
        };
        let run = match prepare() {
            Ok(run) => run,
            Err(error) => return Report::refused(error),
        };
        let now = clock.text();
        let release = Release {
            version: newest.release.version.saturating_add(1),
            info: Info {
                first_deployed: newest.release.info.first_deployed.clone(),
                last_deployed: now,
                deleted: String::new(),
                description: format!("Rollback to {}", target.version),
                status: Status::PendingRollback,
                notes: target.info.notes.clone(),
            },
            ..target.clone()
        };
        // What it goes back to is needed until it is there again.
        let others: Vec<Stored> = history.iter().filter(|one| one.release.version != target.version).cloned().collect();
        run.finish(release, marks.write(), &others).await
    }

    /// Goes on with a record that a killed or stopped process left: with everything after the record, since what of it
    /// was done is not known and each step may be done twice. Of a record that says `deployed` already the only thing
    /// left may be to say so of those before it. `history` is all of the records, newest last.
    pub async fn resume(&self, revision: u32, history: &[Stored], context: &Context<'_>) -> Report {
        let Context { owner, settings, worker, clock, redact } = *context;
        let Some(at) = history.iter().position(|stored| stored.release.version == revision) else {
            return Report::refused(Kind::NotFound.at("resume", format!("revision {revision}")));
        };
        let (before, rest) = history.split_at(at);
        let [stored, ..] = rest else { return Report::refused(Kind::NotFound.at("resume", "a release")) };
        let release = &stored.release;
        let prepare = || {
            let mut wanted = manifests_of(release)?;
            rhumb_helm::order::install(&mut wanted);
            Ok(Run {
                cluster: self,
                clock,
                verb: if release.info.status == Status::PendingInstall { Verb::Install } else { Verb::Upgrade },
                owner: Owner { release: &release.name, namespace: &release.namespace, helm_release: owner },
                settings,
                worker,
                redact,
                objects: targets::flatten(&wanted),
                previous: targets::flatten(&held(before)?),
                history: before,
                notes: Vec::new(),
            })
        };
        let mut run = match prepare() {
            Ok(run) => run,
            Err(error) => return Report::refused(error),
        };
        if release.info.status != Status::Deployed {
            return run.go_on(stored.clone()).await;
        }
        let superseded = run.supersede(revision).await;
        Report {
            revision: Some(revision),
            status: Some(Status::Deployed),
            description: release.info.description.clone(),
            written: superseded.or_else(|| Some((revision, stored.resource_version.clone()))),
            error: None,
            notes: run.notes,
        }
    }

    /// Turns a `pending-*` record that a killed process left into `failed`, so that an upgrade can go on, and notes that
    /// what it was made of may be good.
    pub async fn heal(&self, stored: &Stored, clock: Clock<'_>) -> Result<Stored, Error> {
        let mut stored = stored.clone();
        let verb = match stored.release.info.status {
            Status::PendingUpgrade => Verb::Upgrade,
            Status::PendingRollback => Verb::Rollback,
            _ => Verb::Install,
        };
        stored.release.info.status = Status::Failed;
        stored.release.info.description = failure(verb, &stored.release.name, "the process was interrupted");
        let marks = Marks { interrupted: true, ..Marks::read(&stored.annotations) };
        marks.replace(&mut stored.annotations);
        self.update_record(&stored, clock.now()).await
    }
}

impl<'a> Run<'a> {
    fn new(
        cluster: &'a Cluster,
        clock: Clock<'a>,
        verb: Verb,
        work: &Work<'a>,
        history: &'a [Stored],
    ) -> Result<Self, Error> {
        Ok(Self {
            cluster,
            clock,
            verb,
            owner: Owner { release: work.release, namespace: work.namespace, helm_release: work.owner },
            settings: work.settings,
            worker: work.worker,
            redact: work.redact,
            objects: targets::flatten(&work.rendered.objects),
            previous: targets::flatten(&held(history)?),
            history,
            notes: Vec::new(),
        })
    }

    fn pending(&self, work: &Work<'_>, description: &str) -> Release {
        let now = self.clock.text();
        let first = self.history.last().map(|stored| stored.release.info.first_deployed.clone());
        let status = if self.verb == Verb::Install { Status::PendingInstall } else { Status::PendingUpgrade };
        Release {
            name: work.release.to_owned(),
            namespace: work.namespace.to_owned(),
            version: work.revision,
            info: Info {
                first_deployed: first.unwrap_or_else(|| now.clone()),
                last_deployed: now,
                deleted: String::new(),
                description: description.to_owned(),
                status,
                notes: work.rendered.notes.clone(),
            },
            chart: work.chart.clone(),
            config: work.config.clone(),
            manifest: work.rendered.manifest.clone(),
            hooks: work.rendered.hooks.clone(),
            // Labels that users put on records go on from revision to revision, as in Helm.
            labels: self.history.last().map(|stored| stored.release.labels.clone()).unwrap_or_default(),
        }
    }

    /// Makes the definitions of `crds/` that are not there yet.
    async fn crds(&self, files: &[Definitions]) -> Result<(), Error> {
        let read = |file: &Definitions| {
            file.manifests().map_err(|error| malformed(&error).at("read the definitions of", file.source.clone()))
        };
        let manifests = files.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat();
        for object in targets::flatten(&manifests) {
            let key = targets::key(self.cluster, &object, self.owner.namespace).await?;
            let waiter = Waiter::ready(self.cluster, std::slice::from_ref(&key)).await;
            match self.cluster.create_whole(&targets::placed(object.clone(), &key)).await {
                Err(error) if matches!(*error.kind, Kind::AlreadyExists) => {}
                other => {
                    waiter.tell(&key, &other?);
                    self.worker.idle(wait::established(waiter, &object)).await?;
                }
            }
        }
        Ok(())
    }

    async fn check(&mut self) -> Result<(), Error> {
        let mut known = BTreeSet::new();
        for object in &self.previous {
            if let Some(key) = Key::of(object) {
                known.insert(targets::identity(&key, self.owner.namespace));
            }
        }
        targets::check_conflicts(self.cluster, &self.objects, &known, &self.owner).await
    }

    /// Writes the pending record, does the work, and writes what came of it. `prunable` are the records that may go when
    /// there are too many.
    async fn finish(self, release: Release, annotations: BTreeMap<String, String>, prunable: &[Stored]) -> Report {
        if self.settings.max_history > 0 {
            let staying = self.history.len().saturating_sub(prunable.len()) + 1;
            self.cluster.prune_records(prunable, self.settings.max_history.saturating_sub(staying)).await;
        }
        match self.cluster.create_record(&release, &annotations, self.clock.now()).await {
            Ok(stored) => self.go_on(stored).await,
            Err(error) => Report::refused(error),
        }
    }

    /// Does the work of a pending record, and writes what came of it.
    async fn go_on(mut self, mut stored: Stored) -> Report {
        let mut last = Some((stored.release.version, stored.resource_version.clone()));
        let error = self.work(&mut stored.release).await.err();
        let info = &mut stored.release.info;
        match (&error, self.verb) {
            (None, Verb::Install) => "Install complete".clone_into(&mut info.description),
            (None, Verb::Upgrade) => "Upgrade complete".clone_into(&mut info.description),
            // Helm keeps "Rollback to N".
            (None, Verb::Rollback) => {}
            (Some(error), verb) => {
                let why = self.redact.text(&chain(error));
                info.description = failure(verb, self.owner.release, &cut(&why, REASON_LIMIT));
            }
        }
        info.status = if error.is_none() { Status::Deployed } else { Status::Failed };
        let (revision, status, description) = (stored.release.version, info.status, info.description.clone());
        // The new record first: killed in between, there are two deployed ones, of which the newest counts, and the
        // next upgrade supersedes both.
        let written = self.cluster.update_record(&stored, self.clock.now()).await;
        if let Ok(stored) = &written {
            last = Some((revision, stored.resource_version.clone()));
            if error.is_none() {
                last = self.supersede(revision).await.or(last);
            }
        }
        let recorded = written.is_ok();
        Report {
            revision: Some(revision),
            status: recorded.then_some(status),
            description,
            written: last,
            error: error.or(written.err()),
            notes: self.notes,
        }
    }

    async fn work(&mut self, release: &mut Release) -> Result<(), Error> {
        let (before, after) = match self.verb {
            Verb::Install => ("pre-install", "post-install"),
            Verb::Upgrade => ("pre-upgrade", "post-upgrade"),
            Verb::Rollback => ("pre-rollback", "post-rollback"),
        };
        let (owner, settings) = (self.owner, self.settings);
        let scene = Scene { cluster: self.cluster, owner, settings, worker: self.worker, clock: self.clock };
        hooks::run(&scene, &mut release.hooks, before).await?;
        let waiter = self.waiter().await;
        let keys = self.apply(&waiter).await?;
        self.remove(&keys).await;
        if self.settings.wait == Wait::Ready {
            self.worker.idle(waiter.wait(self.settings.timeout)).await?;
        }
        hooks::run(&scene, &mut release.hooks, after).await
    }

    /// Begins to wait for what may take its time. A kind that the cluster does not know yet is not among that.
    async fn waiter(&self) -> Waiter<'a> {
        let mut keys = Vec::new();
        if self.settings.wait == Wait::Ready {
            for object in self.objects.iter().filter(|object| ready::may_take_time(object)) {
                keys.extend(targets::key(self.cluster, object, self.owner.namespace).await);
            }
        }
        Waiter::ready(self.cluster, &keys).await
    }

    /// Applies every object in order. An install ends at the first that fails; else all are tried, as in Helm.
    async fn apply(&self, waiter: &Waiter<'_>) -> Result<Vec<Key>, Error> {
        let mut keys = Vec::with_capacity(self.objects.len());
        let mut failures: Vec<Error> = Vec::new();
        for object in &self.objects {
            match self.apply_one(object, waiter).await {
                Ok(key) => keys.push(key),
                Err(error) if self.verb == Verb::Install => return Err(error),
                Err(error) => failures.push(error),
            }
        }
        if failures.len() > 1 {
            let messages: Vec<String> = failures.iter().map(|error| chain(error)).collect();
            let subject = format!("{}/{}", self.owner.namespace, self.owner.release);
            return Err(Kind::Failed { message: messages.join(" && ") }.at("apply the objects of", subject));
        }
        match failures.pop() {
            Some(error) => Err(error),
            None => Ok(keys),
        }
    }

    /// Whether another program, such as `helm`, released it after we last succeeded.
    fn changes_hands(&self) -> bool {
        let newest_first = self.history.iter().rev();
        let mut told = newest_first.map(|stored| {
            let done = matches!(stored.release.info.status, Status::Deployed | Status::Superseded);
            (stored.annotations.contains_key(marks::HELMRELEASE), done)
        });
        told.find_map(|(ours, done)| if ours { done.then_some(false) } else { Some(true) }).unwrap_or(false)
    }

    async fn apply_one(&self, object: &Value, waiter: &Waiter<'_>) -> Result<Key, Error> {
        let key = targets::key(self.cluster, object, self.owner.namespace).await?;
        if self.changes_hands() {
            self.cluster.adopt(&key, FIELD_MANAGER).await?;
        }
        let marked = targets::marked(object, &key, &self.owner);
        if key.kind == "CustomResourceDefinition" {
            let own = Waiter::ready(self.cluster, std::slice::from_ref(&key)).await;
            own.tell(&key, &self.cluster.apply_whole(&marked, FIELD_MANAGER).await?);
            self.worker.idle(wait::established(own, object)).await?;
        } else if self.settings.update == Update::Replace && self.verb != Verb::Install {
            waiter.tell(&key, &self.cluster.replace_whole(&marked, &key, FIELD_MANAGER).await?);
        } else {
            waiter.tell(&key, &self.cluster.apply_whole(&marked, FIELD_MANAGER).await?);
        }
        if self.settings.pods == Pods::Restart {
            self.cluster.restart_pods(&marked).await?;
        }
        Ok(key)
    }

    /// Deletes what the manifest before had and this one hasn't. Failures are notes, as in Helm.
    async fn remove(&mut self, keys: &[Key]) {
        let wanted: BTreeSet<_> = keys.iter().map(|key| targets::identity(key, self.owner.namespace)).collect();
        for object in std::mem::take(&mut self.previous).iter().rev() {
            let removed = async {
                let key = match targets::key(self.cluster, object, self.owner.namespace).await {
                    // A kind that is gone took its objects with it.
                    Err(error) if matches!(*error.kind, Kind::UnknownKind { .. }) => return Ok(None),
                    other => other?,
                };
                if wanted.contains(&targets::identity(&key, self.owner.namespace)) {
                    return Ok(None);
                }
                let Some(live) = self.cluster.get(&key).await? else { return Ok(None) };
                if targets::is_kept(&live) {
                    return Ok(Some(format!("kept `{key}`, as its resource policy says")));
                }
                self.cluster.delete(&key).await.map(|()| None)
            };
            match removed.await {
                Ok(note) => self.notes.extend(note),
                Err(error) => self.notes.push(chain(&error)),
            }
        }
    }

    /// Every deployed record before the new one is superseded now.
    ///
    /// Answers the last that was written, and its version.
    async fn supersede(&mut self, revision: u32) -> Option<(u32, String)> {
        let mut last = None;
        for stored in self.history {
            if stored.release.info.status != Status::Deployed || stored.release.version >= revision {
                continue;
            }
            let mut stored = stored.clone();
            stored.release.info.status = Status::Superseded;
            match self.cluster.update_record(&stored, self.clock.now()).await {
                // It was pruned.
                Err(error) if error.is_not_found() => {}
                Err(error) => self.notes.push(chain(&error)),
                Ok(stored) => last = Some((stored.release.version, stored.resource_version)),
            }
        }
        last
    }
}

fn failure(verb: Verb, release: &str, why: &str) -> String {
    let what = match verb {
        Verb::Install => "Release",
        Verb::Upgrade => "Upgrade",
        Verb::Rollback => "Rollback",
    };
    format!("{what} {release:?} failed: {why}")
}

/// What the release may have in the cluster: the objects of its newest deployed record and of every record after it, in
/// install order, the newest form of each.
///
/// Helm looks at one record only. But a revision that failed, or whose process was killed, may have made objects that
/// no deployed manifest names; they would stay for ever.
pub(super) fn held(history: &[Stored]) -> Result<Vec<Manifest>, Error> {
    let mut found: Vec<Manifest> = Vec::new();
    let mut seen = BTreeSet::new();
    for stored in history.iter().rev() {
        // What it had is gone, or stays on purpose, and may be somebody else's by now.
        if stored.release.info.status == Status::Uninstalled {
            break;
        }
        for manifest in manifests_of(&stored.release)? {
            let identity = Key::of(manifest.head()).map(|key| targets::identity(&key, &stored.release.namespace));
            if identity.is_none_or(|identity| seen.insert(identity)) {
                found.push(manifest);
            }
        }
        if stored.release.info.status == Status::Deployed {
            break;
        }
    }
    rhumb_helm::order::install(&mut found);
    Ok(found)
}

fn manifests_of(release: &Release) -> Result<Vec<Manifest>, Error> {
    let subject = format!("{}/{}", release.namespace, release.name);
    rhumb_helm::parse_manifest(&release.manifest).map_err(|error| malformed(&error).at("read the manifest of", subject))
}

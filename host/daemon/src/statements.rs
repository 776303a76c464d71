//! What people say in the cluster about versions: approvals, the stop switch, bindings, windows and facts, as watches keep
//! them known.

use std::sync::Arc;

use rhumb_core::chain::chain;
use rhumb_core::evidence::{self, Announced, Evidence, Part};
use rhumb_core::id::Timestamp;
use rhumb_core::objects::{API_VERSION, Approval, Binding, Stop};
use rhumb_io::cluster::{self, Cluster, Informer, Look, Selection, Start};

use crate::event::{Event, Wakeups};

const APPROVAL: &str = "Approval";
const STOP_SWITCH: &str = "StopSwitch";
pub(crate) const BINDING: &str = "PolicyBinding";

/// Copies of them.
#[derive(Debug)]
pub struct Statements {
    cluster: Cluster,
    approvals: Informer<Approval>,
    switches: Informer<Stop>,
    bindings: Informer<Binding>,
    announced: Informer<Announced>,
}

impl Statements {
    /// Begins to watch. Whatever is said or taken back asks the rules anew, at once.
    pub(crate) fn start(cluster: &Cluster, namespace: &str, wakeups: &Arc<Wakeups>) -> Self {
        let selection = |kind: &str| Selection {
            api_version: API_VERSION.to_owned(),
            kind: kind.to_owned(),
            labels: None,
            part: cluster::Part::Whole,
            start: Start::All,
        };
        let [one, other, third, fourth] = [(); 4].map(|()| Arc::clone(wakeups));
        let config_maps =
            Selection { api_version: "v1".to_owned(), labels: Some(evidence::LABEL), ..selection("ConfigMap") };
        let own = namespace.to_owned();
        Self {
            approvals: cluster.inform(
                selection(APPROVAL),
                |object| Approval::of(&object),
                move |_| one.notify(Event::Cluster),
            ),
            switches: cluster.inform(
                selection(STOP_SWITCH),
                |object| Some(Stop::of(&object)),
                move |_| other.notify(Event::Cluster),
            ),
            bindings: cluster.inform(
                selection(BINDING),
                |object| Binding::of(&object),
                move |change| {
                    // More than the status, which we write ourselves.
                    let which =
                        |binding: &Binding| binding.object.as_ref().map(|one| (one.uid.clone(), one.generation));
                    if change.before.map(which) != change.after.map(which) {
                        third.notify(Event::Cluster);
                    }
                },
            ),
            announced: cluster.inform(
                config_maps,
                move |object| Announced::of(&object).filter(|announced| announced.place.0 == own),
                move |_| fourth.notify(Event::Cluster),
            ),
            cluster: cluster.clone(),
        }
    }

    /// What is said and counts at this time, as current as asked for, and which of it cannot be known.
    pub(crate) async fn look(&self, look: Look, now: Timestamp) -> Evidence {
        let (approvals, switches, announced) = futures::join!(
            known(&self.cluster, APPROVAL, &self.approvals, look),
            known(&self.cluster, STOP_SWITCH, &self.switches, look),
            self.announced.current(look),
        );
        let unread = [(Part::Approvals, approvals.err()), (Part::Stop, switches.err())];
        let mut evidence = Evidence {
            approvals: self.approvals.all().into_values().map(|approval| approval.as_ref().clone()).collect(),
            // The definition lets there be one switch; were there more, one of them counts.
            stop: self.switches.all().into_values().next().map(|stop| stop.as_ref().clone()),
            unread: unread.into_iter().filter_map(|(part, why)| Some((part, why?))).collect(),
            ..Evidence::default()
        };
        match announced {
            Ok(()) => evidence.add_announced(self.announced.all().values().map(AsRef::as_ref), now),
            Err(why) => evidence.unread.extend([Part::Windows, Part::Facts].map(|part| (part, why.clone()))),
        }
        evidence
    }
}

impl Statements {
    /// Returns when a binding is known as a write of ours left it.
    pub(crate) async fn binding_known(&self, name: &str, version: &str) {
        self.bindings.until(&(String::new(), name.to_owned()), Some(version)).await;
    }

    /// What is bound to which objects, as current as asked for, or why it cannot be known.
    pub(crate) async fn bindings(&self, look: Look) -> Result<Vec<Binding>, String> {
        known(&self.cluster, BINDING, &self.bindings, look).await?;
        Ok(self.bindings.all().into_values().map(|binding| binding.as_ref().clone()).collect())
    }
}

/// Brings a copy up to date. A cluster without the kind, which may be installed later, has nothing of it.
pub(crate) async fn known<T: Send + Sync + 'static>(
    cluster: &Cluster,
    kind: &str,
    informer: &Informer<T>,
    look: Look,
) -> Result<(), String> {
    if look == Look::Watched && informer.is_live() {
        return Ok(());
    }
    match cluster.scope(API_VERSION, kind).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) => informer.current(look).await,
        Err(error) => Err(chain(&error)),
    }
}

//! Where the story is told: on the embedded servers, or on real ones.

use rhumb_io::cluster::Cluster;
use rhumb_sim::git;
use rhumb_tests::embedded::{self, Daemon, Servers};
use rhumb_tests::real::Real;

pub(super) enum World {
    Embedded(Box<Servers>),
    Real(Box<Real>),
}

const OFTEN: [&str; 5] = ["--git-poll-interval", "1", "--automation-interval", "1", "--sync-garbage-collection"];

impl World {
    pub(super) async fn embedded() -> Self {
        Self::Embedded(Box::new(Servers::start().await))
    }

    /// `None` when the machine lacks a part, which was said then. The git server knows the daemon's key already.
    pub(super) async fn real() -> Option<Self> {
        let real = Real::start().await?;
        let first = real.daemon(|_| {});
        real.admit().await;
        drop(first);
        Some(Self::Real(Box::new(real)))
    }

    pub(super) fn daemon(&self) -> Daemon {
        let often = |command: &mut std::process::Command| {
            command.args(OFTEN);
        };
        match self {
            Self::Embedded(servers) => servers.daemon(often),
            Self::Real(real) => real.daemon(often),
        }
    }

    /// Pushes an image of the example; the minute orders those that are pushed in no time.
    pub(super) async fn push(&self, tag: &str, minute: u64) {
        match self {
            Self::Embedded(servers) => embedded::push(&servers.registry, tag, minute).await,
            Self::Real(real) => real.push(&["-v", tag]),
        }
    }

    pub(super) fn remote(&self) -> &git::Remote {
        match self {
            Self::Embedded(servers) => &servers.remote,
            Self::Real(real) => &real.remote,
        }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        match self {
            Self::Embedded(servers) => &servers.cluster,
            Self::Real(real) => &real.cluster,
        }
    }

    pub(super) fn log(&self) -> String {
        match self {
            Self::Embedded(servers) => servers.log(),
            Self::Real(real) => real.log(),
        }
    }

    /// What is called otherwise in each world, and the word for it.
    pub(super) fn own_names(&self) -> [(String, &'static str); 2] {
        match self {
            Self::Embedded(servers) => [(servers.registry.host(), "REGISTRY"), (servers.charts_url(), "CHARTS")],
            Self::Real(real) => [(real.registry.host(), "REGISTRY"), (real.charts_url(), "CHARTS")],
        }
    }
}

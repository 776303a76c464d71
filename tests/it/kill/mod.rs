//! SIGKILL at bad moments, on the real process `rhumbd`: the next start continues correctly.

mod story;
mod world;

use std::time::Duration;

use rhumb_tests::embedded::{Servers, push};

fn deployed(records: &[String]) -> usize {
    records.iter().filter(|record| record.ends_with(" deployed")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_a_record_and_its_objects_is_healed_by_the_next_start() {
    let servers = Servers::start().await;
    // Each answer takes a while, so that the moment between record and objects is long.
    servers.api.delay(Duration::from_millis(30));
    let daemon = servers.daemon(|_| {});
    servers.wait("a release is under way", |records| records.iter().any(|r| r.ends_with("pending-install"))).await;
    drop(daemon);
    let left = servers.records().await;
    assert!(left.iter().any(|record| record.contains(" pending-")), "the kill left nothing behind: {left:?}");
    servers.api.clear_faults();
    let _daemon = servers.daemon(|_| {});
    servers.wait("everything is deployed", |records| deployed(records) == 4).await;
    let records = servers.records().await;
    assert!(!records.iter().any(|record| record.contains(" pending-")), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_around_a_commit_leave_it_made_exactly_once() {
    let servers = Servers::start().await;
    let first = servers.daemon(|_| {});
    servers.wait("everything is deployed", |records| deployed(records) == 4).await;
    drop(first);
    push(&servers.registry, "dev-11112222", 10).await;
    let ours = || {
        let log = servers.remote.log().unwrap();
        log.iter().filter(|commit| commit.author == "Rhumb").count()
    };
    // A start takes some hundred milliseconds to its first commit: kill it before, around and after that.
    for millis in [150, 300, 450, 600, 800] {
        let daemon = servers.daemon(|_| {});
        tokio::time::sleep(Duration::from_millis(millis)).await;
        drop(daemon);
        assert!(ours() <= 1, "committed more than once");
    }
    let _daemon = servers.daemon(|_| {});
    servers
        .wait("dev was upgraded", |records| {
            records.iter().any(|r| r.starts_with("podinfo-dev v") && !r.contains(" v1 ") && r.ends_with(" deployed"))
        })
        .await;
    assert_eq!(ours(), 1);
    assert!(servers.remote.text("releases/dev/podinfo.yaml").unwrap().contains("dev-11112222"));
}

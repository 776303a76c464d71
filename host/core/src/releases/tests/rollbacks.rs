//! What is taken back after a failure, what is tested, and how often.

use super::*;

pub(super) fn rollback(retries: Retries) -> spec::Rollback {
    spec::Rollback { retries, force: false, recreate: false, disable_hooks: false, timeout_seconds: 300, wait: false }
}

/// `dev/app` with rollback, and tests where asked.
fn app(retries: Retries, tests: Option<Tests>) -> ReleaseView {
    let mut release = release("app");
    let spec = release.spec.as_mut().unwrap();
    (spec.rollback, spec.tests) = (Some(rollback(retries)), tests);
    release
}

const TESTS: Option<Tests> = Some(Tests { ignore_failures: false, timeout_seconds: 60 });

fn current() -> Option<Digest> {
    inputs(&view(Vec::new()), &release("app"))
}

/// A record of the same generation as the release.
fn record(revision: u32, status: &str, inputs: Option<Digest>) -> Head {
    let mut head = head(revision, status, inputs, 999_999);
    head.marks.generation = Some(3);
    head
}

fn good(revision: u32, status: &str) -> Head {
    record(revision, status, Some(Digest::of("good")))
}

/// A rollback that took back what is asked for now.
fn back(revision: u32, status: &str, count: u32) -> Head {
    let mut head = good(revision, status);
    head.marks.rolled_back = Some(RolledBack { inputs: current().unwrap(), count });
    head
}

fn tests(mut head: Head, tests: Tested) -> Head {
    head.marks.tests = Some(tests);
    head
}

fn decided(release: &ReleaseView, history: Vec<Head>) -> Result<Action, Kept> {
    let mut plan = planned(&view(vec![ReleaseView { history, ..release.clone() }]));
    let row = plan.rows.remove(0);
    row.decided.map(|_| plan.actions.remove(0))
}

/// Which revision comes back, what is counted, and the newest record at that time.
fn way(release: &ReleaseView, history: Vec<Head>) -> (u32, u32, u32) {
    match decided(release, history) {
        Ok(Action::Rollback(rollback)) => (rollback.back.to, rollback.back.takes_back.count, rollback.from),
        other => panic!("{other:?}"),
    }
}

fn word(release: &ReleaseView, history: Vec<Head>) -> &'static str {
    decided(release, history).map_or("nothing", |action| action.word())
}

#[test]
fn a_failed_upgrade_brings_the_last_good_revision_back() {
    let app = app(Retries::Never, None);
    assert_eq!(way(&app, vec![good(1, "deployed"), record(2, "failed", current())]), (1, 1, 2));
    // Not the one before, if that failed as well.
    let history = vec![good(1, "deployed"), good(2, "failed"), record(3, "failed", current())];
    assert_eq!(way(&app, history), (1, 1, 3));
    // One that `helm` made is as good as ours.
    let mut by_helm = good(1, "deployed");
    by_helm.marks = Marks::default();
    assert_eq!(way(&app, vec![by_helm, record(2, "failed", current())]), (1, 1, 2));
    // There is nothing to go back to.
    assert_eq!(word(&app, vec![record(1, "failed", current())]), "nothing");
    // Corrected meanwhile: forward, not back.
    let corrected = vec![good(1, "deployed"), record(2, "failed", Some(Digest::of("other")))];
    assert_eq!(word(&app, corrected), "upgrade");
    // Killed in the middle: it may be good.
    let mut killed = record(2, "failed", current());
    killed.marks.interrupted = true;
    assert_eq!(word(&app, vec![good(1, "deployed"), killed.clone()]), "upgrade");
    // Killed again: it may be what kills.
    let again = Head { revision: 3, ..killed.clone() };
    let until = Timestamp(999_999 + 10_000);
    assert_eq!(decided(&app, vec![good(1, "deployed"), killed, again]), Err(Kept::BackingOff { until }));
    // Without rollback it is tried again later.
    assert_eq!(word(&release("app"), vec![good(1, "deployed"), record(2, "failed", current())]), "nothing");
}

#[test]
fn what_came_back_stays_until_something_changes_or_it_is_tried_again() {
    let history = |count| vec![good(1, "superseded"), record(2, "failed", current()), back(3, "deployed", count)];
    let kept = |retries, count| decided(&app(retries, None), history(count)).unwrap_err();
    let until = |millis: u64| Some(Timestamp(999_999 + millis));
    assert_eq!(kept(Retries::Never, 1), Kept::RolledBack { count: 1, until: None });
    assert_eq!(kept(Retries::AtMost(1), 1), Kept::RolledBack { count: 1, until: until(10_000) });
    assert_eq!(kept(Retries::AtMost(1), 2), Kept::RolledBack { count: 2, until: None });
    assert_eq!(kept(Retries::Unlimited, 4), Kept::RolledBack { count: 4, until: until(80_000) });
    let mut due = history(1);
    due[2].at = Timestamp(0);
    assert_eq!(word(&app(Retries::AtMost(1), None), due.clone()), "upgrade");
    assert_eq!(word(&app(Retries::Never, None), due), "nothing");
    // An edit of the spec is a reason to try anew, even one that changes neither chart nor values.
    let edited = ReleaseView { generation: 4, ..app(Retries::Never, None) };
    assert_eq!(word(&edited, history(1)), "upgrade");
    // What came back is what git asks for again.
    let mut reverted = history(1);
    reverted[2].marks.inputs = current();
    assert_eq!(decided(&app(Retries::Never, None), reverted), Err(Kept::InSync));
}

#[test]
fn the_same_is_counted_up_and_another_begins_anew() {
    let app = app(Retries::Unlimited, None);
    let failed_again = |before: Head| vec![good(1, "superseded"), before, record(4, "failed", current())];
    assert_eq!(way(&app, failed_again(back(3, "deployed", 1))), (3, 2, 4));
    let mut of_other = back(3, "deployed", 5);
    of_other.marks.rolled_back.as_mut().unwrap().inputs = Digest::of("other");
    assert_eq!(way(&app, failed_again(of_other)), (3, 1, 4));
    let mut of_other_spec = back(3, "deployed", 5);
    of_other_spec.marks.generation = Some(2);
    assert_eq!(way(&app, failed_again(of_other_spec)), (3, 1, 4));
    // Something good came in between.
    assert_eq!(
        way(&app, vec![back(2, "superseded", 5), good(3, "deployed"), record(4, "failed", current())]),
        (3, 1, 4)
    );
}

#[test]
fn a_rollback_that_failed_or_was_killed_is_tried_again_later() {
    let app = app(Retries::Never, None);
    let history = || vec![good(1, "deployed"), record(2, "failed", current()), back(3, "failed", 1)];
    assert_eq!(decided(&app, history()), Err(Kept::BackingOff { until: Timestamp(999_999 + 10_000) }));
    let mut due = history();
    due[2].at = Timestamp(0);
    assert_eq!(way(&app, due), (1, 1, 3));
    // It left a record under way.
    let mut killed = history();
    killed[2].status = "pending-rollback".to_owned();
    assert_eq!(word(&app, killed.clone()), "heal");
    (killed[2].status, killed[2].marks.interrupted) = ("failed".to_owned(), true);
    assert_eq!(way(&app, killed), (1, 1, 3));
    // Corrected meanwhile.
    let mut corrected = history();
    for head in &mut corrected[1..] {
        head.marks.generation = Some(2);
    }
    assert_eq!(word(&app, corrected), "upgrade");
}

#[test]
fn tests_run_once_on_what_was_released() {
    let app = app(Retries::Never, TESTS);
    let deployed = || record(1, "deployed", current());
    let Ok(Action::Test(test)) = decided(&app, vec![deployed()]) else { panic!() };
    let tests_of = Untested { revision: 1, failures: 0, inputs: current().unwrap(), options: TESTS.unwrap() };
    assert_eq!((test.tests, test.generation, test.release.as_str()), (tests_of, 3, "dev-app"));
    assert_eq!(decided(&app, vec![tests(deployed(), Tested::Passed)]), Err(Kept::InSync));
    assert_eq!(decided(&release("app"), vec![deployed()]), Err(Kept::InSync));
    let mut lenient = app.clone();
    lenient.spec.as_mut().unwrap().tests = Some(Tests { ignore_failures: true, timeout_seconds: 60 });
    assert_eq!(decided(&lenient, vec![tests(deployed(), Tested::Failed { times: 1 })]), Err(Kept::InSync));
}

#[test]
fn failed_tests_take_an_upgrade_back_and_leave_an_install() {
    let app = app(Retries::Never, TESTS);
    let failed = |revision, times| tests(record(revision, "deployed", current()), Tested::Failed { times });
    assert_eq!(way(&app, vec![good(1, "superseded"), failed(2, 1)]), (1, 1, 2));
    // One whose own tests failed is not good.
    let bad = tests(good(2, "superseded"), Tested::Failed { times: 1 });
    assert_eq!(way(&app, vec![good(1, "superseded"), bad, failed(3, 1)]), (1, 1, 3));
    // Neither uninstalled nor installed anew: tested again, ever later.
    let until = |millis: u64| Timestamp(999_999 + millis);
    assert_eq!(decided(&app, vec![failed(1, 1)]), Err(Kept::TestsFailed { until: until(10_000) }));
    assert_eq!(decided(&app, vec![failed(1, 3)]), Err(Kept::TestsFailed { until: until(40_000) }));
    let mut due = failed(1, 3);
    due.at = Timestamp(0);
    let Ok(Action::Test(test)) = decided(&app, vec![due]) else { panic!() };
    assert_eq!(test.tests.failures, 3);
    // An edit, such as of their time-out, has them run at once.
    let edited = ReleaseView { generation: 4, ..app.clone() };
    assert_eq!(word(&edited, vec![failed(1, 9)]), "test");
    // What came back and fails its tests is not sent away in turn.
    let mut came_back = tests(back(3, "deployed", 1), Tested::Failed { times: 1 });
    came_back.marks.inputs = current();
    assert_eq!(word(&app, vec![good(1, "superseded"), good(2, "superseded"), came_back]), "nothing");
}

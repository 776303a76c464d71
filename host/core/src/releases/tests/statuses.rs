use super::*;

/// The status after this outcome, one line for each of its parts.
fn print(status: &Value) -> String {
    let mut lines = Vec::new();
    for (key, value) in status.as_object().unwrap() {
        match value {
            Value::Array(conditions) => lines.extend(conditions.iter().map(|condition| {
                let text = |key: &str| condition[key].as_str().unwrap_or_default();
                let times = [text("lastTransitionTime"), text("lastUpdateTime")].map(|time| &time[11..]);
                format!("{} {} {} {times:?}: {}", text("type"), text("status"), text("reason"), text("message"))
            })),
            other => lines.push(format!("{key}: {other}")),
        }
    }
    lines.join("\n")
}

fn row(release: &ReleaseView, decided: Result<&'static str, Kept>) -> Row {
    Row { object: release.id.clone(), decided }
}

/// The release after one more outcome.
fn after(mut release: ReleaseView, decided: Result<&'static str, Kept>, outcome: &Outcome, at: u64) -> ReleaseView {
    release.status = status(&release, &row(&release, decided), outcome, Timestamp(at));
    release
}

fn succeeded() -> Outcome {
    Outcome::Succeeded { revision: "1.2.3".to_owned() }
}

#[test]
fn tells_success_and_failure_in_helm_operators_words() {
    let done = after(release("app"), Ok("install"), &succeeded(), 1_000);
    insta::assert_snapshot!(print(&done.status), @r#"
    observedGeneration: 3
    phase: "Succeeded"
    releaseName: "dev-app"
    revision: "1.2.3"
    lastAttemptedRevision: "1.2.3"
    releaseStatus: "deployed"
    ChartFetched True ChartFetched ["00:00:01Z", "00:00:01Z"]: Chart fetch was successful for Helm release 'dev-app' in 'dev'.
    Deployed True Deployed ["00:00:01Z", "00:00:01Z"]: Installation or upgrade succeeded for Helm release 'dev-app' in 'dev'.
    Released True Succeeded ["00:00:01Z", "00:00:01Z"]: Release was successful for Helm release 'dev-app' in 'dev'.
    "#);
    let failed = after(done, Ok("upgrade"), &Outcome::Failed("job timed out".to_owned()), 61_000);
    insta::assert_snapshot!(print(&failed.status), @r#"
    observedGeneration: 3
    phase: "DeployFailed"
    releaseName: "dev-app"
    revision: "1.2.3"
    lastAttemptedRevision: "1.2.3"
    releaseStatus: "failed"
    ChartFetched True ChartFetched ["00:00:01Z", "00:00:01Z"]: Chart fetch was successful for Helm release 'dev-app' in 'dev'.
    Deployed False DeployFailed ["00:01:01Z", "00:01:01Z"]: Installation or upgrade failed for Helm release 'dev-app' in 'dev': job timed out
    Released False DeployFailed ["00:01:01Z", "00:01:01Z"]: Installation or upgrade failed for Helm release 'dev-app' in 'dev': job timed out
    "#);
    let healed = after(failed, Ok("heal"), &Outcome::Healed, 121_000);
    insta::assert_snapshot!(print(&healed.status), @r#"
    observedGeneration: 3
    phase: "DeployFailed"
    releaseName: "dev-app"
    revision: "1.2.3"
    lastAttemptedRevision: "1.2.3"
    releaseStatus: "failed"
    ChartFetched True ChartFetched ["00:00:01Z", "00:00:01Z"]: Chart fetch was successful for Helm release 'dev-app' in 'dev'.
    Deployed False DeployFailed ["00:01:01Z", "00:02:01Z"]: An interrupted operation was marked as failed for Helm release 'dev-app' in 'dev': it is tried again soon
    Released False DeployFailed ["00:01:01Z", "00:02:01Z"]: An interrupted operation was marked as failed for Helm release 'dev-app' in 'dev': it is tried again soon
    "#);
    let done = after(healed, Ok("upgrade"), &succeeded(), 181_000);
    insta::assert_snapshot!(print(&done.status), @r#"
    observedGeneration: 3
    phase: "Succeeded"
    releaseName: "dev-app"
    revision: "1.2.3"
    lastAttemptedRevision: "1.2.3"
    releaseStatus: "deployed"
    ChartFetched True ChartFetched ["00:00:01Z", "00:00:01Z"]: Chart fetch was successful for Helm release 'dev-app' in 'dev'.
    Deployed True Deployed ["00:03:01Z", "00:03:01Z"]: Installation or upgrade succeeded for Helm release 'dev-app' in 'dev'.
    Released True Succeeded ["00:03:01Z", "00:03:01Z"]: Release was successful for Helm release 'dev-app' in 'dev'.
    "#);
}

#[test]
fn tells_why_nothing_could_be_done() {
    let message = |release: ReleaseView, kept: Kept| {
        let status = after(release, Err(kept), &Outcome::Nothing, 1_000).status;
        let released =
            status["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Released").cloned().unwrap();
        format!("{}: {}", status["phase"].as_str().unwrap(), released["message"].as_str().unwrap())
    };
    let broken = ReleaseView { spec: Err(SpecError::NoChart), ..release("app") };
    let lines = [
        message(release("app"), Kept::Chart("404 from charts.example.com".to_owned())),
        message(release("app"), Kept::Values("there is no Secret `dev/s`".to_owned())),
        message(release("app"), Kept::Foreign { owner: "prod/app".to_owned() }),
        message(release("app"), Kept::Busy { until: NOW }),
        message(broken, Kept::Spec(SpecError::NoChart.to_string())),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ChartFetchFailed: Chart fetch failed for Helm release 'dev-app' in 'dev': 404 from charts.example.com
    Failed: Release failed for Helm release 'dev-app' in 'dev': there is no Secret `dev/s`
    Failed: Release failed for Helm release 'dev-app' in 'dev': release belongs to HelmRelease prod/app
    Failed: Release failed for Helm release 'dev-app' in 'dev': another operation is in progress; looked at again at 1970-01-01T00:16:40Z
    Failed: Release failed for Helm release 'app' in 'dev': spec.chart names no chart: give `git` and `path`, or `repository`, `name` and `version`
    ");
    let long = message(release("app"), Kept::Chart("ä".repeat(5000)));
    assert!(long.ends_with('…') && long.len() <= 1024 + "ChartFetchFailed: ".len());
}

#[test]
fn says_nothing_when_there_is_nothing_new() {
    let mut release = release("app");
    release.history = vec![head(1, "deployed", None, 0)];
    for (decided, outcome) in [
        (Err(Kept::InSync), Outcome::Nothing),
        (Err(Kept::Chart("404".to_owned())), Outcome::Nothing),
        (Err(Kept::Foreign { owner: "x/y".to_owned() }), Outcome::Nothing),
        (Ok("upgrade"), succeeded()),
        (Ok("upgrade"), Outcome::Failed("no".to_owned())),
        (Ok("heal"), Outcome::Healed),
    ] {
        let once = after(release.clone(), decided.clone(), &outcome, 1_000);
        let twice = after(once.clone(), decided, &outcome, 99_000);
        assert_eq!(once.status, twice.status);
        assert_ne!(once.status, Value::Null);
    }
    // What was said about the failure stays while it is waited.
    let failed = after(release, Ok("upgrade"), &Outcome::Failed("no".to_owned()), 1_000);
    let waiting = after(failed.clone(), Err(Kept::BackingOff { until: NOW }), &Outcome::Nothing, 9_000);
    assert_eq!(waiting.status, failed.status);
}

#[test]
fn a_success_whose_status_was_lost_is_told_later() {
    let mut release = release("app");
    release.history = vec![head(1, "deployed", None, 0)];
    let found = after(release.clone(), Err(Kept::InSync), &Outcome::Nothing, 1_000);
    assert_eq!(found.status["revision"], "1.2.3");
    assert_eq!(found.status["conditions"].as_array().unwrap().len(), 3);
    // A commit that leaves the chart alone is no new revision.
    let mut moved = found.clone();
    moved.chart.as_mut().unwrap().revision = "9f86d08".to_owned();
    assert_eq!(after(moved, Err(Kept::InSync), &Outcome::Nothing, 2_000).status, found.status);
}

#[test]
fn a_status_of_any_shape_does_no_harm() {
    for hostile in [json!([]), json!("x"), json!({"conditions": "x"}), json!({"conditions": [1, {"type": 2}, null]})] {
        let release = ReleaseView { status: hostile, ..release("app") };
        let after = after(release, Ok("upgrade"), &succeeded(), 1_000);
        assert_eq!(after.status["phase"], "Succeeded");
    }
}

/// The release with rollback and tests, after an upgrade that failed, and what it then says of each step.
fn told(tests: Tests, steps: &[(Result<&'static str, Kept>, Outcome)]) -> Vec<String> {
    let mut release = release("app");
    release.history = vec![head(1, "superseded", None, 0), head(2, "deployed", None, 0)];
    let spec = release.spec.as_mut().unwrap();
    (spec.rollback, spec.tests) = (Some(rollbacks::rollback(Retries::Never)), Some(tests));
    let mut lines = Vec::new();
    for (n, (decided, outcome)) in (1..).zip(steps) {
        release = after(release, decided.clone(), outcome, n * 1000);
        let again = after(release.clone(), decided.clone(), outcome, n * 1000 + 500);
        assert_eq!(again.status, release.status, "{outcome:?} says the same twice");
        let conditions = release.status["conditions"].as_array().unwrap().iter();
        let conditions: Vec<_> =
            conditions.map(|c| format!("{}={}", c["type"].as_str().unwrap(), c["status"].as_str().unwrap())).collect();
        let count = release.status.get("rollbackCount").map(|count| format!(" count {count}")).unwrap_or_default();
        let revision = release.status.get("revision").and_then(Value::as_str).unwrap_or("-");
        let phase = release.status["phase"].as_str().unwrap();
        let line =
            format!("{phase} {} at {revision}{count}: {}", release.status["releaseStatus"], conditions.join(" "));
        lines.push(line);
    }
    lines
}

const STRICT: Tests = Tests { ignore_failures: false, timeout_seconds: 1 };

#[test]
fn a_rollback_is_told_step_by_step_and_forgotten_with_the_next_success() {
    let lines = told(
        STRICT,
        &[
            (Ok("upgrade"), Outcome::Failed("job timed out".to_owned())),
            (Ok("rollback"), Outcome::Nothing),
            (Ok("rollback"), Outcome::RollbackFailed("no answer".to_owned())),
            (Ok("rollback"), Outcome::RolledBack { count: 2 }),
            (Err(Kept::RolledBack { count: 2, until: None }), Outcome::Nothing),
            (Ok("upgrade"), succeeded()),
            (Ok("test"), Outcome::Nothing),
            (Ok("test"), Outcome::Tested),
        ],
    );
    insta::assert_snapshot!(lines.join("\n"), @r#"
    DeployFailed "failed" at -: Deployed=False Released=False
    RollingBack "deployed" at -: Deployed=False Released=False RolledBack=Unknown
    RollbackFailed "failed" at -: Deployed=False Released=False RolledBack=False
    RolledBack "deployed" at - count 2: Deployed=False Released=False RolledBack=True
    RolledBack "deployed" at - count 2: Deployed=False Released=False RolledBack=True
    Deployed "deployed" at - count 2: Deployed=True Released=Unknown RolledBack=True ChartFetched=True
    Testing "deployed" at - count 2: Deployed=True Released=Unknown RolledBack=True ChartFetched=True Tested=Unknown
    Succeeded "deployed" at 1.2.3: Deployed=True Released=True ChartFetched=True Tested=True
    "#);
}

#[test]
fn failed_tests_are_told_and_only_count_where_they_are_not_ignored() {
    let failed = || Outcome::TestsFailed("pod failed".to_owned());
    let strict = [
        (Ok("upgrade"), succeeded()),
        (Ok("test"), Outcome::Nothing),
        (Ok("test"), failed()),
        (Err(Kept::TestsFailed { until: NOW }), Outcome::Nothing),
    ];
    let lenient = [(Ok("upgrade"), succeeded()), (Ok("test"), failed())];
    let ignored = Tests { ignore_failures: true, ..STRICT };
    let lines = [told(STRICT, &strict), told(ignored, &lenient)].concat();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Deployed "deployed" at -: ChartFetched=True Deployed=True Released=Unknown
    Testing "deployed" at -: ChartFetched=True Deployed=True Released=Unknown Tested=Unknown
    TestFailed "deployed" at -: ChartFetched=True Deployed=True Released=False Tested=False
    TestFailed "deployed" at -: ChartFetched=True Deployed=True Released=False Tested=False
    Deployed "deployed" at -: ChartFetched=True Deployed=True Released=Unknown
    Succeeded "deployed" at 1.2.3: ChartFetched=True Deployed=True Released=True Tested=False
    "#);
}

#[test]
fn what_a_crash_kept_from_the_status_is_told_from_the_records() {
    let mut release = release("app");
    let mut newest = head(3, "deployed", None, 0);
    newest.marks.rolled_back = Some(RolledBack { inputs: Digest::of("bad"), count: 1 });
    release.history = vec![newest];
    let kept = Err(Kept::RolledBack { count: 1, until: None });
    let found = after(release.clone(), kept, &Outcome::Nothing, 1_000);
    insta::assert_snapshot!(print(&found.status), @r#"
    observedGeneration: 3
    phase: "RolledBack"
    releaseName: "dev-app"
    releaseStatus: "deployed"
    RolledBack True RolledBack ["00:00:01Z", "00:00:01Z"]: Rolled back Helm release 'dev-app' in 'dev'.
    Released False RolledBack ["00:00:01Z", "00:00:01Z"]: Release failed for Helm release 'dev-app' in 'dev': the upgrade failed and was rolled back
    rollbackCount: 1
    "#);
    // An upgrade whose status was lost: its record knows the commit.
    release.status = json!({"revision": "old"});
    release.history[0].marks.chart_revision = Some("9f86d08".to_owned());
    release.history[0].marks.tests = Some(Tested::Failed { times: 1 });
    release.spec.as_mut().unwrap().tests = Some(Tests { ignore_failures: true, ..STRICT });
    let found = after(release, Err(Kept::InSync), &Outcome::Nothing, 1_000);
    assert_eq!(found.status["revision"], "9f86d08");
    let tested = found.status["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Tested").cloned();
    assert_eq!(tested.unwrap()["status"], "False");
}

#[test]
fn a_failure_that_left_no_record_leaves_the_release_as_it_was() {
    let mut release = release("app");
    release.history = vec![head(1, "deployed", None, 0)];
    let refused = after(release, Ok("upgrade"), &Outcome::Refused("too large".to_owned()), 1_000);
    assert_eq!(
        (&refused.status["releaseStatus"], &refused.status["phase"]),
        (&json!("deployed"), &json!("DeployFailed"))
    );
}

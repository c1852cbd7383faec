use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{RunOutput, Runner, Running, Tally, with_time};
use crate::test::{
    binaries::TestBinary,
    choice::{Choice, Chosen},
    run::Durations,
    stopwatch::Stopwatch,
};

fn running(limit: Duration) -> Running {
    let tests = ["quick", "stuck"].map(str::to_owned);
    Running {
        watch: Stopwatch::start(&tests, 1, Instant::now()),
        limit,
        ended: Vec::new(),
        output: RunOutput::Live,
    }
}

fn script(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

const RESULT: &str = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'";

#[test]
fn what_hangs_is_ended_with_what_it_started_and_counts_as_a_failure() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("id");
    let text = format!(
        "echo 'test quick ... ok'; sleep 600 & echo $! > {}; wait",
        file.display()
    );
    let mut running = running(Duration::from_secs(2));
    let began = Instant::now();
    let tally = running.count(&mut script(&text)).expect("runs");
    assert_eq!((tally.passed, tally.failed), (0, 1));
    assert!(began.elapsed() < Duration::from_secs(60));
    let left = running.watch.running(Instant::now());
    assert_eq!(left[0].0, "stuck");
    let id = std::fs::read_to_string(file).expect("the child's id");
    let alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    };
    while alive() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!alive(), "it was left behind");
}

#[test]
fn a_binary_counts_by_its_closing_line_and_its_exit_code() {
    let counted = |text: &str| {
        let mut running = running(Duration::from_secs(60));
        running.count(&mut script(text)).expect("runs")
    };
    let passed = |passed, failed| Tally {
        passed,
        failed,
        ignored: 0,
    };
    assert_eq!(counted(RESULT), passed(2, 0));
    assert_eq!(counted(&format!("{RESULT}; exit 3")), passed(2, 1));
    assert_eq!(counted("true"), passed(0, 1), "no result");
    assert_eq!(counted("kill -9 $$"), passed(0, 1));
}

#[test]
fn times_are_kept_by_name() {
    let mut running = running(Duration::from_secs(60));
    let text = format!("sleep 0.3; echo 'test quick ... ok'; echo 'test stuck ... ok'; {RESULT}");
    running.count(&mut script(&text)).expect("runs");
    let [(first, time), (second, _)] = running.ended.as_slice() else {
        panic!("{:?}", running.ended)
    };
    assert_eq!((first.as_str(), second.as_str()), ("quick", "stuck"));
    assert!(*time >= Duration::from_millis(250), "{time:?}");

    let shown = |line: &str| {
        with_time(
            line.to_owned(),
            Some(&("a".into(), Duration::from_millis(1_234))),
        )
    };
    assert_eq!(shown("test a ... ok"), "test a ... ok (1.2 s)");
    assert_eq!(shown("test a ... FAILED"), "test a ... FAILED");
    assert_eq!(with_time("running 2 tests".into(), None), "running 2 tests");
}

#[test]
fn lanes_run_side_by_side_and_keep_their_lines() {
    let folder = tempfile::tempdir().expect("folder");
    // Each ends only when the other has begun.
    let binary = |own: &str, other: &str| {
        let path = folder.path().join(own);
        let text = format!(
            "#!/bin/sh\n: > {own}.began\nn=0\nwhile [ ! -e {other}.began ]; do sleep 0.05; \
             n=$((n+1)); [ $n -lt 1200 ] || exit 1; done\necho 'test {own} ... ok'\n{RESULT}\n"
        );
        // Written by another process: a file that this one has open for writing, in any thread, cannot
        // be run.
        let put = format!("cat > {0} && chmod +x {0}", path.display());
        let mut put = script(&put);
        let mut put = put.stdin(Stdio::piped()).spawn().expect("runs");
        let mut into = put.stdin.take().expect("piped");
        into.write_all(text.as_bytes()).expect("a script");
        drop(into);
        assert!(put.wait().expect("ends").success());
        Chosen {
            tests: vec![own.to_owned()],
            binary: TestBinary {
                package: own.to_owned(),
                kind: "test".to_owned(),
                name: "it".to_owned(),
                source: path.clone(),
                path,
                folder: folder.path().to_path_buf(),
            },
        }
    };
    let runner = Runner {
        choice: Choice::default(),
        variables: &[],
        lanes: 2,
    };
    let mut durations = Durations::default();
    let chosen = [binary("left", "right"), binary("right", "left")];
    let tally = runner.run(&chosen, &mut durations).expect("runs");
    assert_eq!((tally.passed, tally.failed), (4, 0));
    let mut named: Vec<_> = durations.0.iter().map(|(_, name)| name.as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, ["left test it: left", "right test it: right"]);

    let mut kept = RunOutput::for_lanes(2);
    kept.line("one");
    kept.line("two");
    assert!(matches!(&kept, RunOutput::Kept(text) if text == "one\ntwo\n"));
}

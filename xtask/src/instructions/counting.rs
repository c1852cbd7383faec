//! Runs the counted program under Callgrind and takes its totals. A stage is run with so many events
//! and with twice as many: the difference is what the events cost, without what was prepared.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// A stage of the counted program, as it lists itself.
pub(super) struct ListedStage {
    pub name: String,
    events: u64,
    program: PathBuf,
}

pub(super) fn stages(program: &Path) -> Result<Vec<ListedStage>> {
    let listed = Command::new(program)
        .output()
        .with_context(|| program.display().to_string())?;
    ensure!(
        listed.status.success(),
        "{} does not list its stages: {}: {}",
        program.display(),
        listed.status,
        String::from_utf8_lossy(&listed.stderr)
    );
    let listed = String::from_utf8(listed.stdout)?;
    let stage = |line| parse_stage(program, line);
    let stages: Vec<ListedStage> = listed.lines().map(stage).collect::<Result<_>>()?;
    ensure!(!stages.is_empty(), "{} has no stage", program.display());
    Ok(stages)
}

fn parse_stage(program: &Path, line: &str) -> Result<ListedStage> {
    let mut columns = line.split('\t');
    let name = columns.next().context("a stage has a name")?.to_owned();
    let events = columns.next().context("a stage has a number of events")?;
    Ok(ListedStage {
        name,
        events: events.parse()?,
        program: program.to_owned(),
    })
}

/// Instructions of one event.
pub(super) fn count_event(stage: &ListedStage) -> Result<u64> {
    let once = count_run(stage, stage.events, "once")?;
    let twice = count_run(stage, 2 * stage.events, "twice")?;
    ensure!(
        twice > once,
        "{}: twice the events took {twice} instructions, and once {once}",
        stage.name
    );
    Ok((twice - once) / stage.events)
}

/// Instructions of a whole run, all threads.
fn count_run(stage: &ListedStage, events: u64, which: &str) -> Result<u64> {
    let out = profile_path(&stage.program, &stage.name, which);
    let mut option = std::ffi::OsString::from("--callgrind-out-file=");
    option.push(&out);
    let ended = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(option)
        .arg(&stage.program)
        .args([&stage.name, &events.to_string()])
        .stdin(Stdio::null())
        .output()
        .context("cannot run valgrind")?;
    ensure!(
        ended.status.success(),
        "{} under valgrind: {}",
        stage.name,
        String::from_utf8_lossy(&ended.stderr)
    );
    let profile = fs::read_to_string(&out).with_context(|| out.display().to_string())?;
    total(&profile).with_context(|| format!("{} has no total", out.display()))
}

/// Kept for `callgrind_annotate`.
fn profile_path(program: &Path, stage: &str, which: &str) -> PathBuf {
    program.with_file_name(format!("callgrind.{stage}.{which}"))
}

/// The line `totals: 123`, or else the first `summary: 123`: a run that is not divided has one part.
fn total(profile: &str) -> Option<u64> {
    let numbers = |prefix: &'static str| {
        let lines = profile
            .lines()
            .filter_map(move |line| line.strip_prefix(prefix));
        lines.filter_map(|number| number.trim().parse::<u64>().ok())
    };
    numbers("totals:")
        .next()
        .or_else(|| numbers("summary:").next())
}

#[cfg(test)]
mod tests {
    use super::{parse_stage, stages, total};
    use std::path::Path;

    #[test]
    fn a_program_that_lists_nothing_is_no_program_without_stages() {
        // These end with failure, and with nothing said.
        for (program, why) in [("false", "does not list"), ("true", "has no stage")] {
            let told = stages(Path::new(program))
                .err()
                .map(|error| error.to_string());
            assert!(told.is_some_and(|told| told.contains(why)), "{program}");
        }
    }

    #[test]
    fn a_total_is_read_whichever_way_it_is_written() {
        assert_eq!(total("events: Ir\nsummary: 12\n\ntotals: 34\n"), Some(34));
        assert_eq!(total("events: Ir\nsummary: 12\n"), Some(12));
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn a_stage_is_a_name_and_a_number() {
        let stage = parse_stage(Path::new("p"), "scan\t2000\twhat it is").unwrap();
        assert_eq!((stage.name.as_str(), stage.events), ("scan", 2_000));
        assert!(parse_stage(Path::new("p"), "scan").is_err());
    }
}

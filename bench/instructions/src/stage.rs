//! What a stage is, and a program of stages: `PROGRAM STAGE EVENTS`, or their list.

use std::process::ExitCode;

/// Something that events are put through.
pub struct CountedStage {
    pub name: &'static str,
    pub about: &'static str,
    /// How many events make a figure that does not depend on where memory happens to lie.
    pub events: u64,
    /// Prepares what the stage stands on, then puts so many events through it.
    pub run: fn(u64),
}

/// Does what this process was asked to: without arguments, lists the stages.
pub fn run_stages(stages: &[CountedStage]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            for stage in stages {
                println!("{}\t{}\t{}", stage.name, stage.events, stage.about);
            }
            ExitCode::SUCCESS
        }
        [name, events] => run_stage(stages, name, events),
        _ => fail("expected STAGE EVENTS, or no arguments for a list of stages"),
    }
}

fn run_stage(stages: &[CountedStage], name: &str, events: &str) -> ExitCode {
    let Some(stage) = stages.iter().find(|stage| stage.name == name) else {
        return fail(&format!("there is no stage `{name}`"));
    };
    let Ok(events) = events.parse() else {
        return fail(&format!("`{events}` is no number of events"));
    };
    (stage.run)(events);
    ExitCode::SUCCESS
}

fn fail(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

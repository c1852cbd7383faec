//! What is done to a fleet, and when: made from a seed and from what the fleet is made of, so that the
//! same seed does the same to the same fleet. Pure; must never look at a clock.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde::Serialize;
use std::fmt;

/// What a fleet has that can be hurt.
#[derive(Debug, Clone, Default)]
pub struct FleetShape {
    pub processes: Vec<String>,
    /// Links between the processes and servers that lead through a proxy of ours.
    pub links: Vec<String>,
    /// Servers that can be taken away.
    pub servers: Vec<String>,
    /// Workers may come and go beside those that stay.
    pub has_guests: bool,
    /// The view can be told to refuse what the pipeline does not expect.
    pub has_view: bool,
    /// Processes whose files are what they stand on.
    pub disks: Vec<String>,
}

/// One thing that is done to the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// SIGKILL; started again at the end.
    Kill { process: String },
    /// SIGTERM; started again at the end.
    Terminate { process: String },
    /// SIGSTOP; SIGCONT at the end.
    Freeze { process: String },
    /// Every connection is closed, and every new one.
    Cut { link: String },
    /// Connections stay and take new ones; no byte moves.
    Stall { link: String },
    /// Every byte comes later.
    Delay { link: String, millis: u64 },
    /// One direction of each connection ends, the other stays.
    HalfClose { link: String },
    /// The server is killed; started again at the end.
    Outage { server: String },
    /// All servers of that prefix are killed together; started again at the end.
    OutageOfAll { servers: Vec<String> },
    /// Workers come and go: one is started, another killed, as often as that.
    Storm { rounds: u64 },
    /// The view is told to refuse a field; no more at the end.
    Refusals,
    /// No file takes a byte of the process; all do at the end.
    FullDisk { process: String },
    /// Its time of day is another one; the right one at the end.
    ClockJump { process: String, millis: i64 },
}

impl Fault {
    /// The one process that it is done to.
    pub(crate) fn process(&self) -> Option<&str> {
        match self {
            Self::Kill { process }
            | Self::Terminate { process }
            | Self::Freeze { process }
            | Self::FullDisk { process }
            | Self::ClockJump { process, .. } => Some(process),
            _ => None,
        }
    }
}

/// A fault with its time, in milliseconds of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFault {
    pub at: u64,
    pub lasts: u64,
    #[serde(flatten)]
    pub fault: Fault,
}

impl PlannedFault {
    /// When it is over.
    #[must_use]
    pub fn ends(&self) -> u64 {
        self.at + self.lasts
    }
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, lasts) = (seconds_text(self.at), seconds_text(self.lasts));
        let what = match &self.fault {
            Fault::Kill { process } => format!("kill -9 {process}, away"),
            Fault::Terminate { process } => format!("SIGTERM {process}, away"),
            Fault::Freeze { process } => format!("freeze {process}"),
            Fault::Cut { link } => format!("cut {link}"),
            Fault::Stall { link } => format!("stall {link}"),
            Fault::Delay { link, millis } => format!("delay {link} by {millis} ms"),
            Fault::HalfClose { link } => format!("half-close {link}"),
            Fault::Outage { server } => format!("kill -9 {server}, away"),
            Fault::OutageOfAll { servers } => format!("kill -9 {}, away", servers.join(", ")),
            Fault::Storm { rounds } => format!("{rounds} rounds of workers that come and go"),
            Fault::Refusals => "the view refuses a field".to_owned(),
            Fault::FullDisk { process } => format!("no file takes a byte of {process},"),
            Fault::ClockJump { process, millis } => {
                format!("the clock of {process} jumps by {} s,", millis / 1_000)
            }
        };
        write!(f, "{at:>7} s  {what} {lasts} s")
    }
}

fn seconds_text(millis: u64) -> String {
    format!("{}.{}", millis / 1_000, millis % 1_000 / 100)
}

/// Before the first fault: a load that stands, to be hurt.
const CALM: u64 = 2_000;
/// Less than what is signed holds for.
const LONGEST_JUMP: i64 = 600_000;
/// Servers take so long to come back that their outages are left out of shorter runs.
const LONG: u64 = 30_000;

/// The faults of a run of so many milliseconds, by their beginnings. Every kind has its turn before
/// one comes again; some overlap with what they do not touch.
#[must_use]
pub fn plan_faults(seed: u64, duration: u64, shape: &FleetShape) -> Vec<PlannedFault> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut planned: Vec<PlannedFault> = Vec::new();
    let (mut at, mut turns) = (CALM, Vec::new());
    while at < duration {
        if turns.is_empty() {
            turns = round_turns(duration, shape);
            turns.shuffle(&mut random);
        }
        let Some(kind) = turns.pop() else {
            break;
        };
        let (fault, lasts) = make_fault(kind, duration, shape, &mut random);
        if at + lasts > duration {
            at += 500;
            continue;
        }
        let ends = at + lasts;
        planned.push(PlannedFault { at, lasts, fault });
        let overlaps = random.random_bool(0.25) && shape.processes.len() > 1;
        let pause = random.random_range(500..2_500);
        at = if overlaps { at + lasts / 2 } else { ends } + pause;
    }
    without_clashes(planned)
}

#[derive(Debug, Clone, Copy)]
enum FaultTurn {
    Kill,
    Terminate,
    Freeze,
    LongFreeze,
    Cut,
    Stall,
    Delay,
    HalfClose,
    Outage,
    OutageOfAll,
    Storm,
    Refusals,
    FullDisk,
    ClockJump,
}

/// The turns of one round.
fn round_turns(duration: u64, shape: &FleetShape) -> Vec<FaultTurn> {
    let mut turns = Vec::new();
    if !shape.processes.is_empty() {
        turns.extend([
            FaultTurn::Kill,
            FaultTurn::Kill,
            FaultTurn::Freeze,
            FaultTurn::Terminate,
            FaultTurn::ClockJump,
        ]);
        if duration >= LONG && shape.processes.len() > 1 {
            turns.push(FaultTurn::LongFreeze);
        }
    }
    if !shape.links.is_empty() {
        turns.extend([
            FaultTurn::Cut,
            FaultTurn::Stall,
            FaultTurn::Delay,
            FaultTurn::HalfClose,
        ]);
    }
    if !shape.servers.is_empty() && duration >= LONG {
        turns.push(FaultTurn::Outage);
        if broker_names(shape).len() > 1 {
            turns.push(FaultTurn::OutageOfAll);
        }
    }
    if shape.has_guests {
        turns.push(FaultTurn::Storm);
    }
    if shape.has_view {
        turns.push(FaultTurn::Refusals);
    }
    if !shape.disks.is_empty() {
        turns.push(FaultTurn::FullDisk);
    }
    turns
}

/// Servers that are one together: `broker-1`, `broker-2`, …
fn broker_names(shape: &FleetShape) -> Vec<String> {
    let servers = shape.servers.iter();
    servers
        .filter(|name| name.starts_with("broker"))
        .cloned()
        .collect()
}

fn make_fault(
    turn: FaultTurn,
    duration: u64,
    shape: &FleetShape,
    random: &mut StdRng,
) -> (Fault, u64) {
    let one = |of: &[String], random: &mut StdRng| of[random.random_range(0..of.len())].clone();
    let process = |random: &mut StdRng| one(&shape.processes, random);
    let link = |random: &mut StdRng| one(&shape.links, random);
    match turn {
        FaultTurn::Kill => (
            Fault::Kill {
                process: process(random),
            },
            random.random_range(0..1_500),
        ),
        FaultTurn::Terminate => (
            Fault::Terminate {
                process: process(random),
            },
            random.random_range(0..500),
        ),
        FaultTurn::Freeze => (
            Fault::Freeze {
                process: process(random),
            },
            random.random_range(300..3_000),
        ),
        // Longer than sessions: its partitions move, and it wakes as a ghost.
        FaultTurn::LongFreeze => (
            Fault::Freeze {
                process: process(random),
            },
            random.random_range(12_000..16_000),
        ),
        FaultTurn::Cut => (
            Fault::Cut { link: link(random) },
            random.random_range(200..3_000),
        ),
        FaultTurn::Stall => {
            let longest = if duration >= LONG { 12_000 } else { 3_000 };
            (
                Fault::Stall { link: link(random) },
                random.random_range(500..longest),
            )
        }
        FaultTurn::Delay => {
            let (link, millis) = (link(random), random.random_range(5..150));
            (
                Fault::Delay { link, millis },
                random.random_range(2_000..5_000),
            )
        }
        FaultTurn::HalfClose => (Fault::HalfClose { link: link(random) }, 0),
        FaultTurn::Outage => {
            let server = one(&shape.servers, random);
            (Fault::Outage { server }, random.random_range(2_000..8_000))
        }
        FaultTurn::OutageOfAll => {
            let servers = broker_names(shape);
            (
                Fault::OutageOfAll { servers },
                random.random_range(2_000..6_000),
            )
        }
        FaultTurn::Storm => (
            Fault::Storm {
                rounds: random.random_range(2..5),
            },
            0,
        ),
        FaultTurn::Refusals => (Fault::Refusals, random.random_range(1_000..4_000)),
        FaultTurn::FullDisk => {
            let process = one(&shape.disks, random);
            (Fault::FullDisk { process }, random.random_range(500..4_000))
        }
        FaultTurn::ClockJump => {
            let process = process(random);
            let far = random.random_range(2_000..LONGEST_JUMP);
            let millis = if random.random_bool(0.5) { far } else { -far };
            (
                Fault::ClockJump { process, millis },
                random.random_range(500..4_000),
            )
        }
    }
}

/// What a fault takes hold of.
fn fault_targets(fault: &Fault) -> Vec<&str> {
    match fault {
        Fault::Kill { .. }
        | Fault::Terminate { .. }
        | Fault::Freeze { .. }
        | Fault::FullDisk { .. }
        | Fault::ClockJump { .. } => fault.process().into_iter().collect(),
        Fault::Cut { link }
        | Fault::Stall { link }
        | Fault::Delay { link, .. }
        | Fault::HalfClose { link } => vec![link],
        Fault::Outage { server } => vec![server],
        Fault::OutageOfAll { servers } => servers.iter().map(String::as_str).collect(),
        Fault::Storm { .. } => vec!["guests"],
        Fault::Refusals => vec!["the view"],
    }
}

/// Nothing is hurt in two ways at the same time: the end of one would be the end of both.
fn without_clashes(planned: Vec<PlannedFault>) -> Vec<PlannedFault> {
    let mut kept: Vec<PlannedFault> = Vec::new();
    for fault in planned {
        let clashes = kept.iter().any(|other| {
            let shares = |target: &&str| fault_targets(&other.fault).contains(target);
            other.ends() >= fault.at && fault_targets(&fault.fault).iter().any(shares)
        });
        if !clashes {
            kept.push(fault);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{Fault, FleetShape, plan_faults};
    use std::collections::HashSet;

    fn shape() -> FleetShape {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        FleetShape {
            processes: names(&["gateway-0", "worker-0", "worker-1", "notifier-0"]),
            links: names(&["kafka", "cassandra"]),
            servers: names(&["broker-1", "broker-2", "broker-3", "cassandra-server"]),
            has_guests: true,
            has_view: true,
            disks: names(&["gateway-0"]),
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_plan_and_another_seed_another() {
        let plan = |seed| plan_faults(seed, 60_000, &shape());
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn a_long_run_has_every_kind_of_fault_and_ends_them_all() {
        for seed in 0..20 {
            let plan = plan_faults(seed, 600_000, &shape());
            let kinds: HashSet<_> = plan
                .iter()
                .map(|planned| std::mem::discriminant(&planned.fault))
                .collect();
            assert_eq!(kinds.len(), 13, "{plan:#?}");
            assert!(plan.iter().all(|planned| planned.ends() <= 600_000));
        }
    }

    #[test]
    fn an_embedded_fleet_is_hurt_in_its_one_process_and_nowhere_else() {
        let shape = FleetShape {
            processes: vec!["dev".to_owned()],
            disks: vec!["dev".to_owned()],
            ..FleetShape::default()
        };
        let plan = plan_faults(1, 30_000, &shape);
        assert!(plan.len() >= 8, "{plan:#?}");
        let is_of_process = |fault: &Fault| super::fault_targets(fault) == ["dev"];
        assert!(plan.iter().all(|planned| is_of_process(&planned.fault)));
        let is_full = |fault: &Fault| matches!(fault, Fault::FullDisk { .. });
        assert!(plan.iter().any(|planned| is_full(&planned.fault)));
        // One after the other.
        assert!(plan.windows(2).all(|pair| pair[0].ends() < pair[1].at));
    }
}

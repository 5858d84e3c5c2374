//! The command line. Exit status: 0 as expected, 1 an expectation missed, 2 a wrong file or command line, 3 a safety
//! check broken.

#[macro_use]
mod output;

mod attack;
mod seeds;
mod sweep;

use crate::huge_pages;
use attack::Attack;
use clap::{Args, Parser, Subcommand};
use gossip_sim::run::{Cost, Options, Outcome, measure_run, run};
use gossip_sim::scenario::Scenario;
use gossip_sim::shrink::{Failure, shrink};
use gossip_sim::{explore, replay, telling};
use indicatif::ProgressBar;
use seeds::{InOrder, Seeds, bar, for_seeds, seed_range, style};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use sweep::Sweep;

/// Simulate networks of gossip nodes: real protocol code, virtual time and network, repeatable by seed.
#[derive(Parser)]
#[command(name = "sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario file and say whether what it expects came true.
    Run(Run),
    /// Run random scenarios, one for each seed, until one fails.
    Explore(Explore),
    /// Run attacks with their adversaries and without, and say what they cost.
    Attack(Attack),
    /// Vary one or two settings of a scenario, and say what each value brings and costs.
    Sweep(Sweep),
    /// Replay what a daemon, or `sim run --trace`, recorded.
    Replay(replay::Arguments),
    /// Measure how fast and how small the simulation of a steady network is.
    Bench(Bench),
}

#[derive(Args)]
struct Run {
    /// The scenario, an ini file.
    file: PathBuf,
    /// The seed.
    #[arg(long, default_value_t = 0, conflicts_with = "seeds")]
    seed: u64,
    /// Many seeds, A..B without B, on all cores.
    #[arg(long, value_parser = seed_range)]
    seeds: Option<Seeds>,
    /// So many peers instead of what the file says.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    peers: Option<u32>,
    /// One line of JSON a run instead of a table.
    #[arg(long)]
    json: bool,
    /// Write a page about the run: one file, nothing else needed to look at it.
    #[arg(long, value_name = "OUT.html", conflicts_with = "seeds")]
    report: Option<PathBuf>,
    /// Record what a peer lives through, for `sim replay`.
    #[arg(long, value_name = "OUT", conflicts_with = "seeds")]
    trace: Option<PathBuf>,
    /// Which peer that is, by number.
    #[arg(long, value_name = "PEER", default_value_t = 0, requires = "trace")]
    trace_peer: u32,
    /// Check nothing: only to measure what checking costs.
    #[arg(long)]
    no_checks: bool,
}

#[derive(Args)]
struct Explore {
    /// A scenario whose faults and network stay, and which only the seed varies; drawn from the seed without one.
    file: Option<PathBuf>,
    /// The seeds, A..B without B.
    #[arg(long, value_parser = seed_range)]
    seeds: Seeds,
    /// Make the first failing scenario as small as possible and write it to this file.
    #[arg(long, value_name = "OUT.ini")]
    shrink: Option<PathBuf>,
    /// Don't stop at the first failure.
    #[arg(long, conflicts_with = "shrink")]
    keep_going: bool,
}

#[derive(Args)]
struct Bench {
    /// How many peers.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    peers: u32,
    /// Check nothing.
    #[arg(long)]
    no_checks: bool,
    /// One line of JSON.
    #[arg(long)]
    json: bool,
}

/// A page shows the spreading of so many messages at most.
const MESSAGES_KEPT: usize = 500;
/// From so many peers on large pages of memory matter.
const MANY: u32 = 500;

const GOOD: u8 = 0;
const MISSED: u8 = 1;
const WRONG: u8 = 2;
const BROKEN: u8 = 3;

pub(crate) fn main() -> ExitCode {
    let status = match Cli::parse().command {
        Command::Run(command) => command.main(),
        Command::Explore(command) => command.main(),
        Command::Attack(command) => command.main(),
        Command::Sweep(command) => command.main(),
        Command::Bench(command) => command.main(),
        Command::Replay(arguments) => return replay::main(&arguments),
    };
    ExitCode::from(status)
}

fn read(file: &std::path::Path) -> Result<Scenario, u8> {
    match Scenario::read(file) {
        Ok((scenario, warnings)) => {
            warnings.iter().for_each(|warning| errln!("{warning} (warning)"));
            Ok(scenario)
        }
        Err(error) => {
            errln!("{error}");
            Err(WRONG)
        }
    }
}

/// So many peers instead of what the file says.
fn resize(scenario: &mut Scenario, peers: u32) {
    scenario.joined = if scenario.joined == scenario.peers { peers } else { scenario.joined.min(peers) };
    scenario.bootstrappers = scenario.bootstrappers.min(peers);
    scenario.peers = peers;
}

/// What a run came to, or `None` if the program panicked under it, which is told.
fn guarded<R>(again: &str, bar: &ProgressBar, run: impl FnOnce() -> R) -> Option<R> {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok();
    if result.is_none() {
        bar.suspend(|| errln!("PANICKED; to repeat: {again}"));
    }
    result
}

fn status_of(outcome: &Outcome) -> u8 {
    match (outcome.violations.is_empty(), outcome.missed.is_empty()) {
        (false, _) => BROKEN,
        (true, false) => MISSED,
        (true, true) => GOOD,
    }
}

impl Run {
    fn main(&self) -> u8 {
        let mut scenario = match read(&self.file) {
            Ok(scenario) => scenario,
            Err(status) => return status,
        };
        self.peers.into_iter().for_each(|peers| resize(&mut scenario, peers));
        scenario.oddities().iter().for_each(|odd| errln!("{}: {odd} (warning)", self.file.display()));
        match self.seeds {
            None => self.one(scenario),
            Some(seeds) => self.many(&scenario, seeds),
        }
    }

    fn again(&self, seed: u64) -> String {
        let peers = self.peers.map_or(String::new(), |peers| format!(" --peers {peers}"));
        format!("sim run {} --seed {seed}{peers}", self.file.display())
    }

    fn options(&self) -> Options {
        Options {
            checks: !self.no_checks,
            record: self.trace.as_ref().map(|_| self.trace_peer),
            // A line for each of many seeds only says how many there were.
            keep_messages: if self.report.is_some() || self.json && self.seeds.is_none() { MESSAGES_KEPT } else { 0 },
        }
    }

    fn one(&self, scenario: Scenario) -> u8 {
        if scenario.peers >= MANY {
            huge_pages::ask_for();
        }
        if !self.json {
            outln!("{}\n; {}", scenario.to_ini(), self.again(self.seed));
        }
        let bar = bar(scenario.duration / 1_000_000, "simulated seconds");
        let measured = guarded(&self.again(self.seed), &bar, || {
            measure_run(scenario.clone(), self.seed, self.options(), |now, _| bar.set_position(now / 1_000_000))
        });
        bar.finish_and_clear();
        let Some((outcome, cost)) = measured else { return BROKEN };
        let report = telling::report(&scenario, &outcome, Some(cost), self.again(self.seed));
        if self.json {
            outln!("{}", telling::json(&report, &outcome));
        } else {
            out!("{}", report.table());
            outln!("{}", telling::counted(&outcome));
            outln!("trace digest {}", telling::digest(&outcome));
        }
        let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        files.extend(self.report.iter().map(|path| (path.clone(), report.html().into_bytes())));
        if let Some(path) = &self.trace {
            for (life, recording) in outcome.recordings.iter().enumerate() {
                // A peer that was started again has a recording for each life: OUT, OUT.2, OUT.3.
                let mut name = path.clone().into_os_string();
                if life > 0 {
                    name.push(format!(".{}", life + 1));
                }
                files.push((name.into(), recording.clone()));
            }
        }
        for (path, bytes) in files {
            if let Err(error) = std::fs::write(&path, bytes) {
                errln!("{} cannot be written: {error}", path.display());
                return WRONG;
            }
        }
        output::to_stderr(format_args!("{}", telling::warnings(&outcome)));
        if !outcome.is_good() {
            errln!("{}failed; to repeat: {}", telling::complaints(&outcome), self.again(self.seed));
        }
        status_of(&outcome)
    }

    /// Tells of each seed as soon as all before it have been told of.
    fn many(&self, scenario: &Scenario, seeds: Seeds) -> u8 {
        let told = Mutex::new((GOOD, InOrder::from(seeds.first)));
        for_seeds(seeds, |seed, bar| {
            let run = || measure_run(scenario.clone(), seed, self.options(), |_, _| {});
            let (status, line, complaint) = match guarded(&self.again(seed), bar, run) {
                // The process's memory is that of all runs at once.
                Some((outcome, cost)) => self.story(scenario, seed, &outcome, Cost { memory: 0, ..cost }),
                None => (BROKEN, self.panicked(seed), String::new()),
            };
            let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            told.0 = told.0.max(status);
            told.1.put(seed, (line, complaint));
            while let Some((line, complaint)) = told.1.next() {
                bar.suspend(|| {
                    outln!("{line}");
                    output::to_stderr(format_args!("{complaint}"));
                });
            }
            true
        });
        told.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    fn panicked(&self, seed: u64) -> String {
        match self.json {
            true => serde_json::json!({ "seed": seed, "ending": "panicked", "command": self.again(seed) }).to_string(),
            false => format!("seed {seed}: PANICKED"),
        }
    }

    /// The status of one of many runs, what is said of it, and what is said against it.
    fn story(&self, scenario: &Scenario, seed: u64, outcome: &Outcome, cost: Cost) -> (u8, String, String) {
        let line = if self.json {
            let report = telling::report(scenario, outcome, Some(cost), self.again(seed));
            telling::json(&report, outcome).to_string()
        } else {
            let verdict = if outcome.is_good() { "as expected" } else { "FAILED" };
            format!("seed {seed}: {verdict}, digest {}, {} events", telling::digest(outcome), outcome.stats.events)
        };
        let complaint = match outcome.is_good() {
            true => String::new(),
            false => format!("{}failed; to repeat: {}\n", telling::complaints(outcome), self.again(seed)),
        };
        (status_of(outcome), line, complaint)
    }
}

impl Explore {
    fn main(&self) -> u8 {
        let fixed = match self.file.as_deref().map(read).transpose() {
            Ok(fixed) => fixed,
            Err(status) => return status,
        };
        let scenario_of = |seed| fixed.clone().unwrap_or_else(|| explore::draw(seed));
        outln!("exploring seeds {}..{}, checks on", self.seeds.first, self.seeds.past);
        // The status and the failing seeds.
        let failed = Mutex::new((GOOD, Vec::new()));
        for_seeds(self.seeds, |seed, bar| {
            let scenario = scenario_of(seed);
            let run = std::panic::catch_unwind(|| run(scenario, seed, Options::default(), |_, _| {}));
            let (status, story) = match &run {
                Ok(outcome) if outcome.is_good() => return true,
                Ok(outcome) => (status_of(outcome), telling::complaints(outcome)),
                Err(_) => (BROKEN, "PANICKED\n".to_owned()),
            };
            let mut failed = failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            failed.0 = failed.0.max(status);
            failed.1.push(seed);
            let told: Vec<_> = story.lines().take(5).collect();
            bar.suspend(|| outln!("seed {seed}: {}\n  to repeat: {}", told.join("\n  "), self.again(seed)));
            self.keep_going
        });
        let (status, mut seeds) = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        seeds.sort_unstable();
        match (seeds.first(), &self.shrink) {
            (Some(&seed), Some(out)) => shrink_to(&scenario_of(seed), seed, out),
            (Some(_), None) => outln!("{} seeds failed: {seeds:?}", seeds.len()),
            (None, _) => outln!("no seed failed"),
        }
        status
    }

    fn again(&self, seed: u64) -> String {
        let file = self.file.as_ref().map_or(String::new(), |file| format!(" {}", file.display()));
        format!("sim explore{file} --seeds {seed}..{}", seed + 1)
    }
}

fn shrink_to(scenario: &Scenario, seed: u64, out: &std::path::Path) {
    let Some(failure) = Failure::of_run(scenario, seed) else {
        outln!("seed {seed} did not fail again: this is a bug of the simulator");
        return;
    };
    let bar = ProgressBar::new_spinner().with_style(style("{spinner} {pos} tries, {msg}"));
    let small = shrink(scenario, seed, &failure, |best| {
        bar.inc(1);
        bar.set_message(format!("{} peers, {} faults", best.peers, best.timeline.len()));
    });
    bar.finish_and_clear();
    let text = format!("; {failure:?}\n; sim run {} --seed {seed}\n{}", out.display(), small.to_ini());
    match std::fs::write(out, text) {
        Ok(()) => outln!("the smallest that fails so: sim run {} --seed {seed}", out.display()),
        Err(error) => outln!("{} cannot be written: {error}", out.display()),
    }
}

impl Bench {
    fn main(&self) -> u8 {
        huge_pages::ask_for();
        let measured = gossip_sim::bench::measure(self.peers, !self.no_checks);
        if self.json {
            outln!("{}", serde_json::to_string(&measured).expect("numbers and text"));
        } else {
            out!("{}", gossip_sim::bench::text(&measured));
        }
        if measured.broken.is_empty() { GOOD } else { BROKEN }
    }
}

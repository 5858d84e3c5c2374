//! `gossip status`: how a daemon is.

use super::units::{count, span};
use super::{EXIT_STATUS, Where, client, print};
use crate::Failure;
use crate::output::json_line;
use gossip_driver_mio::status::{Direction, StatusReport};
use std::fmt::Write as _;
use std::process::ExitCode;

/// Data types that are named.
const TYPES_SHOWN: usize = 8;

/// Show how a daemon is: its neighbours, modules and messages, and which limits it met
///
/// Asks the daemon's status_address.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Where,
    /// Print everything the daemon says, as a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    let address = options.place.address()?;
    let report = client::status(&address)?;
    print(&if options.json { json_line(&report) } else { text(&address, &report) })?;
    Ok(ExitCode::SUCCESS)
}

fn text(address: &str, report: &StatusReport) -> String {
    let mut out = String::new();
    let mut line = |name: &str, what: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<13}{what}");
    };
    let list =
        |addresses: &[std::net::SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let up = span(report.uptime_seconds);
    line("daemon", format!("gossipd {} at {address}, up {up} since {}", report.version, report.started));
    let advertised = match report.addresses.advertised.as_slice() {
        [] => String::new(),
        others => format!(", advertised as {}", list(others)),
    };
    line("peers at", format!("{}{advertised}", list(&report.addresses.p2p)));
    line("modules at", list(&report.addresses.api));
    let dialed = report.neighbours.iter().filter(|neighbour| neighbour.direction == Direction::Dialed).count();
    let neighbours = report.neighbours.len() as u64;
    line(
        "neighbours",
        format!(
            "{} ({dialed} dialed); {} candidates, {} lost",
            count(neighbours),
            count(report.candidates),
            count(report.lost)
        ),
    );
    line("modules", format!("{}, {}", count(report.connections.modules), subscriptions(report)));
    let messages = &report.messages;
    line(
        "messages",
        format!(
            "{} waiting, {} seen lately, {} held for newcomers",
            count(messages.waiting),
            count(messages.seen),
            count(messages.knowledge)
        ),
    );
    line(
        "so far",
        format!(
            "{} announced here, {} received ({} copies), {} notified, {} sent to neighbours",
            count(report.counter("announcements")),
            count(report.counter("peer_notifications")),
            count(report.counter("messages_duplicate")),
            count(report.counter("notifications")),
            count(report.counter("spread"))
        ),
    );
    let proofs = &report.proofs_of_work;
    line(
        "proofs",
        format!(
            "{} found, {} waiting; {} of others wrong",
            count(proofs.found),
            count(proofs.waiting),
            count(proofs.wrong)
        ),
    );
    line("limits met", limits(report));
    out
}

fn subscriptions(report: &StatusReport) -> String {
    let types: Vec<String> =
        report.subscriptions.types.iter().take(TYPES_SHOWN).map(|one| one.r#type.to_string()).collect();
    let all = report.subscriptions.types.len() as u64 + report.subscriptions.more_types;
    let more = if all > TYPES_SHOWN as u64 { ", ..." } else { "" };
    match report.subscriptions.total {
        0 => "no subscriptions".to_owned(),
        total => format!("{} subscriptions to {} types: {}{more}", count(total), count(all), types.join(", ")),
    }
}

fn limits(report: &StatusReport) -> String {
    let told = |(key, met): (&str, u64)| format!("{key} {} times", count(met));
    let mut met: Vec<(&str, u64)> =
        report.limits.iter().filter(|limit| limit.met > 0).map(|limit| (&*limit.key, limit.met)).collect();
    met.dedup();
    if met.is_empty() { "none".to_owned() } else { met.into_iter().map(told).collect::<Vec<_>>().join(", ") }
}

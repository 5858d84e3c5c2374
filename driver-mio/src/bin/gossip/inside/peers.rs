//! `gossip peers`: a daemon's neighbours, one by one.

use super::units::{bytes, count, span};
use super::{EXIT_STATUS, Where, client, print};
use crate::Failure;
use crate::output::json_line;
use comfy_table::{CellAlignment, Table, presets};
use gossip_driver_mio::status::{Direction, NeighbourReport};
use std::process::ExitCode;

/// Show a daemon's neighbours
///
/// Who they are, who dialed, since when, and what went over their present connections.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Where,
    /// Print a JSON object a neighbour, a line each
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    let neighbours = client::status(&options.place.address()?)?.neighbours;
    print(&if options.json { neighbours.iter().map(json_line).collect() } else { table(&neighbours) })?;
    Ok(ExitCode::SUCCESS)
}

fn table(neighbours: &[NeighbourReport]) -> String {
    if neighbours.is_empty() {
        return "no neighbours\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["address", "dialed by", "for", "heard", "msgs in", "msgs out", "in", "out", "queued", ""]);
    for neighbour in neighbours {
        let size = |n: u64| bytes(n as f64);
        table.add_row([
            neighbour.address.to_string(),
            if neighbour.direction == Direction::Dialed { "us" } else { "it" }.to_owned(),
            span(neighbour.age_seconds),
            format!("{} ago", span(neighbour.silent_seconds)),
            count(neighbour.received_messages),
            count(neighbour.sent_messages),
            size(neighbour.received_bytes),
            size(neighbour.sent_bytes),
            size(neighbour.queued_bytes),
            if neighbour.capable { "" } else { "without extensions" }.to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(2).take(7) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines = table.lines().map(|line| line.trim_end().trim_start_matches(' ').to_owned() + "\n");
    lines.collect()
}

//! Writes a report of a made-up run, so that the page and the table can be looked at:
//!
//!     cargo run -p gossip-sim --example report -- report.html [PEERS [MESSAGES]]

use gossip_sim::report::{Broken, Cost, Fault, Message, Overlay, Report, Summary, Traffic, Values, Verdict};

mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(file) = arguments.first() else {
        return Err("usage: report FILE.html [PEERS [MESSAGES]]".into());
    };
    let peers = arguments.get(1).map_or(Ok(120), |text| text.parse())?;
    let messages = arguments.get(2).map_or(Ok(300), |text| text.parse())?;
    let report = sample::sample(peers, messages);
    std::fs::write(file, report.html())?;
    print!("{}", report.table());
    Ok(())
}

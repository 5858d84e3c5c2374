//! What is shown: a table that is kept up to date, or lines, or JSON.

use super::network::Place;
use super::tally::{Message, Tally};
use super::{End, Options};
use crate::Failure;
use crate::output::json_line;
use console::{Term, style, truncate_str};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

/// Characters of the longest bar.
const BAR: usize = 8;

/// Where and how things are shown.
pub(super) struct View {
    form: Form,
    terminal: Term,
    places: Vec<Place>,
    /// Lines of the table that stand on the terminal.
    drawn: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Lines,
    Json,
}

impl View {
    pub(super) fn new(options: &Options) -> Self {
        let terminal = Term::stdout();
        // Where the table does not fit, it could not be drawn over.
        let fits = terminal.size_checked().is_some_and(|(rows, _)| usize::from(rows) > usize::from(options.peers) + 8);
        let form = match options.json {
            true => Form::Json,
            false if terminal.is_term() && fits => Form::Table,
            false => Form::Lines,
        };
        Self { form, terminal, places: Vec::new(), drawn: 0 }
    }

    /// The network is there.
    pub(super) fn introduce(&mut self, places: &[Place]) -> Result<(), End> {
        self.places = places.to_vec();
        match self.form {
            Form::Table => Ok(()),
            Form::Json => {
                let network = places.iter().enumerate().map(|(n, place)| JsonPeer {
                    peer: n + 1,
                    modules: &place.modules,
                    peers: &place.peers,
                });
                self.print(&json_line(&JsonNetwork { network: network.collect() }))
            }
            Form::Lines => {
                let mut text = String::new();
                for (n, Place { modules, peers }) in places.iter().enumerate() {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "peer {} listens for modules on {modules}, for peers on {peers}", n + 1);
                }
                self.print(&text)
            }
        }
    }

    /// A message is over.
    pub(super) fn message(&mut self, message: &Message) -> Result<(), End> {
        match self.form {
            Form::Table => Ok(()),
            Form::Lines => {
                let told = message.told.iter().enumerate().map(|(n, took)| format!("{} {}", n + 1, span(*took)));
                let (number, told) = (message.number, told.collect::<Vec<_>>().join(", "));
                self.print(&format!("message {number}, announced at peer {}: {told}\n", message.announced_at + 1))
            }
            Form::Json => {
                let told = message.told.iter().enumerate();
                let told = told.map(|(n, took)| JsonTold { peer: n + 1, ms: took.map(milliseconds) });
                let line = JsonMessage {
                    message: message.number,
                    announced_at: message.announced_at + 1,
                    told: told.collect(),
                };
                self.print(&json_line(&line))
            }
        }
    }

    /// Draws the table over the one before.
    pub(super) fn draw(&mut self, tally: &Tally) -> Result<(), End> {
        if self.form != Form::Table {
            return Ok(());
        }
        let width = usize::from(self.terminal.size().1);
        let mut text = if self.drawn > 0 { format!("\x1b[{}A", self.drawn) } else { String::new() };
        let lines = self.table(tally);
        for line in &lines {
            // A line that the terminal breaks would be two.
            let _ = writeln!(text, "{}\x1b[K", truncate_str(line, width, ""));
        }
        self.drawn = lines.len();
        self.print(&text)
    }

    /// The table stays where it is; an error's text comes below.
    pub(super) fn give_way(&mut self) {
        self.drawn = 0;
    }

    /// The last word.
    pub(super) fn conclude(&mut self, tally: &Tally) -> Result<(), Failure> {
        let (finished, all) = (tally.finished(), tally.reached_all());
        let text = match self.form {
            Form::Json => json_line(&JsonSummary { messages: finished, reached_all_peers: all }),
            Form::Table | Form::Lines => {
                let speed = tally.latency().map_or(String::new(), |(median, slowest)| {
                    format!(" (half within {}, all within {})", span(Some(median)), span(Some(slowest)))
                });
                format!("{all} of {finished} messages reached all{speed}\nthe daemons have ended\n")
            }
        };
        match self.print(&text) {
            Err(End::Failed(failure)) => Err(failure),
            Ok(()) | Err(End::InGoodOrder) => Ok(()),
        }
    }

    fn table(&self, tally: &Tally) -> Vec<String> {
        let peers = self.places.len();
        let mut lines = vec![
            style(format!("{peers} gossip daemons on this host, a module at each; Ctrl-C ends them"))
                .bold()
                .to_string(),
            String::new(),
            style("peer  modules connect to  neighbours  told      last    median   slowest").dim().to_string(),
        ];
        let slowest = tally.peers.iter().filter_map(|peer| peer.latest).max().unwrap_or_default();
        for (n, (place, peer)) in self.places.iter().zip(&tally.peers).enumerate() {
            let announced = tally.last.as_ref().is_some_and(|message| message.announced_at == n);
            let bar = peer.latest.map_or(String::new(), |took| bar(took, slowest));
            lines.push(format!(
                "{:>4}  {:<19} {:>10} {:>5} {:>9} {:>9} {:>9}  {}",
                n + 1,
                place.modules,
                peer.neighbours,
                peer.told,
                span(peer.latest),
                span(peer.median()),
                span(peer.slowest()),
                if announced { style(bar).cyan() } else { style(bar).green() },
            ));
        }
        lines.push(String::new());
        lines.push(match &tally.last {
            Some(message) => {
                let told = format!("{} of {peers} were told", message.count());
                let told = if message.count() == peers { style(told).green() } else { style(told).red() };
                let within = span(message.slowest());
                let (number, announced_at) = (message.number, message.announced_at + 1);
                format!("message {number}, announced at peer {announced_at}: {told} within {within}")
            }
            None if tally.announced() > 0 => "the first message is under way".to_owned(),
            None => "joining: each peer does a proof of work for every neighbour that it calls".to_owned(),
        });
        lines
    }

    /// Whoever read the pipe and closed it has seen enough.
    fn print(&self, text: &str) -> Result<(), End> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => End::InGoodOrder,
            _ => Failure::not_done(format_args!("cannot write to standard output: {error}")).into(),
        })
    }
}

fn bar(took: Duration, longest: Duration) -> String {
    let eighths = (took.as_micros() * (BAR as u128) * 8).checked_div(longest.as_micros()).unwrap_or(0);
    let eighths = usize::try_from(eighths).unwrap_or(usize::MAX).clamp(1, BAR * 8);
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    format!("{}{}", "█".repeat(eighths / 8), parts.get(eighths % 8).unwrap_or(&""))
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

fn span(took: Option<Duration>) -> String {
    match took {
        Some(took) => format!("{:.2} ms", milliseconds(took)),
        None => "-".to_owned(),
    }
}

#[derive(Serialize)]
struct JsonNetwork<'a> {
    network: Vec<JsonPeer<'a>>,
}

#[derive(Serialize)]
struct JsonPeer<'a> {
    peer: usize,
    modules: &'a str,
    peers: &'a str,
}

#[derive(Serialize)]
struct JsonMessage {
    message: u64,
    announced_at: usize,
    told: Vec<JsonTold>,
}

/// Without a time: not told.
#[derive(Serialize)]
struct JsonTold {
    peer: usize,
    ms: Option<f64>,
}

#[derive(Serialize)]
struct JsonSummary {
    messages: u64,
    reached_all_peers: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_never_nothing_nor_too_long() {
        let ms = Duration::from_millis;
        assert_eq!(bar(ms(8), ms(8)), "█".repeat(8));
        assert_eq!(bar(ms(4), ms(8)), "█".repeat(4));
        assert_eq!(bar(Duration::from_micros(500), ms(8)), "▌");
        assert_eq!((bar(ms(0), ms(8)), bar(ms(0), ms(0))), ("▏".to_owned(), "▏".to_owned()));
    }
}

//! What is drawn. Readable at 80 by 24; more room shows more neighbours and events.

use super::screen::{Rates, Screen};
use crate::inside::units::{bytes, count, short, span};
use crate::output::harmless;
use gossip_driver_mio::status::{Direction, LoggedEvent, NeighbourReport, StatusReport};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table};

const HEADER: [&str; 8] = ["Address", "Dialed", "For", "Heard", "In/s", "Out/s", "Bytes/s", "Queued"];
/// Sums to 78 with a space between: what a terminal of 80 columns leaves inside a border.
const WIDTHS: [Constraint; 8] = [
    Constraint::Fill(1),
    Constraint::Length(6),
    Constraint::Length(6),
    Constraint::Length(6),
    Constraint::Length(6),
    Constraint::Length(6),
    Constraint::Length(8),
    Constraint::Length(8),
];
/// Rows of events, border included, where there are only 24.
const EVENT_ROWS: u16 = 6;

pub(super) fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    let [title, figures, plots, neighbours, events] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(4),
        Constraint::Length(5),
        Constraint::Min(5),
        Constraint::Length(EVENT_ROWS.max(frame.area().height / 4)),
    ])
    .areas(frame.area());
    draw_title(screen, frame, title);
    let Some(status) = &screen.latest else {
        return frame.render_widget(Paragraph::new("asking ..."), figures);
    };
    frame.render_widget(Paragraph::new(figures_of(status)), figures);
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(plots);
    draw_plot(screen, frame, left, "received", |rates| rates.received);
    draw_plot(screen, frame, right, "sent", |rates| rates.sent);
    draw_neighbours(screen, status, frame, neighbours);
    draw_events(screen, frame, events);
}

fn draw_title(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let state = match (&screen.trouble, &screen.latest) {
        (Some(trouble), _) => Span::styled(harmless(trouble), Style::new().fg(Color::Red)),
        (None, Some(status)) => {
            Span::raw(format!("gossipd {}, up {}", harmless(&status.version), span(status.uptime_seconds)))
        }
        (None, None) => Span::raw(""),
    };
    let line = Line::from(vec![Span::styled(screen.address.clone(), bold), Span::raw("  "), state]);
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(7)]).areas(area);
    frame.render_widget(line, left);
    frame.render_widget(Line::from("q quits").right_aligned(), right);
}

fn figures_of(status: &StatusReport) -> Vec<Line<'static>> {
    let dialed = status.neighbours.iter().filter(|neighbour| neighbour.direction == Direction::Dialed).count() as u64;
    let messages = &status.messages;
    let row = |name: &'static str, figures: &[(&'static str, String)]| {
        let faint = Style::new().add_modifier(Modifier::DIM);
        let mut spans = vec![Span::styled(format!("{name:<11}"), faint)];
        for (what, figure) in figures {
            spans.push(Span::styled(figure.clone(), Style::new().add_modifier(Modifier::BOLD)));
            spans.push(Span::styled(format!(" {what}   "), faint));
        }
        Line::from(spans)
    };
    vec![
        row(
            "neighbours",
            &[
                ("in all", count(status.neighbours.len() as u64)),
                ("dialed", count(dialed)),
                ("candidates", count(status.candidates)),
                ("lost", count(status.lost)),
            ],
        ),
        row(
            "modules",
            &[
                ("connected", count(status.connections.modules)),
                ("subscriptions", count(status.subscriptions.total)),
                ("announced", count(status.counter("announcements"))),
                ("notified", count(status.counter("notifications"))),
            ],
        ),
        row(
            "messages",
            &[
                ("waiting", count(messages.waiting)),
                ("seen", count(messages.seen)),
                ("held", count(messages.knowledge)),
                ("copies", count(status.counter("messages_duplicate"))),
            ],
        ),
        limits_of(status),
    ]
}

fn limits_of(status: &StatusReport) -> Line<'static> {
    let name = Span::styled(format!("{:<11}", "limits met"), Style::new().add_modifier(Modifier::DIM));
    let met: Vec<String> = status
        .limits
        .iter()
        .filter(|limit| limit.met > 0)
        .map(|limit| format!("{} {}", harmless(&limit.of).replace('_', " "), short(limit.met as f64)))
        .collect();
    let told = if met.is_empty() {
        Span::raw("none")
    } else {
        Span::styled(met.join(", "), Style::new().add_modifier(Modifier::BOLD))
    };
    Line::from(vec![name, told])
}

fn draw_plot(screen: &Screen, frame: &mut Frame<'_>, area: Rect, name: &str, value: fn(&Rates) -> f64) {
    let now = screen.rates.back().map_or(0.0, value);
    let columns = usize::from(area.width.saturating_sub(2));
    let skipped = screen.rates.len().saturating_sub(columns);
    // A plot has whole numbers; tenths of a message are enough.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are not negative; `as` saturates"
    )]
    let points: Vec<u64> = screen.rates.iter().skip(skipped).map(|rates| (value(rates) * 10.0) as u64).collect();
    let most = points.iter().max().map_or(0.0, |most| *most as f64 / 10.0);
    let title = format!(" messages {name} {}/s, max {} ", short(now), short(most));
    let plot =
        Sparkline::default().block(Block::bordered().title(title)).data(points).style(Style::new().fg(Color::Cyan));
    frame.render_widget(plot, area);
}

fn draw_neighbours(screen: &Screen, status: &StatusReport, frame: &mut Frame<'_>, area: Rect) {
    let rows = usize::from(area.height.saturating_sub(3));
    let (all, first) = (status.neighbours.len(), screen.first);
    let title = match all.saturating_sub(first + rows) {
        0 if first == 0 => format!(" neighbours: {all} "),
        more => format!(" neighbours: {all}, {first} above and {more} below (arrows) "),
    };
    let rates = |address| screen.of_neighbours.get(address).copied().unwrap_or_default();
    let shown = status.neighbours.iter().skip(first).take(rows);
    let table = Table::new(shown.map(|neighbour| neighbour_row(neighbour, rates(&neighbour.address))), WIDTHS)
        .header(row(HEADER.map(str::to_owned)).style(Style::new().add_modifier(Modifier::DIM)))
        .block(Block::bordered().title(title));
    frame.render_widget(table, area);
}

fn neighbour_row(neighbour: &NeighbourReport, rates: Rates) -> Row<'static> {
    let made = row([
        neighbour.address.to_string(),
        if neighbour.direction == Direction::Dialed { "by us" } else { "by it" }.to_owned(),
        span(neighbour.age_seconds),
        span(neighbour.silent_seconds),
        short(rates.received),
        short(rates.sent),
        bytes(rates.bytes),
        bytes(neighbour.queued_bytes as f64),
    ]);
    // An old peer, of other abilities.
    if neighbour.capable { made } else { made.style(Style::new().fg(Color::Magenta)) }
}

/// Texts to the left, then numbers to the right.
fn row(cells: [String; 8]) -> Row<'static> {
    let cell = |(index, text): (usize, String)| {
        let line = Line::from(text);
        Cell::from(if index >= 2 { line.right_aligned() } else { line })
    };
    Row::new(cells.into_iter().enumerate().map(cell))
}

fn draw_events(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let rows = usize::from(area.height.saturating_sub(2));
    let skipped = screen.events.len().saturating_sub(rows);
    let lines: Vec<Line<'_>> = screen.events.iter().skip(skipped).map(event_line).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" latest events ")), area);
}

fn event_line(event: &LoggedEvent) -> Line<'_> {
    // Of 2026-01-02T03:04:05.678Z the time of day.
    let time = event.time.get(11..19).unwrap_or(&event.time);
    let style = if event.level == "warn" { Style::new().fg(Color::Red) } else { Style::new() };
    Line::from(vec![
        Span::styled(format!("{} ", harmless(time)), Style::new().add_modifier(Modifier::DIM)),
        Span::styled(harmless(&event.text), style),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_driver_mio::status::EventsReport;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// What a daemon with three neighbours says after so many seconds of work.
    fn answer(seconds: u32) -> (StatusReport, EventsReport) {
        let n = u64::from(seconds);
        let neighbour = |port: u16, direction: &str, capable: bool, rate: u64| {
            format!(
                r#"{{"address":"127.0.0.1:{port}","direction":"{direction}","capable":{capable},
                "age_seconds":{seconds}.5,"silent_seconds":0.2,"received_bytes":{},"sent_bytes":{},
                "received_messages":{},"sent_messages":{},"queued_bytes":{},"connections":1}}"#,
                100 * rate * n,
                50 * rate * n,
                rate * n,
                rate * n / 2,
                rate * 1_000
            )
        };
        let status = format!(
            r#"{{"version":"0.1.0","started":"2026-01-02T03:00:00.000Z","uptime_seconds":{seconds}.75,
            "addresses":{{"p2p":["127.0.0.1:6001"],"advertised":[],"api":["127.0.0.1:7001"],"status":"127.0.0.1:8001"}},
            "neighbours":[{},{},{}],"candidates":5,"lost":1,
            "connections":{{"peers":4,"unverified":0,"modules":2}},
            "subscriptions":{{"total":3,"types":[{{"type":1337,"subscribers":3}}],"more_types":0}},
            "messages":{{"waiting":7,"waiting_bytes":448,"seen":12345,"knowledge":50,"parked_bytes":0}},
            "proofs_of_work":{{"waiting":0,"begun":2,"found":2,"cancelled":0,"wrong":0}},
            "limits":[{{"of":"messages_seen","key":"seen_max","used":12345,"most":1000000,"met":0}},
                {{"of":"messages_held","key":"cache_size","used":50,"most":50,"met":1234}}],
            "counters":{{"announcements":17,"notifications":42,"messages_duplicate":99,
                "peer_notifications":{},"spread":{},"p2p_bytes_in":0,"p2p_bytes_out":0}}}}"#,
            neighbour(6011, "dialed", true, 1_000),
            neighbour(6021, "accepted", true, 10),
            neighbour(6031, "accepted", false, 0),
            n * n * 10,
            n * 505
        );
        let event = |number: u64, level: &str, text: &str| LoggedEvent {
            number,
            time: format!("2026-01-02T03:04:0{number}.678Z"),
            level: level.to_owned(),
            kind: "x".to_owned(),
            text: text.to_owned(),
        };
        let all = [
            event(0, "info", "neighbour 127.0.0.1:6011 joined (d0)"),
            event(1, "info", "neighbour 127.0.0.1:6021 joined (a3)"),
            event(2, "warn", "cache_size reached: some\u{1b}[2J of what comes is dropped"),
        ];
        let events = EventsReport {
            started: "2026-01-02T03:00:00.000Z".to_owned(),
            next: 3,
            missed: 0,
            events: if seconds == 1 { all.into() } else { vec![] },
        };
        (serde_json::from_str(&status).unwrap(), events)
    }

    fn shown(screen: &Screen, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(screen, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned() + "\n";
        (0..height).map(line).collect()
    }

    fn after(seconds: u32) -> Screen {
        let mut screen = Screen::new("127.0.0.1:8001".to_owned());
        (1..=seconds).for_each(|second| screen.take(Ok(answer(second))));
        screen
    }

    /// Renewed with GOLDEN_RENEW=1.
    #[test]
    fn all_of_it_is_readable_at_80_by_24() {
        let seen = shown(&after(60), 80, 24);
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/gossip/inside/top/golden.txt");
        if std::env::var_os("GOLDEN_RENEW").is_some() {
            std::fs::write(golden, &seen).unwrap();
        }
        assert_eq!(seen, std::fs::read_to_string(golden).unwrap(), "\n{seen}");
    }

    #[test]
    fn a_daemon_that_does_not_answer_is_told_beside_what_it_said_last() {
        let mut screen = after(3);
        screen.take(Err("no daemon answers at 127.0.0.1:8001".to_owned()));
        let seen = shown(&screen, 80, 24);
        assert!(seen.contains("no daemon answers") && seen.contains("127.0.0.1:6011"), "{seen}");
        screen.take(Ok(answer(4)));
        assert!(!shown(&screen, 80, 24).contains("no daemon answers"));
    }

    #[test]
    fn a_restarted_daemon_begins_anew_and_never_runs_backwards() {
        let mut screen = after(60);
        let (mut status, events) = answer(1);
        status.started = "2026-01-02T04:00:00.000Z".to_owned();
        screen.take(Ok((status, events)));
        assert!(screen.rates.is_empty() && screen.of_neighbours.is_empty());
    }

    #[test]
    fn rates_are_those_of_the_last_second() {
        let screen = after(10);
        let last = screen.rates.back().unwrap();
        assert!((last.received - 190.0).abs() < 0.01 && (last.sent - 505.0).abs() < 0.01, "{last:?}");
        let busy = screen.of_neighbours[&"127.0.0.1:6011".parse().unwrap()];
        assert!((busy.received - 1_000.0).abs() < 0.01 && (busy.bytes - 150_000.0).abs() < 1.0, "{busy:?}");
    }

    #[test]
    fn scrolling_stays_within_the_list() {
        let mut screen = after(2);
        screen.scroll(1);
        let seen = shown(&screen, 80, 24);
        assert!(seen.contains("1 above and 0 below") && !seen.contains("127.0.0.1:6011  "), "{seen}");
        screen.scroll(100);
        assert_eq!(screen.first, 2);
        screen.scroll(-100);
        assert_eq!(screen.first, 0);
    }

    #[test]
    fn no_size_of_terminal_is_too_small_or_too_large() {
        for (width, height) in [(1, 1), (10, 3), (20, 10), (79, 23), (300, 100)] {
            shown(&after(3), width, height);
        }
    }
}

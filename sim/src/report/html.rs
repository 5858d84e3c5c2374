//! The page: everything in one file, for a browser that has no network.

use super::numbers::Values;
use super::overlay::{DRAWN_MAX, Graph};
use super::page::{card, columns, named_values, page};
use super::units::{bytes, count, exact, micros, moment, share, thousandths};
use super::{Report, plots};
use maud::{Markup, PreEscaped, html};

/// More rows than this are only counted.
const ROWS_MAX: usize = 100;

pub(super) fn render(report: &Report) -> String {
    let title = format!("{}, seed {}: {}", report.scenario, report.seed, report.ending().badge().1);
    let content = html! {
        (broken(report))
        div.top { (verdicts(report)) (figures(report)) }
        (coverage(report))
        div.grid {
            (spread(report))
            (latency(&report.latency))
            (hops(&report.hops))
            (overlay(report))
            (traffic(report))
            (views(report))
            (degrees(report))
        }
        (faults(report))
        (options(report))
    };
    page(&title, &header(report), &content)
}

fn header(report: &Report) -> Markup {
    let (class, word) = report.ending().badge();
    let summary = &report.summary;
    html! {
        header {
            h1 { (report.scenario) " " span.badge.(class) { (word) } }
            p {
                (count(summary.peers)) " peers lived through " (micros(summary.simulated)) " under seed " (report.seed)
                " and were told " (count(summary.deliveries)) " times of " (count(summary.announcements))
                " announcements."
            }
            p.command { span { "Repeat this run" } code { (report.command) } }
        }
    }
}

fn verdicts(report: &Report) -> Markup {
    let met = report.verdicts.iter().filter(|verdict| verdict.met).count();
    html! {
        section {
            h2 { "Expectations" }
            @if report.verdicts.is_empty() {
                p.note { "The scenario expects nothing." }
            } @else {
                table.verdicts {
                    caption { (met) " of " (report.verdicts.len()) " met" }
                    (columns(&["Verdict", "Expected"], &["Measured"]))
                    tbody {
                        @for verdict in &report.verdicts {
                            tr {
                                td {
                                    @if verdict.met { span.badge.good { "met" } }
                                    @else { span.badge.bad { "missed" } }
                                }
                                th scope="row" { (verdict.expectation) }
                                td.number { (verdict.measured) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn broken(report: &Report) -> Markup {
    if report.broken.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Broken safety properties" }
            div.scroll tabindex="0" role="region" aria-label="Broken safety properties" {
                table {
                    caption { (count(report.broken.len() as u64)) " found" }
                    (columns(&["Property", "What was seen"], &["Time", "Peer"]))
                    tbody {
                        @for broken in report.broken.iter().take(ROWS_MAX) {
                            tr {
                                th scope="row" { (broken.property) }
                                td { (broken.detail) }
                                td.number { (exact(broken.at)) }
                                td.number { (broken.peer) }
                            }
                        }
                    }
                }
            }
            (omitted(report.broken.len()))
        }
    }
}

fn omitted(rows: usize) -> Markup {
    html! {
        @if rows > ROWS_MAX { p.note { "and " (count((rows - ROWS_MAX) as u64)) " more" } }
    }
}

fn figures(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Totals" }
            dl.figures {
                @for (name, value) in report.figures() {
                    div { dt { (name) } dd { (value) } }
                }
            }
        }
    }
}

fn coverage(report: &Report) -> Markup {
    let legend = match report.messages.len() {
        0..=plots::SINGLE_MAX => html! {
            span.key.line { "a message, from its announcement to the last who got it" }
            span.key.dot { "not everybody" }
        },
        _ => html! {
            span.key.line { "median of the messages announced then" }
            span.key.band { "eight tenths of them" }
            span.key.dot { "the worst" }
        },
    };
    let undrawn = |wide| match plots::undrawn(report, wide) {
        0 => html! {},
        n => html! { p.note.(if wide { "wide" } else { "narrow" }) { (n) " more faults are in the list below." } },
    };
    html! {
        section {
            h2 { "Coverage over time" }
            @if report.messages.is_empty() && report.judged == 0 {
                p.note { "No message was announced that counts." }
            }
            @if let Some((shown, all)) = report.thinned() {
                p.note { (count(shown)) " of " (count(all)) " messages are shown, evenly chosen, here and below." }
            }
            p.note {
                "The share of those that should get a message and did, at the time of its announcement"
                @if !report.faults.is_empty() { "; below, what went wrong" } "."
            }
            p.legend { (legend) @if !report.faults.is_empty() { span.key.fault { "a fault" } } }
            div.wide { (PreEscaped(plots::coverage(report, true))) }
            div.narrow { (PreEscaped(plots::coverage(report, false))) }
            (undrawn(true)) (undrawn(false))
        }
    }
}

fn spread(report: &Report) -> Markup {
    let note = match report.messages.len() {
        0 | 1 => "The share that has it, so long after its announcement.",
        _ => "The share that has it, so long after its announcement: median, eight tenths, and the worst.",
    };
    card("Spread of a message", note, plots::spread(&report.messages), None)
}

fn latency(values: &Values) -> Markup {
    let note =
        format!("From announcement to delivery, of {} to modules that were there all the time.", count(values.count()));
    card("Latency", &note, plots::latency(values), percentiles(values))
}

fn hops(hops: &Values) -> Markup {
    let more = hops.mean_milli().zip(hops.percentile(1_000_000)).map(|(mean, last)| {
        html! {
            dl.small {
                div { dt { "mean" } dd { (thousandths(mean)) } }
                div { dt { "last" } dd { (last) } }
            }
        }
    });
    card("Hops", "That a peer's first copy had come.", plots::histogram(hops, "first copies by hops"), more)
}

fn traffic(report: &Report) -> Markup {
    let note = "Bytes by type of frame, and in how many frames.";
    card("Traffic among peers", note, plots::traffic(&report.traffic), None)
}

fn percentiles(latency: &Values) -> Option<Markup> {
    let rows = [("p50", 500_000), ("p90", 900_000), ("p99", 990_000), ("p99.9", 999_000), ("max", 1_000_000)];
    let rows: Option<Vec<_>> = rows.iter().map(|(name, ppm)| Some((name, latency.percentile(*ppm)?))).collect();
    rows.map(|rows| {
        html! {
            dl.small { @for (name, value) in rows { div { dt { (name) } dd { (micros(value)) } } } }
        }
    })
}

fn views(report: &Report) -> Markup {
    let views = Values::of(report.overlay.views.iter().map(|view| u64::from(view.1)));
    let more =
        views.mean_milli().zip(views.percentile(0)).zip(views.percentile(1_000_000)).map(|((mean, least), most)| {
            html! {
                dl.small {
                    div { dt { "fewest" } dd { (least) } }
                    div { dt { "mean" } dd { (thousandths(mean)) } }
                    div { dt { "most" } dd { (most) } }
                }
            }
        });
    card(
        "View sizes",
        "How many peers have so many neighbours in the end.",
        plots::histogram(&views, "peers by neighbours"),
        more,
    )
}

/// Instead of a picture, where there are too many to draw.
fn degrees(report: &Report) -> Markup {
    let graph = Graph::new(&report.overlay);
    if graph.len() <= DRAWN_MAX {
        return html! {};
    }
    let strays = graph.pieces().iter().filter(|piece| **piece > 0).count() as u64;
    let more = html! {
        dl.small {
            div { dt { "pieces" } dd { (count(report.overlay.pieces)) } }
            div { dt { "connections" } dd { (count(report.overlay.edges.len() as u64)) } }
            div { dt { "outside the largest piece" } dd { (count(strays)) " of " (count(graph.len() as u64)) } }
        }
    };
    let plot = plots::histogram(&Values::of(graph.degrees()), "peers by connections");
    card("Overlay", "Too many peers to draw: how many have so many connections in the end.", plot, Some(more))
}

fn overlay(report: &Report) -> Markup {
    let graph = Graph::new(&report.overlay);
    if graph.len() > DRAWN_MAX {
        return html! {};
    }
    let pieces = report.overlay.pieces;
    html! {
        section.big {
            h2 { "Overlay" }
            p.note {
                "Peers and their connections in the end: " (count(report.overlay.edges.len() as u64)) " connections, "
                (count(pieces)) (if pieces == 1 { " piece." } else { " pieces." })
            }
            @if pieces > 1 { p.legend { span.key.dot { "outside the largest piece" } } }
            (graph.draw())
        }
    }
}

fn faults(report: &Report) -> Markup {
    if report.faults.is_empty() {
        return html! {};
    }
    html! {
        details {
            summary { h2 { "Faults" } " " (count(report.faults.len() as u64)) " in order of time" }
            table {
                (columns(&["Fault"], &["From", "Until"]))
                tbody {
                    @for fault in report.faults.iter().take(ROWS_MAX) {
                        tr {
                            th scope="row" { (fault.label) }
                            td.number { (moment(fault.from)) }
                            td.number { @if let Some(until) = fault.until { (moment(until)) } }
                        }
                    }
                }
            }
            (omitted(report.faults.len()))
        }
    }
}

fn options(report: &Report) -> Markup {
    let traffic: u64 = report.traffic.iter().map(|one| one.bytes).sum();
    html! {
        details {
            summary { h2 { "Figures" } " behind the pictures" }
            table {
                caption { "Traffic" }
                (columns(&["Type"], &["Frames", "Bytes", "Share"]))
                tbody {
                    @for one in &report.traffic {
                        tr {
                            th scope="row" { (one.name) " (" (one.kind) ")" }
                            td.number { (count(one.frames)) }
                            td.number { (bytes(one.bytes)) }
                            td.number { (share(one.bytes, traffic)) }
                        }
                    }
                }
            }
        }
        (named_values("Options", "this was run with", &report.options))
    }
}

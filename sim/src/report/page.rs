//! What all pages have in common: the frame around them, cards and tables.

use super::Ending;
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) const STYLE: &str = include_str!("style.css");
/// Nothing is fetched, not even an icon, and no script runs, whatever a name in a scenario says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A page with everything in it.
pub(super) fn page(title: &str, header: &Markup, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header)
                main { (content) }
                footer { "gossip-sim " (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
    .into_string()
}

impl Ending {
    /// A style class and a word.
    pub(super) fn badge(self) -> (&'static str, &'static str) {
        match self {
            Self::Passed => ("good", "passed"),
            Self::Missed => ("bad", "missed"),
            Self::Broken => ("bad", "broken"),
        }
    }
}

/// A plot under its title, if there is one.
pub(super) fn card(title: &str, note: &str, plot: Option<String>, more: Option<Markup>) -> Markup {
    html! {
        section {
            h2 { (title) }
            @match plot {
                None => p.note { "There was none." },
                Some(svg) => {
                    p.note { (note) }
                    (PreEscaped(svg))
                    @if let Some(more) = more { (more) }
                }
            }
        }
    }
}

/// A table's head: texts, then numbers.
pub(super) fn columns(texts: &[&str], numbers: &[&str]) -> Markup {
    html! {
        thead {
            tr {
                @for text in texts { th scope="col" { (text) } }
                @for number in numbers { th.number scope="col" { (number) } }
            }
        }
    }
}

/// A folded table of names and values, if there are any.
pub(super) fn named_values(title: &str, what: &str, values: &[(String, String)]) -> Markup {
    html! {
        @if !values.is_empty() {
            details {
                summary { h2 { (title) } " " (what) }
                table {
                    tbody {
                        @for (name, value) in values {
                            tr { th scope="row" { (name) } td { (value) } }
                        }
                    }
                }
            }
        }
    }
}

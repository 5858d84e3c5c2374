//! Which path has which answer.

use super::http::{Refusal, Request, Response};
use super::look::{About, Look, Window};
use super::page::Page;
use super::report::StatusReport;
use super::{events, metrics};
use serde::Serialize;

const JSON: &str = "application/json";

/// What there is to answer with.
pub(super) struct Answers {
    pub(super) about: About,
    pub(super) page: Page,
    pub(super) answered: u64,
}

impl Answers {
    pub(super) fn answer(&mut self, request: &Request, window: &Window<'_>) -> Response {
        let response = self.find(request, window).unwrap_or_else(Response::from);
        self.answered += 1;
        response
    }

    fn find(&self, request: &Request, window: &Window<'_>) -> Result<Response, Refusal> {
        match request.path.as_str() {
            "/" => Ok(self.page.response()),
            "/healthz" => Ok(Response::ok("text/plain; charset=utf-8", "ok\n")),
            "/metrics" => {
                let text = metrics::render(&self.look(window)?);
                Ok(Response::ok("text/plain; version=0.0.4; charset=utf-8", text))
            }
            "/status" => Ok(json(&StatusReport::of(&self.look(window)?))),
            "/events" => {
                let since = since(request.query.as_deref())?;
                let report: events::EventsReport = window.events.since(since, &self.about.started);
                Ok(json(&report))
            }
            _ => Err(Refusal::NotFound),
        }
    }

    fn look<'a>(&'a self, window: &Window<'a>) -> Result<Look<'a>, Refusal> {
        Look::through(window, &self.about, self.answered).ok_or(Refusal::Unavailable)
    }
}

/// `since=N`; without it, from the first.
fn since(query: Option<&str>) -> Result<u64, Refusal> {
    let wrong = Refusal::Malformed("/events takes since=NUMBER and nothing else");
    match query {
        None | Some("") => Ok(0),
        Some(query) => query.strip_prefix("since=").and_then(|number| number.parse().ok()).ok_or(wrong),
    }
}

fn json(value: &impl Serialize) -> Response {
    let mut body = serde_json::to_vec(value).expect("structs of numbers and strings are always JSON");
    body.push(b'\n');
    Response::ok(JSON, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_asked_for_by_number_and_a_wrong_question_is_told() {
        assert_eq!((since(None), since(Some("")), since(Some("since=12"))), (Ok(0), Ok(0), Ok(12)));
        for wrong in ["since=", "since=-1", "since=x", "from=1", "since=1&x", "since=18446744073709551616"] {
            assert!(matches!(since(Some(wrong)), Err(Refusal::Malformed(_))), "{wrong}");
        }
    }
}

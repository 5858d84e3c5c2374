//! The live page: one file, for a browser that has no network but this.

use super::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

const FRAME: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The page, and what it may do.
pub(super) struct Page {
    html: String,
    policy: String,
}

impl Page {
    pub(super) fn new() -> Self {
        let html = FRAME
            .replace("<style></style>", &format!("<style>{STYLE}</style>"))
            .replace("<script></script>", &format!("<script>{SCRIPT}</script>"));
        // By their hashes this style and this script are allowed, and nothing that might get into the page otherwise.
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'self'",
            source(STYLE),
            source(SCRIPT)
        );
        Self { html, policy }
    }

    pub(super) fn response(&self) -> Response {
        Response::ok("text/html; charset=utf-8", self.html.as_str())
            .with_header("Content-Security-Policy", &self.policy)
            .with_header("Referrer-Policy", "no-referrer")
    }
}

fn source(text: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_one_file_that_asks_for_nothing_elsewhere() {
        let html = Page::new().html;
        assert!(html.contains(STYLE) && html.contains(SCRIPT), "a part is missing");
        for elsewhere in ["http://", "https://", "//cdn", "@import", "url(", "<link rel=\"stylesheet", "src="] {
            let found = html.replace("http://www.w3.org/2000/svg", "").contains(elsewhere);
            assert!(!found, "{elsewhere}");
        }
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("insertAdjacentHTML"), "texts stay texts");
    }
}

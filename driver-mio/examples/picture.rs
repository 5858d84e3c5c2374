//! A terminal's text, colours included, on standard input; an SVG picture of it on standard output.
//!
//! `docs/pictures/record` is what uses it.

use std::io::{self, Read as _, Write as _};

fn main() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let picture = anstyle_svg::Term::new().render_svg(text.trim_end());
    io::stdout().write_all(picture.as_bytes())
}

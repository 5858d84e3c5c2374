//! What all plots are drawn with.
//!
//! Sizes are half pixels: a plot is shown at about half its size, so that its lines are sharp where pixels are small.
//! Colours are the light page's; the page's style sheet swaps each for its dark counterpart.

use super::axis::Axis;
use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoTextStyle, RGBColor, TextStyle};

pub(super) const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
pub(super) const FAINT: RGBColor = RGBColor(0x52, 0x60, 0x6d);
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xe3, 0xea);
pub(super) const BLUE: RGBColor = RGBColor(0x25, 0x63, 0xeb);
pub(super) const ORANGE: RGBColor = RGBColor(0xc2, 0x5e, 0x00);
pub(super) const GREEN: RGBColor = RGBColor(0x0b, 0x6b, 0x3a);
pub(super) const VIOLET: RGBColor = RGBColor(0x7c, 0x3a, 0xed);
pub(super) const RED: RGBColor = RGBColor(0xa4, 0x16, 0x1a);

/// Plotters multiplies by 1.24 what a browser takes as the size: this is 12 pixels.
pub(super) const FONT: f64 = 30.0;
/// About what a letter of that takes.
pub(super) const LETTER: u64 = 13;
pub(super) const NARROW: u32 = 700;
pub(super) const CARD_HEIGHT: u32 = 480;
pub(super) const MARGIN: u32 = 56;
pub(super) const LABELS: u32 = 92;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

pub(super) const DRAWN: &str = "a picture in memory can be drawn on";

/// A chart with axes, grid and labels, `labels` half pixels for those at the left.
pub(super) fn chart<'a, 'b>(area: &'a Area<'b>, labels: u32, x: Axis, y: Axis) -> Chart<'a, 'b> {
    let mut chart = ChartBuilder::on(area)
        .margin_right(MARGIN)
        .margin_top(12)
        .set_label_area_size(plotters::chart::LabelAreaPosition::Left, labels)
        .set_label_area_size(plotters::chart::LabelAreaPosition::Bottom, 56)
        .build_cartesian_2d(x, y)
        .expect(DRAWN);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(FAINT.stroke_width(2))
        .label_style(("sans-serif", FONT, &FAINT))
        .draw()
        .expect(DRAWN);
    chart
}

/// Puts marks on it.
pub(super) fn put<'b, E>(chart: &mut Chart<'_, 'b>, elements: impl IntoIterator<Item = E>)
where
    for<'e> &'e E: plotters::element::PointCollection<'e, (f64, f64)>,
    E: plotters::element::Drawable<SVGBackend<'b>>,
{
    chart.draw_series(elements).expect(DRAWN);
}

/// A text that ends or begins at its place.
pub(super) fn text(colour: &'static RGBColor, side: HPos) -> TextStyle<'static> {
    let style: TextStyle<'static> = ("sans-serif", FONT).into_text_style(&(NARROW, CARD_HEIGHT));
    style.color(colour).pos(Pos::new(side, VPos::Center))
}

/// Draws a picture that says in words what it shows.
pub(super) fn draw(size: (u32, u32), alt: &str, paint: impl FnOnce(&Area<'_>)) -> String {
    let inside = paint_inside(size, paint);
    let alt = maud::html! { (alt) }.into_string();
    format!("<svg role=\"img\" aria-label=\"{alt}\" viewBox=\"0 0 {} {}\">{inside}</svg>", size.0, size.1)
}

/// What a picture of this size has in it, without the element around it.
pub(super) fn paint_inside(size: (u32, u32), paint: impl FnOnce(&Area<'_>)) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        paint(&area);
        area.present().expect(DRAWN);
    }
    // A size and a name of our own come in place of those of a file of its own.
    let inside = svg.split_once('>').map_or("", |(_, inside)| inside);
    inside.trim_end().trim_end_matches("</svg>").to_owned()
}

//! The trend as a drawing for a page: how many clients are ready, registered and informed, of those whom Peppol concerns.
//!
//! Lines and letters have the colour of the text around them. As a document of its own the drawing is dark on light or
//! light on dark, as its reader prefers.

use jiff::civil::Date;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::model::{Counts, Day};
use crate::kernel::catalogue::{self, Language};
use crate::kernel::dates;
use crate::kernel::error::{Error, FieldError, Result};

/// The colour that stands for that of the text while it is drawn; nothing else has it.
const INK: RGBColor = RGBColor(1, 2, 3);
/// As it is written for the colour above, and what is written instead.
const INK_WRITTEN: (&str, &str) = ("#010203", "currentColor");
/// The colour of the text where nothing around the drawing says one.
const STYLE: &str = "<style>svg:root{color:#24383f}@media (prefers-color-scheme:dark){svg:root{color:#e6ecef}}</style>";
/// Which of the counts a line shows.
type Counted = fn(&Counts) -> i64;
/// What is drawn, from above to below where all goes well: its name, its colour, which can be told from white and from
/// black, and how wide the line is.
const LINES: [(&str, RGBColor, u32, Counted); 3] = [
    ("informed", RGBColor(176, 112, 24), 2, |counts| counts.informed),
    ("registered", RGBColor(58, 122, 208), 2, |counts| counts.registered),
    ("ready", RGBColor(30, 140, 110), 4, |counts| counts.ready),
];
const FONT: &str = "sans-serif";
/// The height of a row that says which line is which, and the width from which one row is enough for all.
const LEGEND: (i32, u32) = (28, 520);

/// How large the drawing is, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// The smallest and the largest width, and that of a drawing of which nobody says how wide it is.
    pub const WIDTH: (u32, u32, u32) = (320, 2000, 720);
    /// The same of its height.
    pub const HEIGHT: (u32, u32, u32) = (200, 1200, 360);

    /// The size that is asked for.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `/width` and `/height`.
    pub fn of(width: Option<u32>, height: Option<u32>) -> Result<Self> {
        let mut wrong = Vec::new();
        let mut checked = |pointer: &str, asked: Option<u32>, (least, most, usual): (u32, u32, u32)| {
            let asked = asked.unwrap_or(usual);
            if !(least..=most).contains(&asked) {
                wrong.push(FieldError::new(pointer, "out_of_range").with("min", least).with("max", most));
            }
            asked
        };
        let width = checked("/width", width, Self::WIDTH);
        let height = checked("/height", height, Self::HEIGHT);
        if wrong.is_empty() { Ok(Self { width, height }) } else { Err(Error::Invalid(wrong)) }
    }
}

fn say(language: Language, key: &str, params: &[(&'static str, String)]) -> String {
    catalogue::text(language, &format!("readiness.{key}"), params)
}

/// Draws the days, of which the oldest comes first, as an SVG document.
///
/// # Errors
/// [`Error::Internal`] when it cannot be drawn.
pub fn chart(days: &[Day], size: Size, language: Language) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
        draw(&root, days, language).map_err(|fault| Error::internal(format!("the trend cannot be drawn: {fault}")))?;
        root.present().map_err(|fault| Error::internal(format!("the trend cannot be drawn: {fault}")))?;
    }
    let (mark, ink) = INK_WRITTEN;
    let svg = svg.replace(mark, ink);
    let (head, rest) = svg.split_once('>').ok_or_else(|| Error::internal("the drawing has no beginning"))?;
    let (title, told) = (escaped(&say(language, "chart_title", &[])), escaped(&described(days, language)));
    Ok(format!(
        "{head} role=\"img\" aria-labelledby=\"readiness-title readiness-desc\">{STYLE}\n\
         <title id=\"readiness-title\">{title}</title>\n<desc id=\"readiness-desc\">{told}</desc>{rest}"
    ))
}

/// What the drawing shows, for whoever does not see it.
fn described(days: &[Day], language: Language) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return say(language, "chart_empty", &[]) };
    let number = |of: i64| of.to_string();
    let params = [
        ("from", dates::written(first.day, language)),
        ("until", dates::written(last.day, language)),
        ("before", number(first.counts.ready)),
        ("ready", number(last.counts.ready)),
        ("registered", number(last.counts.registered)),
        ("informed", number(last.counts.informed)),
        ("concerned", number(last.counts.concerned())),
    ];
    say(language, "chart_told", &params)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

type Drawn<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn draw(root: &DrawingArea<SVGBackend<'_>, Shift>, days: &[Day], language: Language) -> Drawn<()> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        let (width, height) = root.dim_in_pixel();
        let place = (i32::try_from(width / 2)?, i32::try_from(height / 2)?);
        let style = letters(16).pos(Pos::new(HPos::Center, VPos::Center));
        root.draw(&Text::new(say(language, "chart_empty", &[]), place, style))?;
        return Ok(());
    };
    let columns = columns_of(root);
    let (legend, plot) = root.split_vertically(LEGEND.0 * (4 / columns));
    name_lines(&legend, columns, language)?;
    let since = |day: Date| (day - first.day).get_days();
    let most = days.iter().map(|day| day.counts.concerned()).max().unwrap_or_default();
    let mut chart = ChartBuilder::on(&plot)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(0..since(last.day).max(1), 0..(most + most / 20).max(4))?;
    let place = |day: &i32| first.day.checked_add(jiff::Span::new().days(i64::from(*day)));
    let written = |day: &i32| place(day).map_or_else(|_| String::new(), |day| short(day, language));
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK)
        .label_style(letters(15))
        .axis_desc_style(letters(15))
        .x_labels(8)
        .y_labels(6)
        .x_label_formatter(&written)
        .x_desc(say(language, "chart_days", &[]))
        .y_desc(say(language, "chart_clients", &[]))
        .draw()?;
    let all = days.iter().map(|day| (since(day.day), day.counts.concerned()));
    chart.draw_series(LineSeries::new(all, INK.mix(0.6).stroke_width(1)))?;
    for (_, colour, width, of) in LINES {
        let points: Vec<(i32, i64)> = days.iter().map(|day| (since(day.day), of(&day.counts))).collect();
        chart.draw_series(points.last().map(|point| Circle::new(*point, width + 1, colour.filled())))?;
        chart.draw_series(LineSeries::new(points, colour.stroke_width(width)))?;
    }
    Ok(())
}

/// How many lines are named beside each other.
fn columns_of(root: &DrawingArea<SVGBackend<'_>, Shift>) -> i32 {
    if root.dim_in_pixel().0 < LEGEND.1 { 2 } else { 4 }
}

/// Says above the drawing which line is which.
fn name_lines(legend: &DrawingArea<SVGBackend<'_>, Shift>, columns: i32, language: Language) -> Drawn<()> {
    let (width, _) = legend.dim_in_pixel();
    let column = i32::try_from(width)? / columns;
    let all = [("concerned", INK, 1)];
    let lines = LINES.iter().rev().map(|(name, colour, width, _)| (*name, *colour, *width)).chain(all);
    let style = letters(15).pos(Pos::new(HPos::Left, VPos::Center));
    for (number, (name, colour, width)) in lines.enumerate() {
        let number = i32::try_from(number)?;
        let (from, middle) = (number % columns * column + 8, number / columns * LEGEND.0 + LEGEND.0 / 2);
        legend.draw(&PathElement::new(vec![(from, middle), (from + 18, middle)], colour.stroke_width(width)))?;
        legend.draw(&Text::new(say(language, &format!("chart_{name}"), &[]), (from + 24, middle), style.clone()))?;
    }
    Ok(())
}

fn letters(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

/// A day as short as an axis needs it.
fn short(day: Date, language: Language) -> String {
    match language {
        Language::De => format!("{}.{}.", day.day(), day.month()),
        Language::Nl | Language::Fr | Language::En => format!("{}/{}", day.day(), day.month()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    fn days(count: i64) -> Vec<Day> {
        let first = Date::constant(2026, 11, 2);
        let counts =
            |n: i64| Counts { total: 100, exempt: 5, ready: n, registered: n + 9, informed: 60, ..Counts::default() };
        (0..count).map(|n| Day { day: first + n.days(), counts: counts(n) }).collect()
    }

    #[test]
    fn the_drawing_says_what_it_shows_in_every_language() {
        for language in Language::ALL {
            let svg = chart(&days(28), Size::of(None, None).unwrap(), language).unwrap();
            assert!(svg.starts_with("<svg width=\"720\" height=\"360\""), "{svg}");
            assert!(svg.contains("role=\"img\"") && svg.contains("currentColor") && !svg.contains(INK_WRITTEN.0));
            assert!(!svg.contains("readiness.chart"), "every text is there: {svg}");
            let told = svg.split_once("<desc").unwrap().1.split_once("</desc>").unwrap().0;
            assert!(["27", "36", "60", "95"].iter().all(|number| told.contains(number)), "{told}");
        }
        assert_eq!(escaped("<a & b>"), "&lt;a &amp; b&gt;");
    }

    #[test]
    fn few_days_and_extreme_numbers_are_drawn_too() {
        let small = Size::of(Some(320), Some(200)).unwrap();
        for count in [0, 1, 2, 730] {
            chart(&days(count), small, Language::De).unwrap();
        }
        let none = Day { day: Date::constant(2026, 11, 2), counts: Counts::default() };
        let huge = Day { counts: Counts { total: 1_000_000_000, ready: 1, ..Counts::default() }, ..none };
        for day in [none, huge] {
            chart(&[day], Size::of(Some(2000), Some(1200)).unwrap(), Language::Fr).unwrap();
        }
        assert!(Size::of(Some(319), Some(1201)).is_err());
    }
}

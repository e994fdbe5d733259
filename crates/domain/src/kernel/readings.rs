//! How people write yes and no, days and numbers in cells and text fields, and how we write them back.

use super::catalogue::Language;
use super::text;

const YES: &[&str] = &[
    "ja",
    "j",
    "oui",
    "o",
    "yes",
    "y",
    "x",
    "1",
    "true",
    "waar",
    "vrai",
    "wahr",
    "✓",
    "✔",
    "assujetti",
    "assujettie",
    "btw-plichtig",
    "pflichtig",
];
const NO: &[&str] = &[
    "neen",
    "nee",
    "nein",
    "non",
    "no",
    "n",
    "0",
    "false",
    "onwaar",
    "faux",
    "falsch",
    "non assujetti",
    "non assujettie",
    "niet btw-plichtig",
];

/// Yes or no; `None` when the text says neither.
#[must_use]
pub fn yes_no(text: &str) -> Option<bool> {
    let folded = text::fold(text);
    match folded.as_str() {
        yes if YES.contains(&yes) => Some(true),
        no if NO.contains(&no) => Some(false),
        _ => None,
    }
}

/// Yes or no in Dutch, French, German and English.
#[must_use]
pub fn said(value: bool, language: Language) -> &'static str {
    use Language as L;
    match (language, value) {
        (L::Nl | L::De, true) => "ja",
        (L::Nl, false) => "neen",
        (L::De, false) => "nein",
        (L::Fr, true) => "oui",
        (L::Fr, false) => "non",
        (L::En, true) => "yes",
        (L::En, false) => "no",
    }
}

/// A day as `YYYY-MM-DD`, whether it exists or not; a text that is no day comes back as it is. The day comes before the
/// month, a year has four digits, and a time of midnight behind it, as databases write it, is dropped.
#[must_use]
pub fn day(cell: &str) -> String {
    let date = cell.split_once([' ', 'T']).filter(|(_, time)| is_midnight(time)).map_or(cell, |(date, _)| date);
    let parts: Vec<&str> = date.split(['/', '-', '.']).collect();
    let [first, month, last] = parts.as_slice() else {
        return cell.to_owned();
    };
    let is_number = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    if !is_number(month, 1..=2) {
        return cell.to_owned();
    }
    match (first, last) {
        (day, year) if is_number(day, 1..=2) && is_number(year, 4..=4) => format!("{year}-{month:0>2}-{day:0>2}"),
        (year, day) if is_number(year, 4..=4) && is_number(day, 1..=2) => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => cell.to_owned(),
    }
}

fn is_midnight(time: &str) -> bool {
    !time.is_empty() && time.bytes().all(|b| matches!(b, b'0' | b':' | b'.' | b'Z'))
}

/// Whether a text is a day of the calendar in the form `YYYY-MM-DD`; `None` when it has not even the form.
#[must_use]
pub fn is_day(text: &str) -> Option<bool> {
    let fits = |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    let formed = text.len() == 10 && text.bytes().enumerate().all(fits);
    formed.then(|| text.parse::<jiff::civil::Date>().is_ok())
}

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDecimal {
    /// There is something else in it.
    Malformed,
    /// `1.250` is 1250 to some and one and a quarter to others.
    Ambiguous,
}

/// A number as people write it (`1.250,50`, `1 250.50`, `€ -3`) with a point before its decimals and nothing between its
/// thousands.
///
/// # Errors
/// [`NoDecimal`] says why it is none.
pub fn decimal(typed: &str) -> Result<String, NoDecimal> {
    let bare = typed.trim().trim_start_matches('€').trim_end_matches('€').trim();
    let bare = bare.strip_prefix("EUR").or_else(|| bare.strip_suffix("EUR")).unwrap_or(bare).trim();
    let (sign, bare) = match bare.strip_prefix(['-', '−']) {
        Some(rest) => ("-", rest.trim_start()),
        None => ("", bare.strip_prefix('+').unwrap_or(bare)),
    };
    let digits: String = bare.chars().map(|c| if c.is_whitespace() || c == '\'' { ' ' } else { c }).collect();
    let (whole, decimals) = match digits.rfind(['.', ',']) {
        None => (digits.as_str(), ""),
        Some(at) => {
            let (whole, rest) = digits.split_at(at);
            let (mark, decimals) = rest.split_at(1);
            if whole.contains(mark) {
                // The same sign twice stands between thousands.
                (digits.as_str(), "")
            } else if decimals.len() == 3 && !whole.contains([' ', '.', ',']) && may_be_thousands(whole) {
                return Err(NoDecimal::Ambiguous);
            } else {
                (whole, decimals)
            }
        }
    };
    let whole = without_grouping(whole).ok_or(NoDecimal::Malformed)?;
    if !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NoDecimal::Malformed);
    }
    let decimals = decimals.trim_end_matches('0');
    Ok(if decimals.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{decimals}") })
}

fn may_be_thousands(whole: &str) -> bool {
    matches!(whole.len(), 1..=3) && !whole.starts_with('0')
}

/// The digits of a whole number in which one and the same sign may stand between groups of three.
fn without_grouping(whole: &str) -> Option<String> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let Some(mark) = whole.chars().find(|c| !c.is_ascii_digit()) else {
        return is_digits(whole).then(|| whole.to_owned());
    };
    let mut groups = whole.split(mark);
    let first = groups.next().filter(|first| is_digits(first) && first.len() <= 3)?;
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 || !is_digits(group) || !matches!(mark, ' ' | '.' | ',') {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_every_notation_and_only_so() {
        for (cell, wanted) in [
            ("25/01/2017", "2017-01-25"),
            ("5/1/2017", "2017-01-05"),
            ("25-01-2017", "2017-01-25"),
            ("25.01.2017", "2017-01-25"),
            ("2017-01-25", "2017-01-25"),
            ("2017/1/5", "2017-01-05"),
            ("31/02/2020", "2020-02-31"),
            ("2017-01-25T00:00:00", "2017-01-25"),
            ("25/01/2017 00:00", "2017-01-25"),
            ("25/01/17", "25/01/17"),
            ("25 januari 2017", "25 januari 2017"),
            ("42760", "42760"),
            ("2017-01-25 13:00", "2017-01-25 13:00"),
            ("1/2/3/4", "1/2/3/4"),
        ] {
            assert_eq!(day(cell), wanted);
        }
    }

    #[test]
    fn a_day_has_its_form_and_exists() {
        assert_eq!(is_day("2024-02-29"), Some(true));
        assert_eq!(is_day("2023-02-29"), Some(false));
        for other in ["2024-2-29", "+24-02-29", "2024-02-29 ", "20240229", ""] {
            assert_eq!(is_day(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_are_read_in_every_notation_and_none_is_guessed() {
        for (typed, wanted) in [
            ("1250", "1250"),
            ("1250,50", "1250.5"),
            ("1.250,50", "1250.5"),
            ("1,250.50", "1250.5"),
            ("1 250,5", "1250.5"),
            ("1'250.00", "1250"),
            ("€ -3", "-3"),
            ("12,5 €", "12.5"),
            ("1.250.000", "1250000"),
            ("0,125", "0.125"),
            ("1250.500", "1250.5"),
        ] {
            assert_eq!(decimal(typed).as_deref(), Ok(wanted), "{typed}");
        }
        assert_eq!(decimal("1.250"), Err(NoDecimal::Ambiguous));
        assert_eq!(decimal("1,250"), Err(NoDecimal::Ambiguous));
        for typed in ["", "-", "abc", "1e5", "12.50.00", "1 25", "1,2,3", ".5.", "--1", "NaN"] {
            assert_eq!(decimal(typed), Err(NoDecimal::Malformed), "{typed}");
        }
    }
}

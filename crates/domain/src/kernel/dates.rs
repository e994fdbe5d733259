//! Days as people write them in a letter.

use jiff::civil::Date;

use super::catalogue::Language;

const DUTCH: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const FRENCH: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The day with the name of its month: `30 november 2026`, `30 novembre 2026`, `30. November 2026`, `30 November 2026`.
#[must_use]
pub fn written(day: Date, language: Language) -> String {
    let (months, ordinal) = match language {
        Language::Nl => (DUTCH, ""),
        Language::Fr if day.day() == 1 => (FRENCH, "er"),
        Language::Fr => (FRENCH, ""),
        Language::De => (GERMAN, "."),
        Language::En => (ENGLISH, ""),
    };
    let month = usize::try_from(day.month() - 1).ok().and_then(|month| months.get(month)).copied().unwrap_or_default();
    format!("{}{ordinal} {month} {}", day.day(), day.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_people_of_the_language_do() {
        let (first, last) = (Date::constant(2026, 3, 1), Date::constant(2026, 8, 31));
        for (language, texts) in [
            (Language::Nl, ["1 maart 2026", "31 augustus 2026"]),
            (Language::Fr, ["1er mars 2026", "31 août 2026"]),
            (Language::De, ["1. März 2026", "31. August 2026"]),
            (Language::En, ["1 March 2026", "31 August 2026"]),
        ] {
            assert_eq!([first, last].map(|day| written(day, language)), texts);
        }
    }
}

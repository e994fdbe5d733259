//! Texts in the caller's language, by stable key, from `texts/<language>.toml` in this folder's `texts`.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The languages that the product speaks; serialised by their ISO 639-1 codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Dutch.
    Nl,
    /// French.
    Fr,
    /// German.
    De,
    /// English, when nothing else is asked for.
    #[default]
    En,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nl, Self::Fr, Self::De, Self::En];

    /// The ISO 639-1 code (`nl`, `fr`, `de`, `en`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nl => "nl",
            Self::Fr => "fr",
            Self::De => "de",
            Self::En => "en",
        }
    }

    /// The language that an `Accept-Language` header (RFC 9110, 12.5.4) likes best among ours; English when none fits.
    #[must_use]
    pub fn negotiate(header: &str) -> Self {
        let mut best = (0.0_f32, Self::En);
        for range in header.split(',').take(20) {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let weight = parts.find_map(|p| p.trim().strip_prefix("q=")).map_or(Some(1.0), |q| q.trim().parse().ok());
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            if let (Ok(language), Some(weight)) = (primary.parse::<Self>(), weight)
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|l| l.as_str() == text).ok_or(())
    }
}

type Texts = HashMap<String, String>;

static TEXTS: LazyLock<HashMap<Language, Texts>> = LazyLock::new(|| {
    [
        (Language::Nl, include_str!("texts/nl.toml")),
        (Language::Fr, include_str!("texts/fr.toml")),
        (Language::De, include_str!("texts/de.toml")),
        (Language::En, include_str!("texts/en.toml")),
    ]
    .into_iter()
    .map(|(language, file)| (language, flatten(file)))
    .collect()
});

/// `[section] key = "text"` becomes `section.key`.
fn flatten(file: &str) -> Texts {
    let sections: HashMap<String, Texts> = toml::from_str(file).unwrap_or_default();
    sections
        .into_iter()
        .flat_map(|(section, texts)| texts.into_iter().map(move |(key, text)| (format!("{section}.{key}"), text)))
        .collect()
}

/// The text under `key` in `language` with its `{parameters}` filled in; the key itself when there is no such text.
#[must_use]
pub fn text(language: Language, key: &str, params: &[(&'static str, String)]) -> String {
    filled(language, key, params.iter().map(|(name, value)| (*name, value.as_str())))
}

/// The same with parameters that were stored.
#[must_use]
pub fn filled<'a>(language: Language, key: &str, params: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let found = TEXTS.get(&language).and_then(|texts| texts.get(key));
    let mut out = found.map_or(key, String::as_str).to_owned();
    for (name, value) in params {
        out = out.replace(&format!("{{{name}}}"), value);
    }
    out
}

/// Whether there is a text under `key`.
#[must_use]
pub fn has(key: &str) -> bool {
    TEXTS.get(&Language::En).is_some_and(|texts| texts.contains_key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        let english = &TEXTS[&Language::En];
        assert!(english.len() > 20);
        for language in Language::ALL {
            let texts = &TEXTS[&language];
            for (key, text) in english {
                let other = texts.get(key).unwrap_or_else(|| panic!("{language} has no {key}"));
                assert_eq!(placeholders(text), placeholders(other), "{language} {key}");
            }
            assert_eq!(texts.len(), english.len(), "{language} has texts that English lacks");
        }
    }

    #[test]
    fn the_best_liked_language_wins() {
        for (header, language) in [
            ("fr-BE,fr;q=0.9,en;q=0.8", "fr"),
            ("es, de;q=0.2, nl;q=0.7", "nl"),
            ("", "en"),
            ("*", "en"),
            ("nl;q=x", "en"),
        ] {
            assert_eq!(Language::negotiate(header).as_str(), language, "{header}");
        }
    }
}

//! What variables stand for, for one mail.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::variables::{Variable, slug_of};
use crate::clients::Client;
use crate::custom_fields::{self, Catalogue, FieldKind, FieldValue, Names};
use crate::identity::Practice;
use crate::kernel::catalogue::Language;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::kernel::{dates, readings};
use crate::views::zone_of;

/// The longest value, in characters: a mail is no file.
const LONGEST: usize = 2_000;

/// What is the same for all mails of a kind.
#[derive(Debug, Clone)]
pub struct Ground {
    practice_name: String,
    practice_number: Option<String>,
    solution: Option<String>,
    catalogue: Catalogue,
    names: Names,
    zone: jiff::tz::TimeZone,
    /// The name that mails are from.
    pub sender_name: String,
    /// The address that mails are from.
    pub sender_address: String,
}

/// Whom a mail is for.
#[derive(Debug, Clone, Copy)]
pub struct Addressee<'a> {
    /// The clients that it is about, one or several that share a mailbox.
    pub clients: &'a [&'a Client],
    /// The name of the person it is for.
    pub contact: Option<&'a str>,
    /// What that person does.
    pub role: Option<&'a str>,
    /// Where somebody says that they want no more such mails.
    pub unsubscribe: Option<&'a str>,
}

/// Values by the names of their variables; what has none is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled(BTreeMap<String, String>);

impl Filled {
    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The same with `value` for each of `names` that has none.
    #[must_use]
    pub fn or<'a>(mut self, names: impl IntoIterator<Item = &'a String>, value: impl Fn(&str) -> String) -> Self {
        names.into_iter().for_each(|name| {
            self.0.entry(name.clone()).or_insert_with(|| value(name));
        });
        self
    }

    /// As Handlebars takes it: by group, and null for what has no value.
    pub(super) fn nested(&self, used: &[String]) -> Map<String, Value> {
        let mut groups = Map::new();
        for (group, name) in used.iter().filter_map(|used| used.split_once('.')) {
            let value = self.0.get(&format!("{group}.{name}")).map_or(Value::Null, |value| value.as_str().into());
            if let Value::Object(members) = groups.entry(group).or_insert_with(|| Value::Object(Map::new())) {
                members.insert(name.to_owned(), value);
            }
        }
        groups
    }
}

impl Ground {
    /// What mails of a practice have in common, from a name and an address.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of(conn: &mut Conn, practice: &Practice, (name, address): (&str, &str)) -> Result<Self> {
        let catalogue = custom_fields::catalogue(conn, practice)?;
        let solution = custom_fields::own_solution(conn, practice, &catalogue)?.software;
        Ok(Self {
            practice_name: practice.name.clone(),
            practice_number: practice.enterprise_number.clone(),
            solution,
            catalogue,
            names: Names::default(),
            zone: zone_of(practice),
            sender_name: name.to_owned(),
            sender_address: address.to_owned(),
        })
    }

    /// The same with the names of all members and clients that these clients' values speak of.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn with_names(mut self, conn: &mut Conn, practice: &Practice, clients: &[Client]) -> Result<Self> {
        let speaks = |kind: FieldKind| matches!(kind, FieldKind::Member | FieldKind::Client);
        let fields: Vec<_> = self.catalogue.usable().filter(|field| speaks(field.kind)).collect();
        let shown = clients.iter().flat_map(|client| fields.iter().map(move |field| (client, field)));
        let ids = shown.filter_map(|(client, field)| match custom_fields::shown(client, field) {
            Some(FieldValue::Member(id) | FieldValue::Client(id)) => Some(id),
            _ => None,
        });
        let ids: Vec<&str> = ids.collect();
        if !ids.is_empty() {
            self.names = Names::of(conn, practice, ids)?;
        }
        Ok(self)
    }

    /// The values of some variables in a language. Where several clients have different ones, they stand one after another.
    #[must_use]
    pub fn values(&self, used: &[String], to: &Addressee<'_>, language: Language) -> Filled {
        let value = |name: &String| {
            let value = match slug_of(name) {
                Some(slug) => joined(to.clients.iter().map(|client| self.custom(client, slug, language))),
                None => Variable::named(name).and_then(|variable| self.fixed(variable, to, language)),
            };
            value.and_then(|value| tidied(&value)).map(|value| (name.clone(), value))
        };
        Filled(used.iter().filter_map(value).collect())
    }

    fn custom<'a>(&'a self, client: &'a Client, slug: &str, language: Language) -> Option<Cow<'a, str>> {
        let field = self.catalogue.by_slug(slug).filter(|field| field.is_usable())?;
        let value = custom_fields::shown(client, field)?;
        Some(custom_fields::readable(&value, &self.names, language).into())
    }

    fn fixed(&self, variable: Variable, to: &Addressee<'_>, language: Language) -> Option<String> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        match variable {
            Variable::PracticeName => Some(self.practice_name.clone()),
            Variable::PracticeNumber => self.practice_number.as_deref().map(|number| spaced(number, "BE")),
            Variable::PracticeSolution => self.solution.clone(),
            Variable::SenderName => Some(self.sender_name.clone()),
            Variable::SenderAddress => Some(self.sender_address.clone()),
            Variable::ContactName => owned(to.contact),
            Variable::ContactRole => owned(to.role),
            Variable::LinksUnsubscribe => owned(to.unsubscribe),
            _ => joined(to.clients.iter().map(|client| self.of_client(variable, client, language))),
        }
    }

    fn of_client<'a>(&self, variable: Variable, client: &'a Client, language: Language) -> Option<Cow<'a, str>> {
        let (card, facts) = (&client.card, &client.facts);
        let is_receiver = facts.state.as_deref() == Some("registered");
        let plain = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        match variable {
            Variable::ClientName => Some(card.name.as_str().into()),
            Variable::ClientReference => plain(&card.reference),
            Variable::ClientLegalForm => plain(&card.legal_form),
            Variable::ClientNumber => card.enterprise_number.as_deref().map(|n| spaced(n, &card.country).into()),
            Variable::ClientVat => plain(&card.vat_number),
            Variable::ClientStreet => {
                let parts = [&card.street, &card.street_number].into_iter().filter_map(Option::as_deref);
                let street = parts.collect::<Vec<_>>().join(" ");
                card.street.as_ref().map(|_| street.into())
            }
            Variable::ClientPostcode => plain(&card.postcode),
            Variable::ClientTown => plain(&card.town),
            Variable::ClientEmail => plain(&card.email),
            Variable::ClientResponsible => card.responsible.as_ref().map(|member| member.name.as_str().into()),
            Variable::ClientPortfolio => plain(&card.portfolio),
            Variable::PeppolRegistered => is_receiver.then(|| readings::said(true, language).into()),
            Variable::PeppolAccessPoint => plain(&facts.name).or_else(|| plain(&facts.seat)).filter(|_| is_receiver),
            Variable::PeppolCheckedOn => {
                let day = facts.checked_at?.in_zone(&self.zone).date();
                Some(dates::written(day, language).into())
            }
            _ => None,
        }
    }
}

/// Different values one after another; nothing as long as one of the clients has none.
fn joined<'a>(values: impl Iterator<Item = Option<Cow<'a, str>>>) -> Option<String> {
    let values: Vec<Cow<'a, str>> = values.collect::<Option<_>>()?;
    let mut different: Vec<&str> = Vec::new();
    for value in &values {
        if !different.contains(&value.as_ref()) {
            different.push(value);
        }
    }
    (!different.is_empty()).then(|| different.join(", "))
}

/// A Belgian enterprise number as people write it (`0403.227.515`); others as they are.
fn spaced(number: &str, country: &str) -> String {
    match (number.get(..4), number.get(4..7), number.get(7..10)) {
        (Some(one), Some(two), Some(three)) if country == "BE" && number.len() == 10 => format!("{one}.{two}.{three}"),
        _ => number.to_owned(),
    }
}

/// Without what is not seen: controls but line breaks, and marks that turn the direction of what stands behind them. `None`
/// when nothing is left.
fn tidied(value: &str) -> Option<String> {
    let is_seen = |c: &char| {
        (*c == '\n' || !c.is_control())
            && !matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let seen: String = value.chars().filter(is_seen).take(LONGEST).collect();
    let seen = seen.trim();
    (!seen.is_empty()).then(|| seen.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_several_clients_stand_one_after_another() {
        let of = |values: &[Option<&'static str>]| joined(values.iter().map(|value| value.map(Cow::Borrowed)));
        assert_eq!(of(&[Some("a"), Some("b"), Some("a")]).as_deref(), Some("a, b"));
        assert_eq!(of(&[Some("a"), None]), None, "one of them has none");
    }

    #[test]
    fn what_is_not_seen_is_not_sent() {
        assert_eq!(tidied("a\u{202e}b\u{7}c\nd\u{feff}").as_deref(), Some("abc\nd"));
        assert_eq!(tidied("\u{200b}\u{2066} "), None);
        assert_eq!(tidied(&"x".repeat(5_000)).map(|kept| kept.len()), Some(LONGEST));
    }
}

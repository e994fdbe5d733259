//! Clients that are loaded, as columns: the one evaluator answers for them what it answers for lists.

use std::collections::HashMap;

use serde_json::Value;

use super::columns::{Column, Raw};
use super::kept::Slot;
use super::queries;
use super::rows::Rows;
use super::subjects::ColumnId;
use crate::clients::{Client, Exemption, ValueKey};
use crate::kernel::clock::Instant;

/// The columns of some clients, for one question.
pub struct Loaded {
    keys: Vec<i64>,
    columns: HashMap<ColumnId, Slot>,
}

impl Loaded {
    /// The columns that are asked, with a row for each client in the order given.
    pub fn of(clients: &[&Client], asked: &[ColumnId]) -> Self {
        let filled = |id: &ColumnId| {
            let mut column = Column::of(id.form(), clients.len());
            clients.iter().enumerate().for_each(|(row, client)| column.set(row, value(client, *id)));
            (*id, Slot::of(column))
        };
        Self { keys: clients.iter().map(|client| client.key).collect(), columns: asked.iter().map(filled).collect() }
    }

    /// As the evaluator takes them.
    pub fn rows(&self) -> Rows<'_> {
        Rows { keys: &self.keys, columns: &self.columns }
    }
}

/// A client's value in a column. What stands with others than the client (its contacts and relations, who set a value, the text that a
/// search looks in) is missing.
fn value(client: &Client, column: ColumnId) -> Raw {
    match column {
        ColumnId::Custom(key, kind) => {
            let stored = client.values.get(&ValueKey(key));
            stored.and_then(|stored| queries::custom(kind, &stored.to_string())).unwrap_or(Raw::Missing)
        }
        ColumnId::Fixed(_) | ColumnId::RegisteredOn => {
            let (txt, num) = column.fixed().map_or((None, None), |fixed| said(client, fixed.name));
            queries::raw(column, txt, num)
        }
        ColumnId::SetterOf(_) => Raw::Missing,
    }
}

/// What the database would say of the client: a text or a number.
fn said(client: &Client, name: &str) -> (Option<String>, Option<f64>) {
    let text = text_of(client, name);
    if text.is_some() {
        return (text, None);
    }
    let at = |at: Option<Instant>| at.map(|at| at.0 as f64);
    let number = match name {
        "archived" => Some(f64::from(u8::from(client.archived_at.is_some()))),
        "vat_liable" => client.card.vat_liable.map(|yes| f64::from(u8::from(yes))),
        "government" => Some(f64::from(u8::from(client.card.government))),
        "registration.checked_at" => at(client.facts.checked_at),
        "registration.unknown_since" => at(client.facts.unknown_since),
        "informed_at" => at(client.informed_at),
        "created_at" => at(Some(client.created_at)),
        "updated_at" => at(Some(client.updated_at)),
        "archived_at" => at(client.archived_at),
        _ => None,
    };
    (None, number)
}

fn text_of(client: &Client, name: &str) -> Option<String> {
    let (card, facts) = (&client.card, &client.facts);
    let text = match name {
        "name" => return Some(card.name.clone()),
        "kind" => return Some(card.kind.as_str().to_owned()),
        "country" => return Some(card.country.clone()),
        "language" => return Some(card.language.clone()),
        "identifiers" => return Some(Value::from(card.identifiers.clone()).to_string()),
        "responsible" => {
            return card.responsible.as_ref().map(|who| {
                let member = who.member.map_or_else(String::new, |member| member.0.0.simple().to_string());
                format!("{member}|{}", who.name)
            });
        }
        "fields.registered_on" => {
            let is_there = matches!(facts.state.as_deref(), Some("registered" | "cannot_receive" | "unknown"));
            return facts.name.as_ref().or(facts.seat.as_ref()).filter(|_| is_there).cloned();
        }
        "reference" => &card.reference,
        "legal_form" => &card.legal_form,
        "enterprise_number" => &card.enterprise_number,
        "vat_number" => &card.vat_number,
        "oin" => &card.oin,
        "street" => &card.street,
        "street_number" => &card.street_number,
        "postcode" => &card.postcode,
        "town" => &card.town,
        "email" => &card.email,
        "phone" => &card.phone,
        "website" => &card.website,
        "portfolio" => &card.portfolio,
        "mandate_start" => &card.mandate_start,
        "mandate_end" => &card.mandate_end,
        "exempt" => {
            let end = |exemption: &Exemption| exemption.until.clone().unwrap_or_else(|| "9999-12-31".to_owned());
            return card.exemption.as_ref().map(end);
        }
        "exemption.reason" => return card.exemption.as_ref().map(|exemption| exemption.reason.as_str().to_owned()),
        "exemption.note" => return card.exemption.as_ref()?.note.clone(),
        "exemption.until" => return card.exemption.as_ref()?.until.clone(),
        "registration.state" => &facts.state,
        "registration.cause" => &facts.cause,
        "registration.access_point.seat_id" => &facts.seat,
        "registration.access_point.name" => &facts.name,
        _ => &None,
    };
    text.clone()
}

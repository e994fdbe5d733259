//! The rows that the door writes.

use diesel::prelude::*;

use crate::clients::card::{Card, Responsible};
use crate::clients::contacts::Contact;
use crate::clients::model::ClientId;
use crate::kernel::clock::Instant;
use crate::kernel::{JsonText, Uid, text};
use crate::schema::{changes, clients};

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = clients, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(super) struct CardRow<'a> {
    pub(super) kind: &'a str,
    pub(super) reference: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) name_key: String,
    pub(super) search_key: String,
    pub(super) legal_form: Option<&'a str>,
    pub(super) enterprise_number: Option<&'a str>,
    pub(super) vat_number: Option<&'a str>,
    pub(super) vat_liable: Option<bool>,
    pub(super) government: bool,
    pub(super) oin: Option<&'a str>,
    pub(super) identifiers: JsonText,
    pub(super) street: Option<&'a str>,
    pub(super) street_number: Option<&'a str>,
    pub(super) postcode: Option<&'a str>,
    pub(super) town: Option<&'a str>,
    pub(super) country: &'a str,
    pub(super) language: &'a str,
    pub(super) email: Option<&'a str>,
    pub(super) phone: Option<&'a str>,
    pub(super) website: Option<&'a str>,
    pub(super) responsible_id: Option<Uid>,
    pub(super) responsible_name: Option<&'a str>,
    pub(super) portfolio: Option<&'a str>,
    pub(super) mandate_start: Option<&'a str>,
    pub(super) mandate_end: Option<&'a str>,
    pub(super) updated_at: Instant,
}

#[derive(Insertable)]
#[diesel(table_name = clients, treat_none_as_default_value = false)]
pub(super) struct NewRow<'a> {
    pub(super) id: ClientId,
    pub(super) practice_id: Uid,
    #[diesel(embed)]
    pub(super) card: CardRow<'a>,
    pub(super) revision: i64,
    pub(super) created_at: Instant,
}

#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
pub(super) struct NewChange {
    pub(super) entry_key: i64,
    pub(super) client_key: i64,
    pub(super) field: i64,
    pub(super) item: i64,
    pub(super) old_num: Option<f64>,
    pub(super) old_txt: Option<String>,
    pub(super) old_entry_key: Option<i64>,
    pub(super) new_num: Option<f64>,
    pub(super) new_txt: Option<String>,
}

impl<'a> CardRow<'a> {
    pub(super) fn of(card: &'a Card, now: Instant) -> Self {
        Self {
            kind: card.kind.as_str(),
            reference: card.reference.as_deref(),
            name: &card.name,
            name_key: text::fold(&card.name),
            search_key: search_key(card),
            legal_form: card.legal_form.as_deref(),
            enterprise_number: card.enterprise_number.as_deref(),
            vat_number: card.vat_number.as_deref(),
            vat_liable: card.vat_liable,
            government: card.government,
            oin: card.oin.as_deref(),
            identifiers: JsonText::of(&card.identifiers),
            street: card.street.as_deref(),
            street_number: card.street_number.as_deref(),
            postcode: card.postcode.as_deref(),
            town: card.town.as_deref(),
            country: &card.country,
            language: &card.language,
            email: card.email.as_deref(),
            phone: card.phone.as_deref(),
            website: card.website.as_deref(),
            responsible_id: card.responsible.as_ref().and_then(|r| r.member).map(|id| id.0),
            responsible_name: card.responsible.as_ref().map(|r: &Responsible| r.name.as_str()),
            portfolio: card.portfolio.as_deref(),
            mandate_start: card.mandate_start.as_deref(),
            mandate_end: card.mandate_end.as_deref(),
            updated_at: now,
        }
    }
}

/// What a search looks in: name, reference, numbers, address, town, each on a line of its own so that no match spans two.
fn search_key(card: &Card) -> String {
    let parts = [
        Some(&card.name),
        card.reference.as_ref(),
        card.enterprise_number.as_ref(),
        card.vat_number.as_ref(),
        card.email.as_ref(),
        card.town.as_ref(),
    ];
    parts.into_iter().flatten().map(|part| text::fold(part)).collect::<Vec<_>>().join("\n")
}

/// A custom value in the log's two columns: numbers as numbers, everything else as JSON text or plain text.
pub(super) fn split(value: Option<&serde_json::Value>) -> (Option<f64>, Option<String>) {
    match value {
        None => (None, None),
        Some(serde_json::Value::String(text)) => (None, Some(text.clone())),
        Some(value) => match value.as_f64() {
            Some(number) => (Some(number), None),
            None => (None, Some(value.to_string())),
        },
    }
}

/// A contact as the log has it: what people may change of it, as JSON.
pub(super) fn logged_contact(contact: &Contact) -> String {
    let Contact { id, name, role, email, phone, language, receives_notices, revision: _, created_at: _ } = contact;
    serde_json::json!({
        "id": id.to_string(), "name": name, "role": role, "email": email, "phone": phone, "language": language,
        "receives_notices": receives_notices,
    })
    .to_string()
}

//! The rows that the door writes.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text};
use serde::{Serialize, Serializer};

use crate::clients::card::{Card, Responsible};
use crate::clients::contacts::Contact;
use crate::clients::model::ClientId;
use crate::kernel::clock::Instant;
use crate::kernel::{JsonText, JsonType, Uid, UidType, text};
use crate::schema::clients;

#[derive(AsChangeset)]
#[diesel(table_name = clients, treat_none_as_null = true)]
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
    pub(super) exemption_reason: Option<&'a str>,
    pub(super) exemption_note: Option<&'a str>,
    pub(super) exemption_until: Option<&'a str>,
}

/// A client that is to be inserted, with what is made of its card worked out before the transaction begins.
#[derive(Debug)]
pub struct NewClient {
    /// Its identifier.
    pub id: ClientId,
    /// Its card.
    pub card: Card,
    name_key: String,
    search_key: String,
    identifiers: JsonText,
    pub(super) snapshot: Option<String>,
}

impl NewClient {
    /// A new client with this card.
    #[must_use]
    pub fn of(card: Card) -> Self {
        Self {
            id: ClientId::new(),
            name_key: text::fold(&card.name),
            search_key: search_key(&card),
            identifiers: JsonText::of(&card.identifiers),
            snapshot: serde_json::to_string(&Snapshot(&card)).ok(),
            card,
        }
    }
}

/// A new card as the log has it: what is filled in, by the fields' names.
struct Snapshot<'a>(&'a Card);

impl Serialize for Snapshot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.logged().into_iter().filter_map(|(field, value)| Some((field.as_str(), value?))))
    }
}

pub(super) struct NewRow<'a> {
    pub(super) new: &'a NewClient,
    practice_id: Uid,
    kind: &'a str,
    responsible_id: Option<Uid>,
    responsible_name: Option<&'a str>,
    exemption_reason: Option<&'a str>,
    exemption_note: Option<&'a str>,
    exemption_until: Option<&'a str>,
    now: Instant,
}

impl<'a> NewRow<'a> {
    pub(super) fn of(new: &'a NewClient, practice_id: Uid, now: Instant) -> Self {
        let responsible = new.card.responsible.as_ref();
        Self {
            new,
            practice_id,
            kind: new.card.kind.as_str(),
            responsible_id: responsible.and_then(|r| r.member).map(|id| id.0),
            responsible_name: responsible.map(|r| r.name.as_str()),
            exemption_reason: reason_of(&new.card),
            exemption_note: note_of(&new.card),
            exemption_until: end_of(&new.card),
            now,
        }
    }
}

crate::batch!(NewRow<'_>, into "clients" {
    id: UidType = new.id,
    practice_id: UidType = practice_id,
    kind: Text = kind,
    reference: Nullable<Text> = new.card.reference,
    name: Text = new.card.name,
    name_key: Text = new.name_key,
    search_key: Text = new.search_key,
    legal_form: Nullable<Text> = new.card.legal_form,
    enterprise_number: Nullable<Text> = new.card.enterprise_number,
    vat_number: Nullable<Text> = new.card.vat_number,
    vat_liable: Nullable<Bool> = new.card.vat_liable,
    government: Bool = new.card.government,
    oin: Nullable<Text> = new.card.oin,
    identifiers: JsonType = new.identifiers,
    street: Nullable<Text> = new.card.street,
    street_number: Nullable<Text> = new.card.street_number,
    postcode: Nullable<Text> = new.card.postcode,
    town: Nullable<Text> = new.card.town,
    country: Text = new.card.country,
    language: Text = new.card.language,
    email: Nullable<Text> = new.card.email,
    phone: Nullable<Text> = new.card.phone,
    website: Nullable<Text> = new.card.website,
    responsible_id: Nullable<UidType> = responsible_id,
    responsible_name: Nullable<Text> = responsible_name,
    portfolio: Nullable<Text> = new.card.portfolio,
    mandate_start: Nullable<Text> = new.card.mandate_start,
    mandate_end: Nullable<Text> = new.card.mandate_end,
    exemption_reason: Nullable<Text> = exemption_reason,
    exemption_note: Nullable<Text> = exemption_note,
    exemption_until: Nullable<Text> = exemption_until,
    created_at: BigInt = now,
});

/// The custom values of a new client.
pub(super) struct NewValues {
    pub(super) client_key: i64,
    pub(super) practice_id: Uid,
    pub(super) revision: i64,
    pub(super) updated_at: Instant,
    pub(super) vals: JsonText,
    pub(super) prov: JsonText,
}

crate::batch!(NewValues, into "client_values" {
    client_key: BigInt = client_key,
    practice_id: UidType = practice_id,
    revision: BigInt = revision,
    updated_at: BigInt = updated_at,
    vals: JsonType = vals,
    prov: JsonType = prov,
});

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

crate::batch!(NewChange, into "changes" {
    entry_key: BigInt = entry_key,
    client_key: BigInt = client_key,
    field: BigInt = field,
    item: BigInt = item,
    old_num: Nullable<Double> = old_num,
    old_txt: Nullable<Text> = old_txt,
    old_entry_key: Nullable<BigInt> = old_entry_key,
    new_num: Nullable<Double> = new_num,
    new_txt: Nullable<Text> = new_txt,
});

impl<'a> CardRow<'a> {
    pub(super) fn of(card: &'a Card) -> Self {
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
            exemption_reason: reason_of(card),
            exemption_note: note_of(card),
            exemption_until: end_of(card),
        }
    }
}

fn reason_of(card: &Card) -> Option<&str> {
    card.exemption.as_ref().map(|exemption| exemption.reason.as_str())
}

fn note_of(card: &Card) -> Option<&str> {
    card.exemption.as_ref().and_then(|exemption| exemption.note.as_deref())
}

fn end_of(card: &Card) -> Option<&str> {
    card.exemption.as_ref().and_then(|exemption| exemption.until.as_deref())
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

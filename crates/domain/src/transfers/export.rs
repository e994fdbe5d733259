//! A client list out: CSV for spreadsheets, a page of clients at a time.

use std::collections::HashMap;

use super::cells::guarded;
use super::columns::{card_fields, label};
use super::facts::Fact;
use crate::clients::{self, Card, Client, FixedField as F, Responsible, Surroundings};
use crate::custom_fields::{self, Field, FieldValue, Names};
use crate::identity::Practice;
use crate::kernel::catalogue::Language;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::readings::said;
use crate::views::{Asker, Listing, Lists};

/// Clients read at a time.
const PAGE: usize = 500;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An export under way. It holds no transaction: which clients it has, and in which order, is settled when it begins, and
/// each is written as it is when its turn comes.
pub struct Export {
    practice: Practice,
    language: Language,
    around: Surroundings,
    fields: Vec<Field>,
    /// Of the members and clients that the page's values speak of.
    names: Names,
    keys: Vec<i64>,
    /// How many of them are written; `None` before the header is.
    written: Option<usize>,
}

impl Export {
    /// Begins an export of the clients that match, in the order of the listing, with headers in `language`.
    ///
    /// # Errors
    /// As [`Lists::page`].
    pub fn begin(
        conn: &mut Conn,
        lists: &Lists,
        asker: &Asker<'_>,
        listing: &Listing,
        language: Language,
    ) -> Result<Self> {
        let practice = asker.practice;
        let keys = lists.keys(conn, asker, listing)?;
        let around = clients::surroundings(conn, practice)?;
        let catalogue = custom_fields::catalogue(conn, practice)?;
        // What the system owns stands among the registration facts already.
        let fields = catalogue.usable().filter(|field| !field.kind.is_system_owned()).cloned().collect();
        Ok(Self { practice: practice.clone(), language, around, fields, names: Names::default(), keys, written: None })
    }

    /// The next piece of the file: UTF-8 with a byte order mark, semicolons, lines with carriage return and line feed.
    /// `None` at the end.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn next(&mut self, conn: &mut Conn) -> Result<Option<Vec<u8>>> {
        let Some(written) = self.written else {
            self.written = Some(0);
            return Ok(Some([BYTE_ORDER_MARK, &csv_of(&[self.header()])?].concat()));
        };
        let rest = self.keys.get(written..).unwrap_or_default();
        let keys = rest.get(..PAGE).unwrap_or(rest);
        if keys.is_empty() {
            return Ok(None);
        }
        let (found, _) = clients::with_keys(conn, &self.practice, keys)?;
        let spoken_of = found.iter().flat_map(|client| spoken_of(client, &self.fields));
        self.names = Names::of(conn, &self.practice, spoken_of)?;
        let by_key: HashMap<i64, &Client> = found.iter().map(|client| (client.key, client)).collect();
        let in_order = keys.iter().filter_map(|key| by_key.get(key));
        let rows: Vec<Vec<String>> = in_order.map(|client| self.row(client)).collect();
        self.written = Some(written + keys.len());
        Ok(Some(csv_of(&rows)?))
    }

    fn header(&self) -> Vec<String> {
        let card = card_fields().map(|field| label(field, self.language).to_owned());
        let facts = Fact::ALL.iter().map(|fact| fact.label(self.language).to_owned());
        let custom = self.fields.iter().map(|field| field.names.in_language(self.language).to_owned());
        card.chain(facts).chain(custom).map(guarded).collect()
    }

    fn row(&self, client: &Client) -> Vec<String> {
        let card = card_fields().map(|field| self.cell(field, &client.card));
        let facts = Fact::ALL.iter().map(|fact| fact.shown(&client.facts));
        let custom = self.fields.iter().map(|field| self.custom(client, field));
        card.chain(facts).chain(custom).map(guarded).collect()
    }

    fn cell(&self, field: F, card: &Card) -> String {
        let text = match field {
            F::Kind => return card.kind.as_str().to_owned(),
            F::Name => return card.name.clone(),
            F::VatLiable => {
                return card.vat_liable.map_or_else(String::new, |yes| said(yes, self.language).to_owned());
            }
            F::Government => return said(card.government, self.language).to_owned(),
            F::Identifiers => return card.identifiers.join(" "),
            F::Country => return card.country.clone(),
            F::Language => return card.language.clone(),
            F::Responsible => {
                return card.responsible.as_ref().map_or_else(String::new, |who| self.responsible(who));
            }
            F::Reference => &card.reference,
            F::LegalForm => &card.legal_form,
            F::EnterpriseNumber => &card.enterprise_number,
            F::VatNumber => &card.vat_number,
            F::Oin => &card.oin,
            F::Street => &card.street,
            F::StreetNumber => &card.street_number,
            F::Postcode => &card.postcode,
            F::Town => &card.town,
            F::Email => &card.email,
            F::Phone => &card.phone,
            F::Website => &card.website,
            F::Portfolio => &card.portfolio,
            F::MandateStart => &card.mandate_start,
            F::MandateEnd => &card.mandate_end,
            F::Archived
            | F::Contact
            | F::Registration
            | F::RegistrationCause
            | F::AccessPointSeat
            | F::AccessPointName => &None,
        };
        text.clone().unwrap_or_default()
    }

    /// The name, or where that would mean somebody else to an import, the address.
    fn responsible(&self, who: &Responsible) -> String {
        let member = self.around.members.iter().find(|member| Some(member.id) == who.member);
        match member {
            None => who.name.clone(),
            Some(member) => match self.around.member_meant(&member.account.name) {
                Some(meant) if meant.id == member.id => member.account.name.clone(),
                _ => member.account.email.clone(),
            },
        }
    }

    fn custom(&self, client: &Client, field: &Field) -> String {
        let value = custom_fields::shown(client, field);
        value.map_or_else(String::new, |value| custom_fields::readable(&value, &self.names, self.language))
    }
}

/// The members and clients that a client's values speak of.
fn spoken_of<'a>(client: &'a Client, fields: &'a [Field]) -> impl Iterator<Item = &'a str> {
    fields.iter().filter_map(|field| match custom_fields::shown(client, field)? {
        FieldValue::Member(id) | FieldValue::Client(id) => Some(id),
        FieldValue::AccessPoint(_)
        | FieldValue::Plain(_)
        | FieldValue::YesNo(_)
        | FieldValue::Amount(_)
        | FieldValue::Option(_)
        | FieldValue::Options(_)
        | FieldValue::Document { .. } => None,
    })
}

fn csv_of(rows: &[Vec<String>]) -> Result<Vec<u8>> {
    let mut writer =
        csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(Error::internal)
}

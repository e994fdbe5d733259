//! How a client is sent.

use klaar_domain::clients::{Client, ClientId, Responsible};
use klaar_domain::custom_fields::{self, Catalogue, Field, FieldOption, FieldValue, OptionId};
use klaar_domain::identity::MemberId;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::views::Concern;
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use crate::answers::{ClientKind, FieldValue as FieldValueWord, RegistrationState};
use crate::exemptions::ExemptionOut;
use crate::shapes::LanguageWord;

/// A client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client, example = json!({
    "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "kind": "company", "reference": "C1000", "name": "Bakkerij Peeters", "legal_form": "BV",
    "enterprise_number": "0403227515", "vat_number": "BE0403227515", "vat_liable": true, "government": false, "oin": null, "identifiers": [],
    "street": "Kerkstraat", "street_number": "12", "postcode": "9000", "town": "Gent", "country": "BE", "language": "nl",
    "email": "info@peeters.example", "phone": null, "website": null, "responsible": { "member_id": null, "name": "Céline" },
    "portfolio": null, "mandate_start": "2017-01-25", "mandate_end": null, "exempt": false, "exemption": null,
    "registration": { "state": "registered", "cause": null, "access_point": { "seat_id": "POP000123", "name": "Example Access Point" },
        "checked_at": "2026-11-22T01:12:00.000000Z", "unknown_since": null },
    "fields": { "registered_on": "Example Access Point", "receive_software": { "option_id": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo" }, "ready": true },
    "informed_at": "2026-11-21T09:00:00.000000Z", "archived_at": null, "revision": 3, "created_at": "2026-11-20T09:00:00.000000Z", "updated_at": "2026-11-21T10:30:00.000000Z"
}))]
pub struct ClientOut<'a> {
    /// The client's identifier.
    #[schema(value_type = String)]
    id: ClientId,
    /// What kind of client it is.
    #[schema(value_type = ClientKind)]
    kind: &'static str,
    /// The practice's own reference.
    reference: Option<&'a str>,
    /// The name.
    name: &'a str,
    /// The legal form.
    legal_form: Option<&'a str>,
    /// The register number, canonical.
    enterprise_number: Option<&'a str>,
    /// The VAT number, canonical.
    vat_number: Option<&'a str>,
    /// Liable to VAT; null when not known.
    vat_liable: Option<bool>,
    /// A public body.
    government: bool,
    /// The Dutch OIN.
    oin: Option<&'a str>,
    /// Further participant identifiers.
    #[schema(value_type = Vec<String>)]
    identifiers: &'a [String],
    /// The street.
    street: Option<&'a str>,
    /// House number and box.
    street_number: Option<&'a str>,
    /// The postcode.
    postcode: Option<&'a str>,
    /// The town.
    town: Option<&'a str>,
    /// ISO 3166-1 alpha-2.
    country: &'a str,
    /// The language to write in.
    #[schema(value_type = LanguageWord)]
    language: &'a str,
    /// The e-mail address.
    email: Option<&'a str>,
    /// The telephone number.
    phone: Option<&'a str>,
    /// The web address.
    website: Option<&'a str>,
    /// Who looks after the client.
    responsible: Option<ResponsibleOut<'a>>,
    /// The portfolio.
    portfolio: Option<&'a str>,
    /// First day of the mandate.
    mandate_start: Option<&'a str>,
    /// Last day of the mandate.
    mandate_end: Option<&'a str>,
    /// Peppol does not concern the client today: it has an exemption whose last day has not passed.
    exempt: bool,
    /// The exemption from Peppol, also one whose last day has passed; null when there is none.
    exemption: Option<ExemptionOut<'a>>,
    /// What the network says; the system's own.
    registration: RegistrationOut<'a>,
    /// Custom values by the field's slug; a field without a value is not there.
    #[schema(value_type = BTreeMap<String, FieldValueWord>)]
    fields: FieldsOut<'a>,
    /// When it last got a mail that informs it about Peppol; null while it never has.
    #[schema(value_type = Option<String>)]
    informed_at: Option<Instant>,
    /// When it was archived; null while it is active.
    #[schema(value_type = Option<String>)]
    archived_at: Option<Instant>,
    /// Raised with each change by people; in quotation marks it is the ETag.
    revision: i64,
    /// When it was created.
    #[schema(value_type = String)]
    created_at: Instant,
    /// When people last changed it.
    #[schema(value_type = String)]
    updated_at: Instant,
}

/// Who looks after a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Responsible, example = json!({ "member_id": null, "name": "Céline" }))]
pub struct ResponsibleOut<'a> {
    /// The member; null when the name is no member's.
    #[schema(value_type = Option<String>)]
    member_id: Option<MemberId>,
    /// The name.
    name: &'a str,
}

impl<'a> ResponsibleOut<'a> {
    pub(crate) fn of(who: &'a Responsible) -> Self {
        Self { member_id: who.member, name: &who.name }
    }
}

/// What the network says of a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Registration, example = json!({ "state": "cannot_receive", "cause": "no_document_type",
    "access_point": { "seat_id": "POP000123", "name": "Example Access Point" }, "checked_at": "2026-11-22T01:12:00.000000Z", "unknown_since": null }))]
pub struct RegistrationOut<'a> {
    /// What it comes to; null before the first check.
    #[schema(value_type = Option<RegistrationState>)]
    state: Option<&'a str>,
    /// Why it cannot receive, or why nothing is known.
    cause: Option<&'a str>,
    /// Where it receives.
    access_point: Option<AccessPointOut<'a>>,
    /// When the network last gave an answer that says something about the client.
    #[schema(value_type = Option<String>)]
    checked_at: Option<Instant>,
    /// Since when it has given none; null when the last try did.
    #[schema(value_type = Option<String>)]
    unknown_since: Option<Instant>,
}

/// An access point.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessPoint, example = json!({ "seat_id": "POP000123", "name": "Example Access Point" }))]
pub struct AccessPointOut<'a> {
    /// Its seat id in the network.
    seat_id: &'a str,
    /// The company that runs it, from its certificate.
    name: Option<&'a str>,
}

/// A client's custom values by slug.
#[derive(Debug)]
pub struct FieldsOut<'a> {
    client: &'a Client,
    catalogue: &'a Catalogue,
    concern: &'a Concern,
}

impl<'a> Serialize for FieldsOut<'a> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let filled = |field: &'a Field| Some((&field.slug, FieldOut::of(custom_fields::shown(self.client, field)?)));
        let concerned = self.catalogue.usable().filter(|field| self.concern.has(self.client, field));
        serializer.collect_map(concerned.filter_map(filled))
    }
}

/// A custom value as it is sent.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum FieldOut<'a> {
    Text(&'a str),
    Plain(&'a Value),
    YesNo(bool),
    Amount(String),
    Option(OptionOut<'a>),
    Options(Vec<OptionOut<'a>>),
    Member { member_id: &'a str },
    Client { client_id: &'a str },
    Document { name: &'a str, url: &'a str },
}

/// An option that a client has.
#[derive(Debug, Serialize)]
pub(crate) struct OptionOut<'a> {
    option_id: OptionId,
    label: &'a str,
}

impl<'a> OptionOut<'a> {
    fn of(option: &'a FieldOption) -> Self {
        Self { option_id: option.id, label: &option.label }
    }
}

impl<'a> FieldOut<'a> {
    pub(crate) fn of(value: FieldValue<'a>) -> Self {
        match value {
            FieldValue::AccessPoint(name) => Self::Text(name),
            FieldValue::Plain(value) => Self::Plain(value),
            FieldValue::YesNo(yes) => Self::YesNo(yes),
            FieldValue::Amount(cents) => Self::Amount(custom_fields::amount(cents)),
            FieldValue::Option(option) => Self::Option(OptionOut::of(option)),
            FieldValue::Options(options) => Self::Options(options.into_iter().map(OptionOut::of).collect()),
            FieldValue::Member(member_id) => Self::Member { member_id },
            FieldValue::Client(client_id) => Self::Client { client_id },
            FieldValue::Document { name, url } => Self::Document { name, url },
        }
    }
}

impl<'a> ClientOut<'a> {
    /// A client with those custom values that concern it.
    pub(crate) fn of(client: &'a Client, catalogue: &'a Catalogue, concern: &'a Concern) -> Self {
        let Client { id, card, facts, archived_at, informed_at, revision, created_at, updated_at, key: _, values: _ } =
            client;
        Self {
            id: *id,
            kind: card.kind.as_str(),
            reference: card.reference.as_deref(),
            name: &card.name,
            legal_form: card.legal_form.as_deref(),
            enterprise_number: card.enterprise_number.as_deref(),
            vat_number: card.vat_number.as_deref(),
            vat_liable: card.vat_liable,
            government: card.government,
            oin: card.oin.as_deref(),
            identifiers: &card.identifiers,
            street: card.street.as_deref(),
            street_number: card.street_number.as_deref(),
            postcode: card.postcode.as_deref(),
            town: card.town.as_deref(),
            country: &card.country,
            language: &card.language,
            email: card.email.as_deref(),
            phone: card.phone.as_deref(),
            website: card.website.as_deref(),
            responsible: card.responsible.as_ref().map(ResponsibleOut::of),
            portfolio: card.portfolio.as_deref(),
            mandate_start: card.mandate_start.as_deref(),
            mandate_end: card.mandate_end.as_deref(),
            exempt: concern.is_exempt(client),
            exemption: card.exemption.as_ref().map(ExemptionOut::of),
            registration: RegistrationOut {
                state: facts.state.as_deref(),
                cause: facts.cause.as_deref(),
                access_point: facts
                    .seat
                    .as_deref()
                    .map(|seat_id| AccessPointOut { seat_id, name: facts.name.as_deref() }),
                checked_at: facts.checked_at,
                unknown_since: facts.unknown_since,
            },
            fields: FieldsOut { client, catalogue, concern },
            informed_at: *informed_at,
            archived_at: *archived_at,
            revision: *revision,
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

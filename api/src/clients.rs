//! Clients: the card, its custom fields, its registration.

use std::collections::BTreeMap;

use actix_web::web::{Data, Query};
use actix_web::{get, patch, post};
use klaar_domain::clients::{self, CardChange, CardDraft, Client, ClientId, Responsible, Values};
use klaar_domain::custom_fields::{self, Catalogue, Field, FieldOption, FieldValue, OptionId};
use klaar_domain::identity::{MemberId, Practice};
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::page;
use klaar_domain::kernel::patch::Patch;
use klaar_domain::views::{self, Asker, Concern};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::State;
use crate::answers::{ClientKind, FieldValue as FieldValueWord, RegistrationState};
use crate::body::{Body, InPath};
use crate::exemptions::{ExemptionIn, ExemptionOut};
use crate::guards::{ClientsRead, ClientsWrite, May, SeenRevision};
use crate::listing::{Asked, FilterParam};
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};
use crate::shapes::{
    CountryOrBlank, DayOrBlank, EmailAddressOrBlank, FieldSlug, GivenValue, LanguageOrBlank, LanguageWord,
    NumberOrBlank, ParticipantIdentifier, RegisterNumberOrBlank,
};

/// A client to create. Only the name is needed; everything else may be filled in later.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewClient, example = json!({
    "name": "Bakkerij Peeters", "legal_form": "BV", "enterprise_number": "0403.227.515", "vat_number": "BE 0403.227.515",
    "vat_liable": true, "street": "Kerkstraat", "street_number": "12", "postcode": "9000", "town": "Gent", "language": "nl",
    "email": "info@peeters.example", "responsible": "Céline", "fields": { "ready": true, "receive_software": "Odoo" }
}))]
pub struct ClientIn {
    /// `company` or `person`; a company when not given.
    #[schema(pattern = r"^[\s\x85]*(?:company|person)?[\s\x85]*$")]
    kind: Option<String>,
    /// The practice's own reference, unique among its active clients, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$")]
    reference: Option<String>,
    /// The name, up to 300 characters.
    #[schema(value_type = String, pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,299}[\s\x85]*$")]
    name: Option<String>,
    /// The legal form, as typed, up to 50 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,50}[\s\x85]*$")]
    legal_form: Option<String>,
    /// The number in the register of the country, in any notation. Unique among the practice's active clients.
    #[schema(value_type = Option<RegisterNumberOrBlank>)]
    enterprise_number: Option<String>,
    /// The VAT number, in any notation.
    #[schema(value_type = Option<NumberOrBlank>)]
    vat_number: Option<String>,
    /// Liable to VAT.
    vat_liable: Option<bool>,
    /// A public body.
    government: Option<bool>,
    /// The Dutch government's identification number, 20 digits.
    #[schema(value_type = Option<NumberOrBlank>)]
    oin: Option<String>,
    /// Further participant identifiers to ask the network for, as in `0088:5412345000013`, up to 10.
    #[schema(value_type = Option<Vec<ParticipantIdentifier>>, max_items = 10)]
    identifiers: Option<Vec<String>>,
    /// The street, without the number, up to 200 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,200}[\s\x85]*$")]
    street: Option<String>,
    /// House number and box, up to 50 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,50}[\s\x85]*$")]
    street_number: Option<String>,
    /// The postcode, up to 20 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,20}[\s\x85]*$")]
    postcode: Option<String>,
    /// The town, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$")]
    town: Option<String>,
    /// ISO 3166-1 alpha-2 code or a usual name; Belgium when not given.
    #[schema(value_type = Option<CountryOrBlank>)]
    country: Option<String>,
    /// `nl`, `fr`, `de` or `en`; the practice's language when not given.
    #[schema(value_type = Option<LanguageOrBlank>)]
    language: Option<String>,
    /// The e-mail address.
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    email: Option<String>,
    /// The telephone number, up to 50 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,50}[\s\x85]*$")]
    phone: Option<String>,
    /// The web address, up to 300 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,300}[\s\x85]*$")]
    website: Option<String>,
    /// Who looks after the client: a member's identifier or name. An unknown name is kept as text. Up to 200 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,200}[\s\x85]*$")]
    responsible: Option<String>,
    /// The portfolio it belongs to, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$")]
    portfolio: Option<String>,
    /// First day of the mandate, `YYYY-MM-DD`.
    #[schema(value_type = Option<DayOrBlank>)]
    mandate_start: Option<String>,
    /// Last day of the mandate, `YYYY-MM-DD`.
    #[schema(value_type = Option<DayOrBlank>)]
    mandate_end: Option<String>,
    /// Why Peppol does not concern the client, and until when.
    exemption: Option<ExemptionIn>,
    /// Custom values by the field's slug: a choice by option identifier or label, several as an array of them; an amount as
    /// text or number; a member by identifier, name or address; a client by identifier; a document as `name` and `url`.
    #[serde(default)]
    #[schema(value_type = BTreeMap<FieldSlug, GivenValue>)]
    fields: BTreeMap<String, Value>,
}

impl ClientIn {
    fn split(self) -> (CardDraft, BTreeMap<String, Value>) {
        let draft = CardDraft {
            kind: self.kind,
            reference: self.reference,
            name: self.name,
            legal_form: self.legal_form,
            enterprise_number: self.enterprise_number,
            vat_number: self.vat_number,
            vat_liable: self.vat_liable,
            government: self.government,
            oin: self.oin,
            identifiers: self.identifiers,
            street: self.street,
            street_number: self.street_number,
            postcode: self.postcode,
            town: self.town,
            country: self.country,
            language: self.language,
            email: self.email,
            phone: self.phone,
            website: self.website,
            responsible: self.responsible,
            portfolio: self.portfolio,
            mandate_start: self.mandate_start,
            mandate_end: self.mandate_end,
            exemption: self.exemption.map(Into::into),
        };
        (draft, self.fields)
    }
}

/// A change to a client: an absent field stays, null clears it, a value sets it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ClientPatch, example = json!({ "email": "boekhouding@peeters.example", "phone": null, "fields": { "ready": false } }))]
pub struct ClientPatch {
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*(?:company|person)?[\s\x85]*$")]
    kind: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$")]
    reference: Patch<String>,
    /// The name, up to 300 characters. It cannot be cleared.
    #[schema(value_type = String, pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,299}[\s\x85]*$")]
    name: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,50}[\s\x85]*$")]
    legal_form: Patch<String>,
    #[schema(value_type = Option<RegisterNumberOrBlank>)]
    enterprise_number: Patch<String>,
    #[schema(value_type = Option<NumberOrBlank>)]
    vat_number: Patch<String>,
    #[schema(value_type = Option<bool>)]
    vat_liable: Patch<bool>,
    #[schema(value_type = Option<bool>)]
    government: Patch<bool>,
    #[schema(value_type = Option<NumberOrBlank>)]
    oin: Patch<String>,
    #[schema(value_type = Option<Vec<ParticipantIdentifier>>, max_items = 10)]
    identifiers: Patch<Vec<String>>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,200}[\s\x85]*$")]
    street: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,50}[\s\x85]*$")]
    street_number: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,20}[\s\x85]*$")]
    postcode: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$")]
    town: Patch<String>,
    #[schema(value_type = Option<CountryOrBlank>)]
    country: Patch<String>,
    #[schema(value_type = Option<LanguageOrBlank>)]
    language: Patch<String>,
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    email: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,50}[\s\x85]*$")]
    phone: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,300}[\s\x85]*$")]
    website: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,200}[\s\x85]*$")]
    responsible: Patch<String>,
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$")]
    portfolio: Patch<String>,
    #[schema(value_type = Option<DayOrBlank>)]
    mandate_start: Patch<String>,
    #[schema(value_type = Option<DayOrBlank>)]
    mandate_end: Patch<String>,
    /// The exemption from Peppol as a whole: what is left out of it is not kept. Null takes it back.
    #[schema(value_type = Option<ExemptionIn>)]
    exemption: Patch<ExemptionIn>,
    /// Custom values by the field's slug; null clears one.
    #[schema(value_type = BTreeMap<FieldSlug, GivenValue>)]
    fields: BTreeMap<String, Value>,
}

impl ClientPatch {
    fn split(self) -> (CardChange, BTreeMap<String, Value>) {
        let change = CardChange {
            kind: self.kind,
            reference: self.reference,
            name: self.name,
            legal_form: self.legal_form,
            enterprise_number: self.enterprise_number,
            vat_number: self.vat_number,
            vat_liable: self.vat_liable,
            government: self.government,
            oin: self.oin,
            identifiers: self.identifiers,
            street: self.street,
            street_number: self.street_number,
            postcode: self.postcode,
            town: self.town,
            country: self.country,
            language: self.language,
            email: self.email,
            phone: self.phone,
            website: self.website,
            responsible: self.responsible,
            portfolio: self.portfolio,
            mandate_start: self.mandate_start,
            mandate_end: self.mandate_end,
            exemption: self.exemption.map(Into::into),
        };
        (change, self.fields)
    }
}

/// Which clients to list, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClientQuery {
    /// As [`FilterParam`] describes it.
    #[param(ignore)]
    filter: Option<String>,
    /// Words that must all be found in name, reference, numbers, address or town; case and accents do not matter.
    #[param(max_length = 1000, example = "peeters gent")]
    search: Option<String>,
    /// The order: up to three fields with commas between them, `-` in front for the other direction; by name when not given.
    /// Clients without a value come last either way, and those that are alike by creation.
    #[param(example = "-fields.ready,name")]
    sort: Option<String>,
    /// A saved view: its clients, among which the other parameters choose, in its order unless another is given.
    #[param(pattern = "^view_[0-9a-f]{32}$", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    view: Option<String>,
    /// Where the page starts: `next_cursor` of the page before, in the same order.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "WyJuYW1lIixbInBlZXRlcnMiXSw0Ml0")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl ClientQuery {
    fn asked(&self) -> Asked<'_> {
        let Self { filter, search, sort, view, cursor: _, limit: _ } = self;
        Asked { filter: filter.as_deref(), search: search.as_deref(), sort: sort.as_deref(), view: view.as_deref() }
    }
}

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
    "archived_at": null, "revision": 3, "created_at": "2026-11-20T09:00:00.000000Z", "updated_at": "2026-11-21T10:30:00.000000Z"
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
        let Client { id, card, facts, archived_at, revision, created_at, updated_at, key: _, values: _ } = client;
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
            archived_at: *archived_at,
            revision: *revision,
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

/// The client as it is now.
fn reply(client: &Client, catalogue: &Catalogue, (practice, now): (&Practice, Instant)) -> Result<Reply> {
    let concern = Concern::of([client], catalogue, practice, now);
    Ok(Reply::ok(&ClientOut::of(client, catalogue, &concern))?.tagged(client.revision))
}

/// List clients
///
/// One page of the clients that match, and their exact number. Any field can be filtered and sorted by; nothing has to be
/// prepared for it.
#[utoipa::path(operation_id = "list_clients", tag = "clients", params(FilterParam, ClientQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of clients.", body = PageOut<ClientOut<'_>>)))]
#[get("/clients")]
pub async fn list_clients(
    may: May<ClientsRead>,
    query: Query<ClientQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let limit = page::limit(query.limit)?;
        let asker = Asker::of(caller, state.db.clock().now());
        let listing = query.asked().listing(conn, &state.lists, &asker)?;
        let listed = state.lists.page(conn, &asker, &listing, (query.cursor.as_deref(), limit))?;
        let views::Listed { page, catalogue, concern } = listed;
        Reply::ok(&PageOut::of(&page, |client| ClientOut::of(client, &catalogue, &concern)))
    })
    .await
}

/// Create a client
///
/// Numbers are taken in any notation and checked; a number that another active client has is refused, naming that client.
#[utoipa::path(operation_id = "create_client", tag = "clients", request_body(content = ClientIn, description = "The client."), security(("bearer" = ["clients:write"])),
    responses((status = 201, description = "The new client.", body = ClientOut<'_>)))]
#[post("/clients")]
pub async fn create_client(may: May<ClientsWrite>, body: Body<ClientIn>) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let (draft, fields) = body.value.split();
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let values = custom_fields::check_values(tx, &caller.practice, &catalogue, &fields, &Values::new())?;
        let client = clients::create(tx, &caller.practice, &caller.actor, draft, values)?;
        let when = (&caller.practice, tx.now());
        views::refuse_unconcerned(&client, &catalogue, when, &fields)?;
        Ok(reply(&client, &catalogue, when)?.at(format!("/v1/clients/{}", client.id)))
    })
    .await
}

/// Read a client
#[utoipa::path(operation_id = "get_client", tag = "clients", params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The client.", body = ClientOut<'_>)))]
#[get("/clients/{id}")]
pub async fn get_client(may: May<ClientsRead>, id: InPath<ClientId>, state: Data<State>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let catalogue = state.lists.catalogues().of(conn, &caller.practice)?;
        let when = (&caller.practice, state.db.clock().now());
        reply(&clients::find(conn, &caller.practice, id.get()?)?, &catalogue, when)
    })
    .await
}

/// Change a client
///
/// An absent field stays, null clears it, a value sets it. The system's own values refuse people.
#[utoipa::path(operation_id = "update_client", tag = "clients", request_body(content = ClientPatch, description = "The change."),
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"3\"")),
    security(("bearer" = ["clients:write"])), responses((status = 200, description = "The client as it is now.", body = ClientOut<'_>)))]
#[patch("/clients/{id}")]
pub async fn update_client(
    may: May<ClientsWrite>,
    id: InPath<ClientId>,
    seen: SeenRevision,
    body: Body<ClientPatch>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let (change, fields) = body.value.split();
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let before = clients::find(tx, &caller.practice, id.get()?)?;
        let values = custom_fields::check_values(tx, &caller.practice, &catalogue, &fields, &before.values)?;
        let client = clients::change(tx, &caller.practice, &caller.actor, (before.id, seen.0), (change, values))?;
        let when = (&caller.practice, tx.now());
        views::refuse_unconcerned(&client, &catalogue, when, &fields)?;
        reply(&client, &catalogue, when)
    })
    .await
}

/// Archive a client
///
/// It leaves the lists and frees its number; nothing is lost, and it can be restored.
#[utoipa::path(operation_id = "archive_client", tag = "clients", params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 200, description = "The archived client.", body = ClientOut<'_>)))]
#[post("/clients/{id}/archive")]
pub async fn archive_client(may: May<ClientsWrite>, id: InPath<ClientId>) -> Result<Reply, Problem> {
    may.once(Vec::new(), move |tx, caller| {
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let client = clients::archive(tx, &caller.practice, &caller.actor, id.get()?)?;
        reply(&client, &catalogue, (&caller.practice, tx.now()))
    })
    .await
}

/// Restore a client
///
/// Brings an archived client back, unless another active client has its number or reference by now.
#[utoipa::path(operation_id = "restore_client", tag = "clients", params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 200, description = "The active client.", body = ClientOut<'_>)))]
#[post("/clients/{id}/restore")]
pub async fn restore_client(may: May<ClientsWrite>, id: InPath<ClientId>) -> Result<Reply, Problem> {
    may.once(Vec::new(), move |tx, caller| {
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let client = clients::restore(tx, &caller.practice, &caller.actor, id.get()?)?;
        reply(&client, &catalogue, (&caller.practice, tx.now()))
    })
    .await
}

/// Mounts the room.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_clients)
        .service(create_client)
        .service(get_client)
        .service(update_client)
        .service(archive_client)
        .service(restore_client);
}

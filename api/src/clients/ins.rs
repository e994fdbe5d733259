//! What people send of a client: a whole card, or a change.

use std::collections::BTreeMap;

use klaar_domain::clients::{CardChange, CardDraft};
use klaar_domain::kernel::patch::Patch;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::exemptions::ExemptionIn;
use crate::shapes::{
    CountryOrBlank, DayOrBlank, EmailAddressOrBlank, FieldSlug, GivenValue, LanguageOrBlank, NumberOrBlank,
    ParticipantIdentifier, RegisterNumberOrBlank,
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
    /// The card, and the custom values by slug.
    pub fn split(self) -> (CardDraft, BTreeMap<String, Value>) {
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
    /// The card, and the custom values by slug.
    pub fn split(self) -> (CardChange, BTreeMap<String, Value>) {
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

//! The people at a client whom the practice writes to.

use actix_web::{delete, get, patch, post};
use klaar_domain::clients::{self, ClientId, Contact, ContactChange, ContactId};
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::patch::Patch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, ClientsWrite, May, SeenRevision};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::{EmailAddressOrBlank, LanguageWord};

/// A contact to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewContact, example = json!({ "name": "Jan Peeters", "role": "zaakvoerder", "email": "jan@peeters.example", "language": "nl", "receives_notices": true }))]
pub struct ContactIn {
    /// The person's name, up to 200 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,199}[\s\x85]*$")]
    name: String,
    /// What the person does there, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$")]
    role: Option<String>,
    /// The e-mail address; needed when notices go to the person.
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    email: Option<String>,
    /// The telephone number, up to 50 characters.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,50}[\s\x85]*$")]
    phone: Option<String>,
    /// The person's language; the client's when not given.
    #[schema(value_type = Option<LanguageWord>)]
    language: Option<String>,
    /// Whether notices to the client go to this person; not, when not given.
    receives_notices: Option<bool>,
}

/// A change to a contact: an absent field stays, null clears it, a value sets it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ContactPatch, example = json!({ "phone": "+32 9 123 45 67", "receives_notices": false }))]
pub struct ContactPatch {
    /// The person's name, up to 200 characters. It cannot be cleared.
    #[schema(value_type = String, pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,199}[\s\x85]*$")]
    name: Patch<String>,
    /// What the person does there, up to 100 characters.
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,100}[\s\x85]*$")]
    role: Patch<String>,
    /// The e-mail address.
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    email: Patch<String>,
    /// The telephone number, up to 50 characters.
    #[schema(value_type = Option<String>, pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,50}[\s\x85]*$")]
    phone: Patch<String>,
    /// The person's language.
    #[schema(value_type = Option<LanguageWord>)]
    language: Patch<String>,
    /// Whether notices to the client go to this person.
    #[schema(value_type = Option<bool>)]
    receives_notices: Patch<bool>,
}

impl From<ContactIn> for ContactChange {
    fn from(said: ContactIn) -> Self {
        let given = |value: Option<String>| value.map_or(Patch::Absent, Patch::Value);
        Self {
            name: Patch::Value(said.name),
            role: given(said.role),
            email: given(said.email),
            phone: given(said.phone),
            language: given(said.language),
            receives_notices: said.receives_notices.map_or(Patch::Absent, Patch::Value),
        }
    }
}

impl From<ContactPatch> for ContactChange {
    fn from(said: ContactPatch) -> Self {
        let ContactPatch { name, role, email, phone, language, receives_notices } = said;
        Self { name, role, email, phone, language, receives_notices }
    }
}

/// A person at a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contact, example = json!({ "id": "con_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Jan Peeters", "role": "zaakvoerder",
    "email": "jan@peeters.example", "phone": null, "language": "nl", "receives_notices": true, "revision": 1, "created_at": "2026-11-20T09:00:00.000000Z" }))]
pub struct ContactOut {
    /// The contact's identifier.
    id: String,
    /// The person's name.
    name: String,
    /// What the person does there.
    role: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// The telephone number.
    phone: Option<String>,
    /// The person's language; null for the client's.
    language: Option<String>,
    /// Whether notices to the client go to this person.
    receives_notices: bool,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// When the contact was added.
    created_at: String,
}

impl From<Contact> for ContactOut {
    fn from(contact: Contact) -> Self {
        let Contact { id, name, role, email, phone, language, receives_notices, revision, created_at } = contact;
        let (id, created_at) = (id.to_string(), created_at.to_string());
        Self { id, name, role, email, phone, language, receives_notices, revision, created_at }
    }
}

/// All contacts of a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContactList, example = json!({ "items": [] }))]
pub struct ContactsOut {
    /// The contacts by name.
    items: Vec<ContactOut>,
}

/// List a client's contacts
#[utoipa::path(operation_id = "list_contacts", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "All contacts by name.", body = ContactsOut)))]
#[get("/clients/{id}/contacts")]
pub async fn list_contacts(may: May<ClientsRead>, id: InPath<ClientId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let client = clients::find(conn, &caller.practice, id.get()?)?;
        let items = clients::contacts_of(conn, &caller.practice, &client)?.into_iter().map(ContactOut::from).collect();
        Reply::ok(&ContactsOut { items })
    })
    .await
}

/// Add a contact
#[utoipa::path(operation_id = "create_contact", tag = "clients", request_body(content = ContactIn, description = "The contact."),
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 201, description = "The new contact.", body = ContactOut)))]
#[post("/clients/{id}/contacts")]
pub async fn create_contact(
    may: May<ClientsWrite>,
    id: InPath<ClientId>,
    body: Body<ContactIn>,
) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let contact = clients::add_contact(tx, &caller.practice, &caller.actor, id.get()?, body.value.into())?;
        let (location, revision) = (format!("/v1/contacts/{}", contact.id), contact.revision);
        Ok(Reply::created(location, &ContactOut::from(contact))?.tagged(revision))
    })
    .await
}

/// Read a contact
#[utoipa::path(operation_id = "get_contact", tag = "clients",
    params(("id" = String, Path, description = "The contact's identifier.", example = "con_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The contact.", body = ContactOut)))]
#[get("/contacts/{id}")]
pub async fn get_contact(may: May<ClientsRead>, id: InPath<ContactId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let (_, contact) = clients::contact(conn, &caller.practice, id.get()?)?;
        let revision = contact.revision;
        Ok(Reply::ok(&ContactOut::from(contact))?.tagged(revision))
    })
    .await
}

/// Change a contact
#[utoipa::path(operation_id = "update_contact", tag = "clients", request_body(content = ContactPatch, description = "The change."),
    params(("id" = String, Path, description = "The contact's identifier.", example = "con_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["clients:write"])), responses((status = 200, description = "The contact as it is now.", body = ContactOut)))]
#[patch("/contacts/{id}")]
pub async fn update_contact(
    may: May<ClientsWrite>,
    id: InPath<ContactId>,
    seen: SeenRevision,
    body: Body<ContactPatch>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let contact =
            clients::change_contact(tx, &caller.practice, &caller.actor, (id.get()?, seen.0), body.value.into())?;
        let revision = contact.revision;
        Ok(Reply::ok(&ContactOut::from(contact))?.tagged(revision))
    })
    .await
}

/// Remove a contact
///
/// The client's history keeps it.
#[utoipa::path(operation_id = "delete_contact", tag = "clients",
    params(("id" = String, Path, description = "The contact's identifier.", example = "con_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 204, description = "The contact is gone.")))]
#[delete("/contacts/{id}")]
pub async fn delete_contact(may: May<ClientsWrite>, id: InPath<ContactId>) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        clients::remove_contact(tx, &caller.practice, &caller.actor, id.get()?)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(list_contacts)
        .service(create_contact)
        .service(get_contact)
        .service(update_contact)
        .service(delete_contact);
}

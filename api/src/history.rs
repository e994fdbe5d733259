//! What happened to a client, and who or what set each of its values.

use std::collections::BTreeMap;

use actix_web::get;
use actix_web::web::Query;
use klaar_domain::clients::{self, Change, Client, ClientId, FixedField, Origins};
use klaar_domain::custom_fields::{self, Catalogue, FieldKind, Names};
use klaar_domain::kernel::audit::Entry;
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::page;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::{ActorOut, EntryOut, PageQuery};
use crate::body::InPath;
use crate::guards::{ClientsRead, May};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// One thing that happened to a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientEvent, example = json!({
    "id": "aud_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "kind": "client.updated", "at": "2026-11-21T10:30:00.000000Z", "source": "api",
    "subject": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "actor": { "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" },
    "operation_id": null, "before": null, "after": null,
    "changes": [{ "field": "email", "before": null, "after": "info@peeters.example" }]
}))]
pub struct ClientEventOut {
    #[serde(flatten)]
    entry: EntryOut,
    /// The values that changed.
    changes: Vec<ChangeOut>,
}

/// A value that changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change, example = json!({ "field": "email", "before": null, "after": "info@peeters.example" }))]
pub struct ChangeOut {
    /// The field: a name of the card, or the slug of a custom field; `created` when the client came into being.
    field: String,
    /// The value before, as people read it; null when there was none.
    before: Option<String>,
    /// The value after; null when it was cleared.
    after: Option<String>,
}

impl ChangeOut {
    /// A change as people read it: fields by name, options by label, members and clients by name.
    fn of(change: Change, catalogue: &Catalogue, names: &Names) -> Self {
        let Change { entry, field, old, new } = change;
        let Some(custom) = catalogue.by_key(field) else {
            let fixed = FixedField::from_number(field).map_or("created", FixedField::as_str);
            return Self { field: fixed.to_owned(), before: old, after: new };
        };
        let (was, is) = (custom.kind_at(entry, false), custom.kind_at(entry, true));
        let read = |value: Option<String>, kind: FieldKind| {
            value.map(|logged| custom_fields::readable_logged(&logged, custom, kind, names))
        };
        Self { field: custom.slug.clone(), before: read(old, was), after: read(new, is) }
    }
}

/// Who or what set the values of a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Provenance, example = json!({
    "card": { "name": { "set_at": "2026-11-20T09:00:00.000000Z", "actor": { "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" },
        "source": "import", "event_id": "aud_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b" } }, "fields": {}
}))]
pub struct ProvenanceOut {
    /// The fields of the card by name, filled in or not: what last set or cleared them, or the client's creation.
    card: BTreeMap<&'static str, OriginOut>,
    /// The custom fields by slug that have a value.
    fields: BTreeMap<String, OriginOut>,
}

/// Who or what set a value.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Origin, example = json!({ "set_at": "2026-11-20T09:00:00.000000Z",
    "actor": { "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" }, "source": "api",
    "event_id": "aud_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b" }))]
pub struct OriginOut {
    /// When.
    set_at: String,
    /// Who or what did it.
    actor: ActorOut,
    /// By which way it came in: `api`, `import`, `nightly`, `command_line`, `system`.
    source: String,
    /// The entry of the audit trail and of the client's history.
    event_id: String,
}

impl From<&Entry> for OriginOut {
    fn from(entry: &Entry) -> Self {
        Self {
            set_at: entry.at.to_string(),
            actor: ActorOut::of(entry),
            source: entry.source.clone(),
            event_id: entry.id.to_string(),
        }
    }
}

impl ProvenanceOut {
    fn of(client: &Client, catalogue: &Catalogue, origins: &Origins) -> Self {
        let of_card = FixedField::ALL.iter().filter(|field| field.is_of_card());
        let card = of_card.filter_map(|field| Some((field.as_str(), origins.of_fixed(field.number())?.into())));
        let filled = catalogue.usable().filter(|field| custom_fields::shown(client, field).is_some());
        let fields = filled.filter_map(|field| {
            let entry = match field.kind {
                FieldKind::AccessPoint => access_point(origins),
                FieldKind::Text
                | FieldKind::LongText
                | FieldKind::Number
                | FieldKind::Amount
                | FieldKind::Date
                | FieldKind::YesNo
                | FieldKind::Choice
                | FieldKind::MultiChoice
                | FieldKind::Member
                | FieldKind::Client
                | FieldKind::Link
                | FieldKind::Document => origins.of_custom(field.key),
            };
            Some((field.slug.clone(), entry?.into()))
        });
        Self { card: card.collect(), fields: fields.collect() }
    }
}

/// What last told where the client is registered.
fn access_point(origins: &Origins) -> Option<&Entry> {
    let facts = [FixedField::Registration, FixedField::AccessPointSeat, FixedField::AccessPointName];
    facts.into_iter().filter_map(|field| origins.of_changed(field.number())).max_by_key(|entry| entry.key)
}

/// Read a client's history
///
/// What happened to the client, the newest first, each with the values before and after.
#[utoipa::path(operation_id = "list_client_history", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), PageQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of what happened.", body = PageOut<ClientEventOut>)))]
#[get("/clients/{id}/history")]
pub async fn list_client_history(
    may: May<ClientsRead>,
    id: InPath<ClientId>,
    query: Query<PageQuery>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let catalogue = custom_fields::catalogue(conn, &caller.practice)?;
        let client = clients::find(conn, &caller.practice, id.get()?)?;
        let place = (query.cursor.as_deref(), page::limit(query.limit)?);
        let page = clients::history(conn, &caller.practice, &client, place)?;
        let values = page.items.iter().flat_map(|(_, changes)| changes).flat_map(|change| [&change.old, &change.new]);
        let names = Names::of(conn, &caller.practice, values.flatten().map(String::as_str))?;
        let page = page.map(|(entry, changes)| ClientEventOut {
            entry: entry.into(),
            changes: changes.into_iter().map(|change| ChangeOut::of(change, &catalogue, &names)).collect(),
        });
        Reply::ok(&PageOut::from(page))
    })
    .await
}

/// Read where a client's values come from
///
/// For each field of the card and each custom value who or what set it, when, and by which way.
#[utoipa::path(operation_id = "get_client_provenance", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The origin of each value.", body = ProvenanceOut)))]
#[get("/clients/{id}/provenance")]
pub async fn get_client_provenance(may: May<ClientsRead>, id: InPath<ClientId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let catalogue = custom_fields::catalogue(conn, &caller.practice)?;
        let client = clients::find(conn, &caller.practice, id.get()?)?;
        let origins = clients::provenance(conn, &caller.practice, &client)?;
        Reply::ok(&ProvenanceOut::of(&client, &catalogue, &origins))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_client_history).service(get_client_provenance);
}

//! What clients are to each other.

use actix_web::{delete, get, post};
use klaar_domain::clients::{self, ClientId, Relation, RelationId, RelationKind};
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::error::{Error, FieldError, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, ClientsWrite, May};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::RelationKindWord;

/// A relation to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRelation, example = json!({ "kind": "director_of", "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b" }))]
pub struct RelationIn {
    /// What the client is to the other.
    #[schema(value_type = RelationKindWord)]
    kind: String,
    /// The other client of the practice.
    #[schema(pattern = "^cli_[0-9a-f]{32}$")]
    client_id: String,
}

impl RelationIn {
    fn said(&self) -> Result<(RelationKind, ClientId)> {
        let unknown = || {
            let values = RelationKind::ALL.map(RelationKind::as_str).join(", ");
            Error::Invalid(vec![FieldError::new("/kind", "unknown_value").with("values", values)])
        };
        let kind = RelationKind::named(&self.kind).ok_or_else(unknown)?;
        let other = self.client_id.parse().map_err(|_| Error::invalid("/client_id", "not_a_client"))?;
        Ok((kind, other))
    }
}

/// A relation of a client, as that client sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Relation, example = json!({ "id": "rel_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "kind": "director_of", "client": {
    "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters", "enterprise_number": "0403227515",
    "registration_state": "registered", "archived": false, "readiness": "/v1/clients/cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"
}, "created_at": "2026-11-23T09:00:00.000000Z" }))]
pub struct RelationOut<'a> {
    /// The relation's identifier, the same from either side.
    #[schema(value_type = String)]
    id: RelationId,
    /// What the client is to the other.
    #[schema(value_type = RelationKindWord)]
    kind: &'static str,
    /// The other client.
    client: RelatedOut<'a>,
    /// When the relation was added.
    #[schema(value_type = String)]
    created_at: Instant,
}

/// The other client of a relation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RelatedClient, example = json!({ "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters", "enterprise_number": "0403227515",
    "registration_state": "registered", "archived": false, "readiness": "/v1/clients/cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b" }))]
pub struct RelatedOut<'a> {
    /// Its identifier.
    #[schema(value_type = String)]
    id: ClientId,
    /// Its name.
    name: &'a str,
    /// The number in the register of its country.
    enterprise_number: Option<&'a str>,
    /// `registered`, `cannot_receive`, `not_registered`, `unknown`, `nothing_to_ask`; null before the first check.
    registration_state: Option<&'a str>,
    /// It is archived.
    archived: bool,
    /// Where its own document tells how ready it is: its registration, its exemption, its fields.
    readiness: String,
}

impl<'a> RelationOut<'a> {
    fn of(relation: &'a Relation) -> Self {
        let Relation { id, kind, other, created_at } = relation;
        let client = RelatedOut {
            id: other.id,
            name: &other.card.name,
            enterprise_number: other.card.enterprise_number.as_deref(),
            registration_state: other.facts.state.as_deref(),
            archived: other.archived_at.is_some(),
            readiness: format!("/v1/clients/{}", other.id),
        };
        Self { id: *id, kind: kind.as_str(), client, created_at: *created_at }
    }
}

/// All relations of a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RelationList, example = json!({ "items": [] }))]
pub struct RelationsOut<'a> {
    /// The relations by the name of the other client.
    items: Vec<RelationOut<'a>>,
}

/// List a client's relations
///
/// To whom it is related and how, whichever of the two the relation was added to, and also to archived clients.
#[utoipa::path(operation_id = "list_relations", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "All relations by the name of the other client.", body = RelationsOut<'_>)))]
#[get("/clients/{id}/relations")]
pub async fn list_relations(may: May<ClientsRead>, id: InPath<ClientId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let client = clients::find(conn, &caller.practice, id.get()?)?;
        let relations = clients::relations_of(conn, &caller.practice, &client)?;
        Reply::ok(&RelationsOut { items: relations.iter().map(RelationOut::of).collect() })
    })
    .await
}

/// Add a relation
///
/// Between the client and another one of the practice; both have it from then on, each from its own side.
#[utoipa::path(operation_id = "create_relation", tag = "clients", request_body(content = RelationIn, description = "The relation."),
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 201, description = "The new relation.", body = RelationOut<'_>)))]
#[post("/clients/{id}/relations")]
pub async fn create_relation(
    may: May<ClientsWrite>,
    id: InPath<ClientId>,
    body: Body<RelationIn>,
) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let client = clients::find(tx, &caller.practice, id.get()?)?.id;
        let relation = clients::add_relation(tx, &caller.practice, &caller.actor, client, body.value.said()?)?;
        Reply::created(format!("/v1/clients/{client}/relations/{}", relation.id), &RelationOut::of(&relation))
    })
    .await
}

/// Read a relation
#[utoipa::path(operation_id = "get_relation", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("relation_id" = String, Path, description = "The relation's identifier.", example = "rel_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The relation.", body = RelationOut<'_>)))]
#[get("/clients/{id}/relations/{relation_id}")]
pub async fn get_relation(
    may: May<ClientsRead>,
    id: InPath<ClientId>,
    relation: InPath<RelationId, 1>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let which = (id.get()?, relation.get()?);
        Reply::ok(&RelationOut::of(&clients::relation(conn, &caller.practice, which)?))
    })
    .await
}

/// Remove a relation
///
/// From both clients; their histories keep it.
#[utoipa::path(operation_id = "delete_relation", tag = "clients",
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("relation_id" = String, Path, description = "The relation's identifier.", example = "rel_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 204, description = "The relation is gone.")))]
#[delete("/clients/{id}/relations/{relation_id}")]
pub async fn delete_relation(
    may: May<ClientsWrite>,
    id: InPath<ClientId>,
    relation: InPath<RelationId, 1>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        clients::remove_relation(tx, &caller.practice, &caller.actor, (id.get()?, relation.get()?))?;
        Ok(Reply::no_content())
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_relations).service(create_relation).service(get_relation).service(delete_relation);
}

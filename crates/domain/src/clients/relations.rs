//! Relations between clients: who directs whom, and who belongs to the same group.
//!
//! A relation is kept twice, as either client sees it: whoever asks one client needs not look from the other side, and the
//! same relation cannot be there a second time, whichever side it comes from.

use diesel::prelude::*;

use super::door;
use super::model::{Client, ClientId};
use super::queries;
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::schema::client_relations as relations;

crate::id_type!(
    /// Identifies a relation between two clients, from either side.
    RelationId,
    "rel"
);

/// The most relations that one client has.
const MOST: usize = 100;

/// What a client is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// Its director.
    DirectorOf,
    /// Directed by it.
    HasDirector,
    /// Of the same group.
    SameGroup,
}

impl RelationKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DirectorOf, Self::HasDirector, Self::SameGroup];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DirectorOf => "director_of",
            Self::HasDirector => "has_director",
            Self::SameGroup => "same_group",
        }
    }

    /// The kind with this stable name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What the other one is to the first.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::DirectorOf => Self::HasDirector,
            Self::HasDirector => Self::DirectorOf,
            Self::SameGroup => Self::SameGroup,
        }
    }
}

/// A relation as one of its clients sees it.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Its identifier.
    pub id: RelationId,
    /// What the client is to the other.
    pub kind: RelationKind,
    /// The other one.
    pub other: Client,
    /// When it was added.
    pub created_at: Instant,
}

/// The relations of a client, also those to archived clients, by the name of the other.
///
/// # Errors
/// When the database refuses.
pub fn relations_of(conn: &mut Conn, practice: &Practice, client: &Client) -> Result<Vec<Relation>> {
    let own = relations::table
        .filter(relations::practice_id.eq(practice.id).and(relations::client_key.eq(client.key)))
        .order(relations::id)
        .select((relations::id, relations::kind, relations::other_key, relations::created_at));
    let rows: Vec<(RelationId, String, i64, Instant)> = own.load(conn)?;
    let mut keys: Vec<i64> = rows.iter().map(|(_, _, other, _)| *other).collect();
    keys.sort_unstable();
    keys.dedup();
    let others = queries::with_keys(conn, practice, &keys)?.0;
    let seen = |(id, kind, key, created_at): (RelationId, String, i64, Instant)| {
        let unknown = || Error::internal(format_args!("the relation {id} is none"));
        let kind = RelationKind::named(&kind).ok_or_else(unknown)?;
        let other = others.iter().find(|other| other.key == key).ok_or_else(unknown)?.clone();
        Ok(Relation { id, kind, other, created_at })
    };
    let mut found = rows.into_iter().map(seen).collect::<Result<Vec<Relation>>>()?;
    found.sort_by_cached_key(|relation| (crate::kernel::text::fold(&relation.other.card.name), relation.id.0));
    Ok(found)
}

/// What each of several clients is to others, with the client's key.
///
/// # Errors
/// When the database refuses.
pub fn relation_kinds_of_all(conn: &mut Conn, practice: &Practice, clients: &[i64]) -> Result<Vec<(i64, String)>> {
    let own = relations::table
        .filter(relations::practice_id.eq(practice.id).and(relations::client_key.eq_any(clients)))
        .order((relations::client_key, relations::kind, relations::id))
        .select((relations::client_key, relations::kind));
    Ok(own.load(conn)?)
}

/// One relation of a client, as the client sees it.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such client, or the client no such relation.
pub fn relation(conn: &mut Conn, practice: &Practice, (client, id): (ClientId, RelationId)) -> Result<Relation> {
    let client = queries::find(conn, practice, client)?;
    let own = relations_of(conn, practice, &client)?.into_iter().find(|relation| relation.id == id);
    own.ok_or(Error::NotFound("relation"))
}

/// Relates two clients of the practice, archived or not: `client` is to `other` what `kind` says.
///
/// # Errors
/// [`Error::NotFound`] for the client; [`Error::Invalid`] on `/client_id` with `not_a_client` or `same_client`;
/// [`Error::Conflict`] `relation_exists`, naming it, or `too_many_relations` of either client.
pub fn add_relation(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    client: ClientId,
    (kind, other): (RelationKind, ClientId),
) -> Result<Relation> {
    let client = queries::find(tx, practice, client)?;
    if client.id == other {
        return Err(Error::invalid("/client_id", "same_client"));
    }
    let other = queries::find(tx, practice, other).map_err(|error| match error {
        Error::NotFound(_) => Error::invalid("/client_id", "not_a_client"),
        error => error,
    })?;
    let set = door::open(tx, practice, actor, Event::new("relation.created", "api").on(client.id))?;
    let (own, theirs) = (relations_of(tx, practice, &client)?, relations_of(tx, practice, &other)?);
    if let Some(there) = own.iter().find(|relation| relation.kind == kind && relation.other.key == other.key) {
        return Err(Error::conflict_with("relation_exists", vec![("relation_id", there.id.to_string())]));
    }
    if own.len().max(theirs.len()) >= MOST {
        return Err(Error::conflict_with("too_many_relations", vec![("max", MOST.to_string())]));
    }
    let relation = Relation { id: RelationId::new(), kind, other, created_at: tx.now() };
    set.write_relation(tx, &client, (&relation, true))?;
    Ok(relation)
}

/// Takes a relation away, from both clients; their histories keep it.
///
/// # Errors
/// [`Error::NotFound`] as [`relation`].
pub fn remove_relation(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (client, id): (ClientId, RelationId),
) -> Result<()> {
    relation(tx, practice, (client, id))?;
    let set = door::open(tx, practice, actor, Event::new("relation.removed", "api").on(client))?;
    // Read again under the lock: another writer may have been faster.
    let relation = relation(tx, practice, (client, id))?;
    let client = queries::find(tx, practice, client)?;
    set.write_relation(tx, &client, (&relation, false))
}

//! Relations between clients, on both of them.

use diesel::prelude::*;

use super::Set;
use crate::clients::fixed::FixedField;
use crate::clients::model::Client;
use crate::clients::relations::{Relation, RelationKind};
use crate::kernel::batch;
use crate::kernel::db::Tx;
use crate::kernel::error::Result;
use crate::schema::client_relations;

impl Set {
    /// Adds (`true`) or takes away a relation of `client`, and logs it on both; their revisions stay.
    ///
    /// # Errors
    /// When the database refuses, as with a relation that is there already: callers look first, under this set's lock.
    pub fn write_relation(
        &self,
        tx: &mut Tx<'_>,
        client: &Client,
        (relation, is_there): (&Relation, bool),
    ) -> Result<()> {
        let sides = [(client, relation.kind, &relation.other), (&relation.other, relation.kind.turned(), client)];
        let log = sides.map(|(own, kind, other)| {
            let logged = Some(logged(relation, kind, other));
            let (old, new) = if is_there { (None, logged) } else { (logged, None) };
            self.text_change(own.key, FixedField::Relation.number(), old, new)
        });
        batch::insert(tx, &log)?;
        if !is_there {
            let own = client_relations::table.filter(client_relations::practice_id.eq(self.practice));
            diesel::delete(own.filter(client_relations::id.eq(relation.id))).execute(&mut **tx)?;
            return Ok(());
        }
        for (own, kind, other) in sides {
            diesel::insert_into(client_relations::table)
                .values((
                    client_relations::id.eq(relation.id),
                    client_relations::practice_id.eq(self.practice),
                    client_relations::client_key.eq(own.key),
                    client_relations::other_key.eq(other.key),
                    client_relations::kind.eq(kind.as_str()),
                    client_relations::created_at.eq(relation.created_at),
                ))
                .execute(&mut **tx)?;
        }
        Ok(())
    }
}

/// A relation as the log of one of its clients has it, as JSON.
fn logged(relation: &Relation, kind: RelationKind, other: &Client) -> String {
    serde_json::json!({
        "id": relation.id.to_string(), "kind": kind.as_str(), "client_id": other.id.to_string(), "name": other.card.name,
    })
    .to_string()
}

//! Clients of whom something is missing that the practice expects to be filled in.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::completeness::Completeness;
use super::conditions::Test;
use super::criteria::met;
use super::filter::{self, Node};
use super::list::{Asker, Listing, Lists, Seen};
use super::operands::Ground;
use super::plan::{Found, Plan, Position};
use super::rows::Rows;
use super::subjects::{Kind, Subject};
use crate::clients::{self, Client};
use crate::custom_fields::Catalogue;
use crate::identity::Practice;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::kernel::page::Page;

/// A client with what is missing of it.
#[derive(Debug, Clone)]
pub struct Incomplete {
    /// The client.
    pub client: Client,
    /// The expected fields without a value, in their order.
    pub missing: Vec<String>,
}

/// A page of clients of whom something is missing.
#[derive(Debug)]
pub struct Gaps {
    /// The clients, in the order of the listing.
    pub page: Page<Incomplete>,
    /// For each expected field how many of all matching clients lack it.
    pub counts: Vec<(String, usize)>,
    /// The fields that the names belong to.
    pub catalogue: Arc<Catalogue>,
}

/// What is asked of one expected field: which clients lack it.
type Lack = (String, Node);
/// What clients lack, by their keys.
type Missing = HashMap<i64, Vec<String>>;

impl Lists {
    /// One page of the clients that match and lack something that is expected, and how many lack what. A field of a
    /// category that does not concern a client is not missing there, nor are those about Peppol of an exempt client.
    ///
    /// # Errors
    /// As [`Lists::page`].
    pub fn gaps(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        (expected, cursor, limit): (&Completeness, Option<&str>, u32),
    ) -> Result<Gaps> {
        let from = Position::read(cursor, listing)?;
        let widen = |plan: &mut Plan, ground: &Ground<'_>| {
            let lacks = lacks(expected, ground, asker.practice);
            let any = Node::Or(lacks.iter().map(|(_, lack)| lack.clone()).collect());
            any.columns(&mut plan.columns);
            plan.node = Node::And(vec![plan.node.clone(), any]);
            Ok(lacks)
        };
        let look = |rows: &Rows<'_>, seen: Seen<Vec<Lack>>| {
            let found = seen.plan.page(rows, (&listing.sort, from.as_ref()), limit);
            let lacking = lacking(rows, &seen, &found);
            (found, lacking, seen.catalogue)
        };
        self.look(conn, (asker, listing), widen, look, |conn, (found, (counts, mut missing), catalogue)| {
            let clients = clients::with_keys(conn, asker.practice, &found.keys)?.0;
            let page = found.page(clients.into_iter().map(|client| (client.key, client)).collect());
            let page = page.map(|client| {
                let missing = missing.remove(&client.key).unwrap_or_default();
                Incomplete { client, missing }
            });
            Ok(Gaps { page, counts, catalogue })
        })
    }
}

fn lacks(expected: &Completeness, ground: &Ground<'_>, practice: &Practice) -> Vec<Lack> {
    let condition = json!({ "field": "exempt", "op": "eq", "value": false });
    let not_exempt = filter::read(&condition, ground, "").ok();
    let lack = |name: &str| {
        let subject = Subject::named(name, ground.catalogue)?;
        // Yes or no as of today: it is always there.
        if subject.kind == Kind::Lasting {
            return None;
        }
        let is_empty = Node::Not(Box::new(Node::Is(subject.column, Test::Filled)));
        let category = subject.field.and_then(|field| ground.catalogue.category(field.category));
        let concerned = category.and_then(|category| met(category, ground.catalogue, practice, ground.now));
        // Whoever is exempt from Peppol needs none of what is asked about it.
        let bound = category.filter(|category| category.is_delivered()).and(not_exempt.clone());
        let conditions = std::iter::once(is_empty).chain(concerned).chain(bound);
        Some((name.to_owned(), Node::And(conditions.collect())))
    };
    expected.expected.iter().filter_map(|name| lack(name)).collect()
}

/// How many of all matching clients lack what, and what each client of the page lacks, by its key.
fn lacking(rows: &Rows<'_>, seen: &Seen<Vec<Lack>>, found: &Found) -> (Vec<(String, usize)>, Missing) {
    let matching = seen.plan.node.rows(rows);
    let (mut counts, mut missing) = (Vec::new(), Missing::new());
    for (name, lack) in &seen.asked {
        let mut without = lack.rows(rows);
        without.and(&matching);
        counts.push((name.clone(), without.count()));
        for key in &found.keys {
            if rows.place(*key).is_ok_and(|row| without.has(row)) {
                missing.entry(*key).or_default().push(name.clone());
            }
        }
    }
    (counts, missing)
}

//! Selections: which clients somebody means, by name, by what a list would show, or by a saved view. What is done to many
//! clients at once begins here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::list::{Asker, Listing, Lists};
use super::saved::{self, ViewId};
use crate::clients::{self, ClientId};
use crate::custom_fields::{self, Catalogue};
use crate::identity::Practice;
use crate::kernel::db::{self, Conn};
use crate::kernel::error::{Error, FieldError, Result};

/// The most clients that a selection names one by one.
pub const MOST_NAMED: usize = 20_000;

/// Which clients are meant.
#[derive(Debug, Clone)]
pub enum Selection {
    /// These.
    Clients(Vec<ClientId>),
    /// All that a list would show.
    Matching(Listing),
    /// All that a saved view shows.
    View(ViewId),
}

/// A selection, and whom it leaves out.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Who is meant.
    pub selection: Selection,
    /// Who is not, among them.
    pub except: Vec<ClientId>,
}

/// A selection as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Clients(Vec<ClientId>),
    Matching { filter: Option<Value>, search: Option<String> },
    View(ViewId),
}

impl Chosen {
    /// As it is stored, for whoever asks again later.
    #[must_use]
    pub fn stored(&self) -> Value {
        let stored = match &self.selection {
            Selection::Clients(ids) => Stored::Clients(ids.clone()),
            Selection::Matching(listing) => {
                Stored::Matching { filter: listing.filter.clone(), search: listing.search.clone() }
            }
            Selection::View(id) => Stored::View(*id),
        };
        serde_json::json!({ "selection": stored, "except": self.except })
    }

    /// The same from what is stored.
    ///
    /// # Errors
    /// [`Error::Internal`] for another shape.
    pub fn read(stored: &Value) -> Result<Self> {
        #[derive(Deserialize)]
        struct Whole {
            selection: Stored,
            except: Vec<ClientId>,
        }
        let Whole { selection, except } = Whole::deserialize(stored)?;
        let selection = match selection {
            Stored::Clients(ids) => Selection::Clients(ids),
            Stored::Matching { filter, search } => {
                Selection::Matching(Listing { filter, search, ..Listing::default() })
            }
            Stored::View(id) => Selection::View(id),
        };
        Ok(Self { selection, except })
    }
}

impl Lists {
    /// Runs `work` in one snapshot of the database with the keys of the clients that are meant, each once, and the fields.
    ///
    /// # Errors
    /// [`Error::Invalid`] under `/selection`, and whatever `work` returns.
    pub fn chosen<T>(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        chosen: &Chosen,
        work: impl FnOnce(&mut Conn, Vec<i64>, &Catalogue) -> Result<T>,
    ) -> Result<T> {
        let practice = asker.practice;
        let except = named(conn, practice, (&chosen.except, "/selection/except"))?;
        let mut outcome = None;
        let without = |conn: &mut Conn, mut keys: Vec<i64>, catalogue: &Catalogue| {
            keys.retain(|key| except.binary_search(key).is_err());
            // What `work` finds wrong is about its own fields, not about the selection.
            outcome = Some(work(conn, keys, catalogue));
            Ok(())
        };
        match &chosen.selection {
            Selection::Matching(listing) => self.select(conn, asker, listing, without).map_err(in_selection),
            Selection::View(id) => {
                let catalogue = self.catalogues().of(conn, practice)?;
                let listing = saved::listing_of(conn, &catalogue, asker, *id).map_err(|error| match error {
                    Error::NotFound(_) => Error::invalid("/selection/view_id", "unknown_view"),
                    other => saved::broken_at("/selection/view_id", other),
                })?;
                self.select(conn, asker, &listing, without).map_err(in_selection)
            }
            Selection::Clients(ids) => db::snapshot(conn, |conn| {
                let keys = named(conn, practice, (ids, "/selection/client_ids"))?;
                let catalogue = custom_fields::catalogue(conn, practice)?;
                without(conn, keys, &catalogue)
            }),
        }?;
        outcome.unwrap_or_else(|| Err(Error::internal("nobody was selected from")))
    }
}

/// What is wrong with a list's filter is wrong with the selection here.
fn in_selection(error: Error) -> Error {
    let inside = |error: FieldError| FieldError { pointer: format!("/selection{}", error.pointer), ..error };
    match error {
        Error::Invalid(errors) => Error::Invalid(errors.into_iter().map(inside).collect()),
        other => other,
    }
}

/// The keys of named clients, each once, in their order.
fn named(conn: &mut Conn, practice: &Practice, (ids, pointer): (&[ClientId], &str)) -> Result<Vec<i64>> {
    if ids.len() > MOST_NAMED {
        return Err(Error::Invalid(vec![FieldError::new(pointer, "too_many").with("max", MOST_NAMED)]));
    }
    let found = clients::keys_of(conn, practice, ids)?;
    let unknown = ids.iter().enumerate().filter(|(_, id)| !found.contains_key(id));
    let wrong: Vec<FieldError> =
        unknown.take(100).map(|(at, _)| FieldError::new(format!("{pointer}/{at}"), "not_a_client")).collect();
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let mut keys: Vec<i64> = found.into_values().collect();
    keys.sort_unstable();
    Ok(keys)
}

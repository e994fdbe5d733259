//! Which clients something is to be done to.

use klaar_domain::clients::ClientId;
use klaar_domain::kernel::error::{Error, FieldError, Result};
use klaar_domain::views::{Chosen, Listing, Selection};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::listing::FilterTree;

/// Which clients are meant: those that are named, those that a list or a saved view would show, or all active ones.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Selection, example = json!({ "filter": { "field": "fields.ready", "op": "empty" }, "except": [] }))]
pub struct SelectionIn {
    /// These, up to 20,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20_000)]
    client_ids: Option<Vec<String>>,
    /// Those that the filter means.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FilterTree>)]
    filter: Option<Value>,
    /// Those in which all these words are found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    search: Option<String>,
    /// Those that this saved view shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    view_id: Option<String>,
    /// All active ones; has to be said, so that a filter that was forgotten changes nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    all: bool,
    /// Not these, among them; up to 20,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20_000)]
    except: Vec<String>,
}

impl SelectionIn {
    /// What it means.
    ///
    /// # Errors
    /// [`Error::Invalid`] under `/selection` for identifiers that are none, and `one_selection` for none or several ways.
    pub fn chosen(&self) -> Result<Chosen> {
        let except = ids(&self.except, "/selection/except")?;
        let is_listing = self.filter.is_some() || self.search.is_some();
        let ways = [self.client_ids.is_some(), is_listing, self.view_id.is_some(), self.all];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(Error::invalid("/selection", "one_selection"));
        }
        let selection = match (&self.client_ids, &self.view_id) {
            (Some(named), _) => Selection::Clients(ids(named, "/selection/client_ids")?),
            (None, Some(view)) => {
                let unknown = |_| Error::invalid("/selection/view_id", "unknown_view");
                Selection::View(view.parse().map_err(unknown)?)
            }
            (None, None) => {
                let (filter, search) = (self.filter.clone(), self.search.clone());
                Selection::Matching(Listing { filter, search, ..Listing::default() })
            }
        };
        Ok(Chosen { selection, except })
    }

    /// The same for those who look at it later: thousands of identifiers are not repeated to them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn said(&self) -> Result<Value> {
        Ok(match &self.client_ids {
            Some(named) => serde_json::json!({ "clients": named.len() }),
            None => serde_json::to_value(self)?,
        })
    }
}

fn ids(named: &[String], pointer: &str) -> Result<Vec<ClientId>> {
    let wrong = |at: usize| Error::Invalid(vec![FieldError::new(format!("{pointer}/{at}"), "not_a_client")]);
    named.iter().enumerate().map(|(at, id)| id.parse().map_err(|_| wrong(at))).collect()
}

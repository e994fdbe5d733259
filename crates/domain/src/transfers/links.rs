//! The clients that cells of a page name: by identifier, reference or enterprise number.

use std::collections::{BTreeSet, HashSet};

use klaar_standards::enterprise_number::EnterpriseNumber;
use klaar_standards::{kvk, lu};

use super::file::Row;
use super::keys::{Key, Keys};
use crate::clients::{self, ClientId, Sought};
use crate::custom_fields::{Written, linked_id};
use crate::identity::Practice;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;

/// What the cells of a page name.
pub struct Links {
    ids: HashSet<ClientId>,
    references: BTreeSet<String>,
    numbers: BTreeSet<(&'static str, String)>,
}

impl Links {
    /// Collects what the rows name, and looks for the identifiers among them.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of<'a>(conn: &mut Conn, practice: &Practice, rows: impl Iterator<Item = &'a Row>) -> Result<Self> {
        let mut links = Self { ids: HashSet::new(), references: BTreeSet::new(), numbers: BTreeSet::new() };
        let mut ids = BTreeSet::new();
        for typed in rows.flat_map(|row| &row.written).filter_map(|(_, written)| named(written)) {
            if let Ok(id) = linked_id(typed).parse::<ClientId>() {
                ids.insert(id);
            } else if links.references.insert(typed.to_owned()) {
                links.numbers.extend(numbers(typed));
            }
        }
        if !ids.is_empty() {
            let found = clients::names(conn, practice, &ids.into_iter().collect::<Vec<_>>())?;
            links.ids = found.into_iter().map(|(id, _)| id).collect();
        }
        Ok(links)
    }

    /// Has the named clients sought with the others.
    pub fn seek<'a>(&'a self, sought: &mut Sought<'a>) {
        sought.references.extend(self.references.iter().map(String::as_str));
        for (country, number) in &self.numbers {
            sought.numbers.entry(country).or_default().push(number);
        }
    }

    /// Whether the identifier is that of a client of the practice.
    #[must_use]
    pub fn has(&self, id: ClientId) -> bool {
        self.ids.contains(&id)
    }
}

fn named(written: &Written) -> Option<&str> {
    match written {
        Written::Client(typed) => Some(typed),
        Written::Value(_) | Written::Retired(..) | Written::FormerMember(_) => None,
    }
}

/// The numbers that a text may be, by country.
fn numbers(typed: &str) -> Vec<(&'static str, String)> {
    let belgian = EnterpriseNumber::parse(typed).ok().map(|number| ("BE", number.to_string()));
    let dutch = kvk::KvkNumber::parse(typed).ok().map(|number| ("NL", number.to_string()));
    let of_luxembourg = lu::Matricule::parse(typed).ok().map(|number| ("LU", number.to_string()));
    [belgian, dutch, of_luxembourg].into_iter().flatten().collect()
}

/// The keys of the clients that a text may mean, the likeliest first.
#[must_use]
pub fn keys(typed: &str) -> Vec<Key> {
    let numbers = numbers(typed);
    let of_numbers = numbers.iter().map(|(country, number)| Keys::of_number(country, number));
    std::iter::once(Keys::of_reference(typed)).chain(of_numbers).collect()
}

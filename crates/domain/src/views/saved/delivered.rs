//! The control views that every practice has from the start. They have no rows: each is this file's until a practice
//! adapts or hides it, so practices that are older than a view have it, too, and nobody has to make it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::model::{Audience, Content, View, ViewId};
use crate::custom_fields::{Catalogue, Labels};
use crate::identity::Practice;
use crate::kernel::Uid;
use crate::kernel::catalogue::{self, Language};
use crate::views::subjects::Subject;

/// A view that comes with the product. Its key never changes.
#[derive(Debug)]
pub struct Delivered {
    pub key: &'static str,
    names: [&'static str; 4],
    filter: fn() -> Value,
    sort: &'static str,
}

impl Delivered {
    /// Its identifier in a practice: always the same one, without a row that says so.
    pub fn id(&self, practice: &Practice) -> ViewId {
        let mut hasher = Sha256::new();
        hasher.update(practice.uid().0.as_bytes());
        hasher.update(self.key.as_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hasher.finalize()).for_each(|(byte, hashed)| *byte = hashed);
        ViewId(Uid(Builder::from_custom_bytes(bytes).into_uuid()))
    }

    pub fn names(&self) -> Labels {
        let languages = ["nl", "fr", "de", "en"].into_iter().zip(self.names);
        Labels(BTreeMap::from_iter(languages.map(|(language, name)| (language.to_owned(), name.to_owned()))))
    }

    /// What it shows, for people.
    pub fn description(&self, language: Language) -> String {
        catalogue::text(language, &format!("view.{}", self.key), &[])
    }

    /// What it says; columns whose field the practice has switched off are left out.
    pub fn content(&self, catalogue: &Catalogue) -> Content {
        let there = COLUMNS.iter().filter(|name| Subject::named(name, catalogue).is_some());
        Content {
            filter: Some((self.filter)()),
            search: None,
            sort: Some(self.sort.to_owned()),
            columns: there.map(|name| (*name).to_owned()).collect(),
        }
    }

    /// The view as nobody has touched it.
    pub fn view(&'static self, practice: &Practice, catalogue: &Catalogue) -> View {
        View {
            id: self.id(practice),
            names: self.names(),
            audience: Audience::Everybody,
            content: self.content(catalogue),
            delivered: Some(self),
            adapted: false,
            hidden: false,
            revision: 1,
            updated_at: None,
            is_stored: false,
        }
    }
}

const COLUMNS: &[&str] = &[
    "name",
    "enterprise_number",
    "responsible",
    "registration.state",
    "fields.registered_on",
    "fields.receive_software",
    "fields.send_software",
    "fields.ready",
    "fields.comments",
    "registration.checked_at",
];

/// All of them, in the order in which they are listed.
pub const DELIVERED: &[Delivered] = &[
    Delivered {
        key: "not_registered",
        names: ["Niet geregistreerd", "Non enregistrés", "Nicht registriert", "Not registered"],
        filter: || json!({ "and": [is("registration.state", "eq", json!("not_registered")), not_exempt()] }),
        sort: "name",
    },
    Delivered {
        key: "registered_elsewhere",
        names: [
            "Elders geregistreerd dan bij onze eigen oplossing",
            "Enregistrés ailleurs que chez notre propre solution",
            "Woanders registriert als bei unserer eigenen Lösung",
            "Registered elsewhere than at our own solution",
        ],
        filter: || {
            let seat = "registration.access_point.seat_id";
            // Where the access point is not known, nobody can say that it is another one.
            json!({ "and": [
                is("registration.state", "one_of", json!(["registered", "cannot_receive"])),
                { "field": seat, "op": "filled" },
                is(seat, "none_of", json!({ "own_solution": true })),
            ] })
        },
        sort: "registration.access_point.name,name",
    },
    Delivered {
        key: "ready_without_registration",
        names: [
            "Klaar zonder registratie",
            "Prêts sans enregistrement",
            "Bereit ohne Registrierung",
            "Ready without registration",
        ],
        // What is unknown today may well be registered: only what the network has denied counts.
        filter: || {
            json!({ "and": [
                is("fields.ready", "eq", json!(true)),
                is("registration.state", "none_of", json!(["registered", "unknown"])),
                not_exempt(),
            ] })
        },
        sort: "name",
    },
    Delivered {
        key: "never_informed",
        names: ["Nooit geïnformeerd", "Jamais informés", "Nie informiert", "Never informed"],
        filter: || json!({ "and": [{ "field": "informed_at", "op": "empty" }, not_exempt()] }),
        sort: "name",
    },
    Delivered {
        key: "registered_without_ready",
        names: [
            "Geregistreerd maar niet klaar",
            "Enregistrés mais pas prêts",
            "Registriert, aber nicht bereit",
            "Registered without ready",
        ],
        filter: || {
            json!({ "and": [
                is("registration.state", "eq", json!("registered")),
                is("fields.ready", "ne", json!(true)),
                not_exempt(),
            ] })
        },
        sort: "name",
    },
    Delivered {
        key: "unknown_for_days",
        names: [
            "Langer dan 3 dagen onbekend",
            "Inconnus depuis plus de 3 jours",
            "Seit mehr als 3 Tagen unbekannt",
            "Unknown for more than 3 days",
        ],
        filter: || {
            let long_ago = is("registration.unknown_since", "lt", json!({ "days_from_now": -3 }));
            json!({ "and": [long_ago, not_exempt()] })
        },
        sort: "registration.unknown_since,name",
    },
    Delivered {
        key: "no_software",
        names: ["Geen software bekend", "Aucun logiciel connu", "Keine Software bekannt", "No software known"],
        filter: || {
            json!({ "and": [
                { "field": "fields.receive_software", "op": "empty" },
                { "field": "fields.send_software", "op": "empty" },
                not_exempt(),
            ] })
        },
        sort: "name",
    },
];

/// Whoever is exempt needs no follow-up, so the views that lead to it leave them out. A registration elsewhere is there all
/// the same.
fn not_exempt() -> Value {
    is("exempt", "eq", json!(false))
}

fn is(field: &str, op: &str, value: Value) -> Value {
    json!({ "field": field, "op": op, "value": value })
}

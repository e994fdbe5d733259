//! Ten thousand bulk edits over random filters: what the preview counts is what changes, nobody else is touched, and undoing
//! gives everything back.

use std::collections::{BTreeMap, BTreeSet};

use klaar_domain::bulk_edits::{self, Assignment, BulkEdit, Status, Wish};
use klaar_domain::clients::{self, Client, ValueKey};
use klaar_domain::custom_fields::{self, Catalogue};
use klaar_domain::identity::{Caller, Practice};
use klaar_domain::views::{Chosen, Listing, Lists, Selection};
use serde_json::{Value, json};

use crate::house::House;
use crate::views::{Chance, Field, TREES};

struct Editor<'a> {
    house: &'a House,
    practice: &'a Practice,
    caller: Caller,
    lists: Lists,
    catalogue: Catalogue,
    keys: Vec<i64>,
}

impl Editor<'_> {
    /// All clients by identifier.
    fn clients(&self) -> BTreeMap<String, Client> {
        let read = self.house.db.read(|conn| clients::with_keys(conn, self.practice, &self.keys)).unwrap().0;
        read.into_iter().map(|client| (client.id.to_string(), client)).collect()
    }

    fn preview(&self, filter: &Value, assignment: Assignment) -> BulkEdit {
        let listing = Listing { filter: Some(filter.clone()), ..Listing::default() };
        let wish = Wish {
            chosen: Chosen { selection: Selection::Matching(listing), except: Vec::new() },
            said: filter.clone(),
            assignments: vec![assignment],
        };
        bulk_edits::preview(&self.house.db, &self.lists, &self.caller, &wish).unwrap()
    }

    fn now(&self, edit: &BulkEdit) -> BulkEdit {
        self.house.db.read(|conn| bulk_edits::find(conn, self.practice, edit.id)).unwrap()
    }

    fn apply(&self, edit: &BulkEdit) -> BulkEdit {
        let db = &self.house.db;
        db.write(|tx| bulk_edits::apply(tx, self.practice, &self.caller.actor, (edit.id, false))).unwrap();
        while self.now(edit).status == Status::Applying {
            db.write(|tx| bulk_edits::apply_chunk(tx, edit.id)).unwrap();
        }
        self.now(edit)
    }

    fn undo(&self, edit: &BulkEdit) -> BulkEdit {
        let db = &self.house.db;
        db.write(|tx| bulk_edits::undo(tx, self.practice, &self.caller.actor, edit.id)).unwrap();
        while self.now(edit).status == Status::Undoing {
            db.write(|tx| bulk_edits::undo_chunk(tx, edit.id)).unwrap();
        }
        self.now(edit)
    }

    /// What a client has in a field, in a form that can be compared.
    fn value(&self, client: &Client, field: &str) -> Option<Value> {
        match field.strip_prefix("fields.") {
            Some(slug) => client.values.get(&ValueKey(self.catalogue.by_slug(slug).unwrap().key)).cloned(),
            None if field == "portfolio" => client.card.portfolio.clone().map(Value::from),
            None => Some(Value::from(client.card.language.clone())),
        }
    }

    /// The same of what an assignment sets.
    fn wanted(&self, assignment: &Assignment) -> Option<Value> {
        let set = assignment.set.clone()?;
        let slug = assignment.field.strip_prefix("fields.").unwrap_or_default();
        let option = self.catalogue.by_slug(slug).and_then(|field| field.option_meant(set.as_str()?));
        Some(option.map_or(set, |option| Value::from(option.key)))
    }
}

fn assignment(chance: &mut Chance) -> Assignment {
    let (field, value) = chance.pick(&[
        ("fields.note", json!("été")),
        ("fields.count", json!(2.5)),
        ("fields.paid", json!(true)),
        ("fields.tool", json!("Odoo")),
        ("fields.due", json!("2021-02-11")),
        ("portfolio", json!("Horeca")),
        ("language", json!("fr")),
    ]);
    let clears = field != "language" && chance.one_in(4);
    Assignment { field: field.to_owned(), set: (!clears).then_some(value), clear: clears, ..Assignment::default() }
}

/// Whether two clients have the same in every field but this one.
fn are_alike_but(editor: &Editor<'_>, a: &Client, b: &Client, field: &str) -> bool {
    let without = |client: &Client| {
        let mut client = client.clone();
        match field.strip_prefix("fields.") {
            Some(slug) => drop(client.values.remove(&ValueKey(editor.catalogue.by_slug(slug).unwrap().key))),
            None if field == "portfolio" => client.card.portfolio = None,
            None => client.card.language.clear(),
        }
        (client.card, client.values, client.archived_at, client.facts)
    };
    without(a) == without(b)
}

async fn a_quarter(seed: u64) {
    let mut field = Field::open(seed).await;
    for _ in 0..20 {
        field.disturb().await;
    }
    let (house, practice) = (field.house.clone(), field.practice.clone());
    let caller = house.caller(&practice);
    let actor = caller.actor.id.clone().unwrap();
    let catalogue = house.db.read(|conn| custom_fields::catalogue(conn, &practice)).unwrap();
    let ids: Vec<_> = field.ids();
    let keys = house.db.read(|conn| clients::keys_of(conn, &practice, &ids)).unwrap().into_values().collect();
    let lists = Lists::new(1 << 20);
    let editor = Editor { house: &house, practice: &practice, caller, lists, catalogue, keys };
    let mut changed = 0;
    for at in 0..TREES / 4 {
        let (filter, wish) = (field.tree(0), assignment(&mut field.chance));
        let before = editor.clients();
        let wanted = editor.wanted(&wish);
        let selected: BTreeSet<String> = field.expected(&filter, &[]).into_iter().collect();
        let differs = |id: &&String| editor.value(&before[*id], &wish.field) != wanted;
        let expected: Vec<&String> =
            selected.iter().filter(differs).filter(|id| before[*id].archived_at.is_none()).collect();
        let edit = editor.preview(&filter, wish.clone());
        let said = format!("the {at}th: {filter}, {wish:?}");
        assert_eq!(edit.selected, selected.len() as i64, "{said}");
        assert_eq!(edit.to_change, expected.len() as i64, "{said}");
        assert_eq!(editor.apply(&edit).changed, edit.to_change, "{said}");
        for (id, after) in editor.clients() {
            assert!(are_alike_but(&editor, &before[&id], &after, &wish.field), "{id} of {said}");
            let value = if expected.contains(&&id) { wanted.clone() } else { editor.value(&before[&id], &wish.field) };
            assert_eq!(editor.value(&after, &wish.field), value, "{id} of {said}");
        }
        let undone = editor.undo(&edit);
        assert_eq!((undone.restored, undone.kept), (edit.to_change, 0), "{said}");
        for (id, after) in editor.clients() {
            assert_eq!((&after.card, &after.values), (&before[&id].card, &before[&id].values), "{id} of {said}");
        }
        changed += expected.len();
        field.set_by(&expected, &wish.field, &actor);
    }
    assert!(changed > TREES * 2, "the edits change too little to prove anything: {changed}");
}

macro_rules! quarters {
    ($($name:ident = $seed:literal),+) => { $(
        #[tokio::test]
        async fn $name() {
            a_quarter($seed).await;
        }
    )+ };
}

quarters! {
    ten_thousand_random_edits_change_whom_they_count_one = 11,
    ten_thousand_random_edits_change_whom_they_count_two = 12,
    ten_thousand_random_edits_change_whom_they_count_three = 13,
    ten_thousand_random_edits_change_whom_they_count_four = 14
}

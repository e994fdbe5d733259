//! The verbs on views: save, change, delete, and bring a delivered one back to what it was.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::content::{self, canonical};
use super::model::{Audience, Content, MOST_VIEWS, View, ViewId};
use super::queries::{all, view};
use crate::clients::door;
use crate::custom_fields::{self, Catalogue, Labels, SaidNames, catalogue};
use crate::identity::{Caller, Right};
use crate::kernel::JsonText;
use crate::kernel::actor::ActorKind;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::patch::Patch;
use crate::kernel::text;
use crate::on_each;
use crate::schema::saved_views;
use crate::views::list::Asker;
use crate::views::trees;

/// A view to save.
#[derive(Debug, Clone, Default)]
pub struct NewView {
    /// What it is called.
    pub names: SaidNames,
    /// What it says, unchecked.
    pub content: Content,
    /// Everybody sees it.
    pub shared: bool,
}

/// What a PATCH says of a view.
#[derive(Debug, Clone, Default)]
pub struct ViewChange {
    /// All its names anew.
    pub names: Patch<Labels>,
    /// The filter tree; null for all clients.
    pub filter: Patch<Value>,
    /// Words; null for none.
    pub search: Patch<String>,
    /// The order; null for by name.
    pub sort: Patch<String>,
    /// The columns; null for the usual ones.
    pub columns: Patch<Vec<String>>,
    /// Everybody sees it, or only whoever changes it.
    pub shared: Patch<bool>,
    /// It is left out of the list of views.
    pub hidden: Patch<bool>,
}

/// A view as the audit trail has it.
fn state(view: &View) -> Value {
    json!({
        "names": view.names, "shared": view.audience == Audience::Everybody, "owner": view.audience.owner(),
        "hidden": view.hidden, "content": view.content,
    })
}

/// The audience of a view of the caller's own.
fn own(caller: &Caller) -> Result<Audience> {
    let id = caller.actor.id.as_deref().unwrap_or_default();
    let unknown = || Error::Forbidden(Right::ViewsManage.as_str());
    match caller.actor.kind {
        ActorKind::Member => id.parse().map(Audience::Member).map_err(|_| unknown()),
        ActorKind::ApiKey => id.parse().map(Audience::Key).map_err(|_| unknown()),
        // The command line and the system are nobody who could look at a view of their own.
        ActorKind::Operator | ActorKind::System => Err(unknown()),
    }
}

/// What may be changed in a view by whom: everybody's only by those who manage views.
fn need_for(view: &View, caller: &Caller) -> Result<()> {
    if view.audience == Audience::Everybody { caller.need(Right::ViewsManage) } else { Ok(()) }
}

/// Blanks count as nothing, and options go by their identifiers.
fn tidied(mut content: Content, catalogue: &Catalogue) -> Content {
    let filled = |typed: Option<String>| typed.and_then(|typed| text::filled(&typed).map(str::to_owned));
    content.search = filled(content.search);
    content.sort = filled(content.sort);
    if let Some(tree) = &mut content.filter {
        trees::fix_options(tree, catalogue);
    }
    content
}

/// What is wrong with those parts of a content that somebody gave.
fn faults(content: &Content, said: [bool; 4], catalogue: &Catalogue, asker: &Asker<'_>) -> Vec<FieldError> {
    let [filter, search, sort, columns] = said;
    let mut wrong = Vec::new();
    if filter {
        wrong.extend(content::filter_of(content.filter.as_ref(), catalogue, asker).err().unwrap_or_default());
    }
    if search {
        wrong.extend(content.search.as_deref().and_then(|search| content::check_search(search).err()));
    }
    if sort {
        wrong.extend(content::check_sort(content.sort.as_deref(), catalogue, asker).err());
    }
    if columns {
        wrong.extend(content::check_columns(&content.columns, catalogue).err().unwrap_or_default());
    }
    wrong
}

/// Refuses a content that a view which the caller can see has already, and names that view.
fn refuse_duplicate(
    views: &[View],
    own: Option<ViewId>,
    content: &Content,
    caller: (&Catalogue, &Asker<'_>),
) -> Result<()> {
    let (catalogue, asker) = caller;
    let wanted = canonical(content, catalogue);
    let others = views.iter().filter(|view| Some(view.id) != own && view.audience.includes(asker));
    let twin = others.into_iter().find(|view| canonical(&view.content, catalogue) == wanted);
    twin.map_or(Ok(()), |twin| {
        let name = twin.names.in_language(catalogue.language, catalogue.language).to_owned();
        Err(Error::conflict_with("duplicate_view", vec![("view_id", twin.id.to_string()), ("name", name)]))
    })
}

/// Saves a view.
///
/// # Errors
/// [`Error::Forbidden`] for a shared one without the right to manage views; [`Error::Invalid`] for wrong fields;
/// [`Error::Conflict`] `duplicate_view` naming the one that says the same, or `too_many_views`.
pub fn create_view(tx: &mut Tx<'_>, caller: &Caller, new: NewView) -> Result<ViewId> {
    let audience = if new.shared { Audience::Everybody } else { own(caller)? };
    if new.shared {
        caller.need(Right::ViewsManage)?;
    }
    let practice = &caller.practice;
    let names = custom_fields::checked_names(new.names, &practice.language)?;
    door::hold(tx, practice)?;
    let (catalogue, asker) = (catalogue(tx, practice)?, Asker::of(caller, tx.now()));
    let wrong = faults(&new.content, [true; 4], &catalogue, &asker);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let content = tidied(new.content, &catalogue);
    let views = all(tx, practice, &catalogue)?;
    refuse_duplicate(&views, None, &content, (&catalogue, &asker))?;
    if views.iter().filter(|view| !view.is_delivered()).count() >= MOST_VIEWS {
        return Err(Error::conflict_with("too_many_views", vec![("max", MOST_VIEWS.to_string())]));
    }
    let view = View {
        id: ViewId::new(),
        names,
        audience,
        content,
        delivered: None,
        adapted: false,
        hidden: false,
        revision: 1,
        updated_at: None,
        is_stored: false,
    };
    write(tx, caller, &view)?;
    let event = Event::new("view.created", "api").on(view.id).after(&state(&view));
    audit::record(tx, practice.uid(), &caller.actor, &event)?;
    Ok(view.id)
}

/// Changes a view; a change of nothing is no change and leaves no trace. Of a broken view what is not said may stay broken.
///
/// # Errors
/// [`Error::NotFound`], also for somebody else's private one; [`Error::Stale`]; [`Error::Forbidden`] for one of
/// everybody's, or to make it so, without the right to manage views; [`Error::Invalid`]; [`Error::Conflict`]
/// `duplicate_view`, or `delivered_view` when a delivered one is to become private.
pub fn change_view(tx: &mut Tx<'_>, caller: &Caller, (id, revision): (ViewId, i64), said: ViewChange) -> Result<()> {
    let practice = &caller.practice;
    door::hold(tx, practice)?;
    let (catalogue, asker) = (catalogue(tx, practice)?, Asker::of(caller, tx.now()));
    let before = view(tx, &catalogue, &asker, id)?;
    need_for(&before, caller)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let after = changed(&before, said, caller, (&catalogue, &asker))?;
    if state(&after) == state(&before) {
        return Ok(());
    }
    if after.content != before.content {
        refuse_duplicate(&all(tx, practice, &catalogue)?, Some(id), &after.content, (&catalogue, &asker))?;
    }
    write(tx, caller, &after)?;
    let event = Event::new("view.updated", "api").on(id).before(&state(&before)).after(&state(&after));
    audit::record(tx, practice.uid(), &caller.actor, &event)?;
    Ok(())
}

/// The view as it is to be.
fn changed(before: &View, said: ViewChange, caller: &Caller, around: (&Catalogue, &Asker<'_>)) -> Result<View> {
    let (catalogue, asker) = around;
    let mut after = before.clone();
    if let Some(names) = custom_fields::set(said.names, "/names")? {
        let said = SaidNames { names: Some(names), name: None };
        after.names = custom_fields::checked_names(said, &caller.practice.language)?;
    }
    let is_said = [
        said.filter != Patch::Absent,
        said.search != Patch::Absent,
        said.sort != Patch::Absent,
        said.columns != Patch::Absent,
    ];
    said.filter.apply(&mut after.content.filter);
    said.search.apply(&mut after.content.search);
    said.sort.apply(&mut after.content.sort);
    match said.columns {
        Patch::Absent => {}
        Patch::Null => after.content.columns.clear(),
        Patch::Value(columns) => after.content.columns = columns,
    }
    let wrong = faults(&after.content, is_said, catalogue, asker);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    after.content = tidied(after.content, catalogue);
    after.hidden = custom_fields::set(said.hidden, "/hidden")?.unwrap_or(before.hidden);
    match custom_fields::set(said.shared, "/shared")? {
        Some(true) => after.audience = Audience::Everybody,
        Some(false) if before.is_delivered() => return Err(Error::conflict("delivered_view")),
        Some(false) if before.audience == Audience::Everybody => after.audience = own(caller)?,
        Some(false) | None => {}
    }
    need_for(&after, caller)?;
    let says_else = after.content != before.content || after.names != before.names;
    after.adapted = before.is_delivered() && (before.adapted || says_else);
    Ok(View { revision: before.revision + 1, ..after })
}

/// Deletes a view for good; the audit trail keeps what it said.
///
/// # Errors
/// As [`change_view`]; [`Error::Conflict`] `delivered_view` for one that came with the product: hide it instead.
pub fn delete_view(tx: &mut Tx<'_>, caller: &Caller, id: ViewId) -> Result<()> {
    let practice = &caller.practice;
    door::hold(tx, practice)?;
    let (catalogue, asker) = (catalogue(tx, practice)?, Asker::of(caller, tx.now()));
    let before = view(tx, &catalogue, &asker, id)?;
    need_for(&before, caller)?;
    if before.is_delivered() {
        return Err(Error::conflict("delivered_view"));
    }
    let row = saved_views::table.filter(saved_views::practice_id.eq(practice.id).and(saved_views::id.eq(id)));
    diesel::delete(row).execute(&mut **tx)?;
    let event = Event::new("view.deleted", "api").on(id).before(&state(&before));
    audit::record(tx, practice.uid(), &caller.actor, &event)?;
    Ok(())
}

/// Brings a delivered view back to what it was, shown again. One that nobody touched stays as it is.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `no_delivered_view` for one of the practice's own.
pub fn restore_view(tx: &mut Tx<'_>, caller: &Caller, id: ViewId) -> Result<()> {
    let practice = &caller.practice;
    door::hold(tx, practice)?;
    let (catalogue, asker) = (catalogue(tx, practice)?, Asker::of(caller, tx.now()));
    let before = view(tx, &catalogue, &asker, id)?;
    need_for(&before, caller)?;
    let Some(delivered) = before.delivered else { return Err(Error::conflict("no_delivered_view")) };
    if !before.adapted && !before.hidden {
        return Ok(());
    }
    let after = View { revision: before.revision + 1, is_stored: true, ..delivered.view(practice, &catalogue) };
    write(tx, caller, &after)?;
    let event = Event::new("view.restored", "api").on(id).before(&state(&before)).after(&state(&after));
    audit::record(tx, practice.uid(), &caller.actor, &event)?;
    Ok(())
}

/// Writes the row of a view, new or not.
fn write(tx: &mut Tx<'_>, caller: &Caller, view: &View) -> Result<()> {
    let now: Instant = tx.now();
    let (member, key) = match view.audience {
        Audience::Everybody => (None, None),
        Audience::Member(owner) => (Some(owner), None),
        Audience::Key(owner) => (None, Some(owner)),
    };
    let changed = (
        saved_views::names.eq(JsonText::of(&view.names)),
        saved_views::owner_member.eq(member),
        saved_views::owner_key.eq(key),
        saved_views::content.eq(JsonText::of(&view.content)),
        saved_views::adapted.eq(view.adapted),
        saved_views::hidden.eq(view.hidden),
        saved_views::revision.eq(view.revision),
        saved_views::updated_at.eq(now),
    );
    if view.is_stored {
        let row = saved_views::practice_id.eq(caller.practice.id).and(saved_views::id.eq(view.id));
        diesel::update(saved_views::table.filter(row)).set(changed).execute(&mut **tx)?;
        return Ok(());
    }
    let fixed = (
        saved_views::id.eq(view.id),
        saved_views::practice_id.eq(caller.practice.id),
        saved_views::delivered_key.eq(view.delivered.map(|one| one.key)),
        saved_views::created_at.eq(now),
    );
    on_each!(&mut **tx, c => diesel::insert_into(saved_views::table).values((fixed, changed)).execute(c))?;
    Ok(())
}

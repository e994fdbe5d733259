//! What a practice's mails say.

mod attachments;
mod categories;
mod ins;
mod outs;
pub mod pages;
mod previews;
mod verbs;

use klaar_domain::identity::Caller;
use klaar_domain::senders;
use klaar_domain::templates::Given;

use crate::State;
use crate::mounting::Routes;

fn given<'a>(state: &'a State, caller: &'a Caller) -> Given<'a> {
    Given { practice: &caller.practice, letters: &state.letters }
}

fn sending<'a>(state: &'a State, caller: &'a Caller) -> senders::Given<'a> {
    senders::Given { practice: &caller.practice, mail: &state.settings.mail, keyring: &state.keyring }
}

/// Mounts the room's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(categories::list_template_categories)
        .service(categories::create_template_category)
        .service(categories::get_template_category)
        .service(categories::update_template_category)
        .service(verbs::list_template_variables)
        .service(verbs::list_templates)
        .service(verbs::create_template)
        .service(verbs::get_template)
        .service(verbs::update_template)
        .service(verbs::delete_template)
        .service(verbs::list_template_versions)
        .service(verbs::restore_template)
        .service(attachments::list_template_attachments)
        .service(attachments::add_template_attachment)
        .service(attachments::get_template_attachment)
        .service(attachments::update_template_attachment)
        .service(attachments::remove_template_attachment)
        .service(previews::preview_template)
        .service(previews::preview_texts)
        .service(previews::test_template);
}

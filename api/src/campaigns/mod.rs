//! Campaigns, their ledger, single mails, and addresses that get none.

mod control;
mod findings;
mod ins;
mod outs;
pub mod pages;
mod preflights;
mod recipients;
mod results;
mod singles;
mod suppressions;
mod verbs;

use klaar_domain::campaigns::Around;
use klaar_domain::identity::Caller;

use crate::State;
use crate::mounting::Routes;

fn around<'a>(state: &'a State, caller: &'a Caller) -> Around<'a> {
    Around {
        caller,
        db: &state.db,
        lists: &state.lists,
        letters: &state.letters,
        mail: &state.settings.mail,
        keyring: &state.keyring,
    }
}

/// Mounts the room's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(verbs::list_campaigns)
        .service(verbs::create_campaign)
        .service(verbs::get_campaign)
        .service(verbs::update_campaign)
        .service(verbs::delete_campaign)
        .service(preflights::get_campaign_preflight)
        .service(verbs::dispatch_campaign)
        .service(verbs::schedule_campaign)
        .service(verbs::unschedule_campaign)
        .service(control::pause_campaign)
        .service(control::resume_campaign)
        .service(control::cancel_campaign)
        .service(control::retry_campaign)
        .service(control::settle_campaign_doubts)
        .service(recipients::list_campaign_recipients)
        .service(results::export_campaign_results)
        .service(results::get_campaign_joined)
        .service(results::follow_up_campaign)
        .service(singles::list_client_mails)
        .service(singles::send_client_mail)
        .service(suppressions::list_suppressions)
        .service(suppressions::create_suppression)
        .service(suppressions::delete_suppression);
}

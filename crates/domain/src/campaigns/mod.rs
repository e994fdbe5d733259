//! Campaigns: one mail to many clients, and a ledger that says of each client what became of it.
//!
//! A draft says who is meant, with which template and from whom. Its dispatch freezes the audience: a row for each client,
//! with the address, the language and why that address. From then on the rows are the truth. A row is *sending* in the
//! database before its mail goes out and *sent* behind the server's last word; whoever dies between the two leaves a row
//! that is *in doubt*, never one that is sent again by itself. The sum of all states is the audience at every moment.

mod attachments;
mod audience;
mod bounced;
mod control;
mod dispatches;
mod drafts;
mod followups;
mod freezing;
mod jobs;
mod ledger;
mod model;
mod pacing;
mod preflights;
mod progress;
mod queries;
mod recipients;
mod results;
mod slices;
mod stamps;
mod suppressions;
mod traces;
mod unsubscribing;

pub use attachments::{carry, prune_files};
pub use audience::Around;
pub use bounced::{CameBack, Tally, Verdict, take_back};
pub use control::{Settled, cancel, pause, resume, retry_failed, settle};
pub use dispatches::{
    Launch, Single, caller_of, dispatch_scheduled, launch, prepare_dispatch, prepare_single, schedule, unschedule,
};
pub use drafts::{CampaignChange, NewCampaign, change, create, delete};
pub use followups::{Joined, follow_up, joined};
pub use jobs::{DispatchScheduled, SendCampaign};
pub use ledger::{Exchange, Go, Outcome, exchange};
pub use model::*;
pub use preflights::{Finding, Lacking, MailedLately, Preflight, Weight, preflight};
pub use queries::{find, list};
pub use recipients::{Asked, MailOfClient, Recipient, mails_of, recipients};
pub use results::{results_header, results_piece};
pub use slices::{Due, Ended, Slice, begin, due, end, prepare};
pub use stamps::{Marked, marked};
pub use suppressions::{NewSuppression, Suppression, suppress, suppressions, unsuppress};
pub use unsubscribing::{unsubscribe, unsubscribe_link, unsubscribing};

//! The product's own mails: written, packed, and given to the installation's mail server.

use klaar_domain::identity::{self, Practice, PracticeId};
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Error;
use klaar_domain::mail::{Address, Letter, Letters, MailServer, Mailer, Party, Post, pack};

use crate::run::{Fault, Run};

/// Sends a letter. It is known by the job, so that a second try is the same mail to whoever has it already.
///
/// # Errors
/// [`Fault::Passing`] when a later try may go better; [`Fault::Hopeless`] when the server refuses it for good, the letter
/// cannot be written, or the installation has no mail server.
pub(crate) async fn send<L: Letter>(run: &Run, post: &Post<L>) -> Result<(), Fault> {
    let hopeless = |fault: &dyn std::fmt::Display| Fault::Hopeless(fault.to_string());
    let Some(shared) = &run.settings().mail.shared else {
        return Err(hopeless(&"there is no mail server: set KLAAR_SMTP_URL and KLAAR_MAIL_FROM, then retry the job"));
    };
    let server = MailServer::of_url(&shared.url).ok_or_else(|| hopeless(&"KLAAR_SMTP_URL names no mail server"))?;
    let letters = run.shared::<Letters>()?;
    let written = letters.write(&post.letter, post.language, &post.sender).map_err(|fault| hopeless(&fault))?;
    let address = Address {
        from: Party { name: post.sender.clone(), address: shared.from.clone() },
        reply_to: None,
        to: post.to.clone(),
        unsubscribe: None,
        message_id: format!("{}@{}", run.job(), domain_of(&shared.from)),
        written_at: run.db().clock().now(),
    };
    let parcel = pack(&written, &address).map_err(|fault| hopeless(&fault))?;
    let mailer = run.shared::<Mailer>()?;
    match mailer.send(&server, &parcel).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.is_passing() => Err(Fault::Passing(fault.to_string())),
        Err(fault) => Err(hopeless(&fault)),
    }
}

/// Sends what `post` reads of the job's practice, if it is wanted and there is a mail server.
///
/// # Errors
/// As [`send`], and when the database is away.
pub(crate) async fn send_if_wanted<L: Letter + Send + 'static>(
    run: &Run,
    post: impl FnOnce(&mut Conn, &Practice) -> Result<Option<Post<L>>, Error> + Send + 'static,
) -> Result<(), Fault> {
    let Some(practice) = run.practice().filter(|_| run.settings().mail.shared.is_some()) else { return Ok(()) };
    let post = run.read(move |conn| {
        let practice = identity::find_practice(conn, PracticeId(practice))?;
        post(conn, &practice)
    });
    match post.await? {
        Some(post) => send(run, &post).await,
        None => Ok(()),
    }
}

/// The domain of an address, which the identifiers of its mails end with.
pub(crate) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}

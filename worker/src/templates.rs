//! Tests of templates.

use klaar_domain::identity::{self, PracticeId};
use klaar_domain::kernel::secrets::Keyring;
use klaar_domain::mail::{Address, Letters, Mailer, pack_with};
use klaar_domain::senders::Given;
use klaar_domain::templates::{self, SendTemplateTest};

use crate::mails::domain_of;
use crate::run::{Fault, Run};

/// Sends a test. Somebody waits for it, so there is one try, and how it went is said in any case.
pub(crate) async fn send_template_test(job: SendTemplateTest, run: Run) -> Result<(), Fault> {
    let outcome = outcome(&job, &run).await?;
    run.settle(move |tx| templates::test_ended(tx, &job, outcome)).await
}

async fn outcome(job: &SendTemplateTest, run: &Run) -> Result<Result<String, String>, Fault> {
    let Some(practice) = run.practice() else { return Ok(Err("the job names no practice".to_owned())) };
    let (letters, keyring) = (run.shared::<Letters>()?, run.shared::<Keyring>()?);
    let (mail, reading) = (run.settings().mail.clone(), job.clone());
    let test = run.read(move |conn| {
        let practice = identity::find_practice(conn, PracticeId(practice))?;
        let sending = Given { practice: &practice, mail: &mail, keyring: &keyring };
        templates::test_to_send(conn, (&letters, sending), &reading)
    });
    let test = match test.await {
        Ok(test) => test,
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    let address = Address {
        message_id: format!("{}@{}", run.job(), domain_of(&test.from.party.address)),
        from: test.from.party,
        reply_to: test.from.reply_to,
        to: test.to,
        unsubscribe: None,
        written_at: run.db().clock().now(),
    };
    let parcel = match pack_with(&test.preview.written, &address, &test.enclosures) {
        Ok(parcel) => parcel,
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    let sent = run.shared::<Mailer>()?.send(&test.server, &parcel).await;
    Ok(sent.map(|_| address.to.address).map_err(|fault| fault.to_string()))
}

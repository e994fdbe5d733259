//! The mails that let people set a password.

use klaar_domain::identity::{self, SendInvitation, SendPasswordReset};
use klaar_domain::kernel::secrets::Keyring;

use crate::mails;
use crate::run::{Fault, Run};

/// Mails an invitation, unless it has been used or replaced meanwhile.
pub(crate) async fn send_invitation(job: SendInvitation, run: Run) -> Result<(), Fault> {
    let (keyring, base, id) = (run.shared::<Keyring>()?, run.settings().public_url.clone(), job.invitation);
    let now = run.db().clock().now();
    let post = run.read(move |conn| identity::invitation_to_mail(conn, &keyring, &base, (id, now))).await?;
    let Some(post) = post else { return Ok(()) };
    mails::send(&run, &post).await?;
    run.settle(move |tx| identity::invitation_mailed(tx, id)).await
}

/// Mails the link of a password reset, if anybody has the address.
pub(crate) async fn send_password_reset(job: SendPasswordReset, run: Run) -> Result<(), Fault> {
    let (keyring, base, id) = (run.shared::<Keyring>()?, run.settings().public_url.clone(), job.reset);
    let now = run.db().clock().now();
    let post = run.read(move |conn| identity::reset_to_mail(conn, &keyring, &base, (id, now))).await?;
    let Some(post) = post else { return Ok(()) };
    mails::send(&run, &post).await?;
    run.settle(move |tx| identity::reset_mailed(tx, id)).await
}

//! `klaar sandbox`: the offline world alone.

use klaar_sandbox::{Sandbox, SandboxError, Settings};

use crate::command::{Fault, SandboxArgs};
use crate::output::say;

/// Runs the offline world until the process is asked to stop.
pub async fn run(args: SandboxArgs) -> Result<(), Fault> {
    let settings = Settings { dns: args.dns, smp: args.smp, smtp: args.smtp, page: args.page, ..Settings::default() };
    let sandbox = start(settings).await?;
    say(&format!("The offline world runs. Look at http://{}/", sandbox.page_addr()));
    say("Let Klaar work in it:");
    for line in environment(&sandbox) {
        say(&format!("  export {line}"));
    }
    asked_to_stop().await?;
    sandbox.stop().await;
    Ok(())
}

/// The domain of this world's mails, and what DNS says of it: all that large receivers ask for.
const DOMAIN: &str = "klaar.example";
const DOMAIN_TEXTS: [(&str, &str); 3] = [
    ("", "v=spf1 ip4:127.0.0.1 -all"),
    ("sandbox._domainkey", "v=DKIM1; k=ed25519; p="),
    ("_dmarc", "v=DMARC1; p=reject"),
];

/// Starts the world.
///
/// # Errors
/// As [`Sandbox::start`].
pub async fn start(settings: Settings) -> Result<Sandbox, SandboxError> {
    let sandbox = Sandbox::start(settings).await?;
    sandbox.publish_texts(DOMAIN, &DOMAIN_TEXTS)?;
    Ok(sandbox)
}

async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminated.recv() => Ok(()),
    }
}

/// The settings with which Klaar works in this world.
pub fn environment(sandbox: &Sandbox) -> Vec<String> {
    vec![
        format!("KLAAR_DNS={}", sandbox.dns_addr()),
        format!("KLAAR_PEPPOL_TEST_ZONE={}", sandbox.zone()),
        "KLAAR_SMP_ALLOW_INSECURE=true".to_owned(),
        format!("KLAAR_SMTP_URL=smtp://{}", sandbox.smtp_addr()),
        format!("KLAAR_MAIL_FROM=post@{DOMAIN}"),
        "KLAAR_SMTP_ALLOW_PRIVATE=true".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use klaar_domain::kernel::config::Settings as Klaars;

    use super::*;

    #[tokio::test]
    async fn klaar_takes_the_settings_that_it_is_told() {
        let sandbox = start(Settings::default()).await.unwrap();
        let environment = environment(&sandbox);
        let told = environment.iter().filter_map(|line| line.split_once('='));
        let told = told.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let taken = Klaars::from_sources(std::collections::BTreeMap::new(), told).unwrap();
        let shared = taken.mail.shared.unwrap();
        assert_eq!(shared.url.port(), Some(sandbox.smtp_addr().port()));
    }
}

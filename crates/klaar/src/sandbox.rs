//! `klaar sandbox`: the offline world alone.

use klaar_sandbox::{Sandbox, Settings};

use crate::command::{Fault, SandboxArgs};
use crate::output::say;

/// Runs the offline world until the process is asked to stop.
pub async fn run(args: SandboxArgs) -> Result<(), Fault> {
    let settings = Settings { dns: args.dns, smp: args.smp, smtp: args.smtp, page: args.page, ..Settings::default() };
    let sandbox = Sandbox::start(settings).await?;
    say(&format!("The offline world runs. Look at http://{}/", sandbox.page_addr()));
    say("Let Klaar work in it:");
    for line in environment(&sandbox) {
        say(&format!("  export {line}"));
    }
    asked_to_stop().await?;
    sandbox.stop().await;
    Ok(())
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
    ]
}

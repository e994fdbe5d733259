//! Logs: text for people, JSON for machines.

use klaar_domain::kernel::config::Settings;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Sends this process's logs to standard error, as the settings `log` and `log_format` say. apalis's own chatter about
/// tasks is left out unless the filter names it.
///
/// # Errors
/// A text for people when the filter is none or logs go somewhere already.
pub fn start(settings: &Settings) -> Result<(), String> {
    let quiet = if settings.log.contains("apalis") {
        String::new()
    } else {
        ",apalis=off,apalis_core=off,apalis_redis=off".to_owned()
    };
    let filter =
        EnvFilter::try_new(format!("{}{quiet}", settings.log)).map_err(|error| format!("KLAAR_LOG: {error}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if settings.log_json { logs.json().finish().try_init() } else { logs.finish().try_init() };
    started.map_err(|error| error.to_string())
}

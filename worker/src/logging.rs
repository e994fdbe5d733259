//! Logs: text for people, JSON for machines.

use klaar_domain::kernel::config::Settings;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Left out unless the filter names their family: apalis's chatter about tasks, and a line for each malformed request, with
/// which any stranger could fill the log.
const QUIET: [&str; 4] = ["apalis", "apalis_core", "apalis_redis", "actix_http"];

/// Sends this process's logs to standard error, as the settings `log` and `log_format` say.
///
/// # Errors
/// A text for people when the filter is none or logs go somewhere already.
pub fn start(settings: &Settings) -> Result<(), String> {
    let said_of = |name: &str| settings.log.contains(name);
    let quiet: String = QUIET
        .iter()
        .filter(|name| !said_of(name.split('_').next().unwrap_or_default()))
        .map(|name| format!(",{name}=off"))
        .collect();
    let filter =
        EnvFilter::try_new(format!("{}{quiet}", settings.log)).map_err(|error| format!("KLAAR_LOG: {error}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if settings.log_json { logs.json().finish().try_init() } else { logs.finish().try_init() };
    started.map_err(|error| error.to_string())
}

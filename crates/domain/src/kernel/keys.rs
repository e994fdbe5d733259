//! Where the server's secret key comes from.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::config::Settings;
use super::db::Address;
use super::secrets::Keyring;

/// The keyring of the settings. On SQLite a missing key is made and kept as `secret.key` beside the file; on PostgreSQL it must
/// be set, because other processes must have the same.
///
/// # Errors
/// Says what is missing or cannot be read, never quoting a key.
pub fn keyring(settings: &Settings) -> Result<Keyring, String> {
    if let Some(keyring) = &settings.keyring {
        return Ok(keyring.clone());
    }
    let Address::Sqlite(path) = &settings.database else {
        return Err("KLAAR_SECRET_KEY is missing: set it to 32 random bytes in base64 (openssl rand -base64 32), \
                    the same for every process"
            .to_owned());
    };
    let file = Path::new(path).with_file_name("secret.key");
    let broken = |fault: std::io::Error| format!("{}: {fault}", file.display());
    if !file.exists() {
        match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
            Ok(mut created) => {
                created.write_all(Keyring::generate().as_bytes()).map_err(broken)?;
                tracing::info!(file = %file.display(), "made a secret key; keep it with the backups of the database");
            }
            // Another process was faster: its key is read below.
            Err(fault) if fault.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(fault) => return Err(broken(fault)),
        }
    }
    let text = std::fs::read_to_string(&file).map_err(broken)?;
    Keyring::parse(text.trim()).map_err(|fault| format!("{}: {fault}", file.display()))
}

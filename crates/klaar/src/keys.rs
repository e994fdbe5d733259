//! Where the server's secret key comes from.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Address;
use klaar_domain::kernel::secrets::Keyring;

use crate::command::Fault;

/// The keyring of the settings. On SQLite a missing key is made and kept as `secret.key` beside the file; on PostgreSQL the
/// server refuses to start, because its other processes must have the same key.
pub fn keyring(settings: &Settings) -> Result<Keyring, Fault> {
    if let Some(keyring) = &settings.keyring {
        return Ok(keyring.clone());
    }
    let Address::Sqlite(path) = &settings.database else {
        return Err(Fault("KLAAR_SECRET_KEY is missing: set it to 32 random bytes in base64 (openssl rand -base64 32), the same for every process".to_owned()));
    };
    let file = Path::new(path).with_file_name("secret.key");
    if !file.exists() {
        let created = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
        match created {
            Ok(mut created) => {
                created.write_all(Keyring::generate().as_bytes())?;
                tracing::info!(file = %file.display(), "made a secret key; keep it with the backups of the database");
            }
            // Another process was faster: its key is read below.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Fault(format!("{}: {error}", file.display()))),
        }
    }
    let text = std::fs::read_to_string(&file).map_err(|error| Fault(format!("{}: {error}", file.display())))?;
    Keyring::parse(text.trim()).map_err(|fault| Fault(format!("{}: {fault}", file.display())))
}

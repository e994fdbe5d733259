//! `klaar letters`: what the product's own mails look like.

use std::path::Path;

use klaar_domain::kernel::config::Settings;
use klaar_domain::letters::samples;
use klaar_domain::mail::Letters;

use crate::command::Fault;
use crate::output;

/// Writes every letter in every language, with sample values, into `folder`: HTML and text.
pub fn write(settings: &Settings, folder: &Path) -> Result<(), Fault> {
    let letters = samples(&Letters::new(settings.mail.templates.clone()))?;
    for letter in &letters {
        let place = folder.join(letter.name).join(letter.language.as_str());
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join("letter.html"), &letter.written.html)?;
        std::fs::write(place.join("letter.txt"), format!("{}\n\n{}", letter.written.subject, letter.written.text))?;
    }
    output::say(&format!("{} letters are in {}.", letters.len(), folder.display()));
    Ok(())
}

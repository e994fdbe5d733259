//! Every mail of the product in every language, as it was agreed upon, and no file without a mail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use klaar_domain::kernel::catalogue::Language;
use klaar_domain::letters::samples;
use klaar_domain::mail::Letters;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { assert!(found.insert(path)) }
    }
}

/// With `KLAAR_SNAPSHOTS=write` the snapshots are written anew; look at the difference before you commit it.
#[test]
fn every_letter_says_in_every_language_what_was_agreed_upon() {
    let folder = root().join("tests/it/letters");
    let writes = std::env::var("KLAAR_SNAPSHOTS").is_ok_and(|what| what == "write");
    let (mut kept, mut wanted) = (BTreeSet::new(), BTreeSet::new());
    for letter in samples(&Letters::new(None)).unwrap() {
        let name = format!("{}.{}", letter.name.replace('/', "."), letter.language);
        let text = format!("{}\n\n{}", letter.written.subject, letter.written.text);
        for (kind, content) in [("txt", text), ("html", letter.written.html)] {
            let path = folder.join(format!("{name}.{kind}"));
            if writes {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &content).unwrap();
            }
            let known = fs::read_to_string(&path).unwrap_or_default();
            assert!(known == content, "{} is not what the letter says now:\n{content}", path.display());
            assert!(!content.contains("{{"), "{name} is filled in");
            wanted.insert(path);
        }
    }
    files(&folder, &mut kept);
    assert_eq!(kept, wanted, "no snapshot without a letter");
}

#[test]
fn no_file_is_without_a_letter() {
    let folder = root().join("email_templates");
    let mut kept = BTreeSet::new();
    files(&folder, &mut kept);
    let names: BTreeSet<&str> = samples(&Letters::new(None)).unwrap().iter().map(|letter| letter.name).collect();
    for file in kept {
        let relative = file.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        let parts: Vec<&str> = relative.split('/').collect();
        match parts.as_slice() {
            ["layout.html.hbs" | "layout.css"] => {}
            // What templates have of us: `templates::ap_19_…` looks at it.
            ["templates", "information" | "frame", language, _] => {
                assert!(language.parse::<Language>().is_ok(), "{relative} is in no language of ours");
            }
            [room, mail, language, _] => {
                assert!(names.contains(format!("{room}/{mail}").as_str()), "{relative} is of no letter");
                assert!(language.parse::<Language>().is_ok(), "{relative} is in no language of ours");
            }
            _ => panic!("{relative} stands nowhere"),
        }
    }
}

#[test]
fn a_folder_of_the_installation_replaces_letters_and_a_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let subject = folder.path().join("identity/invitation/nl/subject.txt.hbs");
    fs::create_dir_all(subject.parent().unwrap()).unwrap();
    fs::write(&subject, "Kom erbij,\n{{name}}").unwrap();
    let letters = Letters::new(Some(folder.path().to_path_buf()));
    let subjects: Vec<String> = samples(&letters).unwrap().into_iter().map(|letter| letter.written.subject).collect();
    assert_eq!(subjects[0], "Kom erbij, Céline Dubois", "in one line");
    assert!(subjects.contains(&"Maes & Partners vous invite".to_owned()), "the others stay");
    fs::write(&subject, "Kom erbij, {{nickname}}").unwrap();
    let letters = Letters::new(Some(folder.path().to_path_buf()));
    let fault = samples(&letters).unwrap_err().to_string();
    assert!(fault.contains("identity/invitation/nl/subject.txt.hbs") && fault.contains("nickname"), "{fault}");
}

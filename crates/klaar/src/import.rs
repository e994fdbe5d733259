//! `klaar import`: takes a client list in at once, in this process and without a queue.

use std::path::Path;

use klaar_domain::identity::Practice;
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::Error;
use klaar_domain::transfers::{self, Finding, Report, Weight, Wish};
use serde::Serialize;

use crate::command::Fault;
use crate::output::{complain, say, say_json};

/// What became of the list, for scripts.
#[derive(Debug, Serialize)]
struct ReportOut {
    rows: i64,
    accepted: i64,
    created: i64,
    changed: i64,
    unchanged: i64,
    rejected: Vec<FindingOut>,
    notes: Vec<FindingOut>,
    unknown_columns: Vec<String>,
}

/// Something found in a line; the file's first line is 1.
#[derive(Debug, Serialize)]
struct FindingOut {
    line: i64,
    column: String,
    code: String,
    reason: String,
}

impl ReportOut {
    fn of(report: Report, language: Language) -> Self {
        let (rejected, notes): (Vec<Finding>, Vec<Finding>) =
            report.findings.into_iter().partition(|f| f.weight == Weight::Rejected);
        let out =
            |findings: Vec<Finding>| findings.into_iter().map(|finding| FindingOut::of(finding, language)).collect();
        Self {
            rows: report.counts.rows,
            accepted: report.counts.accepted,
            created: report.counts.created,
            changed: report.counts.changed,
            unchanged: report.counts.unchanged,
            rejected: out(rejected),
            notes: out(notes),
            unknown_columns: report.unknown_columns,
        }
    }
}

impl FindingOut {
    fn of(finding: Finding, language: Language) -> Self {
        let reason = finding.reason_in(language);
        Self { line: finding.line, column: finding.column, code: finding.code, reason }
    }

    fn shown(&self) -> String {
        let column = if self.column.is_empty() { String::new() } else { format!(", {}", self.column) };
        format!("line {}{column}: {}", self.line, self.reason)
    }
}

/// Takes `file` into the practice, or with a wish for a dry run only says what would happen, and prints the report: one JSON object
/// with `json`, else a few lines for people. Reasons are in the practice's language.
pub fn run(db: &Db, practice: &Practice, file: &Path, wish: &Wish, json: bool) -> Result<(), Fault> {
    let language: Language = practice.language.parse().unwrap_or_default();
    readable(file).map_err(|fault| Fault(format!("{}: {fault}", file.display())))?;
    let report = transfers::import_file(db, practice, &Actor::operator(), file, wish)
        .map_err(|error| refused(error, language))?;
    let report = ReportOut::of(report, language);
    if json {
        say_json(&report);
        return Ok(());
    }
    for finding in report.rejected.iter().chain(&report.notes) {
        complain(&finding.shown());
    }
    for column in &report.unknown_columns {
        complain(&format!("the column {column} is not known and was left out"));
    }
    let ReportOut { rows, accepted, created, changed, unchanged, .. } = report;
    let (verb, refused) = (if wish.dry_run { "would be" } else { "were" }, rows - accepted);
    say(&format!(
        "{rows} lines: {created} {verb} created, {changed} changed, {unchanged} left as they are, {refused} refused."
    ));
    Ok(())
}

/// Says early, and as the person's own slip, that there is no such file.
fn readable(file: &Path) -> std::io::Result<()> {
    let opened = std::fs::File::open(file)?;
    if opened.metadata()?.is_dir() { Err(std::io::ErrorKind::IsADirectory.into()) } else { Ok(()) }
}

/// A header that cannot be used, said in the language of the reasons.
fn refused(error: Error, language: Language) -> Fault {
    match error {
        Error::Invalid(errors) => {
            let text = |error: &klaar_domain::kernel::error::FieldError| {
                klaar_domain::kernel::catalogue::text(language, &format!("field.{}", error.code), &error.params)
            };
            Fault(errors.iter().map(text).collect::<Vec<_>>().join(" "))
        }
        other => Fault(other.to_string()),
    }
}

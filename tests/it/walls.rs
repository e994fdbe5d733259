//! The walls of the house: who imports whom, who writes which table, how large a file may be.

use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Folders with product code.
const PRODUCT: &[&str] =
    &["api/src", "worker/src", "crates/klaar/src", "crates/domain/src", "crates/standards/src", "crates/sandbox/src"];
const MOST_LINES: usize = 400;
/// One declaration a table, as long as there are tables.
const SCHEMA: &str = "crates/domain/src/schema.rs";

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every product file by its path from the root, with its text up to its inline tests.
fn product() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in PRODUCT {
        rust_files(&Path::new(ROOT).join(folder), &mut files);
    }
    let named = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(ROOT).unwrap().display().to_string();
        (name, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned())
    };
    files.into_iter().map(named).filter(|(name, _)| !name.ends_with("tests.rs")).collect()
}

#[test]
fn no_file_is_too_long() {
    for (name, text) in product().into_iter().filter(|(name, _)| name != SCHEMA) {
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{name} has {lines} lines; a room too full");
    }
}

#[test]
fn the_crates_lean_one_way() {
    let forbidden = [
        (
            "crates/standards/src",
            &["klaar_domain", "klaar_api", "klaar_worker", "klaar_sandbox", "diesel", "actix", "apalis", "tokio"][..],
        ),
        ("crates/domain/src", &["klaar_api", "klaar_worker", "klaar_sandbox", "actix", "apalis"][..]),
        ("api/src", &["klaar_worker", "klaar_sandbox", "apalis", "diesel"][..]),
        ("worker/src", &["klaar_api", "klaar_sandbox", "actix", "diesel"][..]),
        ("crates/sandbox/src", &["klaar_domain", "klaar_api", "klaar_worker", "diesel"][..]),
    ];
    for (name, text) in product() {
        for (folder, names) in forbidden {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let found = code
                .filter(|_| name.starts_with(folder))
                .find(|line| names.iter().any(|n| line.contains(&format!("{n}::"))));
            assert_eq!(found, None, "{name} leans on what its crate must not know");
        }
    }
}

/// The kernel knows no room.
#[test]
fn the_kernel_knows_no_room() {
    for (name, text) in product().into_iter().filter(|(name, _)| name.starts_with("crates/domain/src/kernel/")) {
        for room in ["clients", "identity", "custom_fields", "lookups", "transfers"] {
            assert!(!text.contains(&format!("crate::{room}::")), "{name} knows the room {room}");
        }
    }
}

/// Whether code inserts into, changes or deletes from a table, in one of the ways that we have.
fn writes(code: &str, table: &str) -> bool {
    let built = ["insert_into", "update", "delete"].map(|verb| format!("{verb}({table}::table"));
    let spelled = ["INSERT INTO", "UPDATE", "DELETE FROM"].map(|verb| format!("{verb} {table} "));
    let by_the_thousand = [format!("into \"{table}\"")];
    built.iter().chain(&spelled).chain(&by_the_thousand).any(|way| code.contains(way))
}

/// Everything that a list can show is written through the one door.
#[test]
fn only_the_door_writes_clients_values_and_changes() {
    let door = ["crates/domain/src/clients/door/"];
    for (name, text) in product().into_iter().filter(|(name, _)| !door.iter().any(|d| name.starts_with(d))) {
        for table in ["clients", "client_values", "changes"] {
            assert!(!writes(&text, table), "{name} writes {table} past the door");
        }
    }
}

/// Each table is written by its owner alone.
#[test]
fn only_the_owner_writes_a_table() {
    let owners = [
        ("practices", "identity", "clients/door/"),
        ("accounts", "identity", ""),
        ("members", "identity", ""),
        ("sessions", "identity", ""),
        ("invitations", "identity", ""),
        ("password_resets", "identity", ""),
        ("api_keys", "identity", ""),
        ("contacts", "clients", ""),
        ("client_relations", "clients", ""),
        ("field_categories", "custom_fields", ""),
        ("fields", "custom_fields", ""),
        ("field_options", "custom_fields", ""),
        ("own_solutions", "custom_fields", ""),
        ("saved_views", "views", ""),
        ("senders", "senders", ""),
        ("bounce_mailboxes", "bounces", ""),
        ("template_categories", "templates", ""),
        ("templates", "templates", ""),
        ("template_versions", "templates", ""),
        ("template_attachments", "templates", ""),
        ("attached_files", "templates", ""),
        ("attached_pieces", "templates", ""),
        ("campaigns", "campaigns", ""),
        ("campaign_recipients", "campaigns", ""),
        ("campaign_attachments", "campaigns", ""),
        ("suppressions", "campaigns", ""),
        ("sender_quotas", "campaigns", ""),
        ("completeness", "views", ""),
        ("readiness_days", "readiness", ""),
        ("audit_entries", "kernel", ""),
        ("operations", "kernel", ""),
        ("jobs", "kernel", ""),
        ("idempotent_replies", "kernel", ""),
        ("bulk_edits", "bulk_edits", ""),
        ("bulk_edit_chunks", "bulk_edits", ""),
        ("imports", "transfers", ""),
        ("import_chunks", "transfers", ""),
        ("import_findings", "transfers", ""),
        ("participants", "lookups", ""),
        ("registrations", "lookups", ""),
        ("registration_moves", "lookups", ""),
        ("rounds", "lookups", ""),
        ("nights", "lookups", ""),
        ("held_changes", "lookups", ""),
        ("registration_checks", "lookups", ""),
        ("findings", "lookups", ""),
    ];
    for (name, text) in product() {
        let room = name.strip_prefix("crates/domain/src/").unwrap_or(&name);
        for (table, owner, also) in owners {
            let may = room.starts_with(&format!("{owner}/")) || (!also.is_empty() && room.starts_with(also));
            assert!(may || !writes(&text, table), "{name} writes {table}, which belongs to {owner}");
        }
    }
}

/// Migrations for the two databases go in pairs.
#[test]
fn every_migration_has_its_twin() {
    let list = |backend: &str| {
        let mut names: Vec<String> = std::fs::read_dir(Path::new(ROOT).join("migrations").join(backend))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(list("postgres"), list("sqlite"));
}

//! The `klaar` command as a person at the keyboard has it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The command in an environment of its own, on a database in `folder`.
fn klaar(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_klaar"));
    command.env_clear().current_dir(folder).args(args);
    command.env("KLAAR_DATABASE_URL", format!("sqlite:{}", folder.join("klaar.db").display()));
    command.env("KLAAR_LOG", "warn");
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    klaar(folder, args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", complained(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_client_list_is_taken_in_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let practice = json(&run(here, &["practice", "create", "--name", "Maes", "--world", "test", "--json"]));
    assert!(practice["id"].as_str().unwrap().starts_with("prc_"));
    let key = json(&run(here, &["key", "create", "--practice", "Maes", "--scopes", "clients:read", "--json"]));
    assert!(key["key"].as_str().unwrap().starts_with("klaar_key_"));
    let list = "Naam;Ondernemingsnummer\nBakkerij Peeters;0403.227.515\nGarage;0403227516\n;0400378485\n";
    std::fs::write(here.join("list.csv"), list).unwrap();
    let dry = json(&run(here, &["import", "--practice", "Maes", "--dry-run", "--json", "list.csv"]));
    assert_eq!((&dry["rows"], &dry["accepted"], &dry["created"]), (&3.into(), &1.into(), &1.into()));
    assert_eq!(dry["rejected"][0]["line"], 3);
    assert_eq!(dry["rejected"][0]["column"], "Ondernemingsnummer");
    assert_eq!(dry["rejected"][0]["code"], "check_digits");
    assert_eq!(dry["rejected"][1]["code"], "missing");
    let first = json(&run(here, &["import", "--practice", "Maes", "--json", "list.csv"]));
    assert_eq!(first["created"], 1);
    let again = json(&run(here, &["import", "--practice", "Maes", "--json", "list.csv"]));
    assert_eq!((&again["created"], &again["changed"], &again["unchanged"]), (&0.into(), &0.into(), &1.into()));
}

#[test]
fn what_is_wrong_is_said_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let nowhere = run(here, &["key", "create", "--practice", "Nobody"]);
    assert!(!nowhere.status.success());
    assert!(complained(&nowhere).contains("there is no practice Nobody"));
    let right = run(here, &["key", "create", "--practice", "X", "--scopes", "nonsense"]);
    assert!(complained(&right).contains("clients:read"), "{}", complained(&right));
    let wrong = klaar(here, &["migrate"]).env("KLAAR_LISTEN", "x").env("KLAAR_LOOKUP_RATE", "0").output().unwrap();
    assert!(!wrong.status.success());
    for name in ["KLAAR_LISTEN", "KLAAR_LOOKUP_RATE"] {
        assert!(complained(&wrong).contains(name), "{}", complained(&wrong));
    }
}

#[test]
fn help_and_description_need_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let help = said(&run(folder.path(), &["help"]));
    for verb in
        ["serve", "demo", "sandbox", "migrate", "openapi", "practice", "member", "key", "import", "nightly", "lookup"]
    {
        assert!(help.contains(&format!("  {verb} ")), "{verb} is missing in: {help}");
    }
    let document = json(&run(folder.path(), &["openapi"]));
    assert_eq!(document["info"]["title"], "Klaar");
    assert!(!folder.path().join("klaar.db").exists());
}

/// One request over a plain socket; the status line comes back.
fn ask(address: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn serve_tells_a_newcomer_what_to_do_keeps_its_key_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut serve = klaar(folder.path(), &["serve"])
        .env("KLAAR_LISTEN", &address)
        .env("KLAAR_WORKER_LISTEN", "127.0.0.1:0")
        .env("KLAAR_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut logs = BufReader::new(serve.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("the API listens") {
        line.clear();
        assert_ne!(logs.read_line(&mut line).unwrap(), 0, "serve ended before it listened");
    }
    std::thread::spawn(move || std::io::copy(&mut logs, &mut std::io::sink()));
    while std::net::TcpStream::connect(&address).is_err() {
        std::thread::yield_now();
    }
    assert_eq!(ask(&address, "/readyz"), "HTTP/1.1 200 OK");
    let key = std::fs::metadata(folder.path().join("secret.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let stopped = Command::new("kill").args(["-TERM", &serve.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let output = serve.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert!(said(&output).contains("klaar practice create"));
}

#[test]
fn letters_are_written_out_and_a_wrong_one_of_ones_own_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let written = run(here, &["letters", "out"]);
    assert!(written.status.success(), "{}", complained(&written));
    let letter = std::fs::read_to_string(here.join("out/identity/invitation/fr/letter.txt")).unwrap();
    assert!(letter.starts_with("Maes & Partners vous invite\n\nBonjour"), "{letter}");
    assert!(here.join("out/identity/password_reset/de/letter.html").exists());
    let own = here.join("own/identity/invitation/nl");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("subject.txt.hbs"), "{{nickname}}").unwrap();
    for (place, says) in [("own", "identity/invitation/nl/subject.txt.hbs"), ("none", "KLAAR_EMAIL_TEMPLATES")] {
        let refused = klaar(here, &["letters", "out"]).env("KLAAR_EMAIL_TEMPLATES", place).output().unwrap();
        assert!(!refused.status.success() && complained(&refused).contains(says), "{}", complained(&refused));
    }
}

//! `klaar lookup`: asks the network about participants and prints one line an answer. Needs no database.

use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::ready;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use klaar_domain::identity::World;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::config::{LookupSettings, Settings};
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::lookups::network::{Answer, Network};
use klaar_standards::document_types::DocumentType;
use klaar_standards::lookup::Registration;
use klaar_standards::participant::{ParticipantId, ParticipantIdError};
use serde::Serialize;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longest line of standard input, in bytes; an identifier has at most 157.
const MAX_LINE: u64 = 1_024;
/// Lines handed over at once, if so many are there, and how many such portions wait for the questions.
const PORTION: usize = 128;
const PORTIONS_AHEAD: usize = 2;
/// An answer is written out after so long at the latest.
const PROMPT: Duration = Duration::from_millis(20);

/// Where the identifiers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The command line.
    Arguments(Vec<String>),
    /// Standard input, one on a line; empty lines are passed over.
    Lines,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON object a line.
    Json,
    /// Columns for people.
    Text,
}

/// What happens to an identifier whose number is wrong in itself, such as one with other check digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongNumbers {
    /// It is asked as it stands, with a warning: what is registered on the network decides.
    Ask,
    /// It is refused like a malformed one.
    Refuse,
}

/// Looks all identifiers up in `world` and prints the answers in the order they come, which is not the order of the
/// questions; each names its identifier as `ICD:number` in lower case. What is no identifier is named on standard error
/// and passed over, and the exit code is then 1. Memory does not grow with the number of identifiers.
///
/// # Errors
/// When the network cannot be set up; see [`Network::new`].
pub async fn run(
    settings: &Settings,
    world: World,
    ids: Input,
    form: Form,
    wrong_numbers: WrongNumbers,
) -> Result<ExitCode> {
    let settings = settings.lookups.clone();
    // Questions are short and many: on one thread they are put a third faster than on several that wake each other.
    let alone = move || {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
        runtime.block_on(look_up(&settings, world, ids, form, wrong_numbers))
    };
    tokio::task::spawn_blocking(alone).await.map_err(Error::internal)?
}

async fn look_up(
    settings: &LookupSettings,
    world: World,
    ids: Input,
    form: Form,
    wrong_numbers: WrongNumbers,
) -> Result<ExitCode> {
    let network = Network::new(settings, Clock::system())?;
    let refused = AtomicUsize::new(0);
    // Who types an identifier wants to know of a slip; a list is asked as it is.
    let warns = matches!(ids, Input::Arguments(_));
    let read = |entry: Result<String, String>| match entry.and_then(|text| identifier(&text, wrong_numbers)) {
        Ok((id, slip)) => {
            if let Some(slip) = slip.filter(|_| warns) {
                say(&format!("{id}: {slip}; asked as it stands"));
            }
            ready(Some(id))
        }
        Err(fault) => {
            refused.fetch_add(1, Ordering::Relaxed);
            say(&fault);
            ready(None)
        }
    };
    let answers = network.ask_all(world, entries(ids).filter_map(read));
    let written = print(answers, form, BufWriter::new(io::stdout().lock())).await;
    match written {
        // Whoever reads the answers has seen enough, as in `klaar lookup - | head`.
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
        Err(fault) => {
            say(&format!("the answers cannot be written: {fault}"));
            Ok(ExitCode::FAILURE)
        }
        Ok(()) if refused.load(Ordering::Relaxed) > 0 => Ok(ExitCode::FAILURE),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

async fn print(
    answers: impl Stream<Item = (ParticipantId, Answer)>,
    form: Form,
    mut out: BufWriter<impl Write>,
) -> io::Result<()> {
    let mut answers = std::pin::pin!(answers);
    loop {
        let next =
            if out.buffer().is_empty() { Ok(answers.next().await) } else { timeout(PROMPT, answers.next()).await };
        match next {
            Ok(Some((id, answer))) => write_answer(&id, &answer, form, &mut out)?,
            Ok(None) => return out.flush(),
            Err(_) => out.flush()?,
        }
    }
}

fn write_answer(id: &ParticipantId, answer: &Answer, form: Form, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Json => serde_json::to_writer(&mut *out, &Line::of(id, &answer.registration))?,
        Form::Text => out.write_all(text(id, answer).as_bytes())?,
    }
    out.write_all(b"\n")
}

const MEND: &str = "write the four digits of its scheme, a colon and the number, as in 0208:0677424046";

/// Reads one identifier as people write it, and what is wrong with its number if it is asked nevertheless. The error is
/// a whole line that names it and the mend.
fn identifier(text: &str, wrong_numbers: WrongNumbers) -> Result<(ParticipantId, Option<ParticipantIdError>), String> {
    let slip = match ParticipantId::parse(text) {
        Ok(id) => return Ok((id, None)),
        Err(fault) => fault,
    };
    let shown = text.trim();
    match (&slip, wrong_numbers) {
        (ParticipantIdError::Value { .. }, WrongNumbers::Refuse) => Err(format!("{shown:?}: {slip}")),
        (ParticipantIdError::Value { .. }, WrongNumbers::Ask) => match ParticipantId::parse_form(text) {
            Ok(id) => Ok((id, Some(slip))),
            Err(fault) => Err(format!("{shown:?}: {fault}; {MEND}")),
        },
        _ => Err(format!("{shown:?}: {slip}; {MEND}")),
    }
}

fn say(what: &str) {
    // Where standard error is closed, nobody is left to be told.
    let _ = writeln!(io::stderr(), "klaar lookup: {what}");
}

fn entries(ids: Input) -> BoxStream<'static, Result<String, String>> {
    match ids {
        Input::Arguments(ids) => stream::iter(ids.into_iter().map(Ok)).boxed(),
        Input::Lines => lines().filter(|line| ready(!matches!(line, Ok(text) if text.trim().is_empty()))).boxed(),
    }
}

/// The lines of standard input. They are read by a thread of their own, which may wait for input for ever and must not
/// keep the command from ending. It hands over what is there at once, for waking each other costs more than a line.
fn lines() -> impl Stream<Item = Result<String, String>> + Send {
    let (sender, mut receiver) = mpsc::channel(PORTIONS_AHEAD);
    std::thread::spawn(move || {
        let mut input = BufReader::with_capacity(64 * 1024, io::stdin().lock());
        while let Some(first) = next_line(&mut input) {
            let mut portion = vec![first];
            while portion.len() < PORTION && input.buffer().contains(&b'\n') {
                portion.extend(next_line(&mut input));
            }
            if sender.blocking_send(portion).is_err() {
                break;
            }
        }
    });
    stream::poll_fn(move |context| receiver.poll_recv(context)).flat_map(stream::iter)
}

/// The next line without its end; `None` at the end of the input. A line that is too long is passed over to its end.
fn next_line(input: &mut impl BufRead) -> Option<Result<String, String>> {
    let mut line = Vec::new();
    let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
    match read {
        Ok(0) => None,
        Ok(_) if line.ends_with(b"\n") || u64::try_from(line.len()).is_ok_and(|length| length < MAX_LINE) => {
            Some(Ok(String::from_utf8_lossy(&line).trim().to_owned()))
        }
        Ok(_) => {
            let shown: String = String::from_utf8_lossy(&line).chars().take(40).collect();
            let fault = format!("{shown:?}…: the line is longer than {MAX_LINE} bytes; put one identifier on a line");
            Some(input.skip_until(b'\n').map_err(|fault| unreadable(&fault)).and(Err(fault)))
        }
        Err(fault) if fault.kind() == io::ErrorKind::Interrupted => next_line(input),
        Err(fault) => Some(Err(unreadable(&fault))),
    }
}

fn unreadable(fault: &io::Error) -> String {
    format!("standard input cannot be read: {fault}")
}

/// One answer as scripts read it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    state: &'static str,
    cause: Option<&'static str>,
    /// Whether the SMP's signature was verified.
    verified: bool,
    access_point: Option<AccessPoint<'a>>,
    /// `scheme::value`.
    document_types: Vec<String>,
}

#[derive(Debug, Serialize)]
struct AccessPoint<'a> {
    name: Option<&'a str>,
    seat_id: &'a str,
}

impl<'a> Line<'a> {
    fn of(id: &'a ParticipantId, registration: &'a Registration) -> Self {
        Self {
            id: id.as_str(),
            state: registration.state().as_str(),
            cause: registration.cause().map(|cause| cause.as_str()),
            verified: false,
            access_point: registration
                .access_point()
                .map(|found| AccessPoint { name: found.name.as_deref(), seat_id: &found.seat_id }),
            document_types: registration.document_types().iter().map(DocumentType::wire).collect(),
        }
    }
}

/// `0208:0677424046  registered  Example NV (POP000123)`, or what is wrong in place of the access point.
fn text(id: &ParticipantId, answer: &Answer) -> String {
    let registration = &answer.registration;
    let more = match (registration.access_point(), registration.cause(), &answer.fault) {
        (Some(found), ..) => match &found.name {
            Some(name) => format!("{name} ({})", found.seat_id),
            None => found.seat_id.clone(),
        },
        (None, Some(cause), Some(fault)) => format!("{cause}: {fault}"),
        (None, Some(cause), None) => cause.to_string(),
        (None, None, _) => String::new(),
    };
    format!("{:<16}  {:<14}  {more}", id.as_str(), registration.state().as_str()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_as_people_write_them() {
        let read = |text| identifier(text, WrongNumbers::Ask).map(|(id, slip)| (id.to_string(), slip.is_some()));
        assert_eq!(read(" 0208:BE 0677.424.046 "), Ok(("0208:0677424046".to_owned(), false)));
        assert_eq!(read("0208:0677424047"), Ok(("0208:0677424047".to_owned(), true)));
        assert!(identifier("0208:0677424047", WrongNumbers::Refuse).is_err());
        let fault = read("0677424046").unwrap_err();
        assert!(fault.contains("\"0677424046\"") && fault.contains("0208:0677424046"), "{fault}");
    }

    #[test]
    fn lines_within_bounds() {
        let long = "9".repeat(5_000);
        let text = format!("a\r\n\n{long}\nb");
        let mut input = text.as_bytes();
        let mut read = Vec::new();
        while let Some(line) = next_line(&mut input) {
            read.push(line.map_err(|fault| fault.contains("longer")));
        }
        assert_eq!(read, [Ok("a".to_owned()), Ok(String::new()), Err(true), Ok("b".to_owned())]);
    }

    #[test]
    fn a_line_has_the_promised_shape() {
        let id = ParticipantId::parse("0208:0677424046").unwrap();
        let line = serde_json::to_string(&Line::of(&id, &Registration::NotRegistered)).unwrap();
        assert_eq!(
            line,
            r#"{"id":"0208:0677424046","state":"not_registered","cause":null,"verified":false,"access_point":null,"document_types":[]}"#
        );
    }
}

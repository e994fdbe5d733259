//! Client lists in: the upload, its import, what was found in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, get, post};
use futures::StreamExt as _;
use klaar_domain::identity::{Caller, Practice};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::{Conn, Tx};
use klaar_domain::kernel::error::{Error, FieldError, Result};
use klaar_domain::kernel::operations::{self, OperationId};
use klaar_domain::kernel::page;
use klaar_domain::transfers::{
    self, CHUNK, Content, Finding, Header, Import, ImportId, MOST_BYTES, Mapping, Upload, Weight, Wish,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::off_thread;
use crate::State;
use crate::answers::{FindingWeight, ListFormat, WorkStatus};
use crate::body::InPath;
use crate::guards::{ClientsRead, ClientsWrite, May};
use crate::operations::OperationOut;
use crate::problem::{Problem, ProblemOut};
use crate::reply::{PageOut, Reply};
use crate::shapes::MappingParam;

use super::{CSV, XLSX};

/// How a client list is to be taken in.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Only say what would be created, changed, left alone and refused.
    #[param(example = true)]
    dry_run: Option<bool>,
    /// JSON; see [`MappingParam`].
    #[param(ignore)]
    mapping: Option<String>,
    /// What you call the file.
    #[param(example = "klanten.csv", max_length = 200)]
    filename: Option<String>,
    /// The sheet of a workbook; the first one that people see when not given.
    #[param(example = "Klanten")]
    sheet: Option<String>,
}

const LONGEST_FILENAME: usize = 200;

impl ImportQuery {
    fn wish(self) -> Result<Wish> {
        let malformed = |reason: &str| {
            Error::Invalid(vec![FieldError::new("/mapping", "malformed_mapping").with("reason", reason)])
        };
        let mapping: Mapping = match &self.mapping {
            None => Mapping::new(),
            Some(text) => serde_json::from_str(text).map_err(|fault| malformed(&fault.to_string()))?,
        };
        if mapping.keys().any(|name| name.chars().any(char::is_control)) {
            return Err(malformed("a control character"));
        }
        let is_long = self.filename.as_ref().is_some_and(|name| name.chars().count() > LONGEST_FILENAME);
        if is_long {
            return Err(Error::Invalid(vec![FieldError::new("/filename", "too_long").with("max", LONGEST_FILENAME)]));
        }
        let file_name = self.filename.map(|name| name.chars().filter(|c| !c.is_control()).collect());
        let sheet = self.sheet.filter(|name| !name.is_empty());
        Ok(Wish { dry_run: self.dry_run.unwrap_or(false), mapping, file_name, sheet })
    }
}

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindingQuery {
    /// Only what refused a line, or only the notes.
    #[param(inline, example = "rejected")]
    weight: Option<WeightQuery>,
    /// Where the page starts: `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "NDI")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

/// Whether a finding refused its line.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeightQuery {
    /// It did.
    Rejected,
    /// The line was accepted.
    Note,
}

impl From<WeightQuery> for Weight {
    fn from(weight: WeightQuery) -> Self {
        match weight {
            WeightQuery::Rejected => Self::Rejected,
            WeightQuery::Note => Self::Note,
        }
    }
}

/// An import of a client list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientImport, example = json!({
    "id": "imp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "operation_id": "opn_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "status": "finished", "dry_run": false,
    "filename": "klanten.csv", "format": "csv", "sheet": null, "encoding": "utf-8",
    "columns": { "Naam": "name", "Ondernemingsnummer": "enterprise_number", "Klaar?": "fields.ready" }, "unknown_columns": ["Saldo"],
    "rows": 2000, "accepted": 1910, "created": 1900, "changed": 4, "unchanged": 6, "rejected": 90,
    "created_at": "2026-11-22T09:00:00.000000Z", "finished_at": "2026-11-22T09:00:02.000000Z"
}))]
pub struct ImportOut {
    /// The import's identifier.
    id: String,
    /// The operation that shows its progress.
    operation_id: Option<String>,
    /// Where it stands; the operation says why it failed.
    #[schema(value_type = WorkStatus)]
    status: &'static str,
    /// Nothing is written; the counts say what would be.
    dry_run: bool,
    /// What the uploader calls the file.
    filename: Option<String>,
    /// What the file is; null until it is recognised.
    #[schema(value_type = Option<ListFormat>)]
    format: Option<&'static str>,
    /// The sheet that was asked for.
    sheet: Option<String>,
    /// The encoding that was recognised; a workbook has none.
    encoding: Option<&'static str>,
    /// Which column holds which card field or, as `fields.` and its slug, custom field.
    columns: BTreeMap<String, String>,
    /// Columns that nobody knows, or of a field that another column holds; they are left out.
    unknown_columns: Vec<String>,
    /// Lines so far, without the header and empty ones.
    rows: i64,
    /// Lines that created, changed or confirmed a client.
    accepted: i64,
    /// Clients created.
    created: i64,
    /// Clients changed.
    changed: i64,
    /// Clients that were so already.
    unchanged: i64,
    /// Lines that were refused.
    rejected: i64,
    /// When the file came in.
    created_at: String,
    /// When it was over.
    finished_at: Option<String>,
}

impl From<Import> for ImportOut {
    fn from(import: Import) -> Self {
        Self {
            id: import.id.to_string(),
            operation_id: import.operation.map(|id| id.to_string()),
            status: match import.status {
                // Removing the file is nothing that a caller waits for, but the counts are not final before it.
                transfers::Status::Clearing => transfers::Status::Running.as_str(),
                status => status.as_str(),
            },
            dry_run: import.wish.dry_run,
            filename: import.wish.file_name,
            format: import.content.map(Content::as_str),
            sheet: import.wish.sheet,
            encoding: import.content.and_then(Content::encoding).map(transfers::Encoding::as_str),
            columns: import.columns,
            unknown_columns: import.unknown_columns,
            rows: import.counts.rows,
            accepted: import.counts.accepted,
            created: import.counts.created,
            changed: import.counts.changed,
            unchanged: import.counts.unchanged,
            rejected: import.counts.rejected,
            created_at: import.created_at.to_string(),
            finished_at: import.finished_at.map(|at| at.to_string()),
        }
    }
}

/// Something found in a line.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportFinding, example = json!({ "weight": "rejected", "line": 431, "column": "Ondernemingsnummer", "code": "check_digits",
    "params": { "suggestion": "0697340126", "value": "0697340125" }, "reason": "The check digits are wrong. Did you mean 0697340126?" }))]
pub struct FindingOut {
    /// `rejected` when it refused the line, `note` when the line was accepted.
    #[schema(value_type = FindingWeight)]
    weight: &'static str,
    /// The line that the record starts on, in a workbook the row; the file's first line is 1.
    line: i64,
    /// What the file calls the column; empty when it concerns the whole line.
    column: String,
    /// `missing`, `malformed`, `check_digits`, `impossible_date`, `unknown_value`, `duplicate_in_file`, `duplicate`, `not_concerned`, `too_many_columns`, `cell_error`;
    /// for notes `unknown_member` and, on the header, why a column of a custom field is left out: `ambiguous_column`, `system_owned`, `holds_documents`, `archived_field`, `switched_off_field`.
    code: String,
    /// What the reason speaks of, and as `value` what the cell has, up to 200 characters.
    params: BTreeMap<String, String>,
    /// What is wrong and how to mend it, in the caller's language.
    reason: String,
}

impl FindingOut {
    fn of(finding: Finding, language: Language) -> Self {
        let reason = finding.reason_in(language);
        Self {
            weight: finding.weight.as_str(),
            line: finding.line,
            column: finding.column,
            code: finding.code,
            params: finding.params,
            reason,
        }
    }
}

/// Import a client list
///
/// The body is the file as it is, up to 64 MiB: a CSV file, whose separator (`;`, `,`, tab or `|`) and encoding (UTF-8, UTF-16 with a byte order mark,
/// Windows-1252) are recognised, or an XLSX workbook of at most 512 MiB once unpacked, of which one sheet is read, formulas by the value that they had last.
/// Header names in Dutch, French, German and English are recognised, custom fields by their names, their slugs, or `fields.` and the slug; a name that means
/// several is left out and noted. A line means the active client with its enterprise number, or else with its reference, and creates or changes it; an empty
/// cell leaves the value that the client has. A column has to hold the name, also where lines only change clients. Options are written as their labels, several
/// with `,`, `;` or `|` between them, a label with such a sign in quotation marks; an exemption as in `article_44 until 2027-12-31: note`; members by name or address;
/// clients by reference, enterprise number or identifier. A value of a field that does not concern the client as the line makes it refuses the line. One bad line
/// never stops the others.
/// Taking the same file in again changes nothing. Follow the operation; `result.import_id` names the import.
#[utoipa::path(operation_id = "create_client_import", tag = "transfers", params(ImportQuery, MappingParam), security(("bearer" = ["clients:write"])),
    request_body(description = "The file.", content(
        (String = "text/csv", example = "Klantcode;Naam;Ondernemingsnummer;Taal;Klaar voor PEPPOL?\r\nC1000;Bakkerij Peeters;0403.227.515;nl;ja\r\n"),
        (WorkbookIn = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 202, description = "The operation that takes the list in.", body = OperationOut),
        (status = 413, description = "The file is larger than 64 MiB.", body = ProblemOut, content_type = "application/problem+json"),
        (status = 415, description = "The file must be a CSV file or an XLSX workbook, and its Content-Type say which.", body = ProblemOut, content_type = "application/problem+json")))]
#[post("/client-imports")]
pub async fn create_client_import(
    // The right is proved twice: before the first byte is read, and where the import is written.
    first: May<ClientsWrite>,
    may: May<ClientsWrite>,
    state: Data<State>,
    request: HttpRequest,
    query: Query<ImportQuery>,
    payload: Payload,
) -> Result<Reply, Problem> {
    let language = may.language;
    let problem = |error| Problem::in_language(error, language);
    let (practice, actor) = first.read(|_, caller| Ok((caller.practice.clone(), caller.actor.clone()))).await?;
    let said = said_kind(&request)?;
    let wish = Arc::new(query.into_inner().wish().map_err(problem)?);
    let (db, asked) = (state.db.clone(), Arc::clone(&wish));
    let upload = off_thread(move || Upload::begin(&db, &practice, &actor, &asked)).await.map_err(problem)?;
    let (upload, outcome) = receive(upload, payload, &request).await?;
    let (upload, submitted) = match outcome.and_then(|hash| as_said(said, &upload, &request).map(|()| hash)) {
        Err(refused) => (upload, Err(refused)),
        Ok(hash) => submit(may, upload, wish, hash).await?,
    };
    off_thread(move || upload.let_go()).await.map_err(problem)?;
    submitted
}

/// The kind of file that the request says it brings.
fn said_kind(request: &HttpRequest) -> Result<&'static str, Problem> {
    let said = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    let known = [CSV, XLSX].into_iter().find(|kind| kind.eq_ignore_ascii_case(said));
    known.ok_or_else(|| Problem::http("wrong_content_type", vec![("wanted", format!("{CSV}, {XLSX}"))], request))
}

/// Holds the file to what the request says of it: who sends one thing as another has mixed something up.
fn as_said(said: &'static str, upload: &Upload, request: &HttpRequest) -> Result<(), Problem> {
    let found = match upload.content() {
        Content::Text(_) => CSV,
        Content::Workbook => XLSX,
    };
    if found == said {
        return Ok(());
    }
    let params = vec![("said", said.to_owned()), ("found", found.to_owned())];
    Err(Problem::http("content_type_mismatch", params, request))
}

/// A workbook, as it is.
#[derive(ToSchema)]
#[schema(as = ClientWorkbook, value_type = String, format = Binary, example = "UEsDBBQAAAAI…")]
#[expect(dead_code, reason = "only described")]
pub struct WorkbookIn(Vec<u8>);

/// Keeps the body piece by piece; gives its SHA-256, or why it was not taken.
async fn receive(
    mut upload: Upload,
    mut payload: Payload,
    request: &HttpRequest,
) -> Result<(Upload, Result<Vec<u8>, Problem>), Problem> {
    let mut hasher = Sha256::new();
    let mut total = 0;
    let mut piece = Vec::with_capacity(CHUNK);
    loop {
        let next = payload.next().await;
        let is_last = next.is_none();
        let Some(bytes) = next.unwrap_or(Ok(bytes::Bytes::new())).ok() else {
            let reason = vec![("reason", "the body breaks off".to_owned())];
            return Ok((upload, Err(Problem::http("malformed_json", reason, request))));
        };
        total += bytes.len();
        if total > MOST_BYTES {
            return Ok((upload, Err(Problem::http("too_large", vec![("max", MOST_BYTES.to_string())], request))));
        }
        hasher.update(&bytes);
        piece.extend_from_slice(&bytes);
        while piece.len() >= CHUNK || (is_last && !piece.is_empty()) {
            let rest = piece.split_off(piece.len().min(CHUNK));
            let full = std::mem::replace(&mut piece, rest);
            upload = off_thread(move || upload.take(&full).map(|()| upload))
                .await
                .map_err(|error| Problem::of(error, request))?;
        }
        if is_last {
            return Ok((upload, Ok(hasher.finalize().to_vec())));
        }
    }
}

/// Reads the header and hands the file over to an operation, once for each `Idempotency-Key`.
async fn submit(
    may: May<ClientsWrite>,
    upload: Upload,
    wish: Arc<Wish>,
    hash: Vec<u8>,
) -> Result<(Upload, Result<Reply, Problem>), Problem> {
    let language = may.language;
    let read = off_thread(move || Ok((upload.header(&wish), upload)))
        .await
        .map_err(|error| Problem::in_language(error, language))?;
    let (header, upload) = match read {
        (Err(error), upload) => return Ok((upload, Err(Problem::in_language(error, language)))),
        (Ok(header), upload) => (header, upload),
    };
    let id = upload.id();
    let reply = may.once(hash, move |tx, caller| begin(tx, caller, (id, &header), language)).await;
    Ok((upload, reply))
}

fn begin(tx: &mut Tx<'_>, caller: &Caller, (id, header): (ImportId, &Header), language: Language) -> Result<Reply> {
    let operation = transfers::submit(tx, &caller.practice, &caller.actor, id, header)?;
    let operation = operations::find(tx, caller.practice.uid(), operation)?;
    let location = format!("/v1/operations/{}", operation.id);
    Reply::accepted(location, &OperationOut::of(operation, language))
}

/// Finds the import by its own identifier or by its operation's.
fn find(conn: &mut Conn, practice: &Practice, id: &str) -> Result<Import> {
    let none = || Error::NotFound("client import");
    let id = match id.parse::<OperationId>() {
        Ok(operation) => transfers::find_by_operation(conn, practice, operation)?,
        Err(_) => id.parse().map_err(|_| none())?,
    };
    transfers::find(conn, practice, id)
}

/// Read an import
#[utoipa::path(operation_id = "get_client_import", tag = "transfers",
    params(("id" = String, Path, description = "The identifier of the import, or of its operation.", example = "imp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The import, with its counts so far.", body = ImportOut)))]
#[get("/client-imports/{id}")]
pub async fn get_client_import(may: May<ClientsRead>, id: InPath<String>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| Reply::ok(&ImportOut::from(find(conn, &caller.practice, &id.get()?)?))).await
}

/// List an import's findings
///
/// What was wrong with lines, and what else is worth knowing, in the order of the lines. A responsible name that is nobody's is noted once, at the first line that has it.
#[utoipa::path(operation_id = "list_client_import_findings", tag = "transfers",
    params(("id" = String, Path, description = "The identifier of the import, or of its operation.", example = "imp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), FindingQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of findings.", body = PageOut<FindingOut>)))]
#[get("/client-imports/{id}/findings")]
pub async fn list_client_import_findings(
    may: May<ClientsRead>,
    id: InPath<String>,
    query: Query<FindingQuery>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let import = find(conn, &caller.practice, &id.get()?)?;
        let place = (query.cursor.as_deref(), page::limit(query.limit)?);
        let page = transfers::list_findings(conn, &import, query.weight.map(Into::into), place)?;
        Reply::ok(&PageOut::from(page.map(|finding| FindingOut::of(finding, language))))
    })
    .await
}

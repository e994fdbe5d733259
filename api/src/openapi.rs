//! The API's description, generated from the handlers, and its interactive page at `/docs`.
//!
//! A handler declares what is its own: its good answer and its right. What holds for every operation (who is refused, how,
//! and which headers may be sent) is added here once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use utoipa::OpenApi as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, ArrayItems, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa_actix_web::AppExt as _;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::mounting::Routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Klaar",
        description = "The back end with which an accountants' practice gets every client ready for Peppol, and keeps them so.\n\n\
            **Signing in.** Send `Authorization: Bearer …` with an API key, or with the token of a session from `POST /v1/sessions`. \
            Everything you see and change belongs to the practice of that key or session; what belongs to another practice answers like what does not exist.\n\n\
            **Problems** are RFC 9457 documents with a stable `code` and, for wrong input, one entry in `errors` for each field. Their texts come in the language of `Accept-Language` (nl, fr, de, en).\n\n\
            **Lists** have `items` and `next_cursor`; give the cursor back for the next page. A `filter` in a query is JSON: with curl `-G --data-urlencode 'filter={…}'`. Custom fields are `fields.` and their slug in filters, orders, columns and bulk edits.\n\n\
            **Longer work** answers 202 with an operation; read `GET /v1/operations/{id}` until its `status` is `finished` or `failed`.\n\n\
            **Changing** something needs its `ETag` in `If-Match`, which is its `revision` in quotation marks (`If-Match: \"3\"`): 428 when it is missing, 412 when somebody was faster. A PATCH has three states for each field: absent leaves it, null clears it, a value sets it.\n\n\
            **Repeating** a POST is safe with an `Idempotency-Key` (up to 255 printable characters): within 48 hours the same request gets the same reply, and its effect happens once. Signing in, accepting an invitation and what is about new passwords do not know the header and happen again.\n\n\
            **Limits.** Each caller may make 6,000 requests a minute unless the server is set otherwise; `RateLimit` and `RateLimit-Policy` say what is left, 429 carries `Retry-After`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "Klaar"),
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "practice", description = "The practice that the caller acts in, and its members."),
        (name = "sessions", description = "Signing in with a password, and what follows from it."),
        (name = "api keys", description = "Keys for programs: shown once, limited to scopes."),
        (name = "clients", description = "The practice's clients with their Peppol fields."),
        (name = "custom fields", description = "Categories and fields of the client card; PEPPOL is delivered."),
        (name = "views", description = "What a practice looks at: saved views, the delivered control views, counts, what is not filled in."),
        (name = "bulk edits", description = "One value for many clients: previewed, applied, undone."),
        (name = "transfers", description = "Client lists in and out, as CSV files or workbooks."),
        (name = "look-ups", description = "What the network says of clients: nights, checks by hand, changes that wait for a person."),
        (name = "senders", description = "Who mails come from: name, address, signatures, limits and mail server."),
        (name = "readiness", description = "How far the practice is: counts, trend, forecast, and what keeps the others."),
        (name = "operations", description = "Longer work and how far it is."),
        (name = "audit", description = "What happened, by whom, and when."),
    ),
    components(schemas(crate::problem::ProblemOut, crate::problem::FieldProblemOut, crate::listing::FilterTree,
        crate::answers::ChosenOption)),
    security(("bearer" = []))
)]
struct Document;

/// The whole description.
#[must_use]
pub fn openapi() -> OpenApi {
    let (_, mut document) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .service(utoipa_actix_web::scope("/v1").configure(|config| crate::routes(&mut Routes::Described(config))))
        .split_for_parts();
    if let Some(components) = document.components.as_mut() {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key or the token of a session."))
            .build();
        share_rows(&mut components.schemas);
        forget_defaults(&mut components.schemas);
        need_a_name(&mut components.schemas);
        crate::ways::describe(&mut components.schemas);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        for (name, description, _) in REFUSALS {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response =
                ResponseBuilder::new().description(*description).content("application/problem+json", content).build();
            components.responses.insert((*name).to_owned(), RefOr::T(response));
        }
    }
    for (path, item) in &mut document.paths.paths {
        let has_id = path.contains('{');
        for (method, operation) in operations(item) {
            complete(operation, &method, has_id);
        }
    }
    crate::answers::describe(&mut document);
    if let Some(components) = document.components.as_mut() {
        let all = document.paths.paths.values_mut().flat_map(operations);
        crate::texts::describe(all.map(|(_, operation)| operation), components);
    }
    tell_tags(&mut document);
    document
}

/// Takes the defaults off the fields of patches: an absent field stays as it is, which no default can say.
fn forget_defaults(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| name.ends_with("Patch")) {
        let RefOr::T(Schema::Object(patch)) = schema else { continue };
        for field in patch.properties.values_mut() {
            match field {
                RefOr::T(Schema::Object(field)) => field.default = None,
                RefOr::T(Schema::Array(field)) => field.default = None,
                RefOr::T(Schema::OneOf(field)) => field.default = None,
                RefOr::Ref(field) => field.default = None,
                RefOr::T(_) => {}
            }
        }
    }
}

/// Says of what is made with a `name` or `names` that one of the two is needed, which no attribute can say.
fn need_a_name(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    for name in ["NewFieldCategory", "NewField", "NewView"] {
        let Some(RefOr::T(Schema::Object(made))) = schemas.get_mut(name) else { continue };
        let example = made.example.take();
        let described = made.description.take();
        let given: [(&str, RefOr<Schema>); 2] = [
            ("name", ObjectBuilder::new().schema_type(Type::String).into()),
            ("names", Ref::from_schema_name("GivenNames").into()),
        ];
        let either = given.into_iter().fold(AnyOfBuilder::new(), |either, (field, wanted)| {
            either.item(ObjectBuilder::new().schema_type(Type::Object).property(field, wanted).required(field))
        });
        let both = AllOfBuilder::new().item(made.clone()).item(either).description(described);
        #[expect(deprecated, reason = "as the derived schemas, this one has `example`")]
        let both = both.example(example);
        schemas.insert(name.to_owned(), both.into());
    }
}

/// Lets pages name the schema of their rows: the generic page repeats it in full.
fn share_rows(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let known = schemas.clone();
    for page in schemas.values_mut() {
        let RefOr::T(Schema::Object(page)) = page else { continue };
        let Some(RefOr::T(Schema::Array(rows))) = page.properties.get_mut("items") else { continue };
        let ArrayItems::RefOrSchema(row) = &mut rows.items else { continue };
        if let Some((name, _)) = known.iter().find(|(_, schema)| *schema == row.as_ref()) {
            **row = Ref::from_schema_name(name).into();
        }
    }
}

/// Name, description and status of every refusal that several operations share.
const REFUSALS: &[(&str, &str, &str)] = &[
    ("Malformed", "The request cannot be read: a header, the query or the JSON is malformed.", "400"),
    ("Unauthenticated", "Nobody is signed in, or the token is not valid.", "401"),
    ("Forbidden", "The caller has not the right that this needs.", "403"),
    ("NotFound", "There is no such thing in this practice.", "404"),
    ("Conflict", "The present state forbids it; the code says why.", "409"),
    ("Stale", "It has changed since it was read; read it again.", "412"),
    ("TooLarge", "The body is larger than one mebibyte.", "413"),
    ("NotJson", "The body must be JSON and say so.", "415"),
    ("Invalid", "Some fields are wrong; each is named.", "422"),
    ("ConditionRequired", "If-Match is missing, or has lost its quotation marks.", "428"),
    ("TooMany", "Too many requests; Retry-After says when to try again.", "429"),
    ("Fault", "A fault of the server; the log has it under the request's X-Request-Id.", "500"),
    ("Busy", "The server is busy or its database is away; try again after Retry-After.", "503"),
];

fn operations(item: &mut utoipa::openapi::PathItem) -> Vec<(HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Delete, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
    .collect()
}

/// Adds what every operation of its kind has in common.
fn complete(operation: &mut Operation, method: &HttpMethod, has_id: bool) {
    forget_null_body(operation);
    add_refusals(operation, method, has_id);
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let language = text().examples(Some(serde_json::json!("nl")));
    add_header(operation, ("Accept-Language", "The language of problem texts: nl, fr, de or en."), language);
    // A reply is kept for somebody, and of whom nobody knows there is no one to keep it for.
    if *method == HttpMethod::Post && !is_open(operation) {
        let key = text()
            .max_length(Some(255))
            .min_length(Some(1))
            .pattern(Some("^[!-~]([ -~]*[!-~])?$"))
            .examples(Some(serde_json::json!("import-2026-11-22")));
        let what = "Makes a repeated request safe: it gets the same reply and has its effect once.";
        add_header(operation, ("Idempotency-Key", what), key);
    }
    for (status, response) in &mut operation.responses.responses {
        if let (true, RefOr::T(response)) = (status.starts_with('2'), response) {
            let mut tell = |name: &str, description: &str, example: &str| {
                let schema = text().examples(Some(serde_json::json!(example))).build();
                let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description));
                response.headers.insert(name.to_owned(), header.build().into());
            };
            tell("RateLimit", "What is left of the limit.", "\"minute\";r=5999;t=60");
            if status == "202" {
                tell("Location", "Where to follow it.", "/v1/operations/opn_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b");
            }
        }
    }
}

/// Says which answers carry the tag that a change of the same thing must send.
fn tell_tags(document: &mut OpenApi) {
    let schemas = document.components.as_ref().map(|components| components.schemas.clone()).unwrap_or_default();
    let is_tagged = |name: &str| match schemas.get(name) {
        Some(RefOr::T(Schema::Object(object))) => object.properties.contains_key("revision"),
        _ => false,
    };
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            for response in operation.responses.responses.values_mut() {
                let RefOr::T(response) = response else { continue };
                let Some(RefOr::T(content)) = response.content.get("application/json") else { continue };
                let Some(RefOr::Ref(whole)) = &content.schema else { continue };
                if !whole.ref_location.rsplit('/').next().is_some_and(is_tagged) {
                    continue;
                }
                let schema = ObjectBuilder::new().schema_type(Type::String).examples([serde_json::json!("\"3\"")]);
                let said = "Its revision in quotation marks: the `If-Match` of the next change.";
                let tag = HeaderBuilder::new().schema(Some(schema.build())).description(Some(said));
                response.headers.insert("ETag".to_owned(), tag.build().into());
            }
        }
    }
}

/// A body that may be left out is still no null.
fn forget_null_body(operation: &mut Operation) {
    let Some(RefOr::T(sent)) = &mut operation.request_body else { return };
    for body in sent.content.values_mut() {
        let RefOr::T(body) = body else { continue };
        if let Some(RefOr::T(Schema::OneOf(either))) = &body.schema {
            let named = either.items.iter().find(|one| matches!(one, RefOr::Ref(_))).cloned();
            body.schema = named.or_else(|| body.schema.take());
        }
    }
}

/// Whether nobody has to sign in for it.
fn is_open(operation: &Operation) -> bool {
    let is_empty = |s| serde_json::to_value(s).is_ok_and(|v| v == serde_json::json!({}));
    operation.security.as_ref().is_some_and(|all| all.iter().all(is_empty))
}

fn add_refusals(operation: &mut Operation, method: &HttpMethod, has_id: bool) {
    let open = is_open(operation);
    let tagged = operation.parameters.iter().flatten().any(|p| matches!(p, RefOr::T(p) if p.name == "If-Match"));
    let has_body = operation.request_body.is_some();
    for (name, _, status) in REFUSALS {
        let wanted = match *status {
            "403" => !open,
            "404" => has_id || !open,
            "409" => tagged || matches!(method, HttpMethod::Post | HttpMethod::Delete),
            "412" | "428" => tagged,
            "413" | "415" => has_body,
            "422" => has_body || *method == HttpMethod::Get,
            _ => true,
        };
        if wanted {
            let refusal = || Ref::from_response_name(*name).into();
            operation.responses.responses.entry((*status).to_owned()).or_insert_with(refusal);
        }
    }
}

fn add_header(operation: &mut Operation, (name, description): (&str, &str), schema: ObjectBuilder) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema.build()))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}

fn name_of(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Put => "PUT",
        _ => "DELETE",
    }
}

/// Which methods each path answers, to tell a wrong method from a wrong path.
struct Methods(Vec<(Vec<String>, String)>);

impl Methods {
    /// Reads them from the description.
    fn of(document: &OpenApi) -> Self {
        let mut known: BTreeMap<Vec<String>, String> = BTreeMap::new();
        for (path, item) in &document.paths.paths {
            let mut item = item.clone();
            let names: Vec<String> =
                operations(&mut item).into_iter().map(|(method, _)| name_of(&method).to_owned()).collect();
            known.insert(path.split('/').map(str::to_owned).collect(), names.join(", "));
        }
        Self(known.into_iter().collect())
    }

    /// The methods of the path, when it is one of ours.
    fn allowed(&self, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |pattern: &[String]| {
            pattern.len() == parts.len()
                && pattern
                    .iter()
                    .zip(&parts)
                    .all(|(p, given)| if p.starts_with('{') { !given.is_empty() } else { p == given })
        };
        self.0.iter().find(|(pattern, _)| fits(pattern)).map(|(_, methods)| methods.clone())
    }
}

/// The description as it is sent, made once in a process: each of its threads has an application of its own.
static DOCUMENT: LazyLock<(Bytes, Methods)> = LazyLock::new(|| {
    let document = openapi();
    let json = serde_json::to_vec(&document).unwrap_or_default();
    (Bytes::from(json), Methods::of(&document))
});

/// The methods of a path, when it is one of ours.
#[must_use]
pub fn methods_allowed(path: &str) -> Option<String> {
    DOCUMENT.1.allowed(path)
}

/// Mounts the description and the page that lets people try it; everything it needs comes from this server.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::redirect("/docs", "/docs/"))
        .route("/openapi.json", web::get().to(description))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")));
}

async fn description() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.0.clone())
}

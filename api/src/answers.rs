//! What the description says of answers, so that a typed client needs no guesses: which words there are, what a custom
//! value looks like, what comes out of longer work, and that what can be null is there all the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use klaar_domain::custom_fields::FieldKind;
use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AllOfBuilder, AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType,
    Type,
};
use utoipa::openapi::{KnownFormat, OpenApi, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::shapes::{shapes, words};

shapes! {
    /// Where longer work stands: `finished` also when single items failed, `failed` when it was broken off.
    WorkStatus as "WorkStatus" = words(["waiting", "running", "finished", "failed"]);
    /// Where a bulk edit stands.
    BulkEditStatus as "BulkEditStatus" = words(["previewed", "applying", "applied", "undoing", "undone"]);
    /// Why a bulk edit leaves a client alone; `member_gone`: whoever looked after it has left the practice.
    LeftAlone as "LeftAlone" = words(["archived", "not_concerned", "changed_since", "number_taken", "fields_changed", "member_gone"]);
    /// Where a campaign stands.
    CampaignStatus as "CampaignStatus" = words(klaar_domain::campaigns::Status::ALL.iter().map(|one| one.as_str()));
    /// What a campaign is for.
    CampaignPurpose as "CampaignPurpose" = words(klaar_domain::campaigns::Purpose::ALL.iter().map(|one| one.as_str()));
    /// A mail for each client, or one for each mailbox, about all clients that have it.
    CampaignMode as "CampaignMode" = words(klaar_domain::campaigns::Mode::ALL.iter().map(|one| one.as_str()));
    /// What becomes of a mail of which nobody knows whether the server took it: a person decides, or it is sent again as the same mail.
    DoubtPolicy as "DoubtPolicy" = words(klaar_domain::campaigns::InDoubt::ALL.iter().map(|one| one.as_str()));
    /// What somebody has found out about mails in doubt.
    DoubtAnswer as "DoubtAnswer" = words(["sent", "failed", "again"]);
    /// What became of a client's mail.
    RecipientStatus as "RecipientStatus" = words(klaar_domain::campaigns::State::ALL.iter().map(|one| one.as_str()));
    /// How a mail came back: for good, as the address takes none (`hard`), or for now or for what was in it (`soft`).
    BounceWord as "Bounce" = words(klaar_domain::campaigns::Bounce::ALL.iter().map(|one| one.as_str()));
    /// Something that a preflight found.
    FindingBlocks as "PreflightFindingCode" = words([
        "no_sender", "template_off", "nobody_to_mail_to", "values_missing", "unreachable", "suppressed", "shared_mailboxes", "mailed_lately",
        "languages_missing", "archived_left_out", "spf_missing", "spf_several", "spf_forbids", "dkim_missing", "dmarc_missing",
        "sender_domain_unanswered",
        "attachments_too_large", "large_attachments",
    ]);
    /// Why a client is not ready.
    BlockerWord as "ReadinessBlockerReason" = words(klaar_domain::readiness::Blocker::ALL.map(|one| one.as_str()));
    /// Why nobody can say when all are ready: nothing is left to do (`done`), fewer than seven of the last 28 days are known, or no more clients became ready
    /// (or so few that it would take longer than ten years).
    NoForecastWord as "NoReadinessForecast" = words(klaar_domain::readiness::NoForecast::ALL.map(|one| one.as_str()));
    /// Which mails an address does not get.
    SuppressionScope as "SuppressionScope" = words(["all", "marketing"]);
    /// Why an address gets no mails.
    SuppressionReason as "SuppressionReason" = words(["manual", "unsubscribed", "bounced"]);
    /// What a variable of templates may be used for.
    VariableKind as "TemplateVariableKind" = words(["text", "link"]);
    /// Why a mail goes to an address: the contact gets notices, the card has it, any contact has it, or nobody has one.
    MailReason as "MailReason" = words(["notice_contact", "card", "contact", "none"]);
    /// What kind of client it is.
    ClientKind as "ClientKind" = words(["company", "person"]);
    /// A Peppol network.
    World as "World" = words(["test", "live"]);
    /// What a custom field holds, the system's own included.
    AnyFieldKind as "AnyFieldKind" = words(FieldKind::ALL.map(FieldKind::as_str));
    /// What a column holds: a kind of custom field, a word of several that there are, texts, a moment, or a person.
    ColumnKind as "ColumnKind" =
        words(FieldKind::ALL.map(FieldKind::as_str).into_iter().chain(["word", "lines", "instant", "responsible"]));
    /// Why the values of a field cannot be changed for many clients at once.
    BulkRefusal as "BulkRefusal" = words(["multi_valued", "linked_to_document", "system_owned"]);
    /// A kind of file with a client list.
    ListFormat as "ListFormat" = words(["csv", "xlsx"]);
    /// Whether a finding refused its line.
    FindingWeight as "FindingWeight" = words(["rejected", "note"]);
    /// What the network says of a client.
    RegistrationState as "RegistrationState" =
        words(["registered", "cannot_receive", "not_registered", "unknown", "nothing_to_ask"]);
    /// Where a check stands.
    CheckStatus as "CheckStatus" = words(["asking", "checked", "applying", "applied"]);
    /// Where a held change stands.
    HeldStanding as "HeldChangeStatus" = words(["open", "accepted", "dismissed", "overtaken"]);
    /// Where a night stands; `doubting`: vanishings and failures are asked again.
    NightPhase as "NightPhase" = words(["planning", "asking", "writing", "doubting", "closing", "finished"]);
    /// A custom value of a client, by the kind of its field: a text for `text`, `long_text`, `link` and `access_point`, `YYYY-MM-DD`
    /// for a `date`, a text with two decimals for an `amount`, a `number`, true or false for `yes_no`, its option for a `choice`,
    /// several for a `multi_choice`, and an object for a `member`, `client` or `document`.
    FieldValue as "FieldValue" = AnyOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Boolean])))
        .item(Ref::from_schema_name("ChosenOption"))
        .item(ArrayBuilder::new().items(Ref::from_schema_name("ChosenOption")))
        .item(texts(&["member_id"]))
        .item(texts(&["client_id"]))
        .item(texts(&["name", "url"]))
        .examples([
            json!({ "option_id": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo" }), json!(true), json!("1250.00"),
        ]);
    /// An option that a client has.
    ChosenOption as "ChosenOption" = texts(&["option_id", "label"])
        .examples([json!({ "option_id": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo" })]);
    /// What a client has in a column, as its document has it; null for nothing. Of contacts a text each.
    Cell as "Cell" = AnyOfBuilder::new()
        .item(Ref::from_schema_name("FieldValue"))
        .item(Ref::from_schema_name("Responsible"))
        .item(ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .examples([json!("Bakkerij Peeters"), Value::Null]);
    /// The selection of a bulk edit; clients that were named are counted, not named again.
    ShownSelection as "ShownSelection" = AnyOfBuilder::new()
        .item(ObjectBuilder::new().property("clients", count()).required("clients"))
        .item(Ref::from_schema_name("Selection"))
        .examples([json!({ "filter": { "field": "fields.receive_software", "op": "empty" } }), json!({ "clients": 412 })]);
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn count() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).build()
}

/// An object of these texts.
fn texts(names: &[&str]) -> ObjectBuilder {
    names.iter().fold(ObjectBuilder::new(), |object, name| object.property(*name, text()).required(*name))
}

/// Each kind of longer work: what comes out of it, as a name, what it names, and what it counts.
const WORKS: [(&str, &str, &str, &[&str]); 8] = [
    (
        "client_import",
        "ClientImportResult",
        "import_id",
        &["rows", "accepted", "created", "changed", "unchanged", "rejected"],
    ),
    ("bulk_edit", "BulkEditResult", "bulk_edit_id", &["changed", "skipped"]),
    ("bulk_edit_undo", "BulkEditUndoResult", "bulk_edit_id", &["restored", "kept"]),
    ("bounce_read", "BounceReadResult", "sender_id", &["mails", "reports", "hard", "soft"]),
    ("campaign", "CampaignResult", "campaign_id", &["sent", "failed", "in_doubt"]),
    ("template_test", "TemplateTestResult", "to", &[]),
    ("registration_check", "RegistrationCheckResult", "registration_check_id", &[]),
    (
        "registration_check_application",
        "RegistrationCheckApplicationResult",
        "registration_check_id",
        &["applied", "unchanged", "skipped"],
    ),
];

/// Says of every answer what its type does not say.
pub fn describe(document: &mut OpenApi) {
    let answers = only_in_answers(document);
    let Some(components) = document.components.as_mut() else { return };
    for name in answers {
        if let Some(RefOr::T(schema)) = components.schemas.get_mut(&name) {
            give_all(&name, schema);
        }
    }
    tell_works_apart(&mut components.schemas);
}

/// What can be null is written as null, not left out. Only some lists count all that match.
fn give_all(name: &str, schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            let counts = name == "PageOut_Client";
            let given = object.properties.keys().filter(|field| {
                let is_uncounted = name.starts_with("PageOut_") && *field == "total" && !counts;
                !is_uncounted
            });
            object.required = given.cloned().collect();
        }
        Schema::AllOf(parts) => parts.items.iter_mut().for_each(|part| {
            if let RefOr::T(part) = part {
                give_all(name, part);
            }
        }),
        _ => {}
    }
}

/// Makes the operation a union over its kinds, each with its own result.
fn tell_works_apart(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let Some(RefOr::T(Schema::Object(mut shared))) = schemas.remove("Operation") else { return };
    let (example, described) = (shared.example.take(), shared.description.take());
    for name in ["kind", "result"] {
        shared.properties.remove(name);
        shared.required.retain(|required| required != name);
    }
    let mut kinds = OneOfBuilder::new();
    for (kind, name, id, counts) in WORKS {
        let null = ObjectBuilder::new().schema_type(Type::Null);
        let said = "What came out; null until it is finished, and when it was broken off.";
        let result = OneOfBuilder::new().item(Ref::from_schema_name(name)).item(null).description(Some(said));
        let word = words([kind]).description(Some("Stable kind."));
        let kind = ObjectBuilder::new().property("kind", word).property("result", result);
        kinds = kinds.item(kind.required("kind").required("result"));
        schemas.insert(name.to_owned(), result_of(name, id, counts).into());
    }
    let whole = AllOfBuilder::new().item(Schema::Object(shared)).item(kinds).description(described);
    #[expect(deprecated, reason = "as the derived schemas, this one has `example`")]
    let whole = whole.example(example);
    schemas.insert("Operation".to_owned(), whole.into());
}

fn result_of(name: &str, id: &str, counts: &[&str]) -> Schema {
    let named = match id {
        "to" => "celine@maes.example".to_owned(),
        _ => format!("{}_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", prefix_of(id)),
    };
    let mut example = serde_json::Map::from_iter([(id.to_owned(), json!(named))]);
    let mut result = texts(&[id]);
    if name == "ClientImportResult" {
        let dry = ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Nothing was written."));
        result = result.property("dry_run", dry).required("dry_run");
        example.insert("dry_run".to_owned(), json!(false));
    }
    for name in counts {
        result = result.property(*name, count()).required(*name);
        example.insert((*name).to_owned(), json!(12));
    }
    let said = match id {
        "to" => "What came out: the address that it went to.".to_owned(),
        _ => format!("What came out; the counts are described where `{id}` is read."),
    };
    Schema::Object(result.description(Some(said)).examples([Value::Object(example)]).build())
}

fn prefix_of(id: &str) -> &'static str {
    match id {
        "import_id" => "imp",
        "bulk_edit_id" => "blk",
        "campaign_id" => "cmp",
        "sender_id" => "snd",
        _ => "chk",
    }
}

/// The names of the schemas that answers have and requests have not.
fn only_in_answers(document: &OpenApi) -> Vec<String> {
    let all = serde_json::to_value(document).unwrap_or_default();
    let (mut sent, mut answered) = (BTreeSet::new(), BTreeSet::new());
    let paths = all.get("paths").and_then(Value::as_object);
    let items = paths.into_iter().flat_map(|paths| paths.values()).filter_map(Value::as_object);
    for operation in items.flat_map(|item| item.values()) {
        for part in ["requestBody", "parameters"] {
            operation.get(part).into_iter().for_each(|part| named_in(part, &all, &mut sent));
        }
        operation.get("responses").into_iter().for_each(|part| named_in(part, &all, &mut answered));
    }
    all.pointer("/components/responses").into_iter().for_each(|shared| named_in(shared, &all, &mut answered));
    answered.difference(&sent).cloned().collect()
}

fn named_in(part: &Value, all: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Array(parts) => parts.iter().for_each(|part| named_in(part, all, found)),
        Value::Object(parts) => {
            let name = parts.get("$ref").and_then(Value::as_str);
            if let Some(name) = name.and_then(|name| name.strip_prefix("#/components/schemas/"))
                && found.insert(name.to_owned())
            {
                let named = all.pointer(&format!("/components/schemas/{name}"));
                named.into_iter().for_each(|named| named_in(named, all, found));
            }
            parts.values().for_each(|part| named_in(part, all, found));
        }
        _ => {}
    }
}

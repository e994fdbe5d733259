//! Every operation of the description refuses nobody, the wrong role and another practice. The cases come from the
//! description itself, so an operation cannot be forgotten.

use klaar_domain::identity::{Practice, Right};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::house::House;

/// Operations that are open to everybody: signing in, and setting the first password.
const OPEN: &[&str] = &["create_session", "accept_invitation", "create_password_reset", "accept_password_reset"];

/// Second identifiers in paths, and the relation and the attachment that are meant by them.
const RELATION: &str = "{relation_id}";
const ATTACHMENT: &str = "{attachment_id}";

struct Operation {
    id: String,
    method: Method,
    path: String,
    rights: Vec<String>,
    body: Option<Value>,
    /// The media type of the body, when it is no JSON.
    media: Option<String>,
    tagged: bool,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(klaar_api::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = operation["requestBody"]["content"].as_object();
            let media =
                content.and_then(|content| content.keys().next().cloned()).filter(|media| media != "application/json");
            let reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let schema = reference.map(|r| &document["components"]["schemas"][r.rsplit('/').next().unwrap()]);
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            all.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: format!("{path}{}", needed_query(&parameters)),
                rights: operation["security"][0]["bearer"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|r| r.as_str().unwrap().to_owned())
                    .collect(),
                body: schema.map(|schema| schema["example"].clone()),
                media,
                tagged: parameters.iter().any(|p| p["name"] == "If-Match"),
            });
        }
    }
    all
}

/// The parameters of a query that must be there, with the values of their examples.
fn needed_query(parameters: &[Value]) -> String {
    let needed = parameters.iter().filter(|p| p["in"] == "query" && p["required"] == true);
    let pairs: Vec<String> =
        needed.map(|p| format!("{}={}", p["name"].as_str().unwrap(), p["example"].as_str().unwrap())).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

impl Operation {
    async fn call(&self, api: &Client, id: &str) -> u16 {
        let path = self.path.replace("{id}", id);
        let api = if self.tagged { api.with("if-match", "\"1\"") } else { api.clone() };
        match (&self.media, &self.body) {
            (Some(media), _) => {
                api.send_bytes(self.method.clone(), &path, Some((media, b"Naam\nX\n".to_vec()))).await.status
            }
            (None, body) => api.send(self.method.clone(), &path, body.as_ref()).await.status,
        }
    }
}

/// Something of each kind in `practice`, by the first segment of its path.
async fn furnish(house: &House, practice: &Practice) -> Vec<(&'static str, String)> {
    let api = house.may_everything(practice);
    let client = api.post("/v1/clients", &json!({ "name": "Theirs" })).await.expect(201);
    let member = api
        .post("/v1/members", &json!({ "email": "x@theirs.example", "name": "X", "role": "reader" }))
        .await
        .expect(201);
    let key = api.post("/v1/api-keys", &json!({ "name": "Theirs", "scopes": ["clients:read"] })).await.expect(201);
    let contacts = format!("/v1/clients/{}/contacts", client["id"].as_str().unwrap());
    let contact = api.post(&contacts, &json!({ "name": "X" })).await.expect(201);
    let other = api.post("/v1/clients", &json!({ "name": "Theirs, too" })).await.expect(201);
    let relations = format!("/v1/clients/{}/relations", client["id"].as_str().unwrap());
    let relation = json!({ "kind": "same_group", "client_id": other["id"] });
    let relation = api.post(&relations, &relation).await.expect(201);
    let list = Some(("text/csv", b"Naam\nX\n".to_vec()));
    let operation = api.send_bytes(Method::POST, "/v1/client-imports", list).await.expect(202);
    let import = api.get(&format!("/v1/client-imports/{}", operation["id"].as_str().unwrap())).await.expect(200);
    let category = api.post("/v1/field-categories", &json!({ "name": "Theirs" })).await.expect(201);
    let kind = json!({ "category_id": category["id"], "name": "Theirs", "kind": "choice", "options": ["Theirs"] });
    let field = api.post("/v1/fields", &kind).await.expect(201);
    let check = api.post("/v1/registration-checks", &json!({ "all": true })).await.expect(202);
    let edit = json!({ "selection": { "all": true }, "assignments": [{ "field": "portfolio", "set": "Theirs" }] });
    let edit = api.post("/v1/bulk-edits", &edit).await.expect(201);
    let view = api.post("/v1/views", &json!({ "name": "Theirs", "shared": true })).await.expect(201);
    let mails = api.post("/v1/template-categories", &json!({ "name": "Theirs" })).await.expect(201);
    let texts = json!({ "nl": { "subject": "Theirs", "body": "<p>Theirs</p>" } });
    let template = api.post("/v1/templates", &json!({ "name": "Theirs", "languages": texts })).await.expect(201);
    let attachments = format!("/v1/templates/{}/attachments", template["id"].as_str().unwrap());
    let file = Some(("application/octet-stream", b"Theirs".to_vec()));
    let seen = api.with("if-match", "\"1\"");
    let attached = seen.send_bytes(Method::POST, &format!("{attachments}?filename=x.txt"), file).await.expect(201);
    let wish = json!({ "template_id": template["id"], "selection": { "all": true } });
    let campaign = api.post("/v1/campaigns", &wish).await.expect(201);
    let sender = api.post("/v1/senders", &json!({ "name": "Theirs" })).await.expect(201);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    vec![
        ("clients", text(&client["id"])),
        ("members", text(&member["member"]["id"])),
        ("api-keys", text(&key["api_key"]["id"])),
        ("contacts", text(&contact["id"])),
        (RELATION, text(&relation["id"])),
        (ATTACHMENT, text(&attached["attachments"][0]["id"])),
        ("operations", text(&operation["id"])),
        ("client-imports", text(&import["id"])),
        ("registration-checks", text(&check["registration_check_id"])),
        ("views", text(&view["id"])),
        ("senders", text(&sender["id"])),
        ("template-categories", text(&mails["id"])),
        ("templates", text(&template["id"])),
        ("campaigns", text(&campaign["id"])),
        ("field-categories", text(&category["id"])),
        ("fields", text(&field["id"])),
        ("field-options", text(&field["options"][0]["id"])),
        ("bulk-edits", text(&edit["id"])),
        ("dead-jobs", house.bury_a_job(practice)),
    ]
}

/// The operations on these things: a second identifier in a path is that of the thing.
fn operations_on(things: &[(&'static str, String)]) -> Vec<Operation> {
    let named = |path: String, second: &str| {
        let id = things.iter().find(|(kind, _)| *kind == second).map_or("x", |(_, id)| id);
        path.replace(second, id)
    };
    let of_it = |operation: Operation| Operation {
        path: [RELATION, ATTACHMENT].into_iter().fold(operation.path, named),
        ..operation
    };
    operations().into_iter().map(of_it).collect()
}

fn kind_of(path: &str) -> &str {
    path.trim_start_matches("/v1/").split('/').next().unwrap()
}

#[tokio::test]
async fn every_operation_refuses_nobody() {
    let house = House::open().await;
    for operation in operations().iter().filter(|o| !OPEN.contains(&o.id.as_str())) {
        assert_eq!(
            operation.call(&house.nobody(), "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b").await,
            401,
            "{}",
            operation.id
        );
        let forged = Client::new(house.base(), Some("klaar_key_forged".to_owned()));
        assert_eq!(operation.call(&forged, "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b").await, 401, "{}", operation.id);
    }
}

/// An installation that offers a mail server, which nobody asks here.
async fn house() -> House {
    House::open_with(&[("KLAAR_SMTP_URL", "smtp://127.0.0.1:9"), ("KLAAR_MAIL_FROM", "post@klaar.example")]).await
}

#[tokio::test]
async fn every_operation_refuses_the_wrong_role() {
    let house = house().await;
    let practice = house.practice("Ours");
    let things = furnish(&house, &practice).await;
    for operation in operations_on(&things).iter().filter(|o| !OPEN.contains(&o.id.as_str()) && !o.rights.is_empty()) {
        let others: Vec<Right> =
            Right::ALL.iter().copied().filter(|right| !operation.rights.iter().any(|r| r == right.as_str())).collect();
        let id = things.iter().find(|(kind, _)| *kind == kind_of(&operation.path)).map_or("x", |(_, id)| id);
        assert_eq!(
            operation.call(&house.may(&practice, &others), id).await,
            403,
            "{} must need {:?}",
            operation.id,
            operation.rights
        );
    }
}

#[tokio::test]
async fn every_operation_answers_a_foreign_thing_like_an_absent_one() {
    let house = house().await;
    let (ours, theirs) = (house.practice("Ours"), house.practice("Theirs"));
    let (api, things) = (house.may_everything(&ours), furnish(&house, &theirs).await);
    let absent = "0197f6a2c3d47e5f8a9b0c1d2e3f4a5b";
    let with_id: Vec<Operation> = operations_on(&things).into_iter().filter(|o| o.path.contains("{id}")).collect();
    for operation in &with_id {
        let foreign = things.iter().find(|(kind, _)| *kind == kind_of(&operation.path)).map(|(_, id)| id.clone());
        let prefix = foreign.as_ref().map_or("opn", |id| id.split('_').next().unwrap()).to_owned();
        let on_absent = operation.call(&api, &format!("{prefix}_{absent}")).await;
        // A session belongs to an account; a key has none, so its answer is the same refusal for every session.
        let expected = if operation.id == "delete_session" { 404 } else { on_absent };
        assert_eq!(on_absent, expected);
        assert!(matches!(on_absent, 404 | 422), "{} answers {on_absent} to an absent thing", operation.id);
        if let Some(foreign) = foreign {
            assert_eq!(
                operation.call(&api, &foreign).await,
                on_absent,
                "{} tells a foreign thing from an absent one",
                operation.id
            );
        }
    }
    let read = house.may_everything(&theirs).get("/v1/clients").await.expect(200);
    assert_eq!(read["items"][0]["name"], "Theirs", "nothing of theirs was changed");
}

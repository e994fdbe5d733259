//! Categories, fields and options of the practice's own, and the kinds of values that they hold.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::house::House;

/// A practice with a key that may do everything.
pub async fn house() -> (House, Client) {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    (house, api)
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub async fn category(api: &Client, name: &str) -> String {
    text(&api.post("/v1/field-categories", &json!({ "name": name })).await.expect(201)["id"])
}

/// A field of this kind in a category of its own.
pub async fn field(api: &Client, slug: &str, kind: &str, options: &[&str]) -> Value {
    let category = category(api, slug).await;
    let body = json!({ "category_id": category, "name": slug, "slug": slug, "kind": kind, "options": options });
    api.post("/v1/fields", &body).await.expect(201)
}

/// A field as it is now, with its options.
pub async fn now(api: &Client, field: &Value) -> Value {
    api.get(&format!("/v1/fields/{}", text(&field["id"]))).await.expect(200)
}

pub async fn client(api: &Client, fields: Value) -> Value {
    api.post("/v1/clients", &json!({ "name": "A", "fields": fields })).await.expect(201)
}

/// The client's custom values now.
pub async fn fields_of(api: &Client, client: &Value) -> Value {
    api.get(&format!("/v1/clients/{}", text(&client["id"]))).await.expect(200)["fields"].clone()
}

/// Sets custom values of a client as it is now.
pub async fn set(api: &Client, client: &Value, fields: Value) -> Answer {
    let path = format!("/v1/clients/{}", text(&client["id"]));
    let tag = api.get(&path).await.header("etag").to_owned();
    api.with("if-match", &tag).patch(&path, &json!({ "fields": fields })).await
}

/// Changes a thing as it is now.
pub async fn change(api: &Client, path: &str, body: Value) -> Answer {
    let tag = api.get(path).await.header("etag").to_owned();
    api.with("if-match", &tag).patch(path, &body).await
}

pub fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// AP-35: practices add custom fields; each kind has its form on the wire, in and out.
#[tokio::test]
async fn ap_35_every_kind_of_field_takes_and_gives_its_values() {
    let (_house, api) = house().await;
    let member = json!({ "email": "an@maes.example", "name": "An Maes", "role": "staff" });
    let member = api.post("/v1/members", &member).await.expect(201)["member"]["id"].clone();
    let other = client(&api, json!({})).await["id"].clone();
    let category = category(&api, "Dossier").await;
    for (slug, kind) in [
        ("role", "choice"),
        ("tags", "multi_choice"),
        ("fee", "amount"),
        ("staff", "number"),
        ("since", "date"),
        ("manager", "member"),
        ("parent", "client"),
        ("page", "link"),
        ("mandate", "document"),
        ("note", "text"),
    ] {
        let options = if kind.ends_with("choice") { json!(["Een", "Twee", "Drie"]) } else { json!([]) };
        let body = json!({ "category_id": category, "name": slug, "slug": slug, "kind": kind, "options": options });
        let made = api.post("/v1/fields", &body).await.expect(201);
        assert_eq!((made["kind"].as_str(), made["slug"].as_str()), (Some(kind), Some(slug)));
    }
    let document = json!({ "name": "Mandaat", "url": "https://dms.example/1" });
    let given = json!({
        "role": "twee", "tags": ["drie", "Een", "een"], "fee": "1250.5", "staff": 12.5, "since": "2026-02-28",
        "manager": "an maes", "parent": other, "page": "https://peeters.example/", "mandate": document, "note": "x",
    });
    let made = client(&api, given).await;
    let fields = &made["fields"];
    assert_eq!(fields["role"]["label"], "Twee");
    let tags: Vec<&str> = fields["tags"].as_array().unwrap().iter().map(|o| o["label"].as_str().unwrap()).collect();
    assert_eq!(tags, ["Een", "Drie"], "each once, in the options' order");
    assert_eq!(
        (&fields["fee"], &fields["staff"], &fields["since"]),
        (&json!("1250.50"), &json!(12.5), &json!("2026-02-28"))
    );
    assert_eq!(
        (&fields["manager"], &fields["parent"]),
        (&json!({ "member_id": member }), &json!({ "client_id": other }))
    );
    assert_eq!((&fields["page"], &fields["mandate"]), (&json!("https://peeters.example/"), &document));
    set(&api, &made, json!({ "tags": [], "fee": 3, "role": null })).await.expect(200);
    let after = fields_of(&api, &made).await;
    assert_eq!((after.get("tags"), after.get("role"), &after["fee"]), (None, None, &json!("3.00")));
    let path = format!("/v1/clients/{}/history", text(&made["id"]));
    let history = api.get(&path).await.expect(200);
    let newest = history["items"][0]["changes"].as_array().unwrap();
    assert!(newest.contains(&json!({ "field": "tags", "before": "Een, Drie", "after": null })), "{newest:?}");
    assert!(newest.contains(&json!({ "field": "fee", "before": "1250.50", "after": "3.00" })), "{newest:?}");
    let first = history["items"][1]["changes"].as_array().unwrap();
    for (field, after) in [("manager", "An Maes"), ("parent", "A"), ("mandate", "Mandaat (https://dms.example/1)")] {
        assert!(first.contains(&json!({ "field": field, "before": null, "after": after })), "{first:?}");
    }
    let csv = api.get("/v1/client-export").await;
    let csv = String::from_utf8(csv.body).unwrap();
    assert!(csv.contains("An Maes") && csv.contains(";3.00;"), "{csv}");
}

/// Hostile values are refused by pointer and code, and nothing is written.
#[tokio::test]
async fn wrong_values_are_named_by_pointer_and_code() {
    let (house, api) = house().await;
    let theirs = house.may_everything(&house.practice("Theirs"));
    let foreign = client(&theirs, json!({})).await["id"].clone();
    let member = json!({ "email": "x@theirs.example", "name": "X", "role": "reader" });
    let stranger = theirs.post("/v1/members", &member).await.expect(201)["member"]["id"].clone();
    for (kind, given, pointer, code) in [
        ("text", json!(3), "", "wrong_type"),
        ("text", json!("x".repeat(301)), "", "too_long"),
        ("text", json!("a\u{7}"), "", "control_characters"),
        ("text", json!("a\0"), "", "control_characters"),
        ("number", json!("3"), "", "wrong_type"),
        ("number", json!(1e16), "", "out_of_range"),
        ("amount", json!("1,50"), "", "malformed_amount"),
        ("amount", json!(0.001), "", "malformed_amount"),
        ("amount", json!("1000000000000.01"), "", "out_of_range"),
        ("amount", json!([1]), "", "wrong_type"),
        ("date", json!("2026-02-30"), "", "impossible_date"),
        ("date", json!("30/02/2026"), "", "malformed_date"),
        ("multi_choice", json!("Een"), "", "wrong_type"),
        ("multi_choice", json!(["Een", "Nul"]), "/1", "unknown_option"),
        ("multi_choice", json!([["Een"]]), "/0", "wrong_type"),
        ("choice", json!({ "option_id": "x" }), "", "wrong_type"),
        ("member", stranger, "", "unknown_member"),
        ("member", json!(1), "", "wrong_type"),
        ("client", foreign, "", "not_a_client"),
        ("client", json!("cli_x"), "", "not_a_client"),
        ("link", json!("javascript:alert(1)"), "", "malformed_link"),
        ("link", json!(format!("https://a.be/{}", "x".repeat(2_000))), "", "too_long"),
        ("document", json!("https://a.be"), "", "wrong_type"),
        ("document", json!({ "name": "x", "url": "ftp://a.be" }), "/url", "malformed_link"),
        ("document", json!({ "name": "x\0", "url": "https://a.be" }), "/name", "control_characters"),
        ("document", json!({ "url": "https://a.be" }), "/name", "missing"),
    ] {
        let field = json!({ "category_id": category(&api, kind).await, "name": "X", "kind": kind });
        let mut field = field;
        if kind.ends_with("choice") {
            field["options"] = json!(["Een"]);
        }
        let made = api.post("/v1/fields", &field).await.expect(201);
        let slug = text(&made["slug"]);
        let refused = api.post("/v1/clients", &json!({ "name": "A", "fields": { slug.clone(): given } })).await;
        let wanted = vec![(format!("/fields/{slug}{pointer}"), code.to_owned())];
        assert_eq!((refused.status, refused.wrong_fields()), (422, wanted), "{kind} {given}");
        let away = format!("/v1/field-categories/{}/archive", text(&made["category_id"]));
        api.post(&away, &json!({})).await.expect(200);
    }
    assert_eq!(api.get("/v1/clients").await.expect(200)["items"], json!([]));
    let odd = api.post("/v1/clients", &json!({ "name": "A", "fields": { "a/b~c": 1 } })).await;
    assert_eq!(odd.wrong_fields(), [("/fields/a~1b~0c".to_owned(), "unknown_field".to_owned())]);
}

/// AP-35: practices add and change categories; an archived one hides its fields, keeps their values and comes back.
#[tokio::test]
async fn ap_35_categories_are_made_changed_archived_and_restored() {
    let (_house, api) = house().await;
    let made = api.post("/v1/field-categories", &json!({ "names": { "nl": "Dossier", "fr": "Fichier" } })).await;
    assert_eq!(made.header("etag"), "\"1\"");
    let (place, made) = (made.header("location").to_owned(), made.expect(201));
    assert_eq!(place, format!("/v1/field-categories/{}", text(&made["id"])));
    assert_eq!((&made["slug"], &made["position"], &made["active"]), (&json!("dossier"), &json!(2), &json!(true)));
    let second = api.post("/v1/field-categories", &json!({ "name": "Dossier" })).await.expect(201);
    assert_eq!(second["slug"], "dossier_2");
    assert_eq!(api.with("accept-language", "fr").get(&place).await.expect(200)["name"], "Fichier");
    let fee = json!({ "category_id": made["id"], "name": "Ereloon", "kind": "amount" });
    assert_eq!(api.post("/v1/fields", &fee).await.expect(201)["slug"], "ereloon");
    let client = client(&api, json!({ "ereloon": "10.00" })).await;

    assert_eq!(api.with("if-match", "\"9\"").patch(&place, &json!({ "position": 1 })).await.status, 412);
    assert_eq!(api.patch(&place, &json!({ "position": 1 })).await.status, 428);
    let moved = change(&api, &place, json!({ "position": 1, "names": { "en": "File" } })).await;
    assert_eq!((moved.header("etag"), moved.expect(200)["names"].clone()), ("\"2\"", json!({ "en": "File" })));
    let order = api.get("/v1/field-categories").await.expect(200);
    let order: Vec<_> =
        order["items"].as_array().unwrap().iter().map(|c| (text(&c["slug"]), c["position"].as_i64())).collect();
    let wanted = [("dossier", Some(1)), ("peppol", Some(2)), ("dossier_2", Some(3))];
    assert_eq!(order, wanted.map(|(slug, place)| (slug.to_owned(), place)));
    let same = change(&api, &place, json!({ "position": 1 })).await;
    assert_eq!(same.header("etag"), "\"2\"", "nothing changed");

    let archive = |what: &str| format!("{place}/{what}");
    let archived = api.post(&archive("archive"), &json!({})).await.expect(200);
    assert!(archived["archived_at"].is_string() && archived["fields"][0]["slug"] == "ereloon");
    assert_eq!(fields_of(&api, &client).await, json!({}));
    assert_eq!(set(&api, &client, json!({ "ereloon": "11" })).await.wrong_fields()[0].1, "archived_field");
    assert!(!String::from_utf8(api.get("/v1/client-export").await.body).unwrap().contains("Ereloon"));
    let listed = api.get("/v1/field-categories?archived=true").await.expect(200);
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["id"]), (1, &made["id"]));
    assert_eq!(api.get("/v1/field-categories").await.expect(200)["items"].as_array().unwrap().len(), 2);
    assert_eq!(code(&change(&api, &place, json!({ "active": false })).await), (409, "archived_category".to_owned()));
    let inside = json!({ "category_id": made["id"], "name": "X", "kind": "text" });
    assert_eq!(api.post("/v1/fields", &inside).await.wrong_fields()[0].1, "archived_category");
    let taken = api.post("/v1/field-categories", &json!({ "name": "X", "slug": "dossier" })).await;
    assert_eq!(code(&taken), (409, "slug_taken".to_owned()));
    assert_eq!(api.post(&archive("restore"), &json!({})).await.expect(200)["archived_at"], Value::Null);
    assert_eq!(fields_of(&api, &client).await, json!({ "ereloon": "10.00" }), "the value came back");
    change(&api, &place, json!({ "active": false })).await.expect(200);
    assert_eq!(fields_of(&api, &client).await, json!({}));
    assert_eq!(set(&api, &client, json!({ "ereloon": "11" })).await.wrong_fields()[0].1, "unknown_field");
    let trail = api.get("/v1/audit-entries?limit=1").await.expect(200);
    assert_eq!(
        (&trail["items"][0]["kind"], &trail["items"][0]["after"]["active"]),
        (&json!("field_category.updated"), &json!(false))
    );
}

/// AP-03: the delivered category can be renamed and switched off, and nothing else.
#[tokio::test]
async fn the_delivered_category_stays() {
    let (_house, api) = house().await;
    let peppol = api.get("/v1/field-categories").await.expect(200)["items"][0].clone();
    let path = format!("/v1/field-categories/{}", text(&peppol["id"]));
    assert_eq!(code(&api.post(&format!("{path}/archive"), &json!({})).await), (409, "delivered".to_owned()));
    let ready = format!("/v1/fields/{}", text(&peppol["fields"][3]["id"]));
    assert_eq!(code(&api.post(&format!("{ready}/archive"), &json!({})).await), (409, "delivered".to_owned()));
    let elsewhere = category(&api, "X").await;
    let moved = change(&api, &ready, json!({ "category_id": elsewhere })).await;
    assert_eq!(code(&moved), (409, "delivered".to_owned()));
    assert_eq!(change(&api, &path, json!({ "names": { "nl": "E-facturatie" } })).await.expect(200)["slug"], "peppol");
    let client = client(&api, json!({ "ready": true })).await;
    change(&api, &path, json!({ "active": false })).await.expect(200);
    assert_eq!(fields_of(&api, &client).await, json!({}));
    change(&api, &path, json!({ "active": true })).await.expect(200);
    assert_eq!(fields_of(&api, &client).await, json!({ "ready": true }));
}

/// AP-35: practices add and change fields.
#[tokio::test]
async fn ap_35_fields_are_made_changed_moved_archived_and_restored() {
    let (_house, api) = house().await;
    let (one, two) = (category(&api, "Een").await, category(&api, "Twee").await);
    for name in ["A", "B", "C"] {
        api.post("/v1/fields", &json!({ "category_id": one, "name": name, "kind": "text" })).await.expect(201);
    }
    let shown = |category: &Value| -> Vec<String> {
        category["fields"].as_array().unwrap().iter().map(|f| text(&f["slug"])).collect()
    };
    let path = format!("/v1/field-categories/{one}");
    let fields = api.get(&path).await.expect(200)["fields"].clone();
    let c = format!("/v1/fields/{}", text(&fields[2]["id"]));
    change(&api, &c, json!({ "position": 1.0 })).await.expect(200);
    assert_eq!(shown(&api.get(&path).await.expect(200)), ["c", "a", "b"]);
    let moved = change(&api, &c, json!({ "category_id": two, "names": { "nl": "Zee" } })).await.expect(200);
    assert_eq!((&moved["name"], &moved["slug"], &moved["revision"]), (&json!("Zee"), &json!("c"), &json!(3)));
    let client = client(&api, json!({ "a": "1", "c": "3" })).await;
    assert_eq!(api.post(&format!("{c}/archive"), &json!({})).await.expect(200)["slug"], "c");
    assert_eq!(fields_of(&api, &client).await, json!({ "a": "1" }));
    assert_eq!(set(&api, &client, json!({ "c": null })).await.wrong_fields()[0].1, "archived_field");
    assert_eq!(code(&change(&api, &c, json!({ "active": false })).await), (409, "archived_field".to_owned()));
    let listed = api.get("/v1/field-categories?archived=true").await.expect(200);
    assert_eq!(
        (listed["items"][0]["id"].as_str(), shown(&listed["items"][0])),
        (Some(two.as_str()), vec!["c".to_owned()])
    );
    api.post(&format!("{c}/restore"), &json!({})).await.expect(200);
    assert_eq!(fields_of(&api, &client).await, json!({ "a": "1", "c": "3" }));
    change(&api, &c, json!({ "active": false })).await.expect(200);
    assert_eq!(fields_of(&api, &client).await, json!({ "a": "1" }));
    assert_eq!(set(&api, &client, json!({ "c": "4" })).await.wrong_fields()[0].1, "unknown_field");
    assert_eq!(change(&api, &c, json!({ "active": null })).await.wrong_fields()[0].1, "missing");
    let archived = format!("/v1/field-categories/{two}/archive");
    api.post(&archived, &json!({})).await.expect(200);
    api.post(&format!("{c}/archive"), &json!({})).await.expect(200);
    assert_eq!(code(&api.post(&format!("{c}/restore"), &json!({})).await), (409, "archived_category".to_owned()));
}

#[tokio::test]
async fn wrong_fields_are_refused_by_pointer_and_code() {
    let (_house, api) = house().await;
    let one = category(&api, "Een").await;
    for (body, pointer, code) in [
        (json!({ "category_id": one, "kind": "text" }), "/names", "missing"),
        (json!({ "category_id": one, "name": " ", "kind": "text" }), "/name", "missing"),
        (json!({ "category_id": one, "name": "x".repeat(101), "kind": "text" }), "/name", "too_long"),
        (json!({ "category_id": one, "name": "x\0", "kind": "text" }), "/name", "control_characters"),
        (json!({ "category_id": one, "names": { "nl": "x\u{1}" }, "kind": "text" }), "/names/nl", "control_characters"),
        (json!({ "category_id": one, "name": "x", "kind": "colour" }), "/kind", "unknown_value"),
        (json!({ "category_id": one, "name": "x", "kind": "access_point" }), "/kind", "system_owned"),
        (
            json!({ "category_id": "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "x", "kind": "text" }),
            "/category_id",
            "unknown_category",
        ),
        (json!({ "category_id": one, "name": "x", "kind": "text", "slug": "Ab" }), "/slug", "malformed_slug"),
        (json!({ "category_id": one, "name": "x", "kind": "text", "slug": "email" }), "/slug", "reserved_slug"),
        (json!({ "category_id": one, "name": "x", "kind": "text", "options": ["a"] }), "/options", "no_choice"),
        (
            json!({ "category_id": one, "name": "x", "kind": "choice", "options": ["a", " A "] }),
            "/options/1",
            "option_twice",
        ),
        (json!({ "category_id": one, "name": "x", "kind": "choice", "options": [" "] }), "/options/0", "missing"),
    ] {
        let refused = api.post("/v1/fields", &body).await;
        assert_eq!(
            (refused.status, refused.wrong_fields()),
            (422, vec![(pointer.to_owned(), code.to_owned())]),
            "{body}"
        );
    }
    let mut taken = json!({ "category_id": one, "name": "x", "kind": "text", "slug": "c" });
    api.post("/v1/fields", &taken).await.expect(201);
    assert_eq!(code(&api.post("/v1/fields", &taken).await), (409, "slug_taken".to_owned()));
    taken["slug"] = json!(null);
    assert_eq!(api.post("/v1/fields", &taken).await.expect(201)["slug"], "x");
}

/// There is an end to categories and options, and it is said.
#[tokio::test]
async fn limits_are_named() {
    let (_house, api) = house().await;
    for number in 2..=50 {
        category(&api, &format!("C{number}")).await;
    }
    let refused = api.post("/v1/field-categories", &json!({ "name": "One too many" })).await;
    assert_eq!(code(&refused), (409, "too_many_categories".to_owned()));
    assert_eq!(refused.json()["params"]["max"], "50");
    let own = api.get("/v1/field-categories").await.expect(200)["items"][1]["id"].clone();
    let labels: Vec<String> = (0..501).map(|number| format!("O{number}")).collect();
    let mut body = json!({ "category_id": own, "name": "x", "kind": "choice", "options": labels });
    assert_eq!(api.post("/v1/fields", &body).await.wrong_fields()[0].1, "too_many");
    body["options"] = json!(labels[..500]);
    let full = api.post("/v1/fields", &body).await.expect(201);
    let path = format!("/v1/fields/{}/options", text(&full["id"]));
    assert_eq!(code(&api.post(&path, &json!({ "label": "One too many" })).await), (409, "too_many_options".to_owned()));
    let note = json!({ "category_id": own, "name": "x", "kind": "text" });
    for _ in 7..=300 {
        api.post("/v1/fields", &note).await.expect(201);
    }
    assert_eq!(code(&api.post("/v1/fields", &note).await), (409, "too_many_fields".to_owned()));
}

/// What is asked for ten times at the same moment is made once.
#[tokio::test]
async fn fields_made_at_the_same_time_do_not_get_the_same_slug() {
    let (house, api) = house().await;
    let own = category(&api, "Dossier").await;
    let asked = |slug: Value| {
        let (api, own) = (api.clone(), own.clone());
        let body = json!({ "category_id": own, "name": "Rol", "kind": "text", "slug": slug });
        tokio::spawn(async move { api.post("/v1/fields", &body).await })
    };
    let mut made = Vec::new();
    for request in (0..10).map(|_| asked(json!("rol"))).collect::<Vec<_>>() {
        made.push(request.await.unwrap().status);
    }
    made.sort_unstable();
    assert_eq!(made, [201, 409, 409, 409, 409, 409, 409, 409, 409, 409]);
    let mut slugs = Vec::new();
    for request in (0..5).map(|_| asked(Value::Null)).collect::<Vec<_>>() {
        slugs.push(text(&request.await.unwrap().expect(201)["slug"]));
    }
    slugs.sort_unstable();
    assert_eq!(slugs, ["rol_2", "rol_3", "rol_4", "rol_5", "rol_6"]);
    let lowest = house.db.read(|conn| {
        use diesel::RunQueryDsl as _;
        let least = diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT min(key) FROM fields)");
        Ok(diesel::select(least).get_result::<i64>(conn)?)
    });
    assert_eq!(lowest.unwrap(), 1_000, "the change log numbers fixed fields below");
}

/// AP-32: whether fields are shown in "all clients" is a setting of their category.
#[tokio::test]
async fn ap_32_showing_in_all_clients_is_a_setting_of_the_category() {
    let (_house, api) = house().await;
    let path = format!("/v1/field-categories/{}", category(&api, "Dossier").await);
    assert_eq!(api.get(&path).await.expect(200)["in_lists"], true);
    assert_eq!(change(&api, &path, json!({ "in_lists": false })).await.expect(200)["in_lists"], false);
    assert_eq!(api.get(&path).await.expect(200)["in_lists"], false);
}

/// AP-33: fields that cannot be changed for many clients at once say so, and why.
#[tokio::test]
async fn ap_33_fields_say_whether_they_are_bulk_editable() {
    let (_house, api) = house().await;
    for (kind, sortable, refusal) in [
        ("text", true, Value::Null),
        ("long_text", false, Value::Null),
        ("amount", true, Value::Null),
        ("choice", true, Value::Null),
        ("multi_choice", false, json!("multi_valued")),
        ("document", false, json!("linked_to_document")),
    ] {
        let made = field(&api, kind, kind, &[]).await;
        assert_eq!(made["filterable"], true, "{kind}");
        assert_eq!((made["sortable"].as_bool(), &made["bulk_refusal"]), (Some(sortable), &refusal), "{kind}");
        assert_eq!(made["bulk_editable"], refusal.is_null(), "{kind}");
    }
    let peppol = api.get("/v1/field-categories").await.expect(200)["items"][0]["fields"][0].clone();
    assert_eq!((&peppol["bulk_editable"], &peppol["bulk_refusal"]), (&json!(false), &json!("system_owned")));
}

/// AP-36: two practices have their own fields and lists and do not see each other's.
#[tokio::test]
async fn ap_36_each_practice_has_its_own_fields_and_lists() {
    let (house, api) = house().await;
    let theirs = house.may_everything(&house.practice("Theirs"));
    let ours = field(&api, "role", "choice", &["Zaakvoerder"]).await;
    let same = field(&theirs, "role", "choice", &["Gérant"]).await;
    let slugs = |all: Value| all["items"].as_array().unwrap().iter().map(|c| text(&c["slug"])).collect::<Vec<_>>();
    assert_eq!(slugs(theirs.get("/v1/field-categories").await.expect(200)), ["peppol", "role"]);
    let refused = theirs.post("/v1/clients", &json!({ "name": "A", "fields": { "role": "Zaakvoerder" } })).await;
    assert_eq!(refused.wrong_fields()[0].1, "unknown_option");
    let refused =
        theirs.post("/v1/clients", &json!({ "name": "A", "fields": { "role": ours["options"][0]["id"] } })).await;
    assert_eq!(refused.wrong_fields()[0].1, "unknown_option");
    let path = format!("/v1/fields/{}", text(&ours["id"]));
    let foreign = theirs.with("if-match", "\"1\"").patch(&path, &json!({ "active": false })).await;
    assert_eq!(foreign.status, 404);
    let into = json!({ "category_id": ours["category_id"], "name": "x", "kind": "text" });
    assert_eq!(theirs.post("/v1/fields", &into).await.wrong_fields()[0].1, "unknown_category");
    assert_eq!(now(&api, &ours).await["active"], true);
    assert_ne!(ours["id"], same["id"]);
}

/// Who may only work on clients manages no fields.
#[tokio::test]
async fn managing_fields_needs_the_right() {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let email = house.person(&practice, "An", klaar_domain::identity::Role::Staff);
    let staff = house.signed_in(&email).await;
    assert_eq!(staff.post("/v1/field-categories", &json!({ "name": "X" })).await.status, 403);
    let boss = house.signed_in(&house.person(&practice, "Bo", klaar_domain::identity::Role::Manager)).await;
    let made = boss.post("/v1/field-categories", &json!({ "name": "X" })).await.expect(201);
    let once = boss.with("idempotency-key", "k1");
    let path = format!("/v1/field-categories/{}/archive", text(&made["id"]));
    let (first, again) = (once.post(&path, &json!({})).await, once.send(Method::POST, &path, Some(&json!({}))).await);
    assert_eq!((first.status, first.body), (200, again.body));
}

/// A name in a language that nobody gave goes by the practice's own.
#[tokio::test]
async fn names_that_are_missing_in_a_language_are_the_practices_own() {
    let (_house, api) = house().await;
    let names = json!({ "nl": "Pakket", "fr": "Logiciel" });
    let group = api.post("/v1/field-categories", &json!({ "names": names })).await.expect(201);
    let body = json!({ "category_id": group["id"], "names": names, "slug": "tool", "kind": "choice", "options": ["Een", "x, y"] });
    api.post("/v1/fields", &body).await.expect(201);
    let column = async |language: &str| {
        let api = api.with("accept-language", language);
        let rows = api.get("/v1/client-rows?columns=fields.tool").await.expect(200);
        let fields = api.get("/v1/field-categories").await.expect(200);
        let own = fields["items"].as_array().unwrap().iter().find(|one| one["slug"] == group["slug"]).unwrap();
        [&rows["columns"][0]["label"], &own["name"], &own["fields"][0]["name"]].map(text)
    };
    assert_eq!(column("de").await, ["Pakket"; 3]);
    assert_eq!(column("fr").await, ["Logiciel"; 3]);
    let refused = api.post("/v1/clients", &json!({ "name": "A", "fields": { "tool": "z" } })).await;
    assert_eq!(refused.json()["errors"][0]["params"]["values"], "Een, \"x, y\"", "what is offered is named");
}

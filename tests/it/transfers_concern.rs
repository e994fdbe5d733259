//! Lists and categories with criteria: what does not concern a client neither goes out nor comes in.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::{Value, json};

use crate::client::Client;
use crate::custom_fields_managed::{change, text};
use crate::house::House;
use crate::transfers::{codes, counts, findings, house, take_in, take_in_workbook};

/// A practice with the field `regime`, which concerns natural persons with Odoo only, and `pakket`, which concerns everybody.
/// Returns the path of the first one's category.
async fn concerning_some() -> (House, Client, String) {
    let (house, api) = house().await;
    let is = |field: &str, value: &str| json!({ "field": field, "op": "eq", "value": value });
    let criteria = json!({ "and": [is("kind", "person"), is("fields.receive_software", "Odoo")] });
    let mut paths = Vec::new();
    for (name, slug, criteria) in [("Eenmanszaken", "regime", criteria), ("Dossier", "pakket", Value::Null)] {
        let group = json!({ "name": name, "criteria": criteria });
        let group = api.post("/v1/field-categories", &group).await.expect(201);
        let field = json!({ "category_id": group["id"], "name": slug, "slug": slug, "kind": "text" });
        api.post("/v1/fields", &field).await.expect(201);
        paths.push(format!("/v1/field-categories/{}", text(&group["id"])));
    }
    (house, api, paths.remove(0))
}

async fn csv(api: &Client, query: &str) -> Vec<String> {
    let answer = api.get(&format!("/v1/client-export?sort=name{query}")).await;
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body).unwrap().lines().map(str::to_owned).collect()
}

async fn client(api: &Client, name: &str) -> Value {
    api.get(&format!("/v1/clients?search={name}")).await.expect(200)["items"][0].clone()
}

#[tokio::test]
async fn an_export_leaves_empty_what_does_not_concern_a_client() {
    let (house, api, group) = concerning_some().await;
    for (name, regime) in [("An", "vrijgesteld"), ("Bo", "verborgen"), ("Cas", "ook verborgen")] {
        let fields = json!({ "regime": regime, "pakket": "x", "receive_software": "Odoo" });
        api.post("/v1/clients", &json!({ "name": name, "kind": "person", "fields": fields })).await.expect(201);
    }
    let path = |client: &Value| format!("/v1/clients/{}", text(&client["id"]));
    change(&api, &path(&client(&api, "Bo").await), json!({ "kind": "company" })).await.expect(200);
    change(&api, &path(&client(&api, "Cas").await), json!({ "fields": { "receive_software": null } }))
        .await
        .expect(200);
    let query = "&columns=name,fields.regime,fields.pakket";
    let lines = csv(&api, query).await;
    assert_eq!(lines[1..], ["An;vrijgesteld;x", "Bo;;x", "Cas;;x"]);
    let book = api.get(&format!("/v1/client-export?format=xlsx&sort=-name{query}")).await.body;
    let mut read: Xlsx<_> = Xlsx::new(Cursor::new(book.clone())).unwrap();
    let sheet = read.worksheet_range_at(0).unwrap().unwrap();
    let regimes: Vec<Data> = sheet.rows().map(|row| row[1].clone()).collect();
    let text = |text: &str| Data::String(text.to_owned());
    assert_eq!(regimes, [text("regime"), Data::Empty, Data::Empty, text("vrijgesteld")]);
    let all = csv(&api, "").await.join("\r\n");
    assert!(all.contains("vrijgesteld") && !all.contains("verborgen"), "{all}");
    // What went out comes in again and changes nothing: an empty cell leaves the value.
    assert_eq!(counts(&take_in(&house, &api, "", all).await), [3, 3, 0, 0, 3, 0]);
    assert_eq!(counts(&take_in_workbook(&house, &api, "", book).await), [3, 3, 0, 0, 3, 0]);
    change(&api, &group, json!({ "criteria": null })).await.expect(200);
    assert_eq!(csv(&api, query).await[2], "Bo;verborgen;x", "values are kept meanwhile");
}

#[tokio::test]
async fn an_import_refuses_what_does_not_concern_the_client_that_a_line_makes() {
    let (house, api, group) = concerning_some().await;
    let header = "Naam;Ref;Soort klant;fields.receive_software;pakket;Fiscaal";
    let mapped = "?mapping=%7B%22Fiscaal%22%3A%22fields.regime%22%7D";
    let take = async |query: &str, lines: &str| {
        let list = format!("{header}\n{lines}");
        let import = take_in(&house, &api, &format!("{mapped}{query}"), list).await;
        let found = findings(&api.with("accept-language", "nl"), &import, "").await;
        (counts(&import), found)
    };
    let first = "Jan;R1;persoon;Odoo;x;forfait\nNV;R2;bedrijf;Odoo;x;forfait\nJo;R3;bedrijf;Odoo;x;\nEls;R4;persoon;;x;forfait\n";
    let (dry, foreseen) = take("&dry_run=true", first).await;
    let (done, found) = take("", first).await;
    assert_eq!(
        (done, codes(&found)),
        (vec![4, 2, 2, 0, 0, 2], vec![(3, "Fiscaal", "not_concerned"), (5, "Fiscaal", "not_concerned")])
    );
    assert_eq!(found["items"][0]["reason"], "Dit veld geldt niet voor deze klant.");
    assert_eq!((dry, foreseen), (vec![4, 2, 2, 0, 0, 2], found), "a dry run says what happens");
    assert_eq!(client(&api, "Jan").await["fields"]["regime"], "forfait", "what is set at once counts at once");
    // A line is judged by the client that it makes: one becomes a person, one would be none any more.
    let (done, found) = take("", "Jo;R3;persoon;;;reëel\nJan;R1;bedrijf;;y;reëel\n").await;
    assert_eq!((done, codes(&found)), (vec![2, 1, 0, 1, 0, 1], vec![(3, "Fiscaal", "not_concerned")]));
    assert_eq!(client(&api, "Jo").await["fields"]["regime"], "reëel");
    let jan = client(&api, "Jan").await;
    assert_eq!([&jan["kind"], &jan["fields"]["pakket"], &jan["fields"]["regime"]], ["person", "x", "forfait"]);
    // Without the value the same line is right; the value that is hidden by then is refused even as it is.
    assert_eq!(take("", "Jan;R1;bedrijf;;y;\n").await.0, [1, 1, 0, 1, 0, 0]);
    let (done, found) = take("", "Jan;R1;;;z;forfait\n").await;
    assert_eq!((done, codes(&found)), (vec![1, 0, 0, 0, 0, 1], vec![(2, "Fiscaal", "not_concerned")]));
    assert_eq!(client(&api, "Jan").await["fields"]["pakket"], "y");
    change(&api, &group, json!({ "criteria": null })).await.expect(200);
    assert_eq!(take("", "Jan;R1;;;z;forfait\n").await.0, [1, 1, 0, 1, 0, 0]);
}

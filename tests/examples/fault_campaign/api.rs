//! The API as a caller has it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::programs::Fallible;

/// For how long a server that is being restarted is asked again.
const PATIENCE: Duration = Duration::from_secs(120);

/// A caller of one server.
#[derive(Clone)]
pub struct Api {
    pub base: String,
    pub key: String,
    pub http: reqwest::Client,
}

pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The body, when the status is this one.
    pub fn expect(self, status: u16) -> Fallible<Value> {
        if self.status == status {
            return Ok(self.body);
        }
        Err(format!("the API answers {} instead of {status}: {}", self.status, self.body).into())
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Api {
    pub async fn send(
        &self,
        (method, path): (&str, &str),
        revision: Option<&Value>,
        body: Option<(&str, String)>,
    ) -> Fallible<Answer> {
        let mut request = self.http.request(method.parse()?, format!("{}{path}", self.base)).bearer_auth(&self.key);
        if let Some(revision) = revision {
            request = request.header("if-match", format!("\"{revision}\""));
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        Ok(Answer { status, body })
    }

    /// Asks until the server answers; a server that is being restarted does not, or says 503.
    pub async fn get(&self, path: &str) -> Fallible<Value> {
        let began = Instant::now();
        loop {
            let answer = self.send(("GET", path), None, None).await;
            match answer {
                Ok(answer) if answer.status != 503 => return answer.expect(200),
                other if began.elapsed() > PATIENCE => return other?.expect(200),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    pub async fn post(&self, path: &str, body: &Value, status: u16) -> Fallible<Value> {
        self.send(("POST", path), None, json_body(body)).await?.expect(status)
    }

    /// Does something with a thing as it was read.
    pub async fn change(&self, way: (&str, &str), known: &Value, body: &Value) -> Fallible<Answer> {
        self.send(way, Some(&known["revision"]), json_body(body)).await
    }

    /// All items of a list, page by page.
    pub async fn all(&self, path: &str) -> Fallible<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=200{cursor}")).await?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            let Some(next) = page["next_cursor"].as_str() else { return Ok(items) };
            cursor = format!("&cursor={next}");
        }
    }

    /// Takes a client list in and waits until all of it is there.
    pub async fn import(&self, list: String, clients: usize) -> Fallible<()> {
        let sent = self.send(("POST", "/v1/client-imports"), None, Some(("text/csv", list))).await?.expect(202)?;
        let (path, began) = (format!("/v1/client-imports/{}", text(&sent["id"])), Instant::now());
        while began.elapsed() < PATIENCE {
            let import = self.get(&path).await?;
            match import["status"].as_str() {
                Some("finished") if import["created"] == clients => return Ok(()),
                Some("finished" | "failed") => return Err(format!("the import went wrong: {import}").into()),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        Err("the import does not end".into())
    }

    /// A template of our own, small, so that thousands of mails are soon written.
    pub async fn template(&self) -> Fallible<Value> {
        let texts = json!({ "nl": { "subject": "Voor {{client.name}}", "body": "<p>Over {{client.name}}</p>" } });
        let made = self.post("/v1/templates", &json!({ "name": "Faults", "languages": texts }), 201).await?;
        Ok(made["id"].clone())
    }
}

fn json_body(body: &Value) -> Option<(&'static str, String)> {
    Some(("application/json", body.to_string()))
}

//! A client of the API as a front end has it.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::described;

/// The path of the clients that a filter means.
pub fn clients_where(filter: &Value) -> String {
    let url = reqwest::Url::parse_with_params("http://x/v1/clients", [("filter", filter.to_string())]).unwrap();
    format!("/v1/clients?{}", url.query().unwrap())
}

/// The path of the clients whose registration is in this state.
pub fn clients_in_state(state: &str) -> String {
    clients_where(&serde_json::json!({ "field": "registration.state", "op": "eq", "value": state }))
}

/// Sends requests with one token.
#[derive(Clone)]
pub struct Client {
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(base: &str, token: Option<String>) -> Self {
        Self { base: base.to_owned(), token, headers: Vec::new(), http: reqwest::Client::new() }
    }

    /// The same client with one more header on every request.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// The token that it signs in with; empty for nobody.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let bytes = body.map(|body| serde_json::to_vec(body).unwrap());
        self.send_bytes(method, path, bytes.map(|bytes| ("application/json", bytes))).await
    }

    pub async fn send_bytes(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> Answer {
        let name = method.to_string();
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((kind, bytes)) = body {
            request = request.header("content-type", kind).body(bytes);
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("the answer is whole").to_vec();
        described::check(&name, path, status, &body);
        Answer { status, headers, body }
    }
}

impl Answer {
    /// The body, after a look at the status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    pub fn json(&self) -> Value {
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).expect("the body is JSON") }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The codes of a problem's wrong fields by pointer.
    pub fn wrong_fields(&self) -> Vec<(String, String)> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|e| (e["pointer"].as_str().unwrap().to_owned(), e["code"].as_str().unwrap().to_owned()))
            .collect()
    }
}

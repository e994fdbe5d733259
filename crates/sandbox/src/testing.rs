//! What the tests of several parts need: a running sandbox, a bare DNS client and a bare HTTP client.

use std::{io, net::SocketAddr, time::Duration};

use hickory_proto::{
    op::{Message, Query},
    rr::{Name, RData, RecordType, rdata::NAPTR},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use crate::{Label, Sandbox, Settings};

/// An enterprise used as the participant of most tests, and the label the SML specification's arithmetic gives it.
pub(crate) const ID: &str = "0208:0677424046";
pub(crate) const LABEL: &str = "yrudm3nqrm76uobzh4griobewmqd4mx574cfdtm75zphrex4ydya";

pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::start(Settings::default()).await.unwrap()
}

pub(crate) fn dns_name(sandbox: &Sandbox, identifier: &str) -> String {
    format!("{}.iso6523-actorid-upis.{}", Label::of(identifier), sandbox.zone())
}

pub(crate) fn question(name: &str, asked: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), asked));
    message
}

/// Asks over UDP; `None` when there is no answer within 300 ms.
pub(crate) async fn ask(server: SocketAddr, question: &Message) -> Option<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&question.to_vec().unwrap(), server).await.unwrap();
    let mut buffer = [0; 4096];
    let length = timeout(Duration::from_millis(300), socket.recv(&mut buffer)).await.ok()?.unwrap();
    Some(Message::from_vec(&buffer[..length]).unwrap())
}

pub(crate) async fn ask_naptr(sandbox: &Sandbox, identifier: &str) -> Option<Message> {
    ask(sandbox.dns_addr(), &question(&dns_name(sandbox, identifier), RecordType::NAPTR)).await
}

pub(crate) fn naptrs(message: &Message) -> Vec<NAPTR> {
    let data = message.answers.iter().filter_map(|record| match &record.data {
        RData::NAPTR(naptr) => Some(naptr.clone()),
        _ => None,
    });
    data.collect()
}

/// An HTTP answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// One HTTP request on a connection of its own.
pub(crate) async fn request(server: SocketAddr, method: &str, path: &str, json: &str) -> io::Result<Answer> {
    request_as(server, &server.to_string(), method, path, json).await
}

/// The same, naming the server as `host`.
pub(crate) async fn request_as(
    server: SocketAddr,
    host: &str,
    method: &str,
    path: &str,
    json: &str,
) -> io::Result<Answer> {
    exchange(server, &format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json"), json).await
}

/// Posts a form.
pub(crate) async fn post_form(server: SocketAddr, path: &str, form: &str) -> io::Result<Answer> {
    post_form_with(server, path, "Accept: application/json", form).await
}

/// The same with one more header.
pub(crate) async fn post_form_with(server: SocketAddr, path: &str, header: &str, form: &str) -> io::Result<Answer> {
    let kind = "Content-Type: application/x-www-form-urlencoded";
    exchange(server, &format!("POST {path} HTTP/1.1\r\nHost: {server}\r\n{kind}\r\n{header}"), form).await
}

/// Sends a request, whose head lacks what says where it ends, on a connection of its own.
async fn exchange(server: SocketAddr, head: &str, body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let length = body.len();
    let request = format!("{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunk(body) } else { body.to_owned() };
    Ok(Answer { status, head: head.to_owned(), body })
}

pub(crate) async fn get(server: SocketAddr, path: &str) -> io::Result<Answer> {
    request(server, "GET", path, "").await
}

fn unchunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    body
}

/// Path of a participant's service group.
pub(crate) fn group_path(identifier: &str) -> String {
    format!("/iso6523-actorid-upis%3A%3A{}", identifier.replace(':', "%3A"))
}

/// Path of a participant's service metadata for the BIS Billing invoice.
pub(crate) fn invoice_path(identifier: &str) -> String {
    let document = "busdox-docid-qns%3A%3Aurn%3Aoasis%3Anames%3Aspecification%3Aubl%3Aschema%3Axsd%3AInvoice-2%3A%3AInvoice\
                    %23%23urn%3Acen.eu%3Aen16931%3A2017%23compliant%23urn%3Afdc%3Apeppol.eu%3A2017%3Apoacc%3Abilling%3A3.0\
                    %3A%3A2.1";
    format!("{}/services/{document}", group_path(identifier))
}

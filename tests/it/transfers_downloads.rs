//! Exports whose readers are many, slow or gone.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::bulk_edits::{apply, preview};
use crate::client::Client;
use crate::house::House;
use crate::transfers::{house, take_in};

/// So many clients, each with so many characters, make a file that the buffers between server and reader do not hold.
const CLIENTS: usize = 2_000;
const CHARACTERS: usize = 9_000;
/// More than is on its way to a reader, at most.
const A_WHILE: usize = 8 * 1024 * 1024;
const LIST: &str = "/v1/client-export?columns=name,fields.comments";

/// A practice whose export is long; the process has four connections, and so writes two exports at once.
async fn long_list() -> (House, Client) {
    let (house, api) = house().await;
    let list: String = (0..CLIENTS).map(|at| format!("Klant {at};R{at}\n")).collect();
    take_in(&house, &api, "", format!("Naam;Ref\n{list}")).await;
    let set = json!([{ "field": "fields.comments", "set": "x".repeat(CHARACTERS) }]);
    let edit = preview(&api, json!({ "filter": { "and": [] } }), set).await;
    apply(&house, &api, &edit, json!({})).await;
    (house, api)
}

/// An export that comes in as slowly as its reader likes.
struct Download(TcpStream);

impl Download {
    /// Asks for the list, and reads no more than that it comes.
    async fn begin(house: &House, api: &Client) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let address = house.base().trim_start_matches("http://").parse().unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let (host, token) = (house.base(), api.token());
        let asked = format!(
            "GET {LIST} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200");
        Self(stream)
    }

    async fn read(&mut self, bytes: usize) {
        self.0.read_exact(&mut vec![0; bytes]).await.unwrap();
    }

    /// Reads on; whether it comes to its end.
    async fn comes_whole(mut self) -> bool {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.is_ok() && rest.ends_with(b"\r\n0\r\n\r\n")
    }
}

#[tokio::test]
async fn exports_at_once_are_bounded_and_a_reader_who_is_gone_leaves_a_place() {
    let (house, api) = long_list().await;
    for _ in 0..2 {
        let two = [Download::begin(&house, &api).await, Download::begin(&house, &api).await];
        let refused = api.get(LIST).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
        assert_eq!(refused.json()["code"], "busy");
        assert_eq!(api.get("/v1/clients").await.expect(200)["total"], CLIENTS, "everything else goes on");
        drop(two);
        assert_eq!(api.get("/v1/client-export?columns=name").await.status, 200);
    }
    for _ in 0..3 {
        assert_eq!(api.get("/v1/client-export?columns=shoe").await.status, 422);
    }
    let (one, other) = (Download::begin(&house, &api).await, Download::begin(&house, &api).await);
    assert!(one.comes_whole().await && other.comes_whole().await);
}

#[tokio::test]
async fn a_reader_who_takes_nothing_for_a_minute_loses_its_place_and_a_slow_one_does_not() {
    let (house, api) = long_list().await;
    let (mut slow, stalled) = (Download::begin(&house, &api).await, Download::begin(&house, &api).await);
    // While this one waits for a place, the buffers fill on the way to the two.
    assert_eq!(api.get(LIST).await.status, 503);
    house.wait_seconds(40);
    slow.read(A_WHILE).await;
    house.wait_seconds(40);
    assert_eq!(api.get("/v1/client-export?columns=name").await.status, 200);
    assert!(slow.comes_whole().await);
    assert!(!stalled.comes_whole().await);
}

#[tokio::test]
async fn an_export_under_way_waits_for_the_database_longer_than_a_request_does() {
    let (house, api) = long_list().await;
    let download = Download::begin(&house, &api).await;
    let (held, all_held) = mpsc::channel();
    for _ in 0..house.settings.database_connections {
        let (db, held) = (house.db.clone(), held.clone());
        std::thread::spawn(move || {
            db.read(|_| {
                held.send(()).unwrap();
                // A second longer than anybody waits for a connection.
                std::thread::sleep(Duration::from_secs(6));
                Ok(())
            })
        });
    }
    let all = house.settings.database_connections as usize;
    tokio::task::spawn_blocking(move || all_held.iter().take(all).count()).await.unwrap();
    assert!(download.comes_whole().await);
}

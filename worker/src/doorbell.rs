//! The doorbell between processes: a commit in one wakes the relays in all, by PUBLISH on Redis.

use std::collections::BTreeSet;
use std::time::Duration;

use data_encoding::HEXLOWER;
use futures::StreamExt as _;
use klaar_domain::kernel::db::{Address, Db};
use klaar_domain::kernel::jobs::Lane;
use redis::AsyncCommands as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::transport::connect;

/// How long a listener waits before it subscribes again.
const PAUSE: Duration = Duration::from_secs(1);

/// What the keys of a deployment begin with in Redis: several may share one, each with a database of its own.
pub(crate) fn namespace(database: &Address) -> String {
    let place = match database {
        Address::Sqlite(path) => path.as_str(),
        // Processes may sign in under different names; it is one database all the same.
        Address::Postgres(url) => url.rsplit_once('@').map_or(url.as_str(), |(_, place)| place),
    };
    let digest = HEXLOWER.encode(&Sha256::digest(place));
    format!("klaar:{}", digest.get(..12).unwrap_or_default())
}

/// The channel on which rings travel; the message is the lane's name.
pub(crate) fn channel(namespace: &str) -> String {
    format!("{namespace}:doorbell")
}

/// Has every commit of this process ring in the other processes too. A process that runs no worker calls it itself; the
/// worker does so on its own. A ring that Redis does not take is no loss: the relays look by themselves every second.
///
/// # Errors
/// When `url` is no address of a Redis.
pub fn ring_over_redis(db: &Db, database: &Address, url: &str) -> redis::RedisResult<()> {
    let mut conn = connect(url)?;
    let channel = channel(&namespace(database));
    let (rung, mut inbox) = mpsc::unbounded_channel::<Lane>();
    db.doorbell().on_ring(move |lane| {
        // The receiver lives as long as this sender, unless the runtime is going down.
        let _ = rung.send(lane);
    });
    tokio::spawn(async move {
        let mut batch = Vec::new();
        while inbox.recv_many(&mut batch, 100).await > 0 {
            let lanes: BTreeSet<Lane> = batch.drain(..).collect();
            for lane in lanes {
                let sent: redis::RedisResult<()> = conn.publish(&channel, lane.as_str()).await;
                if let Err(error) = sent {
                    tracing::debug!(%error, "a ring was not passed on");
                }
            }
        }
    });
    Ok(())
}

/// Calls `ring` for every ring of another process, and once for each lane when it begins to listen again, because rings
/// may have been missed. Never returns.
pub(crate) async fn listen(client: redis::Client, channel: String, ring: impl Fn(Lane)) {
    loop {
        if let Err(error) = listen_once(&client, &channel, &ring).await {
            tracing::debug!(%error, "the doorbell on Redis is silent");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen_once(client: &redis::Client, channel: &str, ring: &impl Fn(Lane)) -> redis::RedisResult<()> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(channel).await?;
    Lane::ALL.into_iter().for_each(ring);
    let mut messages = subscription.on_message();
    while let Some(message) = messages.next().await {
        if let Ok(lane) = message.get_payload::<String>()?.parse() {
            ring(lane);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_its_database_and_not_who_signs_in() {
        let of = |url: &str| namespace(&Address::parse(url).unwrap());
        assert_eq!(of("postgres://api:secret@db:5432/klaar"), of("postgres://worker@db:5432/klaar"));
        assert_ne!(of("postgres://api@db:5432/klaar"), of("postgres://api@db:5432/other"));
        assert!(!of("postgres://api:secret@db/klaar").contains("secret"));
    }
}

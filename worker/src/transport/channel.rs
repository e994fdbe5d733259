//! Tickets inside the process: one channel a lane, which apalis reads as a backend.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::layers::Identity;
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::worker::context::WorkerContext;
use klaar_domain::kernel::jobs::Lane;
use tokio::sync::mpsc;

use super::Envelope;

/// The channels of all lanes. They are unbounded because the relays bound what is outstanding.
pub(crate) struct Channels {
    lanes: HashMap<Lane, (mpsc::UnboundedSender<Envelope>, Inlet)>,
}

impl Channels {
    pub(crate) fn new() -> Self {
        let lane = |lane| {
            let (outlet, inbox) = mpsc::unbounded_channel();
            (lane, (outlet, Inlet { inbox: Arc::new(Mutex::new(inbox)) }))
        };
        Self { lanes: Lane::ALL.into_iter().map(lane).collect() }
    }

    pub(super) fn send(&self, lane: Lane, envelopes: Vec<Envelope>) -> Result<(), String> {
        let Some((outlet, _)) = self.lanes.get(&lane) else {
            return Err(format!("no channel for {lane}"));
        };
        envelopes.into_iter().try_for_each(|envelope| outlet.send(envelope)).map_err(|error| error.to_string())
    }

    /// Where the lane's apalis worker reads. Clones read the same channel, so that a restarted worker goes on with it.
    pub(super) fn inlet(&self, lane: Lane) -> Inlet {
        match self.lanes.get(&lane) {
            Some((_, inlet)) => inlet.clone(),
            None => Inlet { inbox: Arc::new(Mutex::new(mpsc::unbounded_channel().1)) },
        }
    }
}

/// The reading end of a lane's channel.
#[derive(Clone)]
pub(crate) struct Inlet {
    inbox: Arc<Mutex<mpsc::UnboundedReceiver<Envelope>>>,
}

impl Backend for Inlet {
    type Task = Task<Envelope>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.poll_recv(cx).map(|envelope| envelope.map(|envelope| Ok(TaskBuilder::new(envelope).build())))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Inlet {
    type Args = Envelope;
    type Id = ();
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

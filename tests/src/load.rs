//! Requests that arrive while a stage changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::world::World;

/// Requests go on for this long after the end is asked for: longer than a change takes to reach the sandbox's data plane.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// A request and its answer.
#[derive(Debug)]
pub struct Request {
    /// When it was sent.
    pub began: Instant,
    /// When it was answered.
    pub ended: Instant,
    /// The HTTP status.
    pub status: u16,
    /// The answer.
    pub body: String,
}

/// Requests to addresses in turn, one after the other by each client, until the end.
#[derive(Debug)]
pub struct Load {
    is_ending: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Request>>>,
}

impl Load {
    /// Begins, with so many clients that share the addresses, and a pause after each answer.
    #[allow(clippy::disallowed_methods, reason = "clients work beside the story")]
    pub fn start(world: &World, addresses: &[String], clients: usize, pause: Duration) -> Self {
        let is_ending = Arc::new(AtomicBool::new(false));
        let clients = (0..clients).map(|client| {
            let (http, ending) = (world.http().clone(), is_ending.clone());
            let own: Vec<String> = addresses.iter().skip(client).step_by(clients).cloned().collect();
            tokio::spawn(async move {
                let mut requests = vec![];
                for address in own.iter().cycle() {
                    if ending.load(Ordering::Relaxed) {
                        break;
                    }
                    let began = Instant::now();
                    let answer = http.get(address).send().await.expect("the stage answers");
                    let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap_or_default());
                    requests.push(Request { began, ended: Instant::now(), status, body });
                    tokio::time::sleep(pause).await;
                }
                requests
            })
        });
        Self { clients: clients.collect(), is_ending }
    }

    /// Ends a few seconds later, with all requests.
    pub async fn end(self) -> Vec<Request> {
        tokio::time::sleep(AFTERWARDS).await;
        self.is_ending.store(true, Ordering::Relaxed);
        let mut requests = vec![];
        for client in self.clients {
            requests.extend(client.await.expect("the client works until the end"));
        }
        requests
    }
}

//! Socket Mode's state: the connections that are open, the tickets for new ones, and the acknowledgements that are awaited.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// Slack's limit of connections of an app.
const MOST: usize = 10;

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Slack says that it will close it, and does when another one was opened.
    Refresh,
    /// The connection is cut without a word.
    Cut,
    /// Slack reads and sends nothing any more, and the connection stays: TCP alone does not show it.
    Freeze,
    /// Socket Mode is switched off: Slack says so on every connection, and on every new one.
    Disable,
    /// Socket Mode is switched on again.
    Enable,
}

/// What a connection's task does next.
#[derive(Debug)]
pub enum Order {
    Send(Value),
    /// Ends after closing properly.
    Close,
    Cut,
    Freeze,
}

#[derive(Debug, Default)]
pub struct Sockets(Mutex<Registry>);

#[derive(Debug, Default)]
struct Registry {
    next: u64,
    tickets: BTreeSet<String>,
    links: BTreeMap<u64, Link>,
    /// By the envelope's id: the connection that it went to, and who waits for the acknowledgement.
    awaited: HashMap<String, (u64, oneshot::Sender<String>)>,
    /// The deliveries so far: each goes one connection further.
    turn: usize,
    is_disabled: bool,
}

#[derive(Debug)]
struct Link {
    orders: mpsc::UnboundedSender<Order>,
    /// Deliveries that it got.
    delivered: u64,
    /// It was warned: deliveries go to the others, if there are any.
    is_warned: bool,
    /// Nobody reads it. Slack notices it when the next one opens.
    is_frozen: bool,
}

impl Sockets {
    pub fn new_ticket(&self) -> String {
        let ticket = format!("{:032x}", rand::random::<u128>());
        self.0.lock().tickets.insert(ticket.clone());
        ticket
    }

    /// Whether the ticket was given and not used yet.
    pub fn take_ticket(&self, ticket: &str) -> bool {
        self.0.lock().tickets.remove(ticket)
    }

    /// Registers a new connection, with what it does first.
    pub fn add(&self, app: &str) -> (u64, mpsc::UnboundedReceiver<Order>) {
        let (orders, receiver) = mpsc::unbounded_channel();
        let mut registry = self.0.lock();
        registry.links.retain(|_, link| !link.is_frozen);
        let (id, count) = (registry.next, registry.links.len() + 1);
        registry.next += 1;
        let link = Link { orders, delivered: 0, is_warned: false, is_frozen: false };
        if count > MOST {
            link.order(disconnect("too_many_websockets"));
            link.order(Order::Close);
            return (id, receiver);
        }
        link.order(Order::Send(json!({
            "type": "hello",
            "num_connections": count,
            "debug_info": { "host": "sandbox", "build_number": 1, "approximate_connection_time": 18_060 },
            "connection_info": { "app_id": app },
        })));
        if registry.is_disabled {
            link.order(disconnect("link_disabled"));
            link.order(Order::Close);
            return (id, receiver);
        }
        for warned in registry.links.values().filter(|link| link.is_warned) {
            warned.order(Order::Close);
        }
        registry.links.insert(id, link);
        (id, receiver)
    }

    pub fn remove(&self, id: u64) {
        self.0.lock().links.remove(&id);
    }

    /// Sends an envelope to the next connection; its acknowledgement follows. `None`: no connection is open.
    pub fn send(&self, kind: &str, payload: Value) -> Option<oneshot::Receiver<String>> {
        let mut registry = self.0.lock();
        let all: Vec<u64> = registry.links.keys().copied().collect();
        let steady: Vec<u64> = all.iter().copied().filter(|id| !registry.links[id].is_warned).collect();
        let from = if steady.is_empty() { all } else { steady };
        let id = *from.get(registry.turn % from.len().max(1))?;
        registry.turn += 1;
        let envelope = format!("{:032x}", rand::random::<u128>());
        let link = registry.links.get_mut(&id)?;
        link.delivered += 1;
        link.order(Order::Send(json!({
            "envelope_id": envelope, "type": kind, "payload": payload, "accepts_response_payload": true,
        })));
        let (sender, receiver) = oneshot::channel();
        registry.awaited.insert(envelope, (id, sender));
        Some(receiver)
    }

    /// Takes an acknowledgement from the bot. Whether it belongs to an envelope that is awaited.
    pub fn acknowledge(&self, message: &Value) -> bool {
        let id = message["envelope_id"].as_str().unwrap_or_default();
        let Some((_, awaited)) = self.0.lock().awaited.remove(id) else { return false };
        let body = match &message["payload"] {
            Value::Null => String::new(),
            payload => payload.to_string(),
        };
        // The sender may have given up.
        awaited.send(body).is_ok()
    }

    /// Whether somebody still waits for an acknowledgement from this connection.
    pub fn is_awaited(&self, link: u64) -> bool {
        let mut registry = self.0.lock();
        registry.awaited.retain(|_, (_, awaited)| !awaited.is_closed());
        registry.awaited.values().any(|(of, _)| *of == link)
    }

    /// Makes trouble for one connection, or for all.
    pub fn trouble(&self, trouble: Trouble, only: Option<u64>) {
        let mut registry = self.0.lock();
        match trouble {
            Trouble::Disable => registry.is_disabled = true,
            Trouble::Enable => registry.is_disabled = false,
            _ => {}
        }
        for (id, link) in &mut registry.links {
            if only.is_some_and(|only| only != *id) {
                continue;
            }
            match trouble {
                Trouble::Refresh => {
                    link.is_warned = true;
                    link.order(disconnect("warning"));
                }
                Trouble::Cut => link.order(Order::Cut),
                Trouble::Freeze => {
                    link.is_frozen = true;
                    link.order(Order::Freeze);
                }
                Trouble::Disable => {
                    link.order(disconnect("link_disabled"));
                    link.order(Order::Close);
                }
                Trouble::Enable => {}
            }
        }
    }

    /// The open connections, for the control API.
    pub fn view(&self) -> Value {
        let registry = self.0.lock();
        let links = registry
            .links
            .iter()
            .map(|(id, link)| json!({ "id": id, "delivered": link.delivered, "warned": link.is_warned }));
        json!({ "opened": registry.next, "links": links.collect::<Vec<_>>() })
    }
}

impl Link {
    fn order(&self, order: Order) {
        // A connection that has ended takes none.
        let _ = self.orders.send(order);
    }
}

fn disconnect(reason: &str) -> Order {
    Order::Send(json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": "sandbox" } }))
}

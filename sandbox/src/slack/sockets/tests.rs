use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::slack::APP_TOKEN;
use crate::slack::testing::{ANN, GENERAL, TOKEN, World};

/// The bot's end of a connection.
struct Bot(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Bot {
    async fn connect(world: &World) -> Self {
        let (_, opened) = world.api_as(APP_TOKEN, "apps.connections.open", json!({})).await;
        let url = opened["url"].as_str().unwrap();
        let mut bot = Self(connect_async(url).await.unwrap().0);
        assert_eq!(bot.next().await.unwrap()["type"], "hello");
        bot
    }

    /// The next message; `None`: the connection ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// Acknowledges the next delivery, and returns it.
    async fn acknowledge(&mut self) -> Value {
        let envelope = self.next().await.unwrap();
        let answer = json!({ "envelope_id": envelope["envelope_id"], "payload": { "text": "Done" } });
        self.0.send(Message::text(answer.to_string())).await.unwrap();
        envelope
    }
}

async fn world() -> World {
    World::with(|config| config.uses_sockets = true).await
}

async fn trouble(world: &World, trouble: Value) {
    assert_eq!(world.post("/control/sockets", trouble).await.0, 200);
}

#[tokio::test]
async fn a_ticket_takes_the_apps_token_and_is_good_for_one_connection() {
    let world = world().await;
    let open = async |token| world.api_as(token, "apps.connections.open", json!({})).await.1;
    assert_eq!(open(TOKEN).await["error"], "not_allowed_token_type");
    assert_eq!(open("xapp-of-others").await["error"], "invalid_auth");
    assert_eq!(world.api_as(APP_TOKEN, "auth.test", json!({})).await.1["error"], "not_allowed_token_type");
    let opened = open(APP_TOKEN).await;
    let url = opened["url"].as_str().unwrap();
    connect_async(url).await.unwrap();
    assert!(connect_async(url).await.is_err(), "the ticket was used");
}

#[tokio::test]
async fn deliveries_go_to_the_connections_in_turn_and_are_shown_as_over_http() {
    let world = world().await;
    assert_eq!(world.deploy("orders").await["error"], "dispatch_failed", "no connection");
    let (mut one, mut two) = (Bot::connect(&world).await, Bot::connect(&world).await);
    let (answer, envelope) = tokio::join!(world.deploy("orders"), async {
        tokio::select! { envelope = one.acknowledge() => envelope, envelope = two.acknowledge() => envelope }
    });
    assert_eq!(answer["ack_body"], json!({ "text": "Done" }), "{answer}");
    assert_eq!(
        (&envelope["type"], &envelope["payload"]["text"]),
        (&"slash_commands".into(), &"orders".into())
    );
    assert_eq!(envelope["payload"]["user_id"], ANN);
    let (_, again) = tokio::join!(
        async {
            tokio::select! { envelope = one.acknowledge() => envelope, envelope = two.acknowledge() => envelope }
        },
        world.deploy("orders"),
    );
    assert_eq!(again["http_status"], 200);
    let links = world.get("/control/sockets").await.1;
    assert!(links["links"].as_array().unwrap().iter().all(|link| link["delivered"] == 1), "{links}");
}

#[tokio::test]
async fn a_click_is_an_interaction() {
    let world = world().await;
    let ts = world
        .says(json!({ "text": "x", "blocks": [{ "type": "actions", "elements": [
        { "type": "button", "action_id": "go", "text": { "type": "plain_text", "text": "Go" } }] }] }))
        .await;
    let mut bot = Bot::connect(&world).await;
    let click = json!({ "user": ANN, "channel": GENERAL, "ts": ts, "action_id": "go" });
    let (_, envelope) = tokio::join!(world.post("/control/click", click), bot.acknowledge());
    assert_eq!(
        (&envelope["type"], &envelope["payload"]["type"]),
        (&"interactive".into(), &"block_actions".into())
    );
}

#[tokio::test]
async fn a_delivery_without_acknowledgement_times_out() {
    let world = world().await;
    let _silent = Bot::connect(&world).await;
    assert_eq!(world.deploy("orders").await["error"], "operation_timeout");
}

#[tokio::test]
async fn a_warned_connection_gets_no_deliveries_and_is_closed_when_another_opens() {
    let world = world().await;
    let (mut old, mut other) = (Bot::connect(&world).await, Bot::connect(&world).await);
    trouble(&world, json!({ "trouble": "refresh", "link": 0 })).await;
    assert_eq!(old.next().await.unwrap()["reason"], "warning");
    for _ in 0..2 {
        tokio::join!(world.deploy("orders"), other.acknowledge());
    }
    let _new = Bot::connect(&world).await;
    assert_eq!(old.next().await, None);
}

#[tokio::test]
async fn connections_are_cut_frozen_and_switched_off() {
    let world = world().await;
    let mut bot = Bot::connect(&world).await;
    trouble(&world, json!({ "trouble": "cut" })).await;
    assert_eq!(bot.next().await, None);
    let _frozen = Bot::connect(&world).await;
    trouble(&world, json!({ "trouble": "freeze" })).await;
    assert_eq!(world.deploy("orders").await["error"], "operation_timeout");
    let mut bot = Bot::connect(&world).await;
    trouble(&world, json!({ "trouble": "disable" })).await;
    assert_eq!(bot.next().await.unwrap()["reason"], "link_disabled");
    let mut bot = Bot::connect(&world).await;
    assert_eq!(bot.next().await.unwrap()["reason"], "link_disabled", "every new one, too");
    trouble(&world, json!({ "trouble": "enable" })).await;
    Bot::connect(&world).await;
}

#[tokio::test]
async fn an_eleventh_connection_is_one_too_many() {
    let world = world().await;
    let mut bots = vec![];
    for _ in 0..10 {
        bots.push(Bot::connect(&world).await);
    }
    let (_, opened) = world.api_as(APP_TOKEN, "apps.connections.open", json!({})).await;
    let mut eleventh = Bot(connect_async(opened["url"].as_str().unwrap()).await.unwrap().0);
    assert_eq!(eleventh.next().await.unwrap()["reason"], "too_many_websockets");
}

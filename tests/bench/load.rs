//! Open-loop load: signed slash commands at a fixed rate, whether or not earlier ones are answered.
//!
//! Times count from the moment at which a command was *due*, so a stalled bot cannot hide by slowing the sender down.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use sluice_e2e::World;

/// A command to send.
pub(crate) struct Shot {
    pub(crate) text: String,
    pub(crate) trigger: String,
    pub(crate) channel: String,
}

/// Its answer.
pub(crate) struct Hit {
    pub(crate) accepted: bool,
    pub(crate) took: Duration,
}

/// Sends `/stage …` commands at that rate.
pub(crate) async fn fire(world: &World, shots: Vec<Shot>, per_second: u32) -> Vec<Hit> {
    let secret = world.env()["SLACK_SIGNING_SECRET"].clone();
    let url = format!("{}/slack/events", world.bot_url());
    let began = Instant::now();
    let mut flying = vec![];
    for (number, shot) in (0u32..).zip(shots) {
        let due = began + Duration::from_secs(1) * number / per_second;
        tokio::time::sleep_until(due.into()).await;
        let (http, url) = (world.http().clone(), url.clone());
        let body = form(&shot, world.ann(), world.page_url());
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
        let signature = sign(&secret, &timestamp, &body);
        flying.push(tokio::spawn(async move {
            let sent = http
                .post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("x-slack-request-timestamp", timestamp)
                .header("x-slack-signature", signature)
                .body(body)
                .send()
                .await;
            let accepted = match sent {
                Ok(answer) => answer.status().is_success() && answer.text().await.is_ok(),
                Err(_) => false,
            };
            Hit { accepted, took: due.elapsed() }
        }));
    }
    let mut hits = vec![];
    for hit in flying {
        hits.push(hit.await.unwrap());
    }
    hits
}

fn form(shot: &Shot, user: &str, page: &str) -> String {
    let mut url = reqwest::Url::parse("http://localhost/").unwrap();
    url.query_pairs_mut()
        .append_pair("token", "unused")
        .append_pair("team_id", "T0SLUICE1")
        .append_pair("team_domain", "sluice")
        .append_pair("channel_id", &shot.channel)
        .append_pair("channel_name", "load")
        .append_pair("user_id", user)
        .append_pair("user_name", "ann")
        .append_pair("command", "/stage")
        .append_pair("text", &shot.text)
        .append_pair("api_app_id", "A0SLUICE1")
        .append_pair("is_enterprise_install", "false")
        .append_pair("response_url", &format!("{page}/response/none"))
        .append_pair("trigger_id", &shot.trigger);
    url.query().unwrap_or_default().to_owned()
}

fn sign(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// The time within which this share of the answers arrived.
pub(crate) fn percentile(hits: &[Hit], share: f64) -> Duration {
    let mut took: Vec<Duration> = hits.iter().map(|hit| hit.took).collect();
    took.sort();
    let rank = (share * took.len() as f64).ceil() as usize;
    took.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_an_observed_time() {
        let hit = |ms| Hit { accepted: true, took: Duration::from_millis(ms) };
        let hits: Vec<Hit> = (1..=100).rev().map(hit).collect();
        assert_eq!(percentile(&hits, 0.5), Duration::from_millis(50));
        assert_eq!(percentile(&hits, 0.99), Duration::from_millis(99));
        assert_eq!(percentile(&hits, 1.0), Duration::from_millis(100));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }
}

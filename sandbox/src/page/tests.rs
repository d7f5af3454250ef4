//! The events that each person's page receives.

use serde_json::{Value, json};

use super::FILES;
use crate::slack::testing::{ANN, GENERAL, World};

#[tokio::test]
async fn the_page_loads_only_its_own_code() {
    let world = World::start().await;
    let (headers, page) = world.get_text("/").await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("onclick"), "inline code");
    for (name, kind, contents) in FILES {
        let (headers, served) = world.get_text(&format!("/page/files/{name}")).await;
        assert_eq!((headers["content-type"].to_str().unwrap(), served.as_str()), (kind, contents), "{name}");
    }
}

#[test]
fn every_requested_file_exists() {
    let known: Vec<&str> = FILES.iter().map(|(name, ..)| *name).collect();
    for (file, _, contents) in FILES {
        let imports = contents.split("from \"./").skip(1);
        let addresses = contents.split("=\"/page/files/").skip(1);
        for name in imports.chain(addresses).filter_map(|rest| rest.split('"').next()) {
            assert!(known.contains(&name), "{file} requests {name}");
        }
    }
}

#[test]
fn no_script_creates_markup_from_text() {
    for (name, kind, contents) in FILES.iter().filter(|(_, kind, _)| kind.contains("javascript")) {
        for banned in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!contents.contains(banned), "{name} ({kind}) has {banned}");
        }
        assert!(contents.lines().count() < 250, "{name} is long: split it");
    }
}

#[tokio::test]
async fn a_person_sees_public_messages_and_their_own() {
    let world = World::start().await;
    world.says(json!({"text": "for all"})).await;
    let whisper = json!({"channel": GENERAL, "user": ANN, "text": "for ann"});
    assert_eq!(world.api("chat.postEphemeral", whisper).await["ok"], true);
    let texts = |state: Value| -> Vec<Value> {
        state["messages"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect()
    };
    assert_eq!(texts(world.get("/page/state?user=ann").await.1), ["for all", "for ann"]);
    assert_eq!(texts(world.get("/page/state?user=U0BOB0002").await.1), ["for all"]);
    let state = world.get("/page/state").await.1;
    let people: Vec<&str> =
        state["people"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!((state["me"].as_str(), people), (Some(ANN), vec!["ann", "bob", "cyd", "eve"]));
}

#[tokio::test]
async fn changes_are_streamed_only_to_the_people_who_see_them() {
    let world = World::start().await;
    let url = format!("{}/page/events?user=U0BOB0002", world.base);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut stream = client.get(url).send().await.unwrap();
    let mut heard = String::new();
    let mut hear = async |wanted: &str| {
        let reading = async {
            while !heard.contains(wanted) {
                heard.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), reading).await.expect(wanted);
        heard.clone()
    };
    hear("event: ready").await;
    world.api("chat.postEphemeral", json!({"channel": GENERAL, "user": ANN, "text": "a secret"})).await;
    let ts = world.says(json!({"text": "first words"})).await;
    hear("first words").await;
    world.api("chat.update", json!({"channel": GENERAL, "ts": ts, "text": "second words"})).await;
    let heard = hear("second words").await;
    assert!(heard.contains("\"edits\":1") && !heard.contains("a secret"), "{heard}");
}

#[tokio::test]
async fn a_permalink_opens_the_message_on_the_page() {
    let world = World::start().await;
    let ts = world.says(json!({})).await;
    let link = world.api("chat.getPermalink", json!({"channel": GENERAL, "message_ts": ts})).await;
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = client.get(link["permalink"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(response.headers()["location"], format!("/#{GENERAL}/{ts}"));
}

#[tokio::test]
async fn the_commands_come_from_the_manifest() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "features: {slash_commands: [{command: /acme-deploy, description: d, usage_hint: NAME}]}";
    std::fs::write(file.path(), text).unwrap();
    let world = World::with(|config| config.manifest = Some(file.path().into())).await;
    let commands = world.get("/page/commands").await.1;
    assert_eq!(commands["commands"][0]["command"], "/acme-deploy");
    assert_eq!(commands["commands"].as_array().unwrap().len(), 1);
}

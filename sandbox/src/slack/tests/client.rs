//! slack-morphism, the client library of the bot, against this imitation of Slack.

use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::*;

use crate::slack::testing::{ANN, GENERAL, TOKEN, World, card};

fn client(world: &World) -> SlackClient<SlackClientHyperConnector<HttpConnector>> {
    let connector = SlackClientHyperConnector::with_connector(HttpConnector::new());
    SlackClient::new(connector.with_slack_api_url(&format!("{}/api", world.base)))
}

fn content() -> SlackMessageContent {
    let blocks: Vec<SlackBlock> = serde_json::from_value(card("promote?", "op:1")["blocks"].clone()).unwrap();
    let payload = [("operation".to_owned(), "01".to_owned())].into();
    let metadata = SlackMessageMetadata::new("operation".into()).with_event_payload(payload);
    SlackMessageContent::new().with_text("promote?".into()).with_blocks(blocks).with_metadata(metadata)
}

#[tokio::test]
async fn the_bots_client_understands_every_answer() {
    let world = World::start().await;
    let client = client(&world);
    let token = SlackApiToken::new(TOKEN.into());
    let session = client.open_session(&token);
    let channel = SlackChannelId::from(GENERAL);
    assert_eq!(session.auth_test().await.unwrap().team_id, "T0SLUICE1".into());
    let post = SlackApiChatPostMessageRequest::new(channel.clone(), content());
    let posted = session.chat_post_message(&post).await.unwrap();
    assert_eq!(posted.message.content.metadata, content().metadata);
    let edit = SlackMessageContent::new().with_text("done".into());
    let edit = SlackApiChatUpdateRequest::new(channel.clone(), edit, posted.ts.clone());
    assert_eq!(session.chat_update(&edit).await.unwrap().message.content.text, Some("done".into()));
    let whisper = SlackApiChatPostEphemeralRequest::new(channel.clone(), ANN.into(), content());
    session.chat_post_ephemeral(&whisper).await.unwrap();
    let link = SlackApiChatGetPermalinkRequest::new(channel.clone(), posted.ts.clone());
    assert!(session.chat_get_permalink(&link).await.unwrap().permalink.path().starts_with("/archives/"));
    let ann = session.users_info(&SlackApiUsersInfoRequest::new(ANN.into())).await.unwrap().user;
    assert_eq!((ann.name, ann.deleted), (Some("ann".into()), Some(false)));
    let info = SlackApiConversationsInfoRequest::new(channel.clone());
    assert_eq!(session.conversations_info(&info).await.unwrap().channel.flags.is_member, Some(true));
    assert!(session.team_info(&SlackApiTeamInfoRequest::new()).await.is_ok());
    session.chat_delete(&SlackApiChatDeleteRequest::new(channel, posted.ts)).await.unwrap();
}

#[tokio::test]
async fn the_bots_client_understands_every_refusal() {
    let world = World::start().await;
    let client = client(&world);
    let token = SlackApiToken::new(TOKEN.into());
    let session = client.open_session(&token);
    let post = |text: &str, channel: &str| {
        SlackApiChatPostMessageRequest::new(channel.into(), SlackMessageContent::new().with_text(text.into()))
    };
    let refused = session.chat_post_message(&post("x", "C0RANDOM02")).await.unwrap_err();
    assert!(
        matches!(&refused, SlackClientError::ApiError(error) if error.code == "not_in_channel"),
        "{refused}"
    );
    let long = json!([{"type": "header", "text": {"type": "plain_text", "text": "x".repeat(151)}}]);
    let mut wrong = post("x", GENERAL);
    wrong.content.blocks = Some(serde_json::from_value(long).unwrap());
    let refused = session.chat_post_message(&wrong).await.unwrap_err();
    let SlackClientError::ApiError(error) = refused else { panic!("{refused}") };
    assert_eq!(
        error.errors.unwrap(),
        ["must be less than 151 characters [json-pointer:/blocks/0/text/text]"]
    );
    world.post("/control/limits", json!({"post": {"burst": 0, "per_second": 0.5}})).await;
    let refused = session.chat_post_message(&post("x", GENERAL)).await.unwrap_err();
    let SlackClientError::RateLimitError(error) = refused else { panic!("{refused}") };
    assert_eq!(error.retry_after, Some(std::time::Duration::from_secs(2)));
}

#[tokio::test]
async fn the_bots_client_understands_clicks_and_uses_response_urls() {
    let world = World::start().await;
    let ts = world.says(card("promote?", "op:1")).await;
    let click = json!({"user": ANN, "channel": GENERAL, "ts": ts, "action_id": "promotion.approve"});
    assert_eq!(world.post("/control/click", click).await.0, 200);
    let event: SlackInteractionEvent = serde_json::from_value(world.bot.last_payload()).unwrap();
    let SlackInteractionEvent::BlockActions(event) = event else { panic!("{event:?}") };
    assert_eq!(event.actions.unwrap()[0].value.as_deref(), Some("op:1"));
    assert_eq!(event.message.unwrap().origin.ts, ts.into());
    let answer =
        SlackApiPostWebhookMessageRequest::new(SlackMessageContent::new().with_text("too late".into()));
    client(&world).respond_to_event(&event.response_url.unwrap(), &answer).await.unwrap();
    assert_eq!(world.ephemeral(ANN).await[0]["text"], "too late");
}

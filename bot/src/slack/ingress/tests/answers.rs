//! When and where deliveries are answered.

use super::*;

#[tokio::test]
async fn a_signed_command_is_handled_on_all_three_urls() {
    for path in ["/slack/events", "/slack/commands", "/slack/interactions"] {
        let world = world();
        let mut request = request(FORM, &form(&fields()));
        *request.uri_mut() = path.parse().unwrap();
        let (status, body) = send(&world, request).await;
        assert_eq!(status, StatusCode::OK);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["response_type"], "ephemeral");
        assert_eq!(body["text"], "✅ Done");
        let seen = world.service.seen.lock();
        assert_eq!(seen[0].delivery, "T0HOME:13345224609.738474920.8088930838d88f008e0");
        assert_eq!((seen[0].actor.id.as_str(), seen[0].actor.name.as_str()), ("U0ANN", "ann"));
        assert_eq!(seen[0].input, Input::Slash { command: "/build".into(), text: "orders".into() });
    }
}

#[tokio::test]
async fn a_click_is_acknowledged_and_answered_at_its_response_url() {
    let world = world();
    let (status, body) = send(&world, request(FORM, &payload(&click()))).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
    eventually(|| !world.urls.0.lock().is_empty()).await;
    let (url, body) = world.urls.0.lock()[0].clone();
    assert_eq!(url.as_str(), "https://hooks.slack.com/actions/T/1/x");
    assert_eq!((&body["response_type"], &body["replace_original"]), (&json!("ephemeral"), &json!(false)));
    let seen = world.service.seen.lock();
    assert_eq!(seen[0].input, Input::Click { action_id: "promotion.approve".into(), value: "01J 3".into() });
    assert_eq!(seen[0].delivery, "T0HOME:99.1.x");
}

#[tokio::test(start_paused = true)]
async fn an_unconfirmed_command_continues_and_is_answered_later() {
    let world = world_with(Duration::from_secs(7), Ok(()), true);
    let begun = Instant::now();
    let (status, body) = send(&world, request(FORM, &form(&fields()))).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("not-confirmed") && body.contains("Do not repeat"), "{body}");
    assert!(begun.elapsed() < Duration::from_millis(2_100), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(6)).await;
    eventually(|| !world.urls.0.lock().is_empty()).await;
    assert_eq!(world.urls.0.lock()[0].1["text"], "✅ Done");
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_timeout_is_answered_later() {
    for (outcome, words) in
        [(Unavailable::Unreachable, "nothing was done"), (Unavailable::Unconfirmed, "could not find out")]
    {
        let world = world_with(Duration::from_secs(8), Err(outcome), true);
        let (_, body) = send(&world, request(FORM, &form(&fields()))).await;
        assert!(body.contains("not-confirmed"), "{body}");
        tokio::time::sleep(Duration::from_secs(6)).await;
        eventually(|| !world.urls.0.lock().is_empty()).await;
        let told = world.urls.0.lock()[0].1["text"].to_string();
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn each_reason_of_unavailability_has_its_own_answer() {
    for (outcome, code) in
        [(Unavailable::Unconfirmed, "not-confirmed"), (Unavailable::Unreachable, "unavailable")]
    {
        let world = world_with(Duration::ZERO, Err(outcome), true);
        let (status, body) = send(&world, request(FORM, &form(&fields()))).await;
        assert!(status == StatusCode::OK && body.contains(code), "{body}");
    }
    let starting = world_with(Duration::ZERO, Ok(()), false);
    let (_, body) = send(&starting, request(FORM, &form(&fields()))).await;
    assert!(body.contains("Try again in a minute"), "{body}");
    let (status, body) = send(&world(), request(FORM, &with("text", "panic"))).await;
    assert!(status == StatusCode::OK && body.contains("not-confirmed"), "{body}");
}

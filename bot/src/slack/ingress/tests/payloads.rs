//! The contents of deliveries.

use super::*;

#[tokio::test]
async fn garbage_in_any_field_is_refused_and_not_echoed() {
    let mut bodies = vec![
        (FORM, String::new()),
        (FORM, "garbage".into()),
        (FORM, "payload=canary".into()),
        (FORM, "payload=%5B%5D".into()),
        (FORM, format!("{}&text=twice", form(&fields()))),
        ("application/json", "canary".into()),
        ("application/json", "{}".into()),
        ("application/json", json!({ "type": "url_verification", "challenge": 3 }).to_string()),
        ("text/plain", form(&fields())),
        ("canary", form(&fields())),
    ];
    for required in ["team_id", "channel_id", "user_id", "command", "response_url", "trigger_id"] {
        for garbage in ["", "canary \u{0}", "🧨", &"x".repeat(5_000), "../../etc/passwd"] {
            bodies.push((FORM, with(required, garbage)));
        }
        let mut without = fields();
        without.retain(|(name, _)| *name != required);
        bodies.push((FORM, form(&without)));
    }
    for url in ["http://169.254.169.254/latest", "file:///etc/passwd", "gopher://x"] {
        bodies.push((FORM, with("response_url", url)));
    }
    for pointer in
        ["/team/id", "/user/id", "/trigger_id", "/actions/0/action_id", "/channel/id", "/response_url"]
    {
        for garbage in [json!(""), json!(3), json!(null), json!({ "canary": [] }), json!("🧨 canary")] {
            let mut value = click();
            *value.pointer_mut(pointer).unwrap() = garbage.clone();
            if garbage.is_null() && pointer == "/response_url" {
                continue;
            }
            bodies.push((FORM, payload(&value)));
        }
    }
    for (pointer, garbage) in [
        ("/actions", json!([])),
        ("/user", json!(null)),
        ("/type", json!(null)),
        ("/type", json!(3)),
        ("/user/team_id", json!("canary!")),
    ] {
        let mut value = click();
        *value.pointer_mut(pointer).unwrap() = garbage;
        bodies.push((FORM, payload(&value)));
    }
    let world = world();
    for (kind, body) in bodies {
        let (status, answer) = send(&world, request(kind, &body)).await;
        assert_eq!((status, answer.as_str()), (StatusCode::BAD_REQUEST, ""), "{kind}: {body:.300}");
    }
    assert!(world.service.seen.lock().is_empty());
}

#[tokio::test]
async fn text_arrives_unchanged() {
    let text = "orders@main — “fix” <@U1|ann> & 🧨\nsecond line %26 +";
    let world = world();
    assert_eq!(send(&world, request(FORM, &with("text", text))).await.0, StatusCode::OK);
    assert_eq!(send(&world, request(FORM, &with("user_name", ""))).await.0, StatusCode::OK);
    let seen = world.service.seen.lock();
    assert_eq!(seen[0].input, Input::Slash { command: "/build".into(), text: text.into() });
    assert_eq!(seen[1].actor.name, "U0ANN");
}

#[tokio::test]
async fn url_verification_ssl_checks_and_events_are_answered() {
    let world = world();
    let challenge = json!({ "type": "url_verification", "token": "t", "challenge": "3eZbrw1a" }).to_string();
    let (status, body) = send(&world, request("application/json; charset=utf-8", &challenge)).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"challenge":"3eZbrw1a"}"#));
    assert_eq!(send(&world, request(FORM, "ssl_check=1&token=t")).await, (StatusCode::OK, String::new()));
    let event = json!({ "type": "event_callback", "event": { "type": "whatever" } }).to_string();
    assert_eq!(send(&world, request("application/json", &event)).await.0, StatusCode::OK);
    let get = Request::get("/slack/events").body(Body::empty()).unwrap();
    assert_eq!(send(&world, get).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert!(world.service.seen.lock().is_empty());
}

/// Slack shows an error for any status but 200. An empty body means that there is nothing to do.
#[tokio::test]
async fn unused_interactions_are_acknowledged_and_do_nothing() {
    let world = world();
    let of_type = |kind: &str| {
        let mut value = click();
        value["type"] = json!(kind);
        value
    };
    for kind in [
        "view_submission",
        "view_closed",
        "shortcut",
        "message_action",
        "interactive_message",
        "dialog_submission",
        "dialog_cancellation",
        "workflow_step_edit",
        "something_new",
    ] {
        let sent = send(&world, request(FORM, &payload(&of_type(kind)))).await;
        assert_eq!(sent, (StatusCode::OK, String::new()), "{kind}");
        // As Slack sends it where the app is installed for an organization.
        let bare =
            json!({ "type": kind, "team": null, "enterprise": { "id": "E1" }, "view": { "id": "V1" } });
        assert_eq!(
            send(&world, request(FORM, &payload(&bare))).await,
            (StatusCode::OK, String::new()),
            "{kind}"
        );
    }
    let sent = send(&world, request(FORM, &payload(&of_type("block_suggestion")))).await;
    assert_eq!(sent, (StatusCode::OK, r#"{"options":[]}"#.to_owned()));

    let mut home = click();
    home["container"] = json!({ "type": "view", "view_id": "V1" });
    home["view"] = json!({ "type": "home" });
    for absent in ["channel", "message", "response_url"] {
        home.as_object_mut().unwrap().remove(absent);
    }
    let mut several = click();
    several["actions"] = json!([several["actions"][0], several["actions"][0]]);
    for none_of_ours in [home, several] {
        let sent = send(&world, request(FORM, &payload(&none_of_ours))).await;
        assert_eq!(sent, (StatusCode::OK, String::new()), "{none_of_ours}");
    }
    let event = json!({ "type": "something_new" }).to_string();
    assert_eq!(send(&world, request("application/json", &event)).await, (StatusCode::OK, String::new()));
    let (status, body) = send(&world, request(FORM, &with("text", &"x".repeat(40_001)))).await;
    assert!(status == StatusCode::OK && body.contains("That command is too long"), "{body}");
    assert!(world.service.seen.lock().is_empty());
}

#[tokio::test]
async fn a_click_in_an_organization_counts_for_the_authors_workspace() {
    let world = world();
    let mut value = click();
    value["team"] = json!(null);
    value["enterprise"] = json!({ "id": "E1", "name": "org" });
    value["is_enterprise_install"] = json!(true);
    assert_eq!(send(&world, request(FORM, &payload(&value))).await.0, StatusCode::OK);
    assert_eq!(world.service.seen.lock().len(), 1);
    value["user"]["team_id"] = json!("T0OTHER");
    assert_eq!(send(&world, request(FORM, &payload(&value))).await.0, StatusCode::OK);
    assert_eq!(world.service.seen.lock().len(), 1);
    // Without a workspace it cannot be attributed.
    value["user"].as_object_mut().unwrap().remove("team_id");
    assert_eq!(send(&world, request(FORM, &payload(&value))).await.0, StatusCode::BAD_REQUEST);
}

//! Deliveries that are refused before they are parsed, or by their workspace or user.

use super::*;

#[tokio::test]
async fn unsigned_and_stale_requests_are_refused_without_a_reason() {
    let body = form(&fields());
    let now = stamp(0);
    let good = sign(SECRET, &now, &body);
    let header = |request: &mut Request, name: &'static str, value: &str| {
        request.headers_mut().append(name, value.parse().unwrap());
    };
    let bare = || {
        Request::post("/slack/events")
            .header(header::CONTENT_TYPE, FORM)
            .body(Body::from(body.clone()))
            .unwrap()
    };
    let mut refused = vec![("no headers", bare())];
    for (case, timestamp, signature) in [
        ("wrong secret", now.clone(), sign("other", &now, &body)),
        ("stale", stamp(-301), sign(SECRET, &stamp(-301), &body)),
        ("future", stamp(302), sign(SECRET, &stamp(302), &body)),
        ("no number", "soon".into(), sign(SECRET, "soon", &body)),
        ("negative", format!("-{now}"), sign(SECRET, &format!("-{now}"), &body)),
        ("plus", format!("+{now}"), sign(SECRET, &format!("+{now}"), &body)),
        ("huge", "99999999999999999999".into(), sign(SECRET, "99999999999999999999", &body)),
        ("empty timestamp", String::new(), sign(SECRET, "", &body)),
        ("empty signature", now.clone(), String::new()),
        ("short signature", now.clone(), good.chars().take(20).collect()),
        ("other version", now.clone(), good.replace("v0=", "v1=")),
        ("upper case", now.clone(), good.to_uppercase().replace("V0", "v0")),
        ("another body", now.clone(), sign(SECRET, &now, "text=other")),
    ] {
        let mut request = bare();
        header(&mut request, "x-slack-request-timestamp", &timestamp);
        header(&mut request, "x-slack-signature", &signature);
        refused.push((case, request));
    }
    for twice in ["x-slack-request-timestamp", "x-slack-signature"] {
        let mut request = request(FORM, &body);
        let value = request.headers()[twice].clone();
        request.headers_mut().append(twice, value);
        refused.push((twice, request));
    }
    let world = world();
    for (case, request) in refused {
        assert_eq!(send(&world, request).await, (StatusCode::UNAUTHORIZED, String::new()), "{case}");
    }
    let not_text = [body.as_bytes(), &[0xff]].concat();
    let mut request = signed(FORM, &body, SECRET, &now);
    *request.body_mut() = Body::from(not_text);
    assert_eq!(send(&world, request).await.0, StatusCode::UNAUTHORIZED);
    assert!(world.service.seen.lock().is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_and_without_a_length() {
    let world = world();
    let large = with("text", &"x".repeat(BODY_LIMIT));
    let mut announced = request(FORM, &large);
    announced.headers_mut().insert(header::CONTENT_LENGTH, large.len().into());
    assert_eq!(send(&world, announced).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let mut unannounced = request(FORM, &large);
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 << 10])));
    *unannounced.body_mut() = Body::from_stream(futures::stream::iter(chunks));
    assert_eq!(send(&world, unannounced).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(world.service.seen.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_times_out() {
    let world = world();
    let mut request = request(FORM, "");
    *request.body_mut() = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    assert_eq!(send(&world, request).await.0, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn members_of_other_workspaces_are_refused_with_an_explanation() {
    let world = world();
    let (status, body) = send(&world, request(FORM, &with("team_id", "T0OTHER"))).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("only from members of the workspace") && body.contains("ephemeral"), "{body}");
    for pointer in ["/team/id", "/user/team_id"] {
        let mut value = click();
        *value.pointer_mut(pointer).unwrap() = json!("T0OTHER");
        assert_eq!(send(&world, request(FORM, &payload(&value))).await.0, StatusCode::OK);
    }
    eventually(|| world.urls.0.lock().len() == 2).await;
    assert!(
        world
            .urls
            .0
            .lock()
            .iter()
            .all(|(_, body)| body.to_string().contains("only from members of the workspace"))
    );
    assert!(world.service.seen.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_user_over_the_limit_is_refused_and_other_users_are_not() {
    let world = world_with(Duration::from_secs(600), Ok(()), true);
    let command = |user: &str, name: &str, number: usize| {
        let mut fields = fields();
        for (field, value) in [("user_id", user), ("command", name), ("trigger_id", &number.to_string())] {
            fields.retain(|(known, _)| *known != field);
            fields.push((field, value.to_owned()));
        }
        request(FORM, &form(&fields))
    };
    let all = (0..31).map(|number| send(&world, command("U0ANN", "/build", number)));
    let answers = futures::future::join_all(all).await;
    let slowed = answers.iter().filter(|(_, body)| body.contains("faster than I accept them")).count();
    assert_eq!((slowed, world.service.seen.lock().len()), (1, 30));
    for (user, name) in [("U0ANN", "/rollback"), ("U0BOB", "/build")] {
        let (_, body) = send(&world, command(user, name, 99)).await;
        assert!(body.contains("not-confirmed"), "{body}");
    }
}

//! Streams of CloudWatch Logs.

use sluice_commands::ports::{LogSearch, LogStream};

use super::now;
use crate::harness::ministack::Ministack;
use crate::harness::{REGION, aws, loader, target};

#[tokio::test]
async fn the_tail_of_a_log() {
    use aws_sdk_cloudwatchlogs::{Client, types::InputLogEvent};

    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.logs;
    let log = LogStream { group: "/aws/codebuild/sluice-orders".into(), stream: "s1".into() };
    assert_eq!(port.tail(&target(), &log, 5).await, Ok(Vec::new()), "the group does not exist");

    let client = Client::new(&loader(REGION, &emulator.url).load().await);
    client.create_log_group().log_group_name(&log.group).send().await.expect("a group");
    assert_eq!(port.tail(&target(), &log, 5).await, Ok(Vec::new()), "the stream does not exist");
    client
        .create_log_stream()
        .log_group_name(&log.group)
        .log_stream_name(&log.stream)
        .send()
        .await
        .expect("a stream");
    assert_eq!(port.tail(&target(), &log, 5).await, Ok(Vec::new()), "the stream is empty");
    let begun = now();
    let event =
        |at: i64| InputLogEvent::builder().timestamp(begun + at).message(format!("line {at}\n")).build();
    let events = (1..=9).map(|at| event(at).expect("an event")).collect();
    client
        .put_log_events()
        .log_group_name(&log.group)
        .log_stream_name(&log.stream)
        .set_log_events(Some(events))
        .send()
        .await
        .expect("lines");
    let tail = port.tail(&target(), &log, 3).await.expect("a tail");
    assert_eq!(tail, ["line 7", "line 8", "line 9"]);
    assert_eq!(port.tail(&target(), &log, 100).await.map(|all| all.len()), Ok(9));

    let since = |at: i64| jiff::Timestamp::from_millisecond(begun + at).expect("a time");
    let search = LogSearch { pattern: "", since: since(7), until: None, most: 100, newest: true };
    let newest = port.events(&target(), &log.group, &search).await.expect("events");
    let newest = newest.expect("a group");
    let messages: Vec<_> = newest.events.iter().map(|event| event.message.trim_end()).collect();
    assert_eq!((messages, newest.is_complete), (vec!["line 7", "line 8", "line 9"], true));
    assert_eq!(newest.events[0].stream, "s1");
    let none = port.events(&target(), "/aws/codebuild/sluice-other", &search).await;
    assert_eq!(none, Ok(None), "there is no such group");

    let search =
        LogSearch { pattern: "line", since: since(2), until: Some(since(5)), most: 3, newest: false };
    let found = port.events(&target(), &log.group, &search).await.expect("events").expect("a group");
    let messages: Vec<_> = found.events.iter().map(|event| event.message.trim_end()).collect();
    assert_eq!(messages, ["line 2", "line 3", "line 4"], "the oldest of that time");
}

#[tokio::test]
async fn a_log_group_is_created_once_and_gets_a_retention() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.logs;
    let group = "/aws/lambda/sluice-orders-Hello";
    assert_eq!(port.retention(&target(), group).await, Ok(None));
    for _ in 0..2 {
        port.create_group(&target(), group).await.expect("a group");
    }
    assert_eq!(port.retention(&target(), group).await, Ok(Some(0)), "its events never expire");
    port.set_retention(&target(), group, 90).await.expect("a retention");
    assert_eq!(port.retention(&target(), group).await, Ok(Some(90)));
    assert_eq!(
        port.retention(&target(), "/aws/lambda/sluice-orders").await,
        Ok(None),
        "a prefix is another group"
    );
}

//! CloudWatch's metrics, asked for in JSON.

use jiff::Timestamp;
use sluice_commands::ports::{LambdaMetric, MOST_METRICS, MetricQuery};
use sluice_model::{Class, Target};

use crate::harness::recorded_server::{Answer, RecordedServer, json};
use crate::harness::{REGION, aws, summary, target};

fn query(metric: LambdaMetric, qualifier: &str) -> MetricQuery {
    MetricQuery { metric, function: "sluice-orders-prod-Hello".into(), qualifier: qualifier.into() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_443_800 + second).expect("a time")
}

#[tokio::test]
async fn the_sums_of_each_metric_are_read_by_minute() {
    let first = r#"{"MetricDataResults":[
        {"Id":"m1","Timestamps":[1772443800,1772443860],"Values":[2.0,0.0],"StatusCode":"PartialData"},
        {"Id":"m0","Timestamps":[1.77244380E9],"Values":[40.0],"StatusCode":"Complete"}],"NextToken":"more"}"#;
    let second = r#"{"MetricDataResults":[{"Id":"m1","Timestamps":[1772443920],"Values":[1.0],"StatusCode":"Complete"}],"Messages":[]}"#;
    let server = RecordedServer::answering(vec![json(200, first), json(200, second)]);
    let queries = [
        query(LambdaMetric::Invocations, "7"),
        query(LambdaMetric::Errors, "prod"),
        query(LambdaMetric::Throttles, "7"),
    ];
    let sums = aws(&server.url).await.metrics.lambda_sums(&target(), &queries, at(25), at(300)).await;
    assert_eq!(sums, Ok(vec![vec![(at(0), 40)], vec![(at(0), 2), (at(60), 0), (at(120), 1)], vec![]]));
    let requests = server.requests();
    let sent = &requests[0];
    assert_eq!(sent.line, "POST / HTTP/1.1");
    assert_eq!(sent.header("x-amz-target"), Some("GraniteServiceVersion20100801.GetMetricData"));
    assert_eq!(sent.header("content-type"), Some("application/x-amz-json-1.0"));
    let signature = sent.header("authorization").unwrap_or_default();
    assert!(signature.contains(&format!("/{REGION}/monitoring/aws4_request")), "{signature}");
    let body: serde_json::Value = serde_json::from_str(&sent.body).expect("JSON");
    assert_eq!((&body["StartTime"], &body["EndTime"]), (&1_772_443_800.into(), &1_772_444_100.into()));
    let stat = &body["MetricDataQueries"][1]["MetricStat"];
    let resource = "sluice-orders-prod-Hello:prod";
    assert_eq!(
        (&stat["Metric"]["MetricName"], &stat["Metric"]["Dimensions"][1]["Value"]),
        (&"Errors".into(), &resource.into())
    );
    assert!(requests[1].body.contains(r#""NextToken":"more""#), "{}", requests[1].body);
}

#[tokio::test]
async fn refusals_are_classified_by_their_code() {
    let coded = |status, code, body| {
        Answer::Http(
            status,
            vec![("content-type", "application/x-amz-json-1.0"), ("x-amzn-query-error", code)],
            body,
        )
    };
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDenied","Message":"User: bot is not authorized to perform: cloudwatch:GetMetricData"}"#;
    let throttled = r#"{"__type":"com.amazonaws.cloudwatch#ThrottlingException","message":"Rate exceeded"}"#;
    let forbidden =
        r#"{"MetricDataResults":[{"Id":"m0","Timestamps":[],"Values":[],"StatusCode":"Forbidden"}]}"#;
    let server = RecordedServer::answering(vec![
        coded(403, "AccessDenied;Sender", denied),
        json(400, r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#),
        // Read a second time.
        json(400, throttled),
        json(400, throttled),
        json(200, forbidden),
        json(503, "<html>"),
        json(503, "<html>"),
        json(200, "<html>"),
        json(200, "<html>"),
    ]);
    let port = aws(&server.url).await.metrics;
    let queries = [query(LambdaMetric::Errors, "7")];
    let mut seen = vec![];
    for _ in 0..6 {
        let error = port.lambda_sums(&target(), &queries, at(0), at(300)).await.unwrap_err();
        let (call, class, code) = summary(&error);
        assert_eq!(call, "cloudwatch:GetMetricData");
        seen.push((class, code.to_owned()));
    }
    let classes: Vec<_> = seen.iter().map(|(class, _)| *class).collect();
    use Class::{Denied, Throttled, Transient};
    assert_eq!(classes, [Denied, Denied, Throttled, Denied, Transient, Transient], "{seen:?}");
}

#[tokio::test]
async fn too_many_metrics_and_another_region_are_not_sent() {
    let server = RecordedServer::answering(vec![Answer::Drop]);
    let port = aws(&server.url).await.metrics;
    let many = vec![query(LambdaMetric::Errors, "7"); MOST_METRICS + 1];
    let other = Target { region: "eu-west-1".into(), ..target() };
    for (target, queries) in [(&target(), &many[..]), (&other, &many[..1])] {
        let refused = port.lambda_sums(target, queries, at(0), at(300)).await.unwrap_err();
        assert_eq!(refused.class, Class::Invalid);
    }
    assert!(server.requests().is_empty());
}

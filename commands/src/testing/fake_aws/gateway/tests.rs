//! Both kinds of API have the same contract, apart from each other.

use serde_json::json;

use super::*;
use crate::ports::{EndpointType, Method, Probe, Reply};
use crate::testing::{FakeAws, TestClock, target};

const URI: &str = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:1:function:f:1/invocations";

fn document() -> String {
    let integration = json!({ "type": "aws_proxy", "uri": URI, "credentials": "r" });
    json!({ "paths": { "/a": { "get": { "x-amazon-apigateway-integration": integration } } } }).to_string()
}

fn fake() -> Arc<FakeAws> {
    FakeAws::new(Arc::new(TestClock::at("2026-03-01T12:00:00Z".parse().unwrap())))
}

async fn create(port: &dyn Gateway, settings: &ApiSettings) -> Api {
    port.create_api(&target(), "sluice-orders-prod", &Tags::new(), settings).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_api_is_of_one_kind_and_an_import_resets_its_settings() {
    let fake = fake();
    let aws = fake.fault_proxy();
    let (http, rest) = (aws.gateway(ApiKind::Http), aws.gateway(ApiKind::Rest));
    let edge = ApiSettings { endpoint_type: Some(EndpointType::Edge), ..ApiSettings::default() };
    let (none, wanted) =
        (BTreeMap::new(), ApiSettings { description: Some("Orders".into()), ..ApiSettings::default() });
    let api = create(&*rest, &edge).await;
    assert_ne!(create(&*http, &ApiSettings::default()).await.id, api.id);
    assert_eq!(rest.apis(&target()).await, Ok(vec![api.clone()]));
    let other = http.import_api(&target(), &api.id, &document(), &none).await;
    assert_eq!(other.unwrap_err().class, Class::Absent);
    rest.set_api(&target(), &api.id, &wanted).await.unwrap();
    let kept = |id: &str| fake.settings_of(id).unwrap();
    assert_eq!(kept(&api.id), ApiSettings { description: Some("Orders".into()), ..edge.clone() });
    rest.import_api(&target(), &api.id, &document(), &none).await.unwrap();
    assert_eq!(kept(&api.id), edge, "an import keeps only the endpoint type");
}

#[tokio::test(start_paused = true)]
async fn a_rest_api_answers_below_its_stage_and_keeps_the_deployment_that_it_serves() {
    let aws = fake().fault_proxy();
    let port = aws.gateway(ApiKind::Rest);
    let api = create(&*port, &ApiSettings::default()).await;
    port.import_api(&target(), &api.id, &document(), &BTreeMap::new()).await.unwrap();
    let made = port.create_deployment(&target(), &api.id, "d").await.unwrap();
    let stage = ApiStage {
        name: "Prod".into(),
        deployment: Some(made.id.clone()),
        variables: BTreeMap::new(),
        settings: Default::default(),
    };
    port.create_stage(&target(), &api.id, &stage).await.unwrap();
    let status = async |path: &str| match aws.request(Method::Get, &format!("{}{path}", api.endpoint)).await {
        Reply::Answered { status, .. } => status,
        Reply::Silent(why) => panic!("{why}"),
    };
    assert_eq!(status("/Prod/a").await, 500, "the route is there, its function is not");
    assert_eq!((status("/Prod/b").await, status("/a").await), (403, 403));
    let served = port.delete_deployment(&target(), &api.id, &made.id).await;
    assert_eq!(served.unwrap_err().class, Class::Conflict);
    port.delete_stage(&target(), &api.id, "Prod").await.unwrap();
    for _ in 0..2 {
        assert_eq!(port.delete_deployment(&target(), &api.id, &made.id).await, Ok(()));
    }
    assert_eq!(port.deployments(&target(), &api.id).await, Ok(vec![]));
}

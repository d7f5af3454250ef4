//! APIs, their routes and their stages.

use std::collections::BTreeMap;

use sluice_commands::ports::ApiStage;

use super::tags;
use crate::harness::ministack::Ministack;
use crate::harness::{aws, target};

#[tokio::test]
async fn an_api_its_routes_and_its_stages() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.gateway;
    assert_eq!(port.apis(&target()).await, Ok(Vec::new()));
    let api = port.create_api(&target(), "sluice-orders", &tags()).await.expect("an API");
    assert_eq!((api.name.as_str(), &api.tags), ("sluice-orders", &tags()));
    assert_eq!(port.apis(&target()).await, Ok(vec![api.clone()]));

    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
               arn:aws:lambda:us-east-1:000000000000:function:f:${stageVariables.alias}/invocations";
    let one = port.create_integration(&target(), &api.id, uri).await.expect("an integration");
    let other = port.create_integration(&target(), &api.id, "arn:other").await.expect("an integration");
    assert_eq!(one.uri, uri);
    assert_eq!(port.integrations(&target(), &api.id).await.map(|all| all.len()), Ok(2));

    let route = port.create_route(&target(), &api.id, "GET /items/{id}", &one.id).await.expect("a route");
    assert_eq!(route.integration.as_ref(), Some(&one.id));
    let moved = port.update_route(&target(), &api.id, &route.id, &other.id).await.expect("moved");
    assert_eq!((&moved.key, moved.integration.as_ref()), (&route.key, Some(&other.id)));
    assert_eq!(port.routes(&target(), &api.id).await, Ok(vec![moved]));

    let deployment = port.create_deployment(&target(), &api.id, "digest-1").await.expect("a deployment");
    // One process may create one deployment in five seconds.
    let another = aws(&emulator.url).await.gateway;
    let next = another.create_deployment(&target(), &api.id, "digest-2").await.expect("a deployment");
    let mut all = port.deployments(&target(), &api.id).await.expect("a look");
    all.sort_by(|left, right| left.description.cmp(&right.description));
    assert_eq!(all, [deployment.clone(), next.clone()]);

    let spec = ApiStage {
        name: "dev".into(),
        deployment: Some(deployment.id),
        variables: BTreeMap::from([("alias".into(), "dev".into())]),
    };
    assert_eq!(port.stage(&target(), &api.id, "dev").await, Ok(None));
    assert_eq!(port.create_stage(&target(), &api.id, &spec).await.as_ref(), Ok(&spec));
    let moved = ApiStage { deployment: Some(next.id.clone()), ..spec };
    assert_eq!(port.update_stage(&target(), &api.id, "dev", &next.id).await.as_ref(), Ok(&moved));
    assert_eq!(port.stage(&target(), &api.id, "dev").await, Ok(Some(moved)));

    for _ in 0..2 {
        assert_eq!(port.delete_route(&target(), &api.id, &route.id).await, Ok(()));
    }
    assert_eq!(port.routes(&target(), &api.id).await, Ok(Vec::new()));
}

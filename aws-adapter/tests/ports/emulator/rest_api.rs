//! REST APIs, their deployments and their stages. The local AWS imports no definitions: see `../rest_api.rs`.

use std::collections::BTreeMap;

use sluice_commands::ports::{
    ApiSettings, ApiStage, ApiStageSettings, EndpointType, SettingsChange, StageChange,
};

use super::tags;
use crate::harness::ministack::Ministack;
use crate::harness::{aws, target};

#[tokio::test]
async fn a_rest_api_its_deployments_and_its_stage() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.rest_gateway;
    assert_eq!(port.apis(&target()).await, Ok(Vec::new()));
    let settings = ApiSettings { endpoint_type: Some(EndpointType::Regional), ..ApiSettings::default() };
    let api = port.create_api(&target(), "sluice-orders", &tags(), &settings).await.expect("an API");
    assert_eq!((api.name.as_str(), &api.tags), ("sluice-orders", &tags()));
    assert_eq!(port.apis(&target()).await, Ok(vec![api.clone()]));

    let described = ApiSettings { description: Some("Orders".into()), ..ApiSettings::default() };
    for _ in 0..2 {
        assert_eq!(port.set_api(&target(), &api.id, &described).await, Ok(()));
    }

    let deployment = port.create_deployment(&target(), &api.id, "digest-1").await.expect("a deployment");
    // One process may create one deployment in five seconds.
    let another = aws(&emulator.url).await.rest_gateway;
    let next = another.create_deployment(&target(), &api.id, "digest-2").await.expect("a deployment");
    let mut all = port.deployments(&target(), &api.id).await.expect("a look");
    all.sort_by(|left, right| left.description.cmp(&right.description));
    assert_eq!(all, [deployment.clone(), next.clone()]);

    let spec = ApiStage {
        name: "Prod".into(),
        deployment: Some(deployment.id.clone()),
        variables: BTreeMap::from([("Hello".into(), "1".into()), ("Old".into(), "4".into())]),
        settings: ApiStageSettings::default(),
    };
    assert_eq!(port.stage(&target(), &api.id, "Prod").await, Ok(None));
    assert_eq!(port.create_stage(&target(), &api.id, &spec).await.as_ref(), Ok(&spec));
    let variables = BTreeMap::from([("Hello".into(), "2".into()), ("Old".into(), String::new())]);
    let settings = SettingsChange {
        from: ApiStageSettings::default(),
        to: ApiStageSettings { traces: true, ..Default::default() },
    };
    let change = StageChange { deployment: next.id.clone(), variables, settings };
    let variables = BTreeMap::from([("Hello".into(), "2".into())]);
    let moved = ApiStage { deployment: Some(next.id.clone()), variables, ..spec };
    for _ in 0..2 {
        let updated = port.update_stage(&target(), &api.id, "Prod", &change).await;
        assert_eq!(updated.as_ref(), Ok(&moved), "the same again changes nothing");
    }
    assert_eq!(port.stage(&target(), &api.id, "Prod").await, Ok(Some(moved)));

    for _ in 0..2 {
        assert_eq!(port.delete_deployment(&target(), &api.id, &deployment.id).await, Ok(()));
        assert_eq!(port.delete_stage(&target(), &api.id, "Prod").await, Ok(()));
    }
    assert_eq!(port.stage(&target(), &api.id, "Prod").await, Ok(None));
    assert_eq!(port.deployments(&target(), &api.id).await, Ok(vec![next]));
}

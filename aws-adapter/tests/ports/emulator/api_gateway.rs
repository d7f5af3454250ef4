//! APIs, their deployments and their stages. The local AWS imports no definitions: see `recorded.rs`.

use std::collections::BTreeMap;

use sluice_commands::names::API_STAGE;
use sluice_commands::ports::{ApiSettings, ApiStage, ApiStageSettings, SettingsChange, StageChange};
use sluice_model::{ALL_ROUTES, AccessLog, RouteSettings};

use super::tags;
use crate::harness::ministack::Ministack;
use crate::harness::{aws, target};

#[tokio::test]
async fn an_api_its_deployments_and_its_stage() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.gateway;
    assert_eq!(port.apis(&target()).await, Ok(Vec::new()));
    let api =
        port.create_api(&target(), "sluice-orders", &tags(), &ApiSettings::default()).await.expect("an API");
    assert_eq!((api.name.as_str(), &api.tags), ("sluice-orders", &tags()));
    assert_eq!(port.apis(&target()).await, Ok(vec![api.clone()]));

    let deployment = port.create_deployment(&target(), &api.id, "digest-1").await.expect("a deployment");
    // One process may create one deployment in five seconds.
    let another = aws(&emulator.url).await.gateway;
    let next = another.create_deployment(&target(), &api.id, "digest-2").await.expect("a deployment");
    let mut all = port.deployments(&target(), &api.id).await.expect("a look");
    all.sort_by(|left, right| left.description.cmp(&right.description));
    assert_eq!(all, [deployment.clone(), next.clone()]);

    let spec = ApiStage {
        name: API_STAGE.into(),
        deployment: Some(deployment.id),
        variables: BTreeMap::from([("Hello".into(), "1".into())]),
        settings: ApiStageSettings::default(),
    };
    assert_eq!(port.stage(&target(), &api.id, API_STAGE).await, Ok(None));
    assert_eq!(port.create_stage(&target(), &api.id, &spec).await.as_ref(), Ok(&spec));
    let variables = BTreeMap::from([("Hello".into(), "2".into())]);
    let moved = ApiStage { deployment: Some(next.id.clone()), variables: variables.clone(), ..spec };
    let burst = RouteSettings { burst: Some(5), ..RouteSettings::default() };
    let log = AccessLog {
        destination: "arn:aws:logs:us-east-1:000000000000:log-group:a".into(),
        format: "$context.path".into(),
    };
    let routes = [(ALL_ROUTES.to_owned(), burst.clone()), ("GET /a".to_owned(), burst)].into();
    let set = ApiStageSettings { access_log: Some(log), traces: false, routes };
    let set = SettingsChange { from: ApiStageSettings::default(), to: set };
    let change = StageChange { deployment: next.id.clone(), variables, settings: set };
    let updated = port.update_stage(&target(), &api.id, API_STAGE, &change).await;
    assert_eq!(updated.as_ref(), Ok(&moved));
    assert_eq!(port.stage(&target(), &api.id, API_STAGE).await, Ok(Some(moved)));

    for _ in 0..2 {
        assert_eq!(port.delete_stage(&target(), &api.id, API_STAGE).await, Ok(()));
    }
    assert_eq!(port.stage(&target(), &api.id, API_STAGE).await, Ok(None));
}

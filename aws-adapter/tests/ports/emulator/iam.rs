//! Roles, policies and the identity of the caller.

use sluice_commands::ports::{PolicyVersion, RoleSpec};

use super::{conflict, now, tags};
use crate::harness::ministack::Ministack;
use crate::harness::{aws, target};

#[tokio::test]
async fn roles_policies_and_the_callers_identity() {
    let emulator = Ministack::start().await;
    let port = aws(&emulator.url).await.identity;
    assert_eq!(port.whoami().await, Ok(target()));

    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let boundary = "arn:aws:iam::000000000000:policy/sluice/boundary";
    assert_eq!(port.policy_version(&target(), boundary).await, Ok(None));
    let made = port.create_policy(&target(), "boundary", "/sluice/", document).await;
    assert_eq!(made.as_deref(), Ok(boundary));
    conflict(port.create_policy(&target(), "boundary", "/sluice/", document).await);
    assert_eq!(port.policy_version(&target(), boundary).await, Ok(Some("v1".into())));
    let other = document.replace("s3", "sqs");
    assert_eq!(port.create_policy_version(&target(), boundary, &other).await, Ok("v2".into()));
    assert_eq!(port.policy_version(&target(), boundary).await, Ok(Some("v2".into())));
    assert_eq!(port.policy_document(&target(), boundary, "v2").await, Ok(Some(other)));
    let version = |id: &str, is_default| PolicyVersion { id: id.into(), is_default };
    let mut versions = port.policy_versions(&target(), boundary).await.expect("versions");
    versions.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(versions, [version("v1", false), version("v2", true)]);
    conflict(port.delete_policy_version(&target(), boundary, "v2").await);
    for _ in 0..2 {
        assert_eq!(port.delete_policy_version(&target(), boundary, "v1").await, Ok(()));
    }
    assert_eq!(port.policy_document(&target(), boundary, "v1").await, Ok(None));

    let spec = RoleSpec {
        name: "sluice-orders-api-dev".into(),
        path: "/sluice/".into(),
        description: "orders, Api, dev".into(),
        trust: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
            "Principal":{"Service":"lambda.amazonaws.com"}}]}"#
            .into(),
        boundary: boundary.into(),
        tags: tags(),
    };
    assert_eq!(port.role(&target(), &spec.name).await, Ok(None));
    let role = port.create_role(&target(), &spec).await.expect("a role");
    assert_eq!((&role.path, &role.tags), (&spec.path, &spec.tags));
    assert_eq!(role.boundary.as_deref(), Some(boundary));
    assert!((role.created.as_millisecond() - now()).abs() < 3_600_000, "{}", role.created);
    conflict(port.create_role(&target(), &spec).await);
    assert_eq!(port.role(&target(), &spec.name).await, Ok(Some(role)));

    assert_eq!(port.role_policy(&target(), &spec.name, "rights").await, Ok(None));
    for _ in 0..2 {
        assert_eq!(port.put_role_policy(&target(), &spec.name, "rights", document).await, Ok(()));
    }
    assert_eq!(port.role_policy(&target(), &spec.name, "rights").await, Ok(Some(document.into())));
}

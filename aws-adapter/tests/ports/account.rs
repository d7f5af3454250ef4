//! The account's figures, as Lambda and IAM tell them.

use sluice_commands::ports::QuotaUse;
use sluice_model::Class;

use crate::rig::wire::{Wire, json, rest, xml};
use crate::rig::{aws, seen, target};

#[tokio::test]
async fn lambda_tells_code_storage_and_concurrency() {
    let wire = Wire::answering(vec![
        json(
            200,
            r#"{"AccountLimit":{"TotalCodeSize":80530636800,"CodeSizeUnzipped":262144000,"CodeSizeZipped":52428800,
                "ConcurrentExecutions":10,"UnreservedConcurrentExecutions":10},
                "AccountUsage":{"TotalCodeSize":1048576,"FunctionCount":4}}"#,
        ),
        rest(403, "AccessDeniedException", r#"{"Message":"User is not authorized"}"#),
    ]);
    let port = aws(&wire.url).await.quotas;
    let told = port.functions(&target()).await.expect("it is answered");
    assert_eq!(told.code, QuotaUse { used: 1_048_576, of: 80_530_636_800 });
    assert_eq!(told.concurrency, 10);
    let line = &wire.asked()[0].line;
    assert!(line.starts_with("GET /2016-08-19/account-settings"), "{line}");
    let refused = port.functions(&target()).await.unwrap_err();
    assert_eq!(seen(&refused), ("lambda:GetAccountSettings", Class::Denied, "AccessDeniedException"));
}

#[tokio::test]
async fn iam_tells_how_many_roles_there_are_and_may_be() {
    let wire = Wire::answering(vec![
        xml(
            200,
            r#"<GetAccountSummaryResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountSummaryResult><SummaryMap>
               <entry><key>Roles</key><value>37</value></entry><entry><key>RolesQuota</key><value>1000</value></entry>
               <entry><key>Users</key><value>1</value></entry></SummaryMap></GetAccountSummaryResult>
               </GetAccountSummaryResponse>"#,
        ),
        xml(
            200,
            r#"<GetAccountSummaryResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountSummaryResult><SummaryMap>
               <entry><key>Roles</key><value>37</value></entry></SummaryMap></GetAccountSummaryResult>
               </GetAccountSummaryResponse>"#,
        ),
    ]);
    let port = aws(&wire.url).await.quotas;
    assert_eq!(port.roles(&target()).await, Ok(QuotaUse { used: 37, of: 1000 }));
    assert!(wire.asked()[0].body.contains("Action=GetAccountSummary"));
    let lacking = port.roles(&target()).await.unwrap_err();
    assert_eq!(seen(&lacking), ("iam:GetAccountSummary", Class::Invalid, "IncompleteAnswer"));
}

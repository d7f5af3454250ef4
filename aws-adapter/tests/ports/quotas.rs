//! The account's quotas, as Lambda and IAM report them.

use sluice_commands::ports::QuotaUse;
use sluice_model::Class;

use crate::harness::recorded_server::{RecordedServer, json, rest, xml};
use crate::harness::{aws, summary, target};

#[tokio::test]
async fn lambda_reports_code_storage_and_concurrency() {
    let server = RecordedServer::answering(vec![
        json(
            200,
            r#"{"AccountLimit":{"TotalCodeSize":80530636800,"CodeSizeUnzipped":262144000,"CodeSizeZipped":52428800,
                "ConcurrentExecutions":10,"UnreservedConcurrentExecutions":10},
                "AccountUsage":{"TotalCodeSize":1048576,"FunctionCount":4}}"#,
        ),
        rest(403, "AccessDeniedException", r#"{"Message":"User is not authorized"}"#),
    ]);
    let port = aws(&server.url).await.quotas;
    let quotas = port.functions(&target()).await.expect("an answer");
    assert_eq!(quotas.code, QuotaUse { used: 1_048_576, of: 80_530_636_800 });
    assert_eq!(quotas.concurrency, 10);
    let line = &server.requests()[0].line;
    assert!(line.starts_with("GET /2016-08-19/account-settings"), "{line}");
    let refused = port.functions(&target()).await.unwrap_err();
    assert_eq!(summary(&refused), ("lambda:GetAccountSettings", Class::Denied, "AccessDeniedException"));
}

#[tokio::test]
async fn iam_reports_the_number_of_roles_and_its_quota() {
    let server = RecordedServer::answering(vec![
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
    let port = aws(&server.url).await.quotas;
    assert_eq!(port.roles(&target()).await, Ok(QuotaUse { used: 37, of: 1000 }));
    assert!(server.requests()[0].body.contains("Action=GetAccountSummary"));
    let lacking = port.roles(&target()).await.unwrap_err();
    assert_eq!(summary(&lacking), ("iam:GetAccountSummary", Class::Invalid, "IncompleteAnswer"));
}

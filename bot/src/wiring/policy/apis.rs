//! HTTP and REST APIs.

use serde_json::json;
use sluice_commands::names;

use super::names::Names;
use super::statement::Allowed;

pub(super) fn allowed(of: &Names<'_>) -> Vec<Allowed> {
    let api_root = |path: &str| of.target.arn_of_region("apigateway", path);
    // `*apis` is `apis` and `restapis` in one.
    let apis = |path: &str| vec![api_root(&format!("/*apis{path}"))];
    let in_apis =
        |path: &str| ["deployments", "stages"].map(|of| api_root(&format!("/*apis/*/{of}{path}"))).into();
    vec![
        Allowed::new(
            "Apis",
            &[
                "apigateway:CreateRestApi",
                "apigateway:GetRestApis",
                "apigatewayv2:CreateApi",
                "apigatewayv2:GetApis",
            ],
            apis(""),
        )
        .also(&["apigateway:TagResource"]),
        // AWS does not document which of the two it requires to create an API with tags.
        Allowed::new("ApiTags", &[], vec![format!("{}/*", api_root("/tags"))])
            .also(&["apigateway:POST", "apigateway:PUT"]),
        Allowed::new(
            "ApiDefinitions",
            &[
                "apigateway:CreateDeployment",
                "apigateway:CreateStage",
                "apigatewayv2:CreateDeployment",
                "apigatewayv2:CreateStage",
            ],
            in_apis(""),
        ),
        // API Gateway matches `*` across slashes, so this is every resource below an API. Who may import a definition may set all
        // of it anyway.
        Allowed::new(
            "ApiChanges",
            &[
                "apigateway:GetDeployments",
                "apigateway:GetRestApi",
                "apigateway:GetStage",
                "apigateway:PutRestApi",
                "apigateway:UpdateRestApi",
                "apigateway:UpdateStage",
                "apigatewayv2:GetApi",
                "apigatewayv2:GetDeployments",
                "apigatewayv2:GetStage",
                "apigatewayv2:ReimportApi",
                "apigatewayv2:UpdateApi",
                "apigatewayv2:UpdateStage",
            ],
            apis("/*"),
        ),
        Allowed::new(
            "ApiDeletions",
            &[
                "apigateway:DeleteDeployment",
                "apigateway:DeleteStage",
                "apigatewayv2:DeleteAccessLogSettings",
                "apigatewayv2:DeleteDeployment",
                "apigatewayv2:DeleteRouteSettings",
                "apigatewayv2:DeleteStage",
            ],
            in_apis("/*"),
        ),
        // Only APIs that have a stage's tag: Sluice gives it to those that it creates.
        Allowed::new("OwnApis", &["apigateway:DeleteRestApi", "apigatewayv2:DeleteApi"], apis("/*"))
            .when(json!({ "Null": { format!("aws:ResourceTag/{}", names::TAG_STAGE): "false" } })),
        // API Gateway sets up the access log of an HTTP API with the caller's rights:
        // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
        Allowed::new("ApiLogs", &[], vec!["*".to_owned()]).also(&[
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ]),
    ]
}

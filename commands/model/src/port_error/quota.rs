//! The quotas of AWS that Sluice can meet, with what can be done about each.
//!
//! The figures are the defaults of <https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html>; most can be
//! raised in the console of Service Quotas.

/// The quota that a call met, by the call or its service, with its name and what to do. The first that fits counts.
const QUOTAS: &[(&str, &str, &str)] = &[
    (
        "iam:CreateRole",
        "the number of IAM roles in the account (1,000 by default)",
        "Delete roles that nothing uses, or have `Roles per account` raised in Service Quotas",
    ),
    (
        "iam:PutRolePolicy",
        "the size of a role's inline policy (10,240 characters)",
        "This quota cannot be raised: give the function fewer or shorter `Policies` in its template",
    ),
    (
        "iam:CreatePolicy",
        "the number of customer managed policies, or the size of one",
        "Delete policies that nothing uses, or have `Customer managed policies per account` raised in Service Quotas",
    ),
    ("lambda:CreateAlias", "the number of aliases of a function", "Delete aliases that nothing uses"),
    (
        "lambda:AddPermission",
        "the size of a function's resource policy (20 KB)",
        "Remove statements that nothing uses from the function's resource policy",
    ),
    (
        "lambda:PutFunctionConcurrency",
        "the concurrent executions of the account (1,000 by default, of which 100 must stay unreserved)",
        "Reserve fewer for this function or another, or have `Concurrent executions` raised in Service Quotas",
    ),
    (
        "lambda:Invoke",
        "a quota of running functions",
        "Look at the function's quotas in the console of Service Quotas",
    ),
    (
        "lambda:",
        "the storage of functions and layers in the region (300 GB by default)",
        "Delete functions and versions that nothing uses, or have `Function and layer storage` raised in Service Quotas",
    ),
    (
        "codebuild:StartBuild",
        "the number of builds that may run at once (0 on some new accounts)",
        "Open a case with AWS Support about CodeBuild's limit of builds: on a new account Service Quotas does not show it",
    ),
    (
        "codebuild:",
        "the number of build projects in the region (5,000 by default)",
        "Delete projects that nothing uses, or have `Build projects` raised in Service Quotas",
    ),
    (
        "codecommit:",
        "the number of repositories in the account (5,000 by default)",
        "Delete repositories that nothing uses, or ask AWS Support for more",
    ),
    (
        "apigatewayv2:CreateStage",
        "the number of stages of an API (10 by default)",
        "Have `Stages per API` raised in Service Quotas, or remove a stage",
    ),
    (
        "apigateway:CreateStage",
        "the number of stages of an API (10 by default)",
        "Have `Stages per API` raised in Service Quotas, or remove a stage",
    ),
    (
        "apigateway:PutRestApi",
        "the number of resources of a REST API (300 by default)",
        "Have `Resources per API` raised in Service Quotas, or use fewer paths in the template",
    ),
    (
        "apigateway:CreateRestApi",
        "the number of REST APIs in the region (600 regional or 120 edge-optimized ones)",
        "These quotas cannot be raised: delete APIs that nothing uses, or set up Sluice in another account or region",
    ),
    (
        "apigatewayv2:CreateRoute",
        "the number of routes of an API (300 by default)",
        "Have `Routes per API` raised in Service Quotas, or use fewer routes in the template",
    ),
    (
        "apigatewayv2:CreateIntegration",
        "the number of integrations of an API (300)",
        "This quota cannot be raised: delete integrations that no route uses, or give fewer functions routes",
    ),
    (
        "apigatewayv2:CreateApi",
        "the number of APIs in the region (600 by default)",
        "Delete APIs that nothing uses, or have `Regional APIs` raised in Service Quotas",
    ),
    (
        "s3:",
        "the number of buckets in the account",
        "Delete buckets that nothing uses, or have `Buckets` raised in Service Quotas",
    ),
];

/// The name of the quota that a call met, and what to do about it.
pub fn quota(call: &str) -> (&'static str, &'static str) {
    let known = QUOTAS.iter().find(|(fits, ..)| call.starts_with(fits));
    let unknown = ("a quota of the account", "Look at the service's quotas in the console of Service Quotas");
    known.map_or(unknown, |(_, name, hint)| (*name, *hint))
}

#[cfg(test)]
mod tests {
    use super::quota;

    #[test]
    fn a_quota_is_named_by_the_call_that_met_it() {
        assert!(quota("iam:CreateRole").0.contains("IAM roles"));
        assert!(quota("lambda:PublishVersion").0.contains("storage"));
        assert!(quota("apigatewayv2:CreateDeployment").0.contains("account"));
    }
}

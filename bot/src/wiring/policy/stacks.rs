//! The stacks of stages.

use serde_json::json;

use super::names::Names;
use super::statement::Allowed;

pub(super) fn allowed(of: &Names<'_>) -> Vec<Allowed> {
    let stacks = of.here("cloudformation", "stack/sluice-*/*");
    let roles = of.roles();
    vec![
        // Without a service role, CloudFormation would use the bot's own rights. A stack keeps its role.
        Allowed::new("NewChangeSets", &["cloudformation:CreateChangeSet"], vec![stacks.clone()])
            .when(json!({ "ArnLike": { "cloudformation:RoleArn": roles } })),
        Allowed::new(
            "Stacks",
            &[
                "cloudformation:CancelUpdateStack",
                "cloudformation:ContinueUpdateRollback",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DeleteStack",
                "cloudformation:DescribeChangeSet",
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStackResourceDrifts",
                "cloudformation:DescribeStacks",
                "cloudformation:DetectStackDrift",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:GetTemplate",
                "cloudformation:ListStackResources",
                "cloudformation:UpdateTerminationProtection",
            ],
            vec![stacks],
        )
        .also(&["cloudformation:DetectStackResourceDrift", "cloudformation:TagResource"]),
    ]
}

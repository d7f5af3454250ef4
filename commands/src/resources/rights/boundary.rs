//! The permissions boundaries of the roles of functions and APIs. No policy of a role reaches beyond its boundary.

use serde_json::{Value, json};

use super::actions::{DATA, NEVER};
use crate::names;
use crate::ports::TAG_PIPELINE;
use sluice_model::{Target, partition};
use sluice_template::function_arn;

/// IAM's limit for a managed policy, in characters without white space.
pub const MANAGED_LIMIT: usize = 6_144;

/// Sluice's own resources, by their configured names. No function reaches them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnResources {
    /// The tables of the state and of the audit records.
    pub tables: Vec<String>,
    /// The queue of wake-ups.
    pub queues: Vec<String>,
    /// The buckets of artifacts and backups.
    pub buckets: Vec<String>,
}

impl OwnResources {
    pub(super) fn arns(&self, target: &Target) -> Vec<String> {
        // A table's indexes, streams and backups have ARNs below its own.
        let tables = self.tables.iter().flat_map(|table| {
            let arn = target.arn("dynamodb", &format!("table/{table}"));
            [format!("{arn}/*"), arn]
        });
        let queues = self.queues.iter().map(|queue| target.arn("sqs", queue));
        let buckets = self
            .buckets
            .iter()
            .flat_map(|bucket| [target.arn_of_bucket(bucket), target.arn_of_bucket(&format!("{bucket}/*"))]);
        // Where an installation may keep secrets that only the bot reads: Slack's token and signing secret.
        let secrets = [target.arn("secretsmanager", "secret:sluice/*")];
        tables.chain(queues).chain(buckets).chain(secrets).collect()
    }

    /// The parameters of Systems Manager below `/sluice/`: those of the installation, and the secrets of stages.
    pub(super) fn parameters(target: &Target) -> String {
        target.arn("ssm", "parameter/sluice/*")
    }
}

/// The statements that allow access to data, if the organisation provides none of its own.
pub fn data_statements() -> Vec<Value> {
    vec![json!({ "Sid": "Data", "Effect": "Allow", "Action": DATA, "Resource": "*" })]
}

/// The Sid of the denial of Sluice's own resources.
pub(crate) const NOT_SLUICE: &str = "NotSluice";

/// The Sid of the denial of parameters that belong to no stage.
const NOT_PARAMETERS: &str = "NotSluiceParameters";

/// The denials of the functions' boundary. No other statement overrides them.
fn denials(target: &Target, own: &OwnResources) -> Vec<Value> {
    let partition = partition(&target.region);
    // A stage's name begins with a letter. Version numbers, `$LATEST` and names without a qualifier do not
    // match, so a version that is prepared for a stage cannot be called before its alias points to it.
    let aliases: Vec<String> =
        ('a'..='z').map(|letter| format!("arn:{partition}:lambda:*:*:function:*:{letter}*")).collect();
    let first = [
        json!({ "Sid": "NoRights", "Effect": "Deny", "Action": NEVER, "Resource": "*" }),
        json!({ "Sid": NOT_SLUICE, "Effect": "Deny", "Action": "*", "Resource": own.arns(target) }),
        // Secrets of stages have the tags of their stage; `not_others` is about those. The ones of the installation have none.
        json!({
            "Sid": NOT_PARAMETERS, "Effect": "Deny", "Action": "*", "Resource": OwnResources::parameters(target),
            "Condition": { "Null": { format!("aws:ResourceTag/{}", names::TAG_STAGE): "true" } },
        }),
        json!({ "Sid": "OnlyAliases", "Effect": "Deny", "Action": "lambda:Invoke*", "NotResource": aliases }),
    ];
    first.into_iter().chain(not_others()).collect()
}

/// The denials of what is tagged for another pipeline or another stage than the role.
pub(super) fn not_others() -> [Value; 2] {
    [("NotOtherPipelines", TAG_PIPELINE), ("NotOtherStages", names::TAG_STAGE)].map(|(sid, tag)| {
        json!({
            "Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {
                "Null": { format!("aws:ResourceTag/{tag}"): "false" },
                "StringNotEquals": { format!("aws:ResourceTag/{tag}"): format!("${{aws:PrincipalTag/{tag}}}") },
            },
        })
    })
}

/// The boundary of APIs' roles: calling versions of functions that Sluice made, of the role's own pipeline and stage.
pub fn api_boundary(target: &Target) -> String {
    let invoke = json!({
        "Sid": "Invoke", "Effect": "Allow", "Action": "lambda:InvokeFunction",
        "Resource": function_arn(target, "sluice-*:*"),
    });
    names::policy([invoke].into_iter().chain(not_others()).collect())
}

/// Whether Sluice adds a statement with that Sid to a boundary.
pub fn is_denial(sid: &str) -> bool {
    ["NoRights", NOT_SLUICE, NOT_PARAMETERS, "OnlyAliases", "NotOtherPipelines", "NotOtherStages"]
        .contains(&sid)
}

/// The boundary of functions' roles: the upper limit for each of them. `allowed` are the statements of the
/// organisation's own boundary, or [`data_statements`].
pub fn boundary(target: &Target, own: &OwnResources, allowed: Vec<Value>) -> String {
    names::policy(allowed.into_iter().chain(denials(target, own)).collect())
}

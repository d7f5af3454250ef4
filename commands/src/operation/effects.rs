//! Every mutation that Sluice makes in AWS: why it is safe to repeat, and how its result is found again.
//! `docs/effects.md` is generated from this table, and a test compares it with the calls of `aws-adapter`.

pub use sluice_engine::{Mutation, Undo};

use crate::ports::ApiKind;

/// The name of the one inline policy of every role.
pub const PUT_ROLE_POLICY_NAME: &str = "sluice";

macro_rules! mutations {
    ($($name:ident: $call:literal, $guard:literal, $observed:literal, $repeatable:literal, $undo:expr;)*) => {
        $(#[doc = concat!("`", $call, "`")]
        pub const $name: Mutation = Mutation {
            call: $call, guard: $guard, observed: $observed, repeatable: $repeatable, undo: $undo,
        };)*
        /// The whole table.
        pub const ALL: &[&Mutation] = &[$(&$name),*];
    };
}

use Undo::{By, Stays};

mutations! {
    CREATE_REPOSITORY: "codecommit:CreateRepository",
        "the name is the pipeline's; one of that name is a conflict",
        "GetRepository; ours if its tag names the pipeline", true, Stays("it may hold people's work; the same command takes it up");
    FIRST_COMMIT: "codecommit:CreateCommit",
        "no parent is given: it fails on a branch that has a commit",
        "GetBranch; ours if the commit's subject is the one we write", true, Stays("goes with the repository");
    CREATE_BUCKET: "s3:CreateBucket",
        "the name is the account's and region's", "HeadBucket and its tags", true,
        Stays("made once by `sluice init`; all pipelines share it");
    BUCKET_VERSIONING: "s3:PutBucketVersioning", "sets one value", "GetBucketVersioning", true,
        Stays("set by `sluice init`; the bucket must be so");
    BUCKET_PRIVACY: "s3:PutPublicAccessBlock", "sets one value", "GetPublicAccessBlock", true,
        Stays("set by `sluice init`; the bucket must be so");
    BUCKET_POLICY: "s3:PutBucketPolicy", "sets one value", "GetBucketPolicy", true,
        Stays("set by `sluice init`; the bucket must be so");
    BUCKET_LIFECYCLE: "s3:PutBucketLifecycleConfiguration",
        "sets its own two rules; rules with other ids stay", "GetBucketLifecycleConfiguration", true,
        Stays("set by `sluice init`; neither rule touches what a release needs");
    PUT_OBJECT: "s3:PutObject",
        "a backup: its name is its time, with If-None-Match. The packager, and a stack's template: its name is its SHA-256, with \
         If-None-Match. A probe of `sluice init` and `sluice check --account`: empty, always the same key",
        "ListObjectsV2; the packager by GetObject; a template and a probe not at all", true,
        Stays("the oldest backups are deleted; the packager stays for builds that run; a template is a few hundred KB; a probe is deleted at once");
    DELETE_OBJECT: "s3:DeleteObject", "an object that is gone is no error", "ListObjectsV2; a probe not at all", true,
        Stays("a newer backup is there; a probe says nothing");
    CREATE_POLICY: "iam:CreatePolicy",
        "fixed name; one of that name is a conflict", "GetPolicy", true, Stays("made once by `sluice init`");
    CREATE_POLICY_VERSION: "iam:CreatePolicyVersion",
        "only if the version that counts says something else", "GetPolicy and GetPolicyVersion", true,
        Stays("made by `sluice init`; the versions before stay, five at most");
    DELETE_POLICY_VERSION: "iam:DeletePolicyVersion",
        "the oldest of five, never the one that counts; one that is gone is no error", "ListPolicyVersions", true,
        Stays("makes room for a newer version");
    CREATE_ROLE: "iam:CreateRole",
        "the name holds 128 bits of a hash of everything in it; one of that name is a conflict",
        "GetRole; ours if path, boundary and tag are", true,
        Stays("named by what it allows: an equal one may be in use, and none does anything by itself");
    ROLE_POLICY: "iam:PutRolePolicy",
        "right after a look that there is none: one that is there and differs is never written over", "GetRolePolicy", true,
        Stays("goes with the role");
    ATTACH_POLICY: "iam:AttachRolePolicy",
        "one of AWS's own policies; one that is attached already is no error", "not at all: it is run again", true,
        Stays("goes with the role");
    CREATE_PROJECT: "codebuild:CreateProject",
        "the name is the pipeline's; one of that name is a conflict",
        "BatchGetProjects; ours if its tag names the pipeline", true,
        Stays("builds nothing by itself; the same command takes it up");
    START_BUILD: "codebuild:StartBuild",
        "idempotency token for 5 minutes; SLUICE_OP in the build's environment after that",
        "ListBuildsForProject and BatchGetBuilds; ours if SLUICE_OP is the operation", false,
        By("StopBuild, if it still runs");
    CREATE_FUNCTION: "lambda:CreateFunction",
        "deterministic name; one of that name is a conflict",
        "ListVersionsByFunction; ours if code and configuration are equal", true,
        Stays("nobody can call it without an alias; the next deploy takes it up");
    UPDATE_CONFIG: "lambda:UpdateFunctionConfiguration",
        "RevisionId", "GetFunction; ours if the configuration is equal", true,
        Stays("`$LATEST` serves nobody; the next deploy looks at it again");
    UPDATE_CODE: "lambda:UpdateFunctionCode",
        "RevisionId", "ListVersionsByFunction; ours if a version has that code and configuration", true,
        Stays("`$LATEST` serves nobody; the next deploy looks at it again");
    PUBLISH_VERSION: "lambda:PublishVersion",
        "CodeSha256 and RevisionId; makes nothing new when nothing changed",
        "ListVersionsByFunction; ours if a version has that code and configuration", true,
        Stays("nobody points to it; an equal one is reused");
    PUBLISH_LAYER_VERSION: "lambda:PublishLayerVersion",
        "right after a look that the newest versions hold no equal one",
        "ListLayerVersions and GetLayerVersion; ours if archive, description, runtimes, architectures and license are equal",
        true, Stays("no function uses it; an equal one is reused");
    PUT_CONCURRENCY: "lambda:PutFunctionConcurrency",
        "sets one value, under the stage's slot, after a look that it is the one that Sluice set", "GetFunctionConcurrency", true,
        By("PutFunctionConcurrency with the value before, or DeleteFunctionConcurrency, if the value is still ours");
    DELETE_CONCURRENCY: "lambda:DeleteFunctionConcurrency",
        "removes one value, under the stage's slot, after a look that it is the one that Sluice set; one that is gone is no error",
        "GetFunctionConcurrency", true, By("PutFunctionConcurrency with the value before, if there is none");
    PUT_RECURSION: "lambda:PutFunctionRecursionConfig",
        "sets one value, under the stage's slot, after a look that it is the one that Sluice set", "GetFunctionRecursionConfig", true,
        By("the same call with the value before, if the value is still ours");
    PUT_CODE_SIGNING: "lambda:PutFunctionCodeSigningConfig",
        "sets one value, under the stage's slot, after a look that it is the one that Sluice set", "GetFunctionCodeSigningConfig", true,
        By("PutFunctionCodeSigningConfig with the value before, or DeleteFunctionCodeSigningConfig, if the value is still ours");
    DELETE_CODE_SIGNING: "lambda:DeleteFunctionCodeSigningConfig",
        "removes one value, under the stage's slot, after a look that it is the one that Sluice set; one that is gone is no error",
        "GetFunctionCodeSigningConfig", true, By("PutFunctionCodeSigningConfig with the value before, if there is none");
    PUT_RUNTIME_MANAGEMENT: "lambda:PutRuntimeManagementConfig",
        "sets one value of a version, under the stage's slot. If the stage runs the version: after a look that it is the one that Sluice set",
        "GetRuntimeManagementConfig", true, By("the same call with the value before, if the value is still ours");
    PUT_SCALING: "lambda:PutFunctionScalingConfig",
        "sets one value of a version, under the stage's slot. If the stage runs the version: after a look that it is the one that Sluice set",
        "GetFunctionScalingConfig", true, By("the same call with the value before, if the value is still ours");
    CREATE_ALIAS: "lambda:CreateAlias",
        "the name is the stage's; one of that name is a conflict",
        "GetAlias; ours if it points to the version", true,
        By("DeleteAlias, if it still points to our version");
    MOVE_ALIAS: "lambda:UpdateAlias",
        "RevisionId", "GetAlias; ours if it points to the version", true,
        By("UpdateAlias back with RevisionId, if it still points to our version");
    INVOKE: "lambda:Invoke",
        "nothing: a smoke test's event is one that may come more than once, as its author promises. An inactive version is \
         called to restore it, right after a look that it is inactive: Lambda refuses such a call",
        "not at all: it is run again", true, Stays("what the team's own test event leaves");
    CREATE_API: "apigatewayv2:CreateApi",
        "under the slot of the stage's preparation, after looking for one of our name and tags",
        "GetApis; ours if name and tags are", false,
        Stays("nobody can call it without a stage; the next deploy takes it up");
    IMPORT_API: "apigatewayv2:ReimportApi",
        "sets the whole definition, under the slot of the stage's preparation", "not at all: it is run again", true,
        Stays("serves nobody before a deployment; the next deploy that needs another sets it again");
    CREATE_DEPLOYMENT: "apigatewayv2:CreateDeployment",
        "under the slot of the stage's preparation; described by the digest of the definition",
        "GetDeployments; ours if the description is", false,
        Stays("serves nobody before a stage does; an equal one is reused");
    CREATE_STAGE: "apigatewayv2:CreateStage",
        "the API's only stage; a second one of that name is a conflict",
        "GetStage; ours if it serves the deployment with the variables", true,
        By("DeleteStage, if it still serves ours");
    UPDATE_STAGE: "apigatewayv2:UpdateStage",
        "sets deployment, variables and settings, under the stage slot, right after a look that it serves what it is to go from",
        "GetStage; a change of settings is run again", true, By("UpdateStage to what it served before, if it still serves ours");
    DELETE_ROUTE_SETTINGS: "apigatewayv2:DeleteRouteSettings",
        "under the stage slot, right before UpdateStage; settings that are gone are no error", "not at all: it is run again", true,
        By("UpdateStage with the settings that it had");
    DELETE_ACCESS_LOG: "apigatewayv2:DeleteAccessLogSettings",
        "under the stage slot, right before UpdateStage; settings that are gone are no error", "not at all: it is run again", true,
        By("UpdateStage with the settings that it had");
    UPDATE_API: "apigatewayv2:UpdateApi",
        "sets values that an import resets, under the slot of the stage's preparation", "not at all: it is run again", true,
        Stays("the next import resets them");
    DELETE_DEPLOYMENT: "apigatewayv2:DeleteDeployment",
        "API Gateway refuses one that a stage serves; one that is gone is no error", "GetDeployments", true,
        Stays("no stage and no rollback within ten releases needs it");
    CREATE_REST_API: "apigateway:CreateRestApi",
        "under the slot of the stage's preparation, after looking for one of our name and tags",
        "GetRestApis; ours if name and tags are", false,
        Stays("nobody can call it without a stage; the next deploy takes it up");
    IMPORT_REST_API: "apigateway:PutRestApi",
        "overwrites the whole definition, under the slot of the stage's preparation", "not at all: it is run again", true,
        Stays("serves nobody before a deployment; the next deploy that needs another sets it again");
    UPDATE_REST_API: "apigateway:UpdateRestApi",
        "sets values that an import resets, under the slot of the stage's preparation", "not at all: it is run again", true,
        Stays("the next import resets them");
    CREATE_REST_DEPLOYMENT: "apigateway:CreateDeployment",
        "under the slot of the stage's preparation; described by the digest of the definition",
        "GetDeployments; ours if the description is", false,
        Stays("serves nobody before a stage does; an equal one is reused");
    DELETE_REST_DEPLOYMENT: "apigateway:DeleteDeployment",
        "API Gateway refuses one that a stage serves; one that is gone is no error", "GetDeployments", true,
        Stays("no stage and no rollback within ten releases needs it");
    CREATE_REST_STAGE: "apigateway:CreateStage",
        "the API's only stage; a second one of that name is a conflict",
        "GetStage; ours if it serves the deployment with the variables", true,
        By("DeleteStage, if it still serves ours");
    UPDATE_REST_STAGE: "apigateway:UpdateStage",
        "sets deployment, variables and settings, under the stage slot, right after a look that it serves what it is to go from",
        "GetStage; a change of settings is run again", true, By("UpdateStage to what it served before, if it still serves ours");
    DELETE_REST_STAGE: "apigateway:DeleteStage",
        "under the stage slot, right after a look that it serves what is recorded, or that its stage is being removed; one that is gone is \
         no error", "GetStage", true,
        By("CreateStage with what it served, if there is none; one that undoes a CreateStage or empties a removed stage stays");
    STOP_BUILD: "codebuild:StopBuild", "stops that build; one that ended is no error", "looks first, always", true,
        Stays("undoes a StartBuild");
    DELETE_ALIAS: "lambda:DeleteAlias", "under the stage slot, after a look; one that is gone is no error",
        "looks first, always", true, Stays("undoes a CreateAlias");
    DELETE_STAGE: "apigatewayv2:DeleteStage",
        "under the stage slot, right after a look that it serves what is recorded, or that its stage is being removed; one that is gone is \
         no error", "GetStage", true,
        By("CreateStage with what it served, if there is none; one that undoes a CreateStage or empties a removed stage stays");
    DELETE_VERSION: "lambda:DeleteFunction",
        "a version by its number; Lambda refuses one that an alias points to. A whole function, under both slots of a stage that is \
         removed, after a look at its tags and its role's path. What is gone is no error",
        "ListVersionsByFunction", true,
        Stays("no stage and no rollback within ten releases needs the version; the function's stage is being removed");
    DETACH_POLICY: "iam:DetachRolePolicy", "a policy that is gone is no error", "ListAttachedRolePolicies", true,
        Stays("only roles that nothing uses lose their policies");
    DELETE_ROLE_POLICY: "iam:DeleteRolePolicy", "a policy that is gone is no error", "GetRolePolicy", true,
        Stays("no version names its role, or its stage is being removed");
    DELETE_ROLE: "iam:DeleteRole", "a role that is gone is no error", "GetRole", true,
        Stays("no version names it; its name says what it allowed, so an equal one is made again when needed");
    DELETE_API: "apigatewayv2:DeleteApi",
        "named by its id, under both slots of a stage that is removed, after a look at its name and tags; one that is gone is no error",
        "GetApis", true, Stays("its stage is being removed");
    DELETE_REST_API: "apigateway:DeleteRestApi",
        "named by its id, under both slots of a stage that is removed, after a look at its name and tags; one that is gone is no error",
        "GetRestApis", true, Stays("its stage is being removed");
    CREATE_CHANGE_SET: "cloudformation:CreateChangeSet",
        "client token and a name made of the operation's; another one of that name is a conflict",
        "DescribeChangeSet; ours if it has that name", true, By("DeleteChangeSet, and DeleteStack if the stack has only a change set");
    EXECUTE_CHANGE_SET: "cloudformation:ExecuteChangeSet",
        "the change set is executed once, and named by its id; client request token",
        "DescribeStacks and DescribeStackEvents; ours if the events have the token", true,
        Stays("CloudFormation rolls back what fails; what succeeded only adds to what running releases use");
    DELETE_CHANGE_SET: "cloudformation:DeleteChangeSet", "named by its id; one that is gone is no error", "DescribeChangeSet",
        true, Stays("undoes a CreateChangeSet");
    DELETE_STACK: "cloudformation:DeleteStack",
        "named by its id, which no other stack gets; client request token; one that is gone is no error", "DescribeStacks", true,
        Stays("only of a stack whose creation failed, or whose stage is removed");
    CONTINUE_UPDATE_ROLLBACK: "cloudformation:ContinueUpdateRollback",
        "only from UPDATE_ROLLBACK_FAILED; client request token",
        "DescribeStacks and DescribeStackEvents; ours if the events have the token", true, Stays("ends a rollback");
    TERMINATION_PROTECTION: "cloudformation:UpdateTerminationProtection", "sets one value", "DescribeStacks", true,
        Stays("changes no resource");
    CANCEL_UPDATE: "cloudformation:CancelUpdateStack", "only from UPDATE_IN_PROGRESS; client request token",
        "DescribeStacks", true, Stays("CloudFormation rolls back");
    DETECT_DRIFT: "cloudformation:DetectStackDrift", "changes no resource; a detection in progress is refused", "not at all: it is run again",
        true, Stays("a comparison");
    CREATE_LOG_GROUP: "logs:CreateLogGroup", "the name is the function's; one of that name is no error", "DescribeLogGroups",
        true, Stays("Lambda creates it at the first call anyway; nothing is billed while it is empty");
    LOG_RETENTION: "logs:PutRetentionPolicy",
        "sets one value, only where none is set", "DescribeLogGroups", true, Stays("anybody may set another");
    PUT_PARAMETER: "ssm:PutParameter",
        "a person's `sluice secret set`: without Overwrite, then with it only if the parameter has the tags of the stage",
        "not at all: the person runs the command again, which makes one more version", true, Stays("Systems Manager keeps the versions before");
    DELETE_PARAMETER: "ssm:DeleteParameter",
        "a person's `sluice secret delete`: only a parameter with the tags of the stage; one that is gone is no error",
        "not at all: the person runs the command again", true, Stays("the person who deletes a secret has its value, or does not need it");
    CREATE_QUEUE: "sqs:CreateQueue",
        "fixed name; the same attributes again change nothing", "GetQueueUrl", true,
        Stays("made once by `sluice init`");
    SEND_MESSAGE: "sqs:SendMessage",
        "deduplication id of operation, sequence and cause, for 5 minutes",
        "not at all: a hint, the sweep finds what it points to", true, Stays("a hint");
    RECEIVE_MESSAGE: "sqs:ReceiveMessage", "hides for 3 s what it gives", "not at all: a hint", true,
        Stays("a hint");
    DELETE_MESSAGES: "sqs:DeleteMessageBatch",
        "a message that is gone is no error", "not at all: a hint", true, Stays("a hint");
}

/// The mutations of one kind of API.
pub struct ApiMutations {
    /// Creates the API.
    pub create: &'static Mutation,
    /// Deletes the API.
    pub delete: &'static Mutation,
    /// Sets its definition.
    pub import: &'static Mutation,
    /// Sets its other properties.
    pub set: &'static Mutation,
    /// Freezes its definition.
    pub create_deployment: &'static Mutation,
    /// Deletes a frozen definition.
    pub delete_deployment: &'static Mutation,
    /// Creates its stage.
    pub create_stage: &'static Mutation,
    /// Moves its stage.
    pub update_stage: &'static Mutation,
    /// Deletes its stage.
    pub delete_stage: &'static Mutation,
}

/// The mutations of that kind of API.
pub const fn of_api(kind: ApiKind) -> &'static ApiMutations {
    match kind {
        ApiKind::Http => &ApiMutations {
            create: &CREATE_API,
            delete: &DELETE_API,
            import: &IMPORT_API,
            set: &UPDATE_API,
            create_deployment: &CREATE_DEPLOYMENT,
            delete_deployment: &DELETE_DEPLOYMENT,
            create_stage: &CREATE_STAGE,
            update_stage: &UPDATE_STAGE,
            delete_stage: &DELETE_STAGE,
        },
        ApiKind::Rest => &ApiMutations {
            create: &CREATE_REST_API,
            delete: &DELETE_REST_API,
            import: &IMPORT_REST_API,
            set: &UPDATE_REST_API,
            create_deployment: &CREATE_REST_DEPLOYMENT,
            delete_deployment: &DELETE_REST_DEPLOYMENT,
            create_stage: &CREATE_REST_STAGE,
            update_stage: &UPDATE_REST_STAGE,
            delete_stage: &DELETE_REST_STAGE,
        },
    }
}

/// The text of `docs/effects.md`.
pub fn document() -> String {
    let mut page = String::from(
        "# Effects\n\nEvery call by which Sluice changes something in AWS, made from \
         `commands/src/operation/effects.rs` (`SLUICE_WRITE_DOCS=1 cargo test -p sluice-commands effects` writes \
         it). An intent is recorded before each call, and its end after it. An intent without an end is *observed* before \
         anything runs again. Where a second run would do harm, *absent* counts only 15 s after the intent, with \
         two looks agreeing, because control planes are eventually consistent.\n\nAn operation that fails or is \
         cancelled undoes, in reverse order, what people can reach and what costs money while it exists. Each step looks before it \
         undoes, and leaves what somebody else changed since. What nobody can reach stays, is named in the message, and \
         is reused by the next attempt: an unneeded delete is an unneeded risk.\n\n\
         | call | why it does not happen twice | how its result is found again | *absent* is certain | when its operation fails or is cancelled |\n\
         |---|---|---|---|---|\n",
    );
    for row in ALL {
        let undo = match row.undo {
            By(call) => format!("undone: {call}"),
            Stays(why) => format!("stays: {why}"),
        };
        let certain = if row.repeatable { "at once: safe to repeat" } else { "after 15 s, twice" };
        page.push_str(&format!(
            "| `{}` | {} | {} | {certain} | {undo} |\n",
            row.call, row.guard, row.observed
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_matches_the_table() {
        sluice_testkit::docs::hold("docs/effects.md", &super::document());
    }

    #[test]
    fn each_call_has_one_row() {
        let mut calls: Vec<_> = super::ALL.iter().map(|row| row.call).collect();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), super::ALL.len());
    }
}

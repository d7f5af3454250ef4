//! Every mutation that Sluice makes in AWS: what makes it safe to repeat, and how its traces are found again.
//! `docs/effects.md` is made from this table, and a test holds it equal to what `aws-adapter` can call.

/// One mutating call, as a row of `docs/effects.md`.
#[derive(Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The call as the adapter names it.
    pub call: &'static str,
    /// What keeps it from being done twice: a precondition, a token, or a deterministic name.
    pub guard: &'static str,
    /// How it is found again after its answer was lost.
    pub observed: &'static str,
    /// Whether an observation that finds nothing is certain, because running it again does no harm; otherwise it counts
    /// only after the settle time, twice.
    pub repeatable: bool,
    /// How it will be taken back.
    pub undo: &'static str,
}

/// The name of the one inline policy of every role.
pub const PUT_ROLE_POLICY_NAME: &str = "sluice";

macro_rules! mutations {
    ($($name:ident: $call:literal, $guard:literal, $observed:literal, $repeatable:literal, $undo:literal;)*) => {
        $(#[doc = concat!("`", $call, "`")]
        pub const $name: Mutation = Mutation {
            call: $call, guard: $guard, observed: $observed, repeatable: $repeatable, undo: $undo,
        };)*
        /// The whole table.
        pub const ALL: &[&Mutation] = &[$(&$name),*];
    };
}

mutations! {
    CREATE_REPOSITORY: "codecommit:CreateRepository",
        "the name is the pipeline's; one of that name is a conflict",
        "GetRepository; ours if its tag names the pipeline", true, "none: it may hold people's work";
    FIRST_COMMIT: "codecommit:CreateCommit",
        "no parent is given, so that it fails on a branch that has a commit",
        "GetBranch; ours if the commit's subject is the one we write", true, "none: goes with the repository";
    CREATE_BUCKET: "s3:CreateBucket",
        "the name is the account's and region's", "HeadBucket and its tags", true, "none: shared by all pipelines";
    BUCKET_VERSIONING: "s3:PutBucketVersioning", "sets one value", "GetBucketVersioning", true, "none";
    BUCKET_PRIVACY: "s3:PutPublicAccessBlock", "sets one value", "GetPublicAccessBlock", true, "none";
    BUCKET_POLICY: "s3:PutBucketPolicy", "sets one value", "GetBucketPolicy", true, "none";
    CREATE_POLICY: "iam:CreatePolicy",
        "fixed name; one of that name is a conflict", "GetPolicy", true, "none: made once by `sluice init`";
    CREATE_ROLE: "iam:CreateRole",
        "the name holds a hash of everything in it; one of that name is a conflict",
        "GetRole; ours if path, boundary and tag are", true, "DeleteRole";
    ROLE_POLICY: "iam:PutRolePolicy", "sets one value, named by the role's hash", "GetRolePolicy", true,
        "DeleteRolePolicy";
    CREATE_PROJECT: "codebuild:CreateProject",
        "the name is the pipeline's; one of that name is a conflict",
        "BatchGetProjects; ours if its tag names the pipeline", true, "DeleteProject";
    START_BUILD: "codebuild:StartBuild",
        "idempotency token for 5 minutes; SLUICE_OP in the build's environment after that",
        "ListBuildsForProject and BatchGetBuilds; ours if SLUICE_OP is the operation", false, "StopBuild";
    CREATE_FUNCTION: "lambda:CreateFunction",
        "deterministic name; one of that name is a conflict",
        "ListVersionsByFunction; ours if code and configuration are equal", true, "DeleteFunction";
    UPDATE_CONFIG: "lambda:UpdateFunctionConfiguration",
        "RevisionId", "GetFunctionConfiguration; ours if the configuration is equal", true,
        "the configuration before";
    UPDATE_CODE: "lambda:UpdateFunctionCode",
        "RevisionId", "ListVersionsByFunction; ours if a version has that code and configuration", true,
        "the code before";
    PUBLISH_VERSION: "lambda:PublishVersion",
        "CodeSha256 and RevisionId; makes nothing new when nothing changed",
        "ListVersionsByFunction; ours if a version has that code and configuration", true,
        "none: a version nobody points to does nothing";
    CREATE_ALIAS: "lambda:CreateAlias",
        "the name is the stage's; one of that name is a conflict",
        "GetAlias; ours if it points to the version", true, "DeleteAlias";
    MOVE_ALIAS: "lambda:UpdateAlias",
        "RevisionId", "GetAlias; ours if it points to the version", true, "UpdateAlias back, with RevisionId";
    PERMIT_API: "lambda:AddPermission",
        "fixed statement id; one of that id is a conflict", "GetPolicy of the alias", true, "RemovePermission";
    CREATE_API: "apigatewayv2:CreateApi",
        "under the pipeline slot, after looking for one of our name and tag",
        "GetApis; ours if name and tag are", false, "DeleteApi";
    CREATE_INTEGRATION: "apigatewayv2:CreateIntegration",
        "under the pipeline slot, after looking for one with that URI",
        "GetIntegrations; ours if the URI is", false, "DeleteIntegration";
    CREATE_ROUTE: "apigatewayv2:CreateRoute",
        "the route key is unique in an API", "GetRoutes; ours if it leads to the integration", true, "DeleteRoute";
    UPDATE_ROUTE: "apigatewayv2:UpdateRoute", "sets one value", "GetRoutes", true, "the integration before";
    DELETE_ROUTE: "apigatewayv2:DeleteRoute", "a route that is gone is no error", "GetRoutes", true, "CreateRoute";
    CREATE_DEPLOYMENT: "apigatewayv2:CreateDeployment",
        "under the pipeline slot; described by the digest of the definition",
        "GetDeployments; ours if the description is", false, "DeleteDeployment";
    CREATE_STAGE: "apigatewayv2:CreateStage",
        "the name is the stage's; one of that name is a conflict",
        "GetStage; ours if it serves the deployment", true, "DeleteStage";
    UPDATE_STAGE: "apigatewayv2:UpdateStage", "sets one value, under the stage slot", "GetStage", true,
        "the deployment before";
    CREATE_QUEUE: "sqs:CreateQueue",
        "fixed name; the same attributes again change nothing", "GetQueueUrl", true,
        "none: made once by `sluice init`";
    SEND_MESSAGE: "sqs:SendMessage",
        "deduplication id of operation, sequence and cause, for 5 minutes",
        "not at all: a hint, the sweep finds what it points to", true, "none";
    RECEIVE_MESSAGE: "sqs:ReceiveMessage", "hides for 3 s what it gives", "not at all: a hint", true, "none";
    DELETE_MESSAGES: "sqs:DeleteMessageBatch",
        "a message that is gone is no error", "not at all: a hint", true, "none";
}

/// `docs/effects.md`.
pub fn document() -> String {
    let mut page = String::from(
        "# Effects\n\nEvery call by which Sluice changes something in AWS, made from \
         `commands/src/operation/effects.rs` (`SLUICE_WRITE_DOCS=1 cargo test -p sluice-commands effects` writes \
         it). An intent is recorded before each, and its end after it; an intent without an end is *observed* before \
         anything is run again. Where a second run would do harm, *absent* counts only 15 s after the intent, with \
         two looks agreeing, because control planes are eventually consistent.\n\n\
         | call | what keeps it from being done twice | how it is found again | *absent* is certain | undo (not yet built) |\n\
         |---|---|---|---|---|\n",
    );
    for row in ALL {
        let certain = if row.repeatable { "at once: safe to repeat" } else { "after 15 s, twice" };
        page.push_str(&format!(
            "| `{}` | {} | {} | {certain} | {} |\n",
            row.call, row.guard, row.observed, row.undo
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_made_from_the_table() {
        crate::testdocs::hold("docs/effects.md", &super::document());
    }

    #[test]
    fn a_call_has_one_row() {
        let mut calls: Vec<_> = super::ALL.iter().map(|row| row.call).collect();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), super::ALL.len());
    }
}

use serde_json::{Value, json};

use super::policies::{api_policy, trust_builds};
use super::*;
use crate::ports::TAG_PIPELINE;
use crate::{names, packager};
use sluice_model::{PipelineName, StageName, Target};
use sluice_template::AppRights;
use sluice_template::POLICY_LIMIT;

fn target() -> Target {
    Target { account: "123456789012".into(), region: "eu-central-1".into() }
}

fn own() -> OwnResources {
    OwnResources {
        tables: vec!["sluice".into(), "sluice-audit".into()],
        queues: vec!["sluice.fifo".into()],
        buckets: vec!["sluice-123456789012-eu-central-1".into()],
    }
}

fn statements(document: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(document).unwrap();
    document["Statement"].as_array().unwrap().clone()
}

fn statement(document: &str, sid: &str) -> Value {
    statements(document).into_iter().find(|statement| statement["Sid"] == sid).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// Whether an IAM pattern matches: `*` matches any text, also across colons in a resource's last part.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, rest)) => text.strip_prefix(begin).is_some_and(|tail| {
            (0..=tail.len()).filter_map(|at| tail.get(at..)).any(|tail| fits(rest, tail))
        }),
    }
}

fn any_fits(patterns: &Value, text: &str) -> bool {
    texts(patterns).iter().any(|pattern| fits(pattern, text))
}

/// Whether the boundary of functions allows an action on a resource, ignoring tags.
fn lets_through(document: &str, action: &str, resource: &str) -> bool {
    let covers = |statement: &Value| {
        any_fits(&statement["Action"], action)
            && match statement.get("NotResource") {
                Some(others) => !any_fits(others, resource),
                None => any_fits(&statement["Resource"], resource),
            }
    };
    let statements = statements(document);
    let (denied, allowed): (Vec<_>, Vec<_>) = statements
        .iter()
        .filter(|statement| statement.get("Condition").is_none() && covers(statement))
        .partition(|statement| statement["Effect"] == "Deny");
    denied.is_empty() && !allowed.is_empty()
}

#[test]
fn a_function_may_use_data_but_neither_edit_rights_nor_reach_sluice() {
    let document = boundary(&target(), &own(), data_statements());
    let arn = |service: &str, resource: &str| target().arn(service, resource);
    for (action, resource) in [
        ("dynamodb:PutItem", arn("dynamodb", "table/orders")),
        ("dynamodb:Query", arn("dynamodb", "table/orders/index/by-day")),
        ("s3:GetObject", "arn:aws:s3:::acme-data/key".into()),
        ("sqs:SendMessage", arn("sqs", "orders")),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:orders-abc")),
        ("kms:Decrypt", arn("kms", "key/1")),
        ("lambda:InvokeFunction", arn("lambda", "function:sluice-orders-Hello:prod")),
        ("logs:PutLogEvents", arn("logs", "log-group:/aws/lambda/sluice-orders-Hello:log-stream:x")),
    ] {
        assert!(lets_through(&document, action, &resource), "{action} on {resource}");
    }
    for (action, resource) in [
        ("dynamodb:PutItem", arn("dynamodb", "table/sluice")),
        ("dynamodb:Query", arn("dynamodb", "table/sluice/index/due")),
        ("dynamodb:DeleteItem", arn("dynamodb", "table/sluice-audit")),
        ("dynamodb:DeleteTable", arn("dynamodb", "table/orders")),
        ("s3:GetObject", "arn:aws:s3:::sluice-123456789012-eu-central-1/orders/code/x".into()),
        ("s3:PutBucketPolicy", "arn:aws:s3:::acme-data".into()),
        ("sqs:SendMessage", arn("sqs", "sluice.fifo")),
        ("kms:PutKeyPolicy", arn("kms", "key/1")),
        ("kms:CreateGrant", arn("kms", "key/1")),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/admin".into()),
        ("sts:AssumeRole", "arn:aws:iam::123456789012:role/admin".into()),
        ("lambda:UpdateAlias", arn("lambda", "function:sluice-orders-Hello:prod")),
        ("lambda:UpdateFunctionCode", arn("lambda", "function:admin-tool")),
        ("apigateway:PATCH", "arn:aws:apigateway:eu-central-1::/apis/a1/stages/prod".into()),
        ("codebuild:StartBuild", arn("codebuild", "project/sluice-orders")),
        ("cloudformation:UpdateStack", arn("cloudformation", "stack/x/1")),
        ("ssm:SendCommand", arn("ec2", "instance/i-1")),
        ("ec2:RunInstances", arn("ec2", "instance/*")),
        ("cloudtrail:StopLogging", arn("cloudtrail", "trail/x")),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:sluice/slack-AbCdEf")),
    ] {
        assert!(!lets_through(&document, action, &resource), "{action} on {resource}");
    }
}

#[test]
fn a_function_reads_secrets_of_its_own_stage_only() {
    let document = boundary(&target(), &own(), data_statements());
    let secret = target().arn("ssm", "parameter/sluice/orders/prod/API_KEY");
    assert!(
        lets_through(&document, "ssm:GetParameter", &secret),
        "no statement without a condition denies it"
    );
    // What has no tag of a stage belongs to the installation; what has another stage's is denied by `NotOtherStages`.
    let own = statement(&document, "NotSluiceParameters");
    assert_eq!((&own["Effect"], &own["Action"]), (&json!("Deny"), &json!("*")));
    assert!(any_fits(&own["Resource"], &target().arn("ssm", "parameter/sluice/signing-secret")));
    assert_eq!(own["Condition"], json!({ "Null": { "aws:ResourceTag/sluice:stage": "true" } }));
    assert!(!lets_through(&document, "ssm:PutParameter", &secret));
}

#[test]
fn a_prepared_version_cannot_be_called_before_an_alias_points_to_it() {
    let everything = vec![json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })];
    for allowed in [data_statements(), everything] {
        let document = boundary(&target(), &own(), allowed);
        let call = |name: &str| {
            let function = target().arn("lambda", &format!("function:{name}"));
            lets_through(&document, "lambda:InvokeFunction", &function)
        };
        assert!(call("sluice-orders-Hello:dev") && call("sluice-orders-Hello:zz-9"));
        for name in ["sluice-orders-Hello", "sluice-orders-Hello:5", "sluice-orders-Hello:$LATEST", "other"] {
            assert!(!call(name), "{name}");
        }
    }
    let stage = "prod".parse().unwrap();
    let role = function_policy(&target(), "sluice-orders-Hello", &stage, &[]);
    let own = statement(&role, "OnlyOwnStage");
    let closed =
        |name: &str| !any_fits(&own["NotResource"], &target().arn("lambda", &format!("function:{name}")));
    assert!(!closed("sluice-orders-Other:prod"));
    assert!(closed("sluice-orders-Other:dev") && closed("sluice-orders-Other:preprod"));
}

#[test]
fn an_organisations_boundary_gives_no_access_to_sluice() {
    let everything = vec![json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })];
    let document = boundary(&target(), &own(), everything);
    let table = target().arn("dynamodb", "table/sluice");
    assert!(lets_through(&document, "athena:StartQueryExecution", "arn:aws:athena:eu-central-1::x"));
    assert!(!lets_through(&document, "dynamodb:PutItem", &table));
    assert!(!lets_through(&document, "iam:CreateUser", "*"));
    for other in
        ["states:UpdateStateMachine", "ssm:CreateAssociation", "ec2:ModifyInstanceAttribute", "sso:Start"]
    {
        assert!(
            !lets_through(&document, other, "*"),
            "{other} starts code with other rights, or edits rights"
        );
    }
    for sid in ["NotOtherPipelines", "NotOtherStages"] {
        assert_eq!(statement(&document, sid)["Effect"], "Deny");
    }
}

#[test]
fn every_document_is_within_iams_limits() {
    let target = Target { account: "123456789012".into(), region: "ap-northeast-3".into() };
    let longest = OwnResources {
        tables: vec!["t".repeat(255), "t".repeat(255)],
        queues: vec!["q".repeat(80)],
        buckets: vec![names::bucket(&target), "b".repeat(63)],
    };
    let size = |document: &str| document.chars().filter(|sign| !sign.is_whitespace()).count();
    let functions = boundary(&target, &longest, data_statements());
    assert!(size(&functions) <= MANAGED_LIMIT, "{}: {functions}", size(&functions));
    assert!(size(&build_boundary(&target)) <= MANAGED_LIMIT && size(&api_boundary(&target)) <= MANAGED_LIMIT);
    // Sluice's additions fit into the space that the template reader leaves.
    let (function, stage) = ("f".repeat(64), "s".repeat(20).parse().unwrap());
    let added = function_policy(&target, &function, &stage, &[]);
    assert!(added.chars().count() + POLICY_LIMIT <= INLINE_LIMIT, "{added}");
    let pipeline: PipelineName = format!("p{}", "x".repeat(39)).parse().unwrap();
    assert!(size(&build_policy(&target, &pipeline)) <= INLINE_LIMIT);
}

#[test]
fn a_build_reaches_only_its_own_pipeline_and_its_boundary_covers_it() {
    let policy = build_policy(&target(), &"orders".parse().unwrap());
    let log = statement(&policy, "Log");
    let group = |name: &str| target().arn("logs", &format!("log-group:/aws/codebuild/{name}"));
    assert!(any_fits(&log["Resource"], &group("sluice-orders:log-stream:x")));
    assert!(!any_fits(&log["Resource"], &group("sluice-orders-2:log-stream:x")), "another pipeline's");
    let bucket = statement(&policy, "ArtifactBucket");
    assert!(bucket.get("Condition").is_none(), "s3:prefix is no key of these");
    assert_eq!(texts(&bucket["Action"]), ["s3:GetBucketAcl", "s3:GetBucketLocation"]);
    let boundary = build_boundary(&target());
    for statement in statements(&policy) {
        for action in texts(&statement["Action"]) {
            let covered = |resource: &&str| {
                let covers = |limit: &Value| {
                    any_fits(&limit["Action"], action) && any_fits(&limit["Resource"], resource)
                };
                statements(&boundary).iter().any(covers)
            };
            assert!(texts(&statement["Resource"]).iter().all(covered), "{action}");
        }
    }
    let trust = trust_builds(&target(), &"orders".parse().unwrap());
    assert!(
        trust.contains(
            r#""aws:SourceArn":"arn:aws:codebuild:eu-central-1:123456789012:project/sluice-orders""#
        )
    );
}

/// The documents are for readers, and for tools that check IAM policies.
#[test]
fn the_documents_in_docs_match() {
    let (pipeline, stage) = ("orders".parse().unwrap(), "prod".parse().unwrap());
    let table = target().arn("dynamodb", "table/orders");
    let reads = json!({ "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": table });
    let names = FixedNames {
        own: [("AWS::DynamoDB::Table".to_owned(), "orders".to_owned())].into(),
        others: [("AWS::SSM::Parameter".to_owned(), "/network/vpc".to_owned())].into(),
    };
    let stack = ImmutableRole::of_stack(&target(), (&pipeline, &stage), &names).unwrap();
    for (name, document) in [
        ("iam-boundary.json", boundary(&target(), &own(), data_statements())),
        ("iam-boundary-api.json", api_boundary(&target())),
        ("iam-boundary-build.json", build_boundary(&target())),
        ("iam-boundary-stack.json", stack_boundary(&target(), &own())),
        ("iam-role-api.json", api_policy(&target(), &pipeline, &stage)),
        ("iam-role-build.json", build_policy(&target(), &pipeline)),
        ("iam-role-stack.json", stack.policy),
        ("iam-role-function.json", function_policy(&target(), "sluice-orders-prod-Hello", &stage, &[reads])),
    ] {
        let document: Value = serde_json::from_str(&document).unwrap();
        let text = format!("{document:#}\n");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
        if std::env::var_os("SLUICE_WRITE_DOCS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, text, "docs/{name}: SLUICE_WRITE_DOCS=1 cargo test -p sluice-commands rights");
    }
}

/// Names are cut and may begin alike, so the boundary compares tags.
#[test]
fn an_api_calls_only_the_versions_of_its_own_stage() {
    let (pipeline, stage) = (PipelineName::new("orders").unwrap(), StageName::new("prod").unwrap());
    let version =
        |function: &str, qualifier: &str| target().arn("lambda", &format!("function:{function}:{qualifier}"));
    let policy = api_policy(&target(), &pipeline, &stage);
    let allowed = &statements(&policy)[0]["Resource"];
    assert!(any_fits(allowed, &version("sluice-orders-prod-Hello", "7")));
    assert!(!any_fits(allowed, &version("sluice-orders-dev-Hello", "7")));
    let bare = target().arn("lambda", "function:sluice-orders-prod-Hello");
    assert!(!any_fits(allowed, &bare), "`$LATEST` may be a release that nobody approved");
    let boundary = api_boundary(&target());
    for (sid, tag) in [("NotOtherPipelines", TAG_PIPELINE), ("NotOtherStages", names::TAG_STAGE)] {
        let differs = &statement(&boundary, sid)["Condition"]["StringNotEquals"];
        assert_eq!(differs[format!("aws:ResourceTag/{tag}")], format!("${{aws:PrincipalTag/{tag}}}"));
    }
    let role = ImmutableRole::of_api(&target(), &pipeline, &stage);
    assert_eq!(role.boundary, names::api_boundary_arn(&target()));
    assert!(role.trust.contains("apigateway.amazonaws.com"), "{}", role.trust);
    assert!(role.arn(&target()).contains(":role/sluice/orders/prod/sluice-orders-prod-api-"));
}

#[test]
fn a_roles_name_changes_with_its_rights_and_fits() {
    let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
    let stage = StageName::new("prod").unwrap();
    let (function, pipeline) = (format!("sluice-{}", "x".repeat(57)), PipelineName::new("orders").unwrap());
    let role = |stage: &StageName, statements: &[Value]| {
        let rights = AppRights { statements: statements.to_vec(), ..AppRights::default() };
        ImmutableRole::of_function(&target, (&pipeline, stage), &function, &rights)
    };
    let plain = role(&stage, &[]);
    let more = role(&stage, &[json!({ "Effect": "Allow" })]);
    let dev = role(&StageName::new("dev").unwrap(), &[]);
    assert!(plain.name.len() <= 64 && more.name.len() <= 64);
    assert!(plain.name != more.name && plain.name != dev.name);
    assert_eq!(plain, role(&stage, &[]));
    let hash = plain.name.rsplit('-').next().unwrap();
    assert_eq!(hash.len(), 26, "128 bits: {hash}");
    assert!(hash.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{hash}");
}

/// The key of another build's artifact must stay secret: only that keeps a build from replacing the artifact.
#[test]
fn a_build_can_neither_list_the_bucket_nor_read_artifacts() {
    let policy = build_policy(&target(), &PipelineName::new("orders").unwrap());
    assert!(!policy.contains("s3:List") && !policy.contains("s3:*"), "{policy}");
    let policy: Value = serde_json::from_str(&policy).unwrap();
    for statement in policy["Statement"].as_array().unwrap() {
        if statement["Action"].to_string().contains("s3:GetObject") {
            let place = |prefix: &str| format!("arn:aws:s3:::sluice-123456789012-eu-central-1/{prefix}/*");
            let read = statement["Resource"].as_str().unwrap();
            assert!(
                [place("orders/code"), place("_sluice/packager")].iter().any(|place| place == read),
                "{read}"
            );
        }
    }
}

/// A manifest names the layers of an image and does not have them. A build that could push could move the tags of other pipelines.
#[test]
fn a_build_reads_manifests_of_its_account_and_neither_layers_nor_pushes() {
    let policy = build_policy(&target(), &"orders".parse().unwrap());
    for document in [policy, build_boundary(&target())] {
        let about_images: Vec<String> = statements(&document)
            .iter()
            .flat_map(|statement| {
                texts(&statement["Action"]).into_iter().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|action| action.starts_with("ecr:"))
            .collect();
        assert_eq!(about_images, ["ecr:BatchGetImage"]);
        let allowed = &statement(&document, "PinImages")["Resource"];
        assert!(any_fits(allowed, &target().arn("ecr", "repository/orders/api")));
        let foreign = sluice_model::Target { account: "210987654321".into(), ..target() };
        assert!(!any_fits(allowed, &foreign.arn("ecr", "repository/orders/api")), "another account");
    }
}

/// All pipelines run the same packager, so no build may replace it, whatever its pipeline is called.
#[test]
fn builds_read_the_packager_and_cannot_write_it() {
    let object =
        target().arn_of_bucket(&format!("{}/{}", names::bucket(&target()), packager::archive().key()));
    let allows = |policy: &str, action: &str| {
        let allows = |statement: &Value| {
            any_fits(&statement["Action"], action) && any_fits(&statement["Resource"], &object)
        };
        statements(policy).iter().any(allows)
    };
    for pipeline in ["orders", "sluice"] {
        let policy = build_policy(&target(), &pipeline.parse().unwrap());
        assert!(allows(&policy, "s3:GetObject") && !allows(&policy, "s3:PutObject"), "{policy}");
    }
    let boundary = build_boundary(&target());
    assert!(allows(&boundary, "s3:GetObject") && !allows(&boundary, "s3:PutObject"), "{boundary}");
}

//! Policy statements in words, for the people who have to approve them; the broad ones first.

use std::collections::BTreeSet;

use serde_json::Value;

use sluice_model::Target;

/// Actions that are accepted on every resource: they reach nobody else's data, or IAM has no resource type for them.
const WITHOUT_RESOURCE: [&str; 12] = [
    "bedrock:invokemodel",
    "cloudwatch:putmetricdata",
    "comprehend:detect",
    "kms:generaterandom",
    "polly:synthesizespeech",
    "rekognition:detect",
    "ses:send",
    "textract:analyze",
    "textract:detect",
    "translate:translatetext",
    "xray:get",
    "xray:put",
];
/// Services whose ARNs have no resource type before the name.
const UNTYPED: [&str; 4] = ["execute-api", "s3", "sns", "sqs"];
/// Prefixes that AWS adds to the names of a service's resources: they are not part of the name.
const GIVEN: [(&str, &str); 6] = [
    ("kms", "mrk-"),
    ("logs", "aws/lambda/"),
    ("logs", "aws/"),
    ("s3", "accesspoint/"),
    ("secretsmanager", "rds!"),
    ("ssm", "aws/"),
];
/// The least characters before a wildcard that count as a name.
const NAMED: usize = 3;
/// Prefixes of actions that only read.
const READS: [&str; 8] = ["batchget", "conditioncheck", "describe", "get", "head", "list", "query", "scan"];

/// The most characters of the parts of a line, as [`size`] counts them.
const ACTIONS: usize = 400;
const RESOURCES: usize = 512;
const CONDITION: usize = 400;

/// How much access a right gives, the broadest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessLevel {
    /// It has no specific resource or action, or something is no longer denied.
    Wild,
    /// It can change something.
    Write,
    /// It only reads.
    Read,
}

/// A new right, in words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// How much attention it needs.
    pub access: AccessLevel,
    /// "Allow dynamodb:GetItem on table/orders".
    pub words: String,
}

/// The most characters that a text takes in a message: Slack escapes some of them.
pub fn size(text: &str) -> usize {
    let cost = |sign| match sign {
        '&' | '<' | '>' => 5,
        '*' | '_' | '~' | '`' => 2,
        _ => 1,
    };
    text.chars().map(cost).sum()
}

/// The managed policies for what Lambda does with a function's role itself: write logs and traces, poll a source, reach a VPC
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html>).
const OF_LAMBDA: [&str; 9] = [
    BASIC,
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
    "CloudWatchLambdaInsightsExecutionRolePolicy",
    "service-role/AWSLambdaDynamoDBExecutionRole",
    "service-role/AWSLambdaKinesisExecutionRole",
    "service-role/AWSLambdaMSKExecutionRole",
    "service-role/AWSLambdaSQSQueueExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
];

/// Writing logs: every role of Sluice's may do that for its own log group, so this one is left out.
pub(crate) const BASIC: &str = "service-role/AWSLambdaBasicExecutionRole";

/// The name of one of AWS's own policies.
pub(crate) fn policy_name(arn: &str) -> Option<&str> {
    let (partition, name) = arn.strip_prefix("arn:")?.split_once(":iam::aws:policy/")?;
    (partition.starts_with("aws") && !name.is_empty()).then_some(name)
}

/// Whether a managed policy gives rights without naming a resource, and is not one that Lambda documents for functions.
pub(crate) fn is_wild_policy(arn: &str) -> bool {
    policy_name(arn).is_none_or(|name| !OF_LAMBDA.contains(&name))
}

/// The right that one of AWS's managed policies gives.
pub fn managed(policy: &str) -> Right {
    let name = policy.rsplit_once(":policy/").map_or(policy, |(_, name)| name);
    let access = if is_wild_policy(policy) { AccessLevel::Wild } else { AccessLevel::Write };
    Right { access, words: format!("Allow what AWS's policy {name} allows") }
}

/// `Action` or `NotAction`, `Resource` or `NotResource`. The items of a *Not* element belong together.
struct Side<'a> {
    not: bool,
    items: Vec<&'a str>,
}

impl<'a> Side<'a> {
    fn of(statement: &'a Value, name: &str) -> Self {
        let not = statement.get(format!("Not{name}"));
        let items = match not.or_else(|| statement.get(name)) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one.as_str()],
            _ => vec![],
        };
        Self { not: not.is_some(), items }
    }

    /// The units of comparison: each item; or all of them for a *Not* element, where an additional item removes rights.
    fn atoms(&self) -> Vec<String> {
        match self.not {
            true => vec![self.items.join(" ")],
            false => self.items.iter().map(|item| (*item).to_owned()).collect(),
        }
    }

    fn only(&self, atoms: &BTreeSet<String>) -> Vec<&'a str> {
        self.items.iter().copied().filter(|item| self.not || atoms.contains(*item)).collect()
    }
}

fn is_allow(statement: &Value) -> bool {
    statement["Effect"] == "Allow"
}

fn condition(statement: &Value) -> Option<String> {
    statement.get("Condition").map(Value::to_string)
}

/// Each action on each resource, with the condition.
fn pairs(statement: &Value) -> Vec<(String, String, String)> {
    let (actions, resources) = (Side::of(statement, "Action"), Side::of(statement, "Resource"));
    let terms = format!("{} {} {:?}", actions.not, resources.not, condition(statement));
    let all = resources.atoms();
    let each = actions.atoms();
    each.iter().flat_map(|a| all.iter().map(|r| (terms.clone(), a.clone(), r.clone()))).collect()
}

/// The rights that `now` gives and `before` did not, the broad ones first.
pub fn added(before: &[Value], now: &[Value], target: &Target) -> Vec<Right> {
    let mut rights = difference(before, now, true, target);
    // A right that is no longer denied may already have been allowed.
    rights.extend(difference(now, before, false, target));
    rights.sort();
    rights.dedup();
    rights
}

fn difference(before: &[Value], now: &[Value], allow: bool, target: &Target) -> Vec<Right> {
    let such = |statement: &&Value| is_allow(statement) == allow;
    let known: BTreeSet<_> = before.iter().filter(such).flat_map(pairs).collect();
    let mut rights = Vec::new();
    for statement in now.iter().filter(such) {
        let new = pairs(statement).into_iter().filter(|pair| !known.contains(pair));
        let (actions, resources): (BTreeSet<_>, BTreeSet<_>) = new.map(|(_, a, r)| (a, r)).unzip();
        if actions.is_empty() {
            continue;
        }
        let access = match allow && wild(statement).is_none() {
            false => AccessLevel::Wild,
            true if actions.iter().all(|action| reads(action)) => AccessLevel::Read,
            true => AccessLevel::Write,
        };
        let verb = if allow { "Allow" } else { "No longer deny" };
        let sides = (Side::of(statement, "Action"), Side::of(statement, "Resource"));
        let shown =
            sides.1.only(&resources).iter().map(|resource| short(resource, target)).collect::<Vec<_>>();
        let condition = condition(statement).map(|condition| format!(" if {condition}")).unwrap_or_default();
        let but = |not| if not { "everything but " } else { "" };
        let every =
            |action: &&str| if matches!(*action, "*" | "*:*") { "every action" } else { action }.to_owned();
        let actions: Vec<String> = sides.0.only(&actions).iter().map(every).collect();
        for some in chunks(&actions, ACTIONS, sides.0.not) {
            for on in chunks(&shown, RESOURCES, sides.1.not) {
                let words =
                    format!("{verb} {}{some} on {}{on}{condition}", but(sides.0.not), but(sides.1.not));
                rights.push(Right { access, words });
            }
        }
    }
    rights
}

/// The items as lists of at most that size, or as one list if they must stay together.
fn chunks(items: &[impl AsRef<str>], most: usize, whole: bool) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for item in items.iter().map(AsRef::as_ref) {
        match chunks.last_mut() {
            Some(open) if whole || size(open) + size(item) + 2 <= most => {
                open.push_str(", ");
                open.push_str(item);
            }
            _ => chunks.push(item.to_owned()),
        }
    }
    chunks
}

/// A resource without the account and region, if they are those of the installation.
fn short(resource: &str, target: &Target) -> String {
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, _, region, account, name]
            if (region.is_empty() || *region == target.region)
                && (account.is_empty() || *account == target.account) =>
        {
            (*name).to_owned()
        }
        ["*"] => "every resource".to_owned(),
        _ => resource.to_owned(),
    }
}

fn reads(action: &str) -> bool {
    let name = action.split_once(':').map_or("", |(_, name)| name).to_ascii_lowercase();
    READS.iter().any(|verb| name.starts_with(verb))
}

/// Why a statement is too broad for a template, unless an admin allowed it: it has no specific action or resource.
pub fn wild(statement: &Value) -> Option<String> {
    if !is_allow(statement) {
        return None;
    }
    let (actions, resources) = (Side::of(statement, "Action"), Side::of(statement, "Resource"));
    for (side, name) in [(&actions, "NotAction"), (&resources, "NotResource")] {
        if side.not {
            return Some(format!("{name} allows everything except what it names"));
        }
    }
    let every = |action: &&&str| action.split_once(':').unwrap_or((action, "")).0.contains(['*', '?']);
    if let Some(action) = actions.items.iter().find(every) {
        return Some(format!("the action `{action}` matches every action of every service"));
    }
    let needs_name = |action: &&&str| {
        let action = action.to_ascii_lowercase();
        !WITHOUT_RESOURCE.iter().any(|known| action.starts_with(known))
    };
    let resource = resources.items.iter().find(|resource| is_everywhere(resource))?;
    let action = actions.items.iter().find(needs_name)?;
    Some(format!("`{action}` on `{resource}` names no specific resource"))
}

/// Whether a resource's name begins with a wildcard.
fn is_everywhere(resource: &str) -> bool {
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let ["arn", _, service, _, _, name] = parts.as_slice() else { return true };
    let fixed = name.split(['*', '?']).next().unwrap_or_default();
    let fixed = fixed.split("${").next().unwrap_or_default();
    if fixed.len() == name.len() {
        return false;
    }
    let own = match UNTYPED.contains(service) {
        true => fixed,
        false => fixed.split_once(['/', ':']).map_or("", |(_, own)| own),
    };
    let own = own.trim_start_matches('/');
    let bare = GIVEN.iter().filter(|(of, _)| of == service).find_map(|(_, given)| own.strip_prefix(given));
    let own = match service {
        // A user pool's id begins with its region: eu-central-1_AbCdEf.
        &"cognito-idp" => own.split_once('_').map_or("", |(_, id)| id),
        _ => bare.unwrap_or(own),
    };
    own.chars().count() < NAMED
}

/// Why a statement cannot be shown to an approver in full.
pub(super) fn too_long(statement: &Value) -> Option<String> {
    let sides = [
        (Side::of(statement, "Action"), "Action", ACTIONS),
        (Side::of(statement, "Resource"), "Resource", RESOURCES),
    ];
    for (side, name, most) in sides {
        let longest = match side.not {
            true => size(&side.items.join(", ")),
            false => side.items.iter().map(|item| size(item)).max().unwrap_or_default(),
        };
        if longest > most {
            return Some(format!("{name} has a string of more than {most} characters"));
        }
    }
    let condition = condition(statement).filter(|condition| size(condition) > CONDITION);
    condition.map(|_| format!("Condition has more than {CONDITION} characters"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target() -> Target {
        Target { account: "123456789012".into(), region: "eu-central-1".into() }
    }

    fn allow(action: Value, resource: Value) -> Value {
        json!({ "Effect": "Allow", "Action": action, "Resource": resource })
    }

    fn words(before: &[Value], now: &[Value]) -> Vec<String> {
        added(before, now, &target()).into_iter().map(|right| right.words).collect()
    }

    #[test]
    fn added_rights_are_described_the_broad_ones_first() {
        let table = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders";
        let before = [allow(json!("dynamodb:GetItem"), json!(table))];
        let now = [
            allow(json!(["dynamodb:GetItem", "dynamodb:PutItem"]), json!(table)),
            allow(json!("s3:GetObject"), json!("arn:aws:s3:::orders/*")),
            allow(json!("*"), json!("*")),
        ];
        assert_eq!(
            words(&before, &now),
            [
                "Allow every action on every resource",
                "Allow dynamodb:PutItem on table/orders",
                "Allow s3:GetObject on orders/*",
            ]
        );
        assert_eq!(words(&now, &before), Vec::<String>::new());
        let elsewhere = "arn:aws:sqs:eu-central-1:999999999999:q";
        let far = [allow(json!("sqs:SendMessage"), json!(elsewhere))];
        assert_eq!(words(&[], &far), [format!("Allow sqs:SendMessage on {elsewhere}")]);
    }

    #[test]
    fn a_removed_condition_or_denial_is_a_right() {
        let deny =
            json!({ "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::orders/*" });
        let mut bound = allow(json!("s3:GetObject"), json!("arn:aws:s3:::orders/*"));
        let free = bound.clone();
        bound["Condition"] = json!({ "Bool": { "aws:SecureTransport": "true" } });
        assert_eq!(
            words(&[bound.clone(), deny.clone()], std::slice::from_ref(&free)),
            ["No longer deny s3:DeleteObject on orders/*", "Allow s3:GetObject on orders/*"]
        );
        assert_eq!(words(&[], &[deny]), Vec::<String>::new());
        assert_eq!(
            words(&[], &[bound]),
            [r#"Allow s3:GetObject on orders/* if {"Bool":{"aws:SecureTransport":"true"}}"#]
        );
        let all_but = |actions: Value| json!({ "Effect": "Allow", "NotAction": actions, "Resource": "*" });
        let less = words(&[all_but(json!(["iam:*", "s3:*"]))], &[all_but(json!("iam:*"))]);
        assert_eq!(less, ["Allow everything but iam:* on every resource"]);
    }

    #[test]
    fn a_statement_that_names_no_resource_is_wild() {
        let arn = |rest: &str| format!("arn:aws:{rest}");
        for (action, resource, is_wild) in [
            ("*", "arn:aws:s3:::orders/*".to_owned(), true),
            ("s*:Get*", arn("s3:::orders/*"), true),
            ("dynamodb:*", "*".into(), true),
            ("dynamodb:GetItem", "*".into(), true),
            ("secretsmanager:GetSecretValue", arn("secretsmanager:eu-central-1:123456789012:secret:*"), true),
            ("dynamodb:PutItem", arn("dynamodb:*:*:table/*"), true),
            ("s3:GetObject", arn("s3:::*/*"), true),
            ("s3:GetObject", arn("s3:::or*"), true),
            ("ssm:GetParameter", arn("ssm:eu-central-1:123456789012:parameter/*"), true),
            ("lambda:InvokeFunction", arn("lambda:*:*:function:*"), true),
            // A prefix that AWS adds to every name is not a name.
            ("secretsmanager:GetSecretValue", arn("secretsmanager:*:*:secret:rds!*"), true),
            ("cognito-idp:AdminSetUserPassword", arn("cognito-idp:*:*:userpool/eu-central-1_*"), true),
            ("kms:Decrypt", arn("kms:*:*:key/mrk-*"), true),
            ("ssm:GetParameter", arn("ssm:*:*:parameter/aws/*"), true),
            ("s3:GetObject", arn("s3:eu-central-1:123456789012:accesspoint/*"), true),
            ("logs:PutLogEvents", arn("logs:*:*:log-group:/aws/lambda/*"), true),
            ("logs:PutLogEvents", "*".into(), true),
            ("logs:PutLogEvents", arn("logs:*:*:log-group:/aws/lambda/orders-*"), false),
            ("cognito-idp:AdminGetUser", arn("cognito-idp:*:*:userpool/eu-central-1_AbCdE*"), false),
            ("dynamodb:*", arn("dynamodb:eu-central-1:123456789012:table/orders"), false),
            ("dynamodb:Query", arn("dynamodb:*:*:table/orders/index/*"), false),
            ("s3:GetObject", arn("s3:::orders-data/*"), false),
            ("ssm:GetParameter", arn("ssm:eu-central-1:123456789012:parameter/orders/*"), false),
            ("XRay:PutTraceSegments", "*".into(), false),
            ("ses:SendEmail", "*".into(), false),
        ] {
            let found = wild(&allow(json!(action), json!(resource)));
            assert_eq!(found.is_some(), is_wild, "{action} on {resource}: {found:?}");
        }
        assert!(wild(&json!({ "Effect": "Deny", "NotAction": "s3:*", "Resource": "*" })).is_none());
        assert!(wild(&json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" })).is_some());
        let others = json!({ "Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::a" });
        assert!(wild(&others).is_some());
    }

    #[test]
    fn a_long_statement_becomes_several_lines_and_loses_nothing() {
        let resources: Vec<_> = (0..60).map(|nth| format!("arn:aws:s3:::orders-data-{nth:03}/*")).collect();
        let lines = words(&[], &[allow(json!(["s3:GetObject", "s3:PutObject"]), json!(resources))]);
        assert!(lines.len() > 1 && lines.iter().all(|line| size(line) < ACTIONS + RESOURCES + CONDITION));
        let all = lines.join("\n");
        assert!((0..60).all(|nth| all.contains(&format!("orders-data-{nth:03}/*"))), "{all}");
    }
}

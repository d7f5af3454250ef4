//! The rights of functions' roles.

use super::*;

const TABLE: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders";

/// A function whose role has these properties.
fn with_role(properties: Value) -> Value {
    template(json!({ "Hello": function(json!({})), "HelloRole": role(properties) }))
}

/// A role's properties with one inline policy of this statement.
fn inline(statement: Value) -> Value {
    json!({ "Policies": [{ "PolicyName": "Own", "PolicyDocument": { "Version": "2012-10-17", "Statement": [statement] } }] })
}

fn allow(action: Value, resource: Value) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resource })
}

#[test]
fn policies_of_a_role_and_those_attached_to_it_become_statements() {
    let mut properties = inline(json!({
        "Sid": "Read", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": { "Fn::Sub": TABLE.replace("123456789012", "${AWS::AccountId}") },
    }));
    properties["ManagedPolicyArns"] = json!([
        { "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole" },
        "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
    ]);
    let mut whole = with_role(properties);
    let document = json!({ "Version": "2012-10-17", "Statement": allow(json!(["sqs:SendMessage"]), json!("arn:aws:sqs:eu-central-1:1:q")) });
    whole["Resources"]["More"] = json!({ "Type": "AWS::IAM::Policy", "Properties": {
        "PolicyName": "more", "PolicyDocument": document, "Roles": [{ "Ref": "HelloRole" }],
    } });
    let rights = World::new().read(&whole).unwrap().functions["Hello"].rights.clone();
    let statements = [
        allow(json!("dynamodb:GetItem"), json!(TABLE)),
        allow(json!(["sqs:SendMessage"]), json!("arn:aws:sqs:eu-central-1:1:q")),
    ];
    assert_eq!(rights.statements, statements);
    assert_eq!(rights.managed, ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess".to_owned()].into());
}

#[test]
fn a_policy_behind_a_condition_is_read_or_left_out() {
    let own = inline(allow(json!("dynamodb:GetItem"), json!(TABLE)))["Policies"][0].clone();
    for (stage, count) in [("prod", 1), ("dev", 0)] {
        let chosen = json!({ "Fn::If": ["IsChosen", own, { "Ref": "AWS::NoValue" }] });
        let mut whole = with_role(json!({ "Policies": [chosen] }));
        whole["Conditions"] = json!({ "IsChosen": { "Fn::Equals": [{ "Ref": "Stage" }, stage] } });
        let rights = World::new().read(&whole).unwrap().functions["Hello"].rights.clone();
        assert_eq!(rights.statements.len(), count, "{stage}");
    }
    let error = refused(&with_role(json!({ "Policies": [{ "PolicyName": "empty" }] })));
    assert!(error.problem.contains("the policy has no PolicyDocument"), "{error:?}");
}

#[test]
fn wild_rights_need_an_admin() {
    let everything = with_role(inline(allow(json!("*"), json!("*"))));
    let managed =
        with_role(json!({ "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"] }));
    for whole in [everything, managed] {
        let error = refused(&whole);
        assert_eq!(error.code, TemplateCode::WildRights);
        assert!(error.hint.contains("/stage set orders prod wild_rights=yes"), "{}", error.hint);
        let allowed = World { wild_rights: true, ..World::new() }.read(&whole).unwrap();
        assert!(allowed.has_wild_rights());
    }
    let named = with_role(inline(allow(json!("dynamodb:GetItem"), json!(TABLE))));
    assert!(!World::new().read(&named).unwrap().has_wild_rights());
}

#[test]
fn statements_that_iam_would_refuse_are_refused() {
    let condition = |condition: Value| {
        let mut statement = allow(json!("s3:GetObject"), json!("arn:aws:s3:::a/*"));
        statement["Condition"] = condition;
        statement
    };
    for (statement, words) in [
        (json!({ "Action": "s3:GetObject", "Resource": "*" }), "a statement has no Effect"),
        (json!({ "Effect": "Maybe", "Action": "s3:GetObject", "Resource": TABLE }), "must be Allow or Deny"),
        (json!({ "Effect": "Allow", "Action": "s3:GetObject" }), "either Resource or NotResource"),
        (allow(json!("GetObject"), json!(TABLE)), "`GetObject` in Action is not an action"),
        (allow(json!("s3:GetObject"), json!("orders")), "`orders` in Resource is not an ARN"),
        (allow(json!([]), json!(TABLE)), "neither a string nor a list of strings"),
        (allow(json!("s3:GetObject"), json!("arn:aws:s3:::☃")), "which IAM does not accept"),
        (condition(json!({ "Equals": {} })), "is not an IAM operator"),
        (condition(json!({ "StringEquals": { "plain": "x" } })), "is not a key"),
        (
            json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": TABLE }),
            "`Principal` is not allowed",
        ),
    ] {
        let errors = World::new().read(&with_role(inline(statement.clone()))).unwrap_err();
        assert!(errors.iter().any(|error| error.problem.contains(words)), "{statement}: {errors:?}");
        assert!(errors.iter().all(|error| error.line == Some(9)), "{errors:?}");
    }
}

#[test]
fn roles_and_policies_from_elsewhere_are_refused() {
    let role = "arn:aws:iam::123456789012:role/admin";
    let mut outside = template(json!({ "Hello": function(json!({ "Role": role })) }));
    outside["Resources"].as_object_mut().unwrap().remove("HelloRole");
    assert!(
        refused(&outside).problem.contains("its role is not one that only functions of this template use")
    );
    let policy = with_role(json!({ "ManagedPolicyArns": ["arn:aws:iam::123456789012:policy/mine"] }));
    assert!(refused(&policy).problem.contains("is not a policy of AWS"));
}

#[test]
fn the_policies_of_a_role_have_a_limit() {
    let long =
        (0..200).map(|nth| format!("arn:aws:s3:::a-bucket-with-a-long-name-{nth}/*")).collect::<Vec<_>>();
    let statements: Vec<Value> =
        long.chunks(8).map(|some| allow(json!("s3:GetObject"), json!(some))).collect();
    let mut properties = inline(json!({}));
    properties["Policies"][0]["PolicyDocument"]["Statement"] = statements.into();
    let error = refused(&with_role(properties));
    assert!(error.problem.contains("and the limit is 9216"), "{error:?}");
}

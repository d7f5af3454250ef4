//! What is refused: each with its resource, its line, and words that say what to do.

use super::*;

/// A function with one statement.
fn statement(action: &str, resource: Value, condition: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    if condition != json!({}) {
        statement["Condition"] = condition;
    }
    json!({ "Policies": { "Statement": statement } })
}

/// The only problem of a template, as (code, resource, text of the line, problem and hint).
fn only_problem(template: &Value) -> (TemplateCode, Option<String>, String, String) {
    let errors = World::new().read(template).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let text = serde_json::to_string_pretty(template).unwrap();
    let line = errors[0].line.map(|line| text.lines().nth(line - 1).unwrap().trim().to_owned());
    assert!(!errors[0].hint.is_empty(), "{errors:?}");
    let words = format!("{} ({})", errors[0], errors[0].hint);
    (errors[0].code, errors[0].resource.clone(), line.unwrap_or_default(), words)
}

/// (properties of Hello, the reported line: its key, or all of it; words of the problem or hint)
#[test]
fn a_function_outside_the_subset_is_refused_with_resource_and_line() {
    let table: Vec<(Value, &str, &str)> = vec![
        (json!({ "FunctionName": "x" }), "FunctionName", "sluice-{pipeline}"),
        (json!({ "Role": "arn:x" }), "Role", "Sluice creates the role"),
        (json!({ "Layers": [] }), "Layers", "folder of CodeUri"),
        (json!({ "VpcConfig": {} }), "VpcConfig", "docs/templates.md"),
        (json!({ "AutoPublishAlias": "live" }), "AutoPublishAlias", "/promote"),
        (json!({ "FunctionUrlConfig": {} }), "FunctionUrlConfig", "HttpApi"),
        (json!({ "InlineCode": "x" }), "InlineCode", "CodeUri"),
        (json!({ "Runtime": "python2.7" }), "Runtime", "python2.7"),
        (json!({ "Handler": "a b" }), "Handler", "not a handler"),
        (json!({ "MemorySize": 64 }), "MemorySize", "128 to 10240"),
        (json!({ "MemorySize": 10241 }), "MemorySize", "128 to 10240"),
        (json!({ "Timeout": 0 }), "Timeout", "1 to 900"),
        (json!({ "Timeout": "1.5" }), "Timeout", "1 to 900"),
        (json!({ "Timeout": { "Ref": "Zones" } }), "Timeout", "found a list"),
        (json!({ "Architectures": ["sparc"] }), "Architectures", "[arm64]"),
        (json!({ "Architectures": ["arm64", "x86_64"] }), "Architectures", "[arm64]"),
        (json!({ "Environment": { "Variables": { "A-B": "x" } } }), "A-B", "not a name"),
        (json!({ "Environment": { "Variables": { "AWS_REGION": "x" } } }), "AWS_REGION", "Lambda sets"),
        (json!({ "Environment": { "Variables": { "XX": null } } }), "XX", "found nothing"),
        (json!({ "Environment": { "Variables": { "XX": { "Ref": "Nope" } } } }), "XX", "`Nope`"),
        (json!({ "Environment": { "Variables": { "XX": { "Ref": "AWS::StackName" } } } }), "XX", "no stack"),
        (
            json!({ "Environment": { "Variables": { "XX": { "Fn::If": ["c", "a", "b"] } } } }),
            "XX",
            "`Fn::If`",
        ),
        (
            json!({ "Environment": { "Variables": { "XX": { "Fn::GetAtt": ["Hello", "Name"] } } } }),
            "XX",
            "`Name`",
        ),
        (json!({ "Environment": { "Variables": { "XX": { "Fn::Sub": "${Hello" } } } }), "XX", "no `}`"),
        (
            json!({ "Environment": { "Variables": { "XX": { "Fn::Sub": "${Zones}" } } } }),
            "XX",
            "found a list",
        ),
        (
            json!({ "Environment": { "Variables": { "XX": { "Ref": "Stage", "y": 1 } } } }),
            "XX",
            "next to other keys",
        ),
        (
            json!({ "Environment": { "Variables": { "XX": "{{resolve:ssm:p}}" } } }),
            "XX",
            "name of the secret",
        ),
        (
            json!({ "Environment": { "Variables": { "XX": { "Fn::Sub": ["{{res${A}", { "A": "olve:x}}" }] } } } }),
            "XX",
            "dynamic",
        ),
        (json!({ "Environment": { "Variables": { "XX": "x".repeat(4096) } } }), "Variables", "4098 bytes"),
        (json!({ "Policies": "AdministratorAccess" }), "Policies", "AdministratorAccess"),
        (json!({ "Policies": [{ "S3ReadPolicy": { "BucketName": "b" } }] }), "{", "S3ReadPolicy"),
        (
            json!({ "Policies": { "Statement": { "Effect": "Allow", "Action": "*" } } }),
            "Statement",
            "NotResource",
        ),
        (
            json!({ "Policies": { "Statement": { "Effect": "May", "Action": "*", "Resource": "*" } } }),
            "Effect",
            "Allow or Deny",
        ),
        (
            json!({ "Policies": { "Statement": { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" } } }),
            "Principal",
            "`Principal`",
        ),
        (
            json!({ "Policies": { "Statement": (0..30).map(|nth| json!({
                "Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{nth}{}", "x".repeat(300)),
            })).collect::<Vec<_>>() } }),
            "Policies",
            "limit is 9216",
        ),
        (
            statement("s3:GetObject", json!("arn:aws:s3:::ordersü€/*"), json!({})),
            "Resource",
            "`€`, which IAM",
        ),
        (statement("s3:GetObject", json!("orders/*"), json!({})), "Resource", "is not an ARN"),
        (statement("s3:GetObject", json!("arn:*:s3:::orders/*"), json!({})), "Resource", "is not an ARN"),
        (statement("GetObject", json!("arn:aws:s3:::orders/*"), json!({})), "Action", "is not an action"),
        (statement("s3:GetObject", json!([]), json!({})), "Resource", "neither a string nor a list"),
        (
            statement("s3:GetObject", json!(format!("arn:aws:s3:::{}", "x".repeat(600))), json!({})),
            "Statement",
            "more than 512",
        ),
        (
            statement("s3:GetObject", json!("arn:aws:s3:::orders/*"), json!({ "Equals": { "aws:a": "b" } })),
            "Condition",
            "not an IAM operator",
        ),
        (
            statement(
                "s3:GetObject",
                json!("arn:aws:s3:::orders/*"),
                json!({ "StringEquals": { "a": "b" } }),
            ),
            "Condition",
            "not a key",
        ),
        (statement("*", json!("arn:aws:s3:::orders/*"), json!({})), "Statement", "wild_rights=yes"),
        (statement("dynamodb:*", json!("*"), json!({})), "Statement", "wild_rights=yes"),
        (
            json!({ "Policies": { "Statement": { "Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::x" } } }),
            "Statement",
            "/stage set orders prod wild_rights=yes",
        ),
        (json!({ "Events": { "Tick": { "Type": "Schedule" } } }), "Tick", "`Schedule`"),
        (json!({ "Events": { "Rest": { "Type": "Api" } } }), "Rest", "type HttpApi"),
        (json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "ApiId": "x" } } } }), "E", "one API"),
        (
            json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "/" } } } }),
            "E",
            "Path without Method",
        ),
        (
            json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "x", "Method": "GET" } } } }),
            "E",
            "not a path",
        ),
        (
            json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "/{a+}/b", "Method": "GET" } } } }),
            "E",
            "not a path",
        ),
        (
            json!({ "Events": { "E": { "Type": "HttpApi", "Properties": { "Path": "/", "Method": "FETCH" } } } }),
            "E",
            "not a method",
        ),
        (json!({ "CodeUri": "src" }), "CodeUri", "sluice_package.py"),
        (json!({ "CodeUri": "s3://other/orders/code/abc" }), "CodeUri", "outside s3://sluice-bucket/orders/"),
        (json!({ "CodeUri": "s3://sluice-bucket/orders-2/code/abc" }), "CodeUri", "outside s3://"),
        (
            json!({ "CodeUri": { "Bucket": "sluice-bucket", "Key": "orders/code/other" } }),
            "CodeUri",
            "from different builds",
        ),
        (
            json!({ "CodeUri": { "Bucket": "sluice-bucket", "Key": "orders/code/abc", "Version": "v2" } }),
            "CodeUri",
            "from different builds",
        ),
    ];
    for (properties, key, words) in table {
        let mut whole = template(json!({ "Hello": function(properties.clone()) }));
        if properties["CodeUri"] == "src" {
            whole = template(json!({ "Hello": { "Type": FUNCTION, "Properties": {
                "Runtime": "python3.12", "Handler": "a.b", "CodeUri": { "Bucket": "b" } } } }));
        }
        let (_, resource, line, problem) = only_problem(&whole);
        assert_eq!(resource.as_deref(), Some("Hello"), "{properties}");
        assert!(
            line == key || line.starts_with(&format!("\"{key}\"")),
            "{properties}: the reported line is {line}"
        );
        assert!(problem.contains(words), "{properties}: {problem}");
    }
}

#[test]
fn a_template_outside_the_subset_is_refused_with_its_line() {
    let hello = || json!({ "Hello": function(json!({})) });
    let with = |path: &[&str], value: Value| {
        let mut whole = template(hello());
        let place = path.iter().fold(&mut whole, |value, key| &mut value[*key]);
        *place = value;
        whole
    };
    let table = [
        (
            with(&["Transform"], json!("AWS::Include")),
            None,
            "\"Transform\"",
            "write `Transform: AWS::Serverless",
        ),
        (with(&["Conditions"], json!({})), None, "\"Conditions\"", "parameter"),
        (with(&["Globals"], json!({ "Api": {} })), None, "\"Api\"", "Globals may set"),
        (with(&["Globals"], json!({ "Function": { "Layers": [] } })), None, "\"Layers\"", "folder"),
        (with(&["Globals"], json!({ "Function": { "Timeout": 901 } })), None, "\"Timeout\"", "1 to 900"),
        (
            with(&["Resources", "Table"], json!({ "Type": "AWS::DynamoDB::Table" })),
            Some("Table"),
            "\"Type\": \"AWS::Dyn",
            "not supported",
        ),
        (with(&["Resources", "Hello", "DependsOn"], json!("X")), Some("Hello"), "\"DependsOn\"", "order"),
        (with(&["Resources", "Hello", "Condition"], json!("X")), Some("Hello"), "\"Condition\"", "parameter"),
        (with(&["Resources"], json!({})), None, "\"Resources\"", "no function"),
        (
            with(&["Parameters", "Key"], json!({ "Type": "AWS::SSM::Parameter::Value<String>" })),
            None,
            "\"Key\"",
            "String",
        ),
        (
            with(&["Parameters", "Key"], json!({ "Type": "String", "NoEcho": true })),
            None,
            "\"Key\"",
            "Secrets Manager",
        ),
        (with(&["Parameters", "Stage"], json!({ "Type": "Number" })), None, "\"Stage\"", "String"),
        (
            with(&["Parameters", "Stage", "AllowedValues"], json!(["dev"])),
            None,
            "\"Stage\"",
            "`prod`, not one of dev",
        ),
    ];
    for (whole, resource, line_start, words) in table {
        let (_, reported, line, problem) = only_problem(&whole);
        assert_eq!(reported.as_deref(), resource, "{problem}");
        assert!(line.starts_with(line_start), "{problem}: the reported line is {line}");
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn missing_properties_are_reported() {
    let bare = json!({ "Hello": { "Type": FUNCTION, "Properties": {} } });
    let errors = World::new().read(&template(bare)).unwrap_err();
    let problems: Vec<_> = errors.iter().map(|error| error.problem.as_str()).collect();
    assert_eq!(
        problems,
        ["the function has no Runtime", "the function has no Handler", "the function has no CodeUri"]
    );
    assert!(errors.iter().all(|error| error.code == TemplateCode::Missing && error.line.is_some()));
}

#[test]
fn two_functions_cannot_have_one_route() {
    let get =
        json!({ "Events": { "Get": { "Type": "HttpApi", "Properties": { "Path": "/", "Method": "GET" } } } });
    let (_, resource, line, problem) =
        only_problem(&template(json!({ "Aa": function(get.clone()), "Bb": function(get) })));
    assert_eq!(resource.as_deref(), Some("Bb"));
    assert!(line.starts_with("\"Get\""), "{line}");
    assert!(problem.contains("`GET /` already belongs to Aa"), "{problem}");
}

#[test]
fn an_error_in_globals_is_reported_once() {
    let mut whole = template(json!({ "Aa": function(json!({})), "Bb": function(json!({})) }));
    whole["Globals"] = json!({ "Function": { "MemorySize": 1 } });
    assert_eq!(World::new().read(&whole).unwrap_err().len(), 1);
}

#[test]
fn the_manifest_and_the_template_must_be_from_one_build() {
    let whole = template(json!({ "Hello": function(json!({})) }));
    let text = whole.to_string();
    let (world, mut manifest) = (World::new(), manifest_of(&whole));
    let pinned = manifest.functions["Hello"].clone();
    manifest.functions.insert("Gone".into(), pinned);
    let errors = read(&text, &text, &manifest, &world.deploying()).unwrap_err();
    assert!(errors[0].problem.contains("the function Gone"), "{errors:?}");
    manifest.functions.clear();
    let errors = read(&text, &text, &manifest, &world.deploying()).unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, TemplateCode::Code));
}

#[test]
fn lines_are_those_of_the_original_yaml() {
    let yaml = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    \
                Properties:\n      CodeUri: src\n      Role: !GetAtt Mine.Arn\n      Environment:\n        Variables:\n          \
                XX: !Ref Nope\n";
    let whole = json!({ "Transform": TRANSFORM, "Resources": { "Hello": function(json!({
        "Role": { "Fn::GetAtt": ["Mine", "Arn"] }, "Environment": { "Variables": { "XX": { "Ref": "Nope" } } },
    })) } });
    let errors = read(&whole.to_string(), yaml, &manifest_of(&whole), &World::new().deploying()).unwrap_err();
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "template.yaml line 7, Hello: `Role` is not supported here",
            "template.yaml line 10, Hello: `Nope` is neither a parameter nor a function of this template",
        ]
    );
}

#[test]
fn input_that_is_no_template_is_refused() {
    let manifest = Manifest::default();
    for text in ["", "[]", "null", "{", "Resources:", &"[".repeat(100_000)] {
        let errors = read(text, text, &manifest, &World::new().deploying()).unwrap_err();
        assert_eq!((errors.len(), errors[0].code), (1, TemplateCode::Shape));
    }
}

#[test]
fn wild_rights_are_read_where_an_admin_allowed_them() {
    let mut world = World::new();
    let whole = template(json!({ "Hello": function(statement("*", json!("*"), json!({}))) }));
    let errors = world.read(&whole).unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, TemplateCode::WildRights));
    world.wild_rights = true;
    assert!(world.read(&whole).unwrap().has_wild_rights());
    let named = template(json!({ "Hello": function(json!({})) }));
    assert!(!world.read(&named).unwrap().has_wild_rights());
}

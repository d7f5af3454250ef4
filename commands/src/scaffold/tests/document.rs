//! `docs/first-commits.md`: what each template has, from its files and from what the packager made of it.

use std::fmt::Write as _;

use serde_json::Value;

use super::packaged::fixture;
use super::{Language, orders};

/// The resources of a packaged template, by logical id.
fn resources(from: Language) -> serde_json::Map<String, Value> {
    let [_, packaged, ..] = fixture(from);
    let packaged: Value = serde_json::from_str(packaged).unwrap();
    packaged["Resources"].as_object().unwrap().clone()
}

/// The logical ids and properties of a type.
fn of_type<'a>(
    resources: &'a serde_json::Map<String, Value>,
    kind: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let found = resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
    found.map(|(id, resource)| (id, &resource["Properties"]))
}

/// What calls a function: routes, queues, schedules.
fn callers(resources: &serde_json::Map<String, Value>, function: &str) -> Vec<String> {
    let mut found = vec![];
    for (_, api) in of_type(resources, "AWS::ApiGatewayV2::Api") {
        for (path, methods) in api["Body"]["paths"].as_object().unwrap() {
            for (method, route) in methods.as_object().unwrap() {
                if route.to_string().contains(&format!("${{{function}.Arn}}")) {
                    let method = method.replace("x-amazon-apigateway-any-method", "any").to_uppercase();
                    found.push(format!("`{method} {path}`"));
                }
            }
        }
    }
    for (_, source) in of_type(resources, "AWS::Lambda::EventSourceMapping") {
        if source["FunctionName"]["Ref"] == function {
            found
                .push(format!("the queue `{}`", source["EventSourceArn"]["Fn::GetAtt"][0].as_str().unwrap()));
        }
    }
    for (_, rule) in of_type(resources, "AWS::Events::Rule") {
        if rule["Targets"][0]["Arn"]["Fn::GetAtt"][0] == function {
            found.push(format!("the schedule `{}`", rule["ScheduleExpression"].as_str().unwrap()));
        }
    }
    found
}

/// The actions that a function's own policies allow.
fn actions(resources: &serde_json::Map<String, Value>, function: &Value) -> Vec<String> {
    let role = &resources[function["Role"]["Fn::GetAtt"][0].as_str().unwrap()]["Properties"];
    let policies = role["Policies"].as_array().into_iter().flatten();
    let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| format!("`{}`", action.as_str().unwrap())).collect()
}

fn functions(text: &mut String, from: Language) {
    let resources = resources(from);
    text.push_str("| function | called by | may, on its own table and queue |\n|---|---|---|\n");
    for (id, function) in of_type(&resources, "AWS::Lambda::Function") {
        let (callers, actions) = (callers(&resources, id), actions(&resources, function));
        let actions = if actions.is_empty() { "nothing".to_owned() } else { actions.join(", ") };
        writeln!(text, "| `{id}` | {} | {actions} |", callers.join(", ")).unwrap();
    }
}

fn document() -> String {
    let mut text = "# First commits\n\nWhat `/repo create NAME from …` puts into a repository. Made from `commands/scaffold` by \
                    `SLUICE_WRITE_DOCS=1 cargo test -p sluice-commands scaffold`; [templates.md](templates.md) says what templates may \
                    contain.\n\n## `from python`, `from node`, `from rust`\n\nThe same service, with the same routes and answers. `POST \
                    /orders` puts an order into the queue, `Store` keeps it in the table, `GET /orders` lists the table, and `Count` logs \
                    the number of orders. `GET /` answers with the stage and the version that run.\n\n"
        .to_owned();
    functions(&mut text, Language::Python);
    text.push_str("\nIn the stack of each stage:");
    let all = resources(Language::Python);
    let parts =
        ["AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"];
    for (nth, kind) in parts.into_iter().enumerate() {
        let ids: Vec<String> = of_type(&all, kind).map(|(id, _)| format!("`{id}`")).collect();
        write!(text, "{} {} ({kind})", if nth == 0 { "" } else { "," }, ids.join(", ")).unwrap();
    }
    text.push_str(".\n\n| | runtime | handlers | files (lines) |\n|---|---|---|---|\n");
    for from in [Language::Python, Language::Node, Language::Rust] {
        row(&mut text, from);
    }
    text.push_str(
        "\n## `from sam`\n\nThe frame for an application of your own, and the smallest one, to be replaced.\n\n",
    );
    functions(&mut text, Language::Sam);
    text.push_str("\n| | runtime | handlers | files (lines) |\n|---|---|---|---|\n");
    row(&mut text, Language::Sam);
    text
}

fn row(text: &mut String, from: Language) {
    let resources = resources(from);
    let functions = of_type(&resources, "AWS::Lambda::Function");
    let handlers: Vec<String> =
        functions.map(|(_, function)| format!("`{}`", function["Handler"].as_str().unwrap())).collect();
    let (_, function) = of_type(&resources, "AWS::Lambda::Function").next().unwrap();
    let files = orders(from);
    let files = files.iter().map(|file| {
        let lines = file.content.iter().filter(|byte| **byte == b'\n').count();
        format!("`{}` ({lines})", file.path)
    });
    let (runtime, files) = (function["Runtime"].as_str().unwrap(), files.collect::<Vec<_>>().join(", "));
    writeln!(text, "| `from {from}` | `{runtime}` | {} | {files} |", handlers.join(", ")).unwrap();
}

#[test]
fn the_document_has_what_the_templates_have() {
    sluice_testkit::docs::hold("docs/first-commits.md", &document());
}

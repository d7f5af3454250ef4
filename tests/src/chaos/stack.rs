//! Pipelines with a CloudFormation stack: their application, which commits change, and what must hold for the stacks at the end.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand::rngs::StdRng;

use super::evidence::Evidence;
use crate::item::{body, text};
use crate::{Aws, Repository};

/// The application of a pipeline with a stack: a function behind an API and one behind a queue, a table, and what commits add.
pub(crate) fn write_application(repository: &Repository, rng: &mut StdRng) {
    let more = rng.random_range(0..3);
    let is_triggered = rng.random_bool(0.7);
    let mut template = String::from(HEAD);
    if is_triggered {
        template.push_str(TRIGGER);
    }
    for number in 0..more {
        template.push_str(&format!("  More{number}:\n    Type: AWS::SQS::Queue\n"));
    }
    repository.write("template.yaml", &template);
}

const HEAD: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: python3.12
    CodeUri: src
    Handler: app.handler
    Environment:
      Variables:
        TABLE: !Ref Orders
        JOBS: !Ref Jobs
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Root:
          Type: HttpApi
          Properties:
            Method: GET
            Path: /
  Orders:
    Type: AWS::Serverless::SimpleTable
  Jobs:
    Type: AWS::SQS::Queue
  Work:
    Type: AWS::Serverless::Function
"#;
const TRIGGER: &str = "    Properties:
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
";

/// The stacks of AWS, and what is named by what runs.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    /// The status of each stack that exists, by its name.
    pub(crate) statuses: BTreeMap<String, String>,
    /// The variables of the version that each alias points to: function, alias, variable, value.
    pub(crate) variables: Vec<[String; 4]>,
    /// The names of all tables and queues.
    pub(crate) things: BTreeSet<String>,
    /// What each event source mapping reads, and calls.
    pub(crate) triggers: Vec<(String, String)>,
}

impl Stacks {
    /// Reads them, with the variables of these functions.
    pub(crate) async fn gather(aws: &Aws<'_>, aliases: &BTreeMap<String, BTreeMap<String, String>>) -> Self {
        let mut found =
            Self { statuses: aws.stacks().await, triggers: aws.triggers().await, ..Self::default() };
        found.things.extend(aws.tables().await);
        found.things.extend(aws.queues().await);
        for (function, alias) in aliases.iter().flat_map(|(f, all)| all.keys().map(move |alias| (f, alias))) {
            for (name, value) in aws.variables(function, alias).await {
                found.variables.push([function.clone(), alias.clone(), name, value]);
            }
        }
        found
    }
}

/// Stacks that are not at rest, variables that name what does not exist, and triggers that call no alias.
pub(crate) fn broken(evidence: &Evidence) -> Vec<String> {
    let mut wrong = vec![];
    let stacks = &evidence.stacks;
    let resolved: BTreeSet<String> = evidence
        .audit("resolved")
        .filter_map(|record| record["operation"].as_str().map(str::to_owned))
        .collect();
    for item in &evidence.items {
        let Some((_, pipeline)) = text(item, "pk").rsplit_once("/pipeline/") else { continue };
        let Some(stage) = text(item, "sk").strip_prefix("stage/") else { continue };
        let record = body(item);
        let mut own = evidence.heads.iter().filter(|head| head.pipeline == pipeline);
        let is_unclear = own.any(|head| head.status == "stuck" || resolved.contains(&head.id));
        if record["current"].is_null() || !record["mixed"].is_null() || is_unclear {
            continue;
        }
        let name = format!("sluice-{pipeline}-{stage}");
        if let Some(status) = stacks.statuses.get(&name) {
            let is_at_rest = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"];
            if !is_at_rest.contains(&status.as_str()) {
                wrong.push(format!("the stack {name} is {status}"));
            }
        }
        let prefix = format!("{name}-");
        let of_stage = stacks
            .variables
            .iter()
            .filter(|[function, alias, ..]| function.starts_with(&prefix) && alias == stage);
        for [function, _, variable, value] in of_stage {
            // The variable of a queue is its address, which ends with its name.
            let thing = value.rsplit('/').next().unwrap_or_default();
            if ["TABLE", "JOBS"].contains(&variable.as_str()) && !stacks.things.contains(thing) {
                wrong.push(format!(
                    "{function} runs on {stage} with {variable}={value}, which does not exist"
                ));
            }
        }
        let alias = format!(":{stage}");
        let triggers = stacks.triggers.iter().filter(|(_, calls)| calls.contains(&prefix));
        for (reads, calls) in triggers {
            if !calls.ends_with(&alias) {
                wrong.push(format!("a trigger on {reads} calls {calls}, not the alias of {stage}"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chaos::evidence::Head;

    fn evidence(stacks: Stacks) -> Evidence {
        let record = json!({ "current": { "release": 2 } });
        let stage: Value = json!({
            "pk": { "S": "sluice/pipeline/orders" }, "sk": { "S": "stage/prod" }, "b": { "S": record.to_string() },
        });
        Evidence { items: vec![stage], stacks, ..Evidence::default() }
    }

    fn stacks() -> Stacks {
        let name = |text: &str| text.to_owned();
        Stacks {
            statuses: [(name("sluice-orders-prod"), name("UPDATE_COMPLETE"))].into(),
            variables: vec![["sluice-orders-prod-Hello", "prod", "TABLE", "orders-1"].map(str::to_owned)],
            things: [name("orders-1")].into(),
            triggers: vec![(name("jobs"), name("arn:aws:lambda:x:1:function:sluice-orders-prod-Work:prod"))],
        }
    }

    #[test]
    fn what_is_broken_is_named() {
        assert_eq!(broken(&evidence(stacks())), Vec::<String>::new());
        let mut busy = stacks();
        busy.statuses.insert("sluice-orders-prod".into(), "UPDATE_IN_PROGRESS".into());
        assert_eq!(broken(&evidence(busy)), ["the stack sluice-orders-prod is UPDATE_IN_PROGRESS"]);
        let gone = Stacks { things: BTreeSet::new(), ..stacks() };
        assert_eq!(
            broken(&evidence(gone)),
            ["sluice-orders-prod-Hello runs on prod with TABLE=orders-1, which does not exist"]
        );
        let mut latest = stacks();
        latest.triggers[0].1 = "arn:aws:lambda:x:1:function:sluice-orders-prod-Work".into();
        assert_eq!(broken(&evidence(latest)).len(), 1);
    }

    #[test]
    fn a_pipeline_with_a_stuck_operation_is_left_out() {
        let mut busy = stacks();
        busy.statuses.insert("sluice-orders-prod".into(), "UPDATE_IN_PROGRESS".into());
        let head = Head { pipeline: "orders".into(), status: "stuck".into(), ..Head::default() };
        let evidence = Evidence { heads: vec![head], ..evidence(busy) };
        assert_eq!(broken(&evidence), Vec::<String>::new());
    }
}

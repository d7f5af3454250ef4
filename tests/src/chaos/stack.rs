//! Pipelines with a CloudFormation stack: their application, which commits change, and what AWS has of the stacks at the end.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand::rngs::StdRng;

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

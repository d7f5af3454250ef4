//! The stage that a plain template is read for.

use std::collections::BTreeMap;

use super::system_answers::SystemAnswers;
use crate::names::cut_with_hash;
use sluice_model::{PipelineName, StageName, Target};

/// The part of a stack's name that every name has which CloudFormation generates for a resource. For a bucket it has 63
/// characters: 14 are a hash and hyphens, and the stack's name gets at least half of the others.
/// <https://github.com/aws-cloudformation/cloudformation-cli-java-plugin>, `IdentifierUtils`. So no generated name loses the stage,
/// and policies can tell stages apart by names.
const STACK_NAME: usize = 24;

/// The stage that a template is evaluated for.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// The pipeline.
    pub pipeline: &'a PipelineName,
    /// The stage: the value of the parameter `Stage`.
    pub name: &'a StageName,
    /// Account and region.
    pub target: &'a Target,
    /// The stage's values of parameters. The template need not declare them all.
    pub parameters: &'a BTreeMap<String, String>,
    /// What was found in Systems Manager.
    pub system_parameters: &'a SystemAnswers,
}

/// The name of a stage's stack: `sluice-{pipeline}-{stage}`, cut to 24 characters with a hash. Every name that CloudFormation
/// generates for a resource with a name of 63 characters or more begins with it, or has no part of it.
pub fn stack_name(pipeline: &PipelineName, stage: &StageName) -> String {
    let whole = format!("sluice-{pipeline}-{stage}");
    let mut single = whole.clone();
    while single.contains("--") {
        single = single.replace("--", "-");
    }
    // CloudFormation makes one hyphen of several, also in the names of two stacks that differ in nothing else.
    if single == whole {
        cut_with_hash(&whole, STACK_NAME)
    } else {
        cut_with_hash(&format!("{single}-{whole}"), STACK_NAME)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_stacks_name_is_in_every_generated_name() {
        let name = |pipeline: &str, stage: &str| {
            stack_name(&PipelineName::new(pipeline).unwrap(), &StageName::new(stage).unwrap())
        };
        assert_eq!(name("orders", "prod"), "sluice-orders-prod");
        let alike = [
            ("payments-service", "dev"),
            ("payments-service", "prod"),
            ("payments--service", "dev"),
            ("payments---service", "dev"),
            ("a--b", "dev"),
            ("a-b", "dev"),
        ];
        let names: BTreeSet<String> = alike.iter().map(|(pipeline, stage)| name(pipeline, stage)).collect();
        assert_eq!(names.len(), alike.len(), "{names:?}");
        for name in names {
            assert!(
                name.len() <= STACK_NAME && name.starts_with("sluice-") && !name.contains("--"),
                "{name}"
            );
        }
    }
}

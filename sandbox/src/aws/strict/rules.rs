//! The rules that make the sandbox as strict as AWS, each with a switch.

use std::collections::BTreeSet;
use std::str::FromStr;

/// One way in which AWS is stricter or slower than a local AWS. `sandbox/README.md` has the source of each figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// New resources are not found, or busy, for a moment.
    Eventual,
    /// A function's `RevisionId` changes once more when an update settles.
    Revision,
    /// The data plane sees moved aliases and API stages late.
    DataPlane,
    /// Concurrent changes of one API are refused.
    ApiConflict,
    /// A bucket keeps no versions for some seconds after versioning was enabled.
    NewBucket,
    /// Control planes accept a limited number of calls per second.
    Rates,
    /// New roles cannot be assumed for some seconds.
    IamPropagation,
    /// Tags may only contain the characters that AWS allows.
    Tags,
    /// An account has a limited number of roles, routes, stages and builds.
    Quotas,
    /// Deployments are PENDING at first, and lists of versions leave out the state.
    States,
    /// Every call is checked against its caller's policies.
    Policies,
    /// CloudFormation refuses and fails what AWS would, and shows the states on the way.
    Stacks,
}

impl Rule {
    pub const ALL: [Self; 12] = [
        Self::Eventual,
        Self::Revision,
        Self::DataPlane,
        Self::ApiConflict,
        Self::NewBucket,
        Self::Rates,
        Self::IamPropagation,
        Self::Tags,
        Self::Quotas,
        Self::States,
        Self::Policies,
        Self::Stacks,
    ];

    /// The name of the switch.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eventual => "eventual",
            Self::Revision => "revision",
            Self::DataPlane => "data-plane",
            Self::ApiConflict => "api-conflict",
            Self::NewBucket => "new-bucket",
            Self::Rates => "rates",
            Self::IamPropagation => "iam-propagation",
            Self::Tags => "tags",
            Self::Quotas => "quotas",
            Self::States => "states",
            Self::Policies => "policies",
            Self::Stacks => "stacks",
        }
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|rule| rule.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|rule| rule.name()).collect();
            format!("`{name}` is not a rule. The rules are {}.", names.join(", "))
        })
    }
}

/// Reads a list of rules: names separated by commas, `all`, or `none`.
pub fn rules(list: &str) -> Result<BTreeSet<Rule>, String> {
    match list.trim() {
        "" | "none" => Ok(BTreeSet::new()),
        "all" => Ok(Rule::ALL.into()),
        list => list.split(',').map(|name| name.trim().parse()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_switch() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse(), Ok(rule));
        }
        assert_eq!(rules("rates, tags"), Ok(BTreeSet::from([Rule::Rates, Rule::Tags])));
        assert_eq!(rules("all").unwrap().len(), Rule::ALL.len());
        assert_eq!(rules(""), Ok(BTreeSet::new()));
        assert!(rules("rate").unwrap_err().contains("`rate` is not a rule. The rules are eventual, "));
    }

    #[test]
    fn the_readme_explains_every_rule() {
        let readme = include_str!("../../../README.md");
        for rule in Rule::ALL {
            assert!(readme.contains(&format!("| `{}` |", rule.name())), "{} has no row", rule.name());
        }
    }
}

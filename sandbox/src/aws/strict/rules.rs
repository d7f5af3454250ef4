//! The rules by which the sandbox is as strict as AWS, and the switches that turn them off one by one.

use std::collections::BTreeSet;
use std::str::FromStr;

/// One way in which AWS is stricter or slower than a local AWS. `sandbox/README.md` names the source of each figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A new resource is not found, or busy, for a moment.
    Eventual,
    /// A function's `RevisionId` changes once more when an update settles.
    Revision,
    /// The data plane sees a moved alias or API stage late.
    DataPlane,
    /// Concurrent changes of one API are refused.
    ApiConflict,
    /// A bucket keeps no versions for some seconds after versioning was enabled.
    NewBucket,
    /// Control planes accept a limited number of calls per second.
    Rates,
    /// A new role cannot be assumed for some seconds.
    IamPropagation,
    /// Tags are limited to AWS's alphabet.
    Tags,
    /// An account has a limited number of roles, routes, stages and builds.
    Quotas,
    /// A deployment is PENDING at first, and lists of versions leave the state out.
    States,
    /// Every call is judged by the policies of whoever makes it.
    Policies,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 11] = [
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
    ];

    /// The name of its switch.
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

/// Reads a list of rules: names separated by commas, `all`, or nothing.
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
    fn every_rule_has_a_switch_of_its_own() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse(), Ok(rule));
        }
        assert_eq!(rules("rates, tags"), Ok(BTreeSet::from([Rule::Rates, Rule::Tags])));
        assert_eq!(rules("all").unwrap().len(), Rule::ALL.len());
        assert_eq!(rules(""), Ok(BTreeSet::new()));
        assert!(rules("rate").unwrap_err().contains("`rate` is not a rule. The rules are eventual, "));
    }

    #[test]
    fn every_rule_is_explained_in_the_readme() {
        let readme = include_str!("../../../README.md");
        for rule in Rule::ALL {
            assert!(readme.contains(&format!("| `{}` |", rule.name())), "{} has no row", rule.name());
        }
    }
}

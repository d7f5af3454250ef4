//! Names of its own for each further stage of an account.
//!
//! A fixed physical name or export name can exist only once in an account and region. The first stage keeps it, because others and
//! the code may rely on it. Every further stage gets `-{stage}` behind it, wherever the template surely means the same resource:
//! in the property itself, in the environments of functions, in ARNs of its service, and in properties of the same name. Where the
//! name occurs elsewhere, or where nothing but the code can hold it, people are asked.
//!
//! It changes the template before anything else reads it: functions get the new names with everything else.

mod alphabet;
mod occurrences;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::classify::{FixedName, Part, Split};
use super::super::references::{Decided, References};
use super::super::template::PlainTemplate;
use alphabet::suffixed;
use occurrences::{Search, Word};
use sluice_model::StageName;

/// Whose names a stage has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageNames<'a> {
    /// It is the first stage of its account and region: the template's names.
    First,
    /// It is a further stage: names with its own behind them.
    Further(&'a StageName),
}

/// A name that was changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rename {
    /// The resource, or the output.
    pub logical_id: String,
    /// The property that holds it; `Export` for outputs.
    pub property: String,
    /// The name in the template.
    pub from: String,
    /// The name on this stage.
    pub to: String,
}

/// What a person has to answer before the stage can be created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The resource holds data, and no function's environment has its name: the code probably does, and would use the data of
    /// another stage.
    NameInCode {
        /// The resource.
        logical_id: String,
        /// Its name in the template.
        name: String,
    },
    /// The name also stands where it may mean something else. It was not changed there.
    AlsoElsewhere {
        /// The resource.
        logical_id: String,
        /// Its name in the template.
        name: String,
        /// (logical id or output, property)
        places: BTreeSet<(String, String)>,
    },
}

/// A resource that only one stage can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The resource.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
}

/// A template with the names of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Renamed {
    /// The template.
    pub template: PlainTemplate,
    /// What was changed.
    pub renames: Vec<Rename>,
    /// What to ask.
    pub questions: Vec<Question>,
    /// What this stage cannot have: it needs a condition, or a parameter that differs.
    pub refused: Vec<Refused>,
}

/// Types that exist once for a domain, with the property that names it.
const ONE_OWNER: [(&str, &str); 9] = [
    ("AWS::ApiGateway::DomainName", "DomainName"),
    ("AWS::ApiGateway::DomainNameV2", "DomainName"),
    ("AWS::ApiGatewayV2::DomainName", "DomainName"),
    ("AWS::CertificateManager::Certificate", "DomainName"),
    ("AWS::Route53::HostedZone", "Name"),
    ("AWS::Route53::RecordSet", "Name"),
    ("AWS::Route53::RecordSetGroup", "RecordSets"),
    ("AWS::SES::EmailIdentity", "EmailIdentity"),
    ("AWS::Cognito::UserPoolDomain", "CustomDomainConfig"),
];

/// Types that hold data and that services write to: code does not name them.
const NAMED_BY_SERVICES: [&str; 1] = ["AWS::Logs::LogGroup"];

/// Gives a stage its names. The split is one of the same template for the stage.
pub fn rename(template: &PlainTemplate, split: &Split, stage: StageNames<'_>) -> Renamed {
    let mut renamed = Renamed {
        template: template.clone(),
        renames: Vec::new(),
        questions: Vec::new(),
        refused: Vec::new(),
    };
    let StageNames::Further(stage) = stage else { return renamed };
    renamed.refused = refused(template, split);
    let is_refused = |id: &str| renamed.refused.iter().any(|refused| refused.logical_id == id);
    let mut words: Vec<Word> = Vec::new();
    for fixed in &split.names {
        if !fixed.origin.is_fixed() || is_refused(&fixed.logical_id) {
            continue;
        }
        let Some(word) = word(template, fixed, stage) else { continue };
        renamed.renames.push(Rename {
            logical_id: fixed.logical_id.clone(),
            property: fixed.property.clone(),
            from: word.name.clone(),
            to: word.new_name.clone(),
        });
        words.push(word);
    }
    // A name that is the beginning of another one's path must not be replaced first.
    words.sort_by_key(|word| (std::cmp::Reverse(word.literal.len()), word.literal.clone()));
    let search = Search::in_template(&mut renamed.template, &words);
    for word in &words {
        let (logical_id, name) = (word.logical_id.clone(), word.name.clone());
        let is_stateful = split.placements.get(&logical_id).is_some_and(|placement| placement.is_stateful);
        let kind = template.resources.get(&logical_id).map_or("", |resource| resource.kind.as_str());
        if is_stateful
            && !NAMED_BY_SERVICES.contains(&kind)
            && !search.in_environments.contains(&word.literal)
        {
            renamed
                .questions
                .push(Question::NameInCode { logical_id: logical_id.clone(), name: name.clone() });
        }
        if let Some(places) = search.elsewhere.get(&word.literal) {
            renamed.questions.push(Question::AlsoElsewhere { logical_id, name, places: places.clone() });
        }
    }
    renamed.renames.sort();
    renamed.questions.sort();
    renamed
}

/// Values of its own for parameters that are nothing but the name of a resource, and have only their default on a further stage. `given`
/// are those that were set for it. A parameter whose declaration permits no such value keeps its default.
pub fn own_parameters(
    template: &PlainTemplate,
    split: &Split,
    stage: &StageName,
    given: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let own = split.names.iter().filter(|fixed| !fixed.is_export).filter_map(|fixed| {
        let resource = template.resources.get(&fixed.logical_id)?;
        let parameter = resource.properties.get(&fixed.property)?.get("Ref")?.as_str()?;
        let declaration = template.parameters.get(parameter)?;
        let default = declaration.default.clone().filter(|default| !default.is_empty())?;
        if given.contains_key(parameter) {
            return None;
        }
        let hyphenated = suffixed(&resource.kind, &default, stage);
        // The declaration may permit no hyphen.
        let underscored = hyphenated.replace('-', "_");
        let value =
            [hyphenated, underscored].into_iter().find(|text| declaration.check(parameter, text).is_ok())?;
        Some((parameter.to_owned(), value))
    });
    own.collect()
}

/// The name of a resource or export, and the new one; `None` if the name is not known.
fn word(template: &PlainTemplate, fixed: &FixedName, stage: &StageName) -> Option<Word> {
    let name = fixed.name.clone().filter(|name| !name.is_empty())?;
    let kind = template.resources.get(&fixed.logical_id).filter(|_| !fixed.is_export);
    let kind = kind.map_or("", |resource| resource.kind.as_str());
    let value = match fixed.is_export {
        true => template.outputs.get(&fixed.logical_id)?.export.as_ref()?,
        false => template.resources.get(&fixed.logical_id)?.properties.get(&fixed.property)?,
    };
    let new_name = suffixed(kind, &name, stage);
    // `${AWS::AccountId}-data` is searched for as it is written.
    let written = value.as_str().or_else(|| value.get("Fn::Sub")?.as_str());
    let literal =
        written.filter(|_| suffixed(kind, &name, stage).starts_with(name.trim_end_matches(".fifo")));
    let (literal, replacement) = match literal {
        Some(literal) if literal == name => (name.clone(), new_name.clone()),
        Some(literal) => {
            let stem = name.trim_end_matches(".fifo");
            let suffix = new_name.strip_prefix(stem)?;
            let literal_stem = literal.trim_end_matches(".fifo");
            (literal.to_owned(), format!("{literal_stem}{suffix}"))
        }
        None => (name.clone(), new_name.clone()),
    };
    Some(Word {
        logical_id: fixed.logical_id.clone(),
        property: fixed.property.clone(),
        is_export: fixed.is_export,
        kind: kind.to_owned(),
        name,
        new_name,
        literal,
        replacement,
    })
}

/// The resources that belong to one stage only, whose domain is the same on every stage.
fn refused(template: &PlainTemplate, split: &Split) -> Vec<Refused> {
    let mut all = Vec::new();
    for (id, resource) in &template.resources {
        if split.part(id) != Some(&Part::Stack) {
            continue;
        }
        let mut own = ONE_OWNER.iter().filter(|(kind, _)| *kind == resource.kind);
        let mut values: Vec<&Value> =
            own.by_ref().filter_map(|(_, key)| resource.properties.get(*key)).collect();
        if resource.kind == "AWS::CloudFront::Distribution" {
            let config = resource.properties.get("DistributionConfig");
            let aliases = config.and_then(|config| config.get("Aliases"));
            values.extend(aliases.filter(|aliases| aliases.as_array().is_none_or(|list| !list.is_empty())));
        }
        let is_fixed = |value: &&Value| {
            let found = References::of(value, &Decided::new());
            let differs =
                |name: &str| name == "AWS::StackName" || template.parameter_names().any(|own| own == name);
            !found.values.iter().any(|used| differs(&used.name)) && found.conditions.is_empty()
        };
        if values.iter().any(is_fixed) {
            all.push(Refused { logical_id: id.clone(), kind: resource.kind.clone() });
        }
    }
    all
}

/// A name that two stages of one account and region would have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clash {
    /// The resource, or the output.
    pub logical_id: String,
    /// The property; `Export` for outputs.
    pub property: String,
    /// The name.
    pub name: String,
}

/// The names that a stage would have in common with another one, whatever they are made from. Both splits are of renamed templates.
pub fn clashes(own: (&PlainTemplate, &Split), other: (&PlainTemplate, &Split)) -> Vec<Clash> {
    let key = |template: &PlainTemplate, fixed: &FixedName| {
        let kind = template.resources.get(&fixed.logical_id).filter(|_| !fixed.is_export);
        let kind = kind.map_or_else(String::new, |resource| resource.kind.clone());
        Some((kind, fixed.property.clone(), fixed.name.clone()?))
    };
    let taken: BTreeMap<_, ()> =
        other.1.names.iter().filter_map(|fixed| Some((key(other.0, fixed)?, ()))).collect();
    let common =
        own.1.names.iter().filter(|fixed| key(own.0, fixed).is_some_and(|key| taken.contains_key(&key)));
    let mut all: Vec<Clash> = common
        .map(|fixed| Clash {
            logical_id: fixed.logical_id.clone(),
            property: fixed.property.clone(),
            name: fixed.name.clone().unwrap_or_default(),
        })
        .collect();
    all.sort();
    all
}

//! The result of taking a template apart, as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Why a resource is dropped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A version of that function: Sluice publishes one for each release.
    Version(String),
    /// An alias of that function: Sluice's alias is named as the stage.
    Alias(String),
    /// A permission for an API that Sluice creates: its integrations use a role.
    ApiPermission,
    /// CodeDeploy's way to move aliases, with its role: Sluice moves them.
    DeploymentPreference,
    /// A setting of the whole account and region, with its role: a person sets it once.
    AccountSetting,
}

/// Where a resource belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A function that Sluice creates.
    Function,
    /// A role of such functions only.
    Role,
    /// A policy that becomes part of these roles.
    Policy(BTreeSet<String>),
    /// A version of a layer.
    Layer,
    /// An API with a body.
    Api,
    /// A stage of that API.
    ApiStage(String),
    /// A deployment of that API.
    ApiDeployment(String),
    /// Nothing takes it over as it is.
    Dropped(Why),
    /// The stage's stack.
    Stack,
    /// Its condition does not hold.
    Absent,
}

impl Part {
    /// Whether Sluice creates it with calls of its own.
    pub fn is_direct(&self) -> bool {
        use Part::{Api, ApiDeployment, ApiStage, Function, Layer, Policy, Role};
        matches!(self, Function | Role | Policy(_) | Layer | Api | ApiStage(_) | ApiDeployment(_))
    }
}

/// Why a part of the stack waits for WIRE.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Held {
    /// It calls functions, or makes them reachable.
    Type,
    /// Only these properties of it do.
    Properties(BTreeSet<String>),
    /// It refers to a resource that waits.
    RefersTo(String),
    /// It waits if it changes; a new one does not.
    IfChanged,
}

/// A resource's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Where it belongs.
    pub part: Part,
    /// Whether it waits for WIRE; only for parts of the stack.
    pub held: Option<Held>,
    /// Whether it holds data that a replacement or removal loses.
    pub is_stateful: bool,
}

/// Something that the author or the approvers should know; nothing that stops a deploy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// These resources are dropped. Once for a template, however many there are.
    Dropped(BTreeSet<String>),
    /// These outputs name something that is dropped, so they are dropped too.
    DroppedOutputs(BTreeSet<String>),
    /// A direct part needs a resource that only exists after WIRE.
    NeedsHeld {
        /// The direct part.
        direct: String,
        /// The resource that waits.
        held: String,
    },
    /// A role of functions stays in the stack, because these use it too: its rights may change under a running version.
    SharedRole {
        /// The role.
        role: String,
        /// The others.
        with: BTreeSet<String>,
    },
    /// These settings of dropped versions and aliases, as (logical id, property), have no effect: provisioned concurrency and
    /// the like.
    DroppedSettings(BTreeSet<(String, String)>),
    /// These places, as (logical id, property), name a function by its bare name, `$LATEST`, a version or another alias. They
    /// have to name the alias.
    NeedsAlias(BTreeSet<(String, String)>),
    /// These places, as (logical id, property), name a function by the literal name that the template gives to it. Sluice
    /// names it differently.
    LiteralFunctionName(BTreeSet<(String, String)>),
}

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The place of every resource, by logical id.
    pub placements: BTreeMap<String, Placement>,
    /// Physical names and export names that the template fixes.
    pub names: Vec<FixedName>,
    /// What to tell people, in order.
    pub notices: Vec<Notice>,
    /// What approvers have to see in full: it gives access to others.
    pub attention: Vec<Attention>,
}

impl Split {
    /// Where a resource belongs; `None` if the template has none of that name.
    pub fn part(&self, logical_id: &str) -> Option<&Part> {
        self.placements.get(logical_id).map(|placement| &placement.part)
    }
}

/// What a name depends on. It is the same in every stage if it depends on nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameOrigin {
    /// On `AWS::StackName` or `AWS::StackId`, which differ in every stage.
    pub stack: bool,
    /// On these parameters, directly or by a condition or a mapping: it differs if their values do.
    pub parameters: BTreeSet<String>,
    /// On the name or another attribute of a resource, which differs if that resource's name does.
    pub resources: BTreeSet<String>,
}

impl NameOrigin {
    /// Whether the name is the same in every stage of one account and region.
    pub fn is_fixed(&self) -> bool {
        !self.stack && self.parameters.is_empty() && self.resources.is_empty()
    }
}

/// A physical name or an export name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedName {
    /// The logical id of the resource, or the name of the output.
    pub logical_id: String,
    /// The property that holds it; `Export` for outputs.
    pub property: String,
    /// The name on this stage, if it is known.
    pub name: Option<String>,
    /// What it depends on.
    pub origin: NameOrigin,
    /// Whether it is the name of an export.
    pub is_export: bool,
}

/// Something that gives access to others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attention {
    /// The resource, or the output.
    pub logical_id: String,
    /// What it does, as a sentence.
    pub what: String,
}

/// How a reference is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Sluice knows the value, or makes the resource and then knows it.
    Direct,
    /// The ARN of the alias of that function.
    AliasArn(String),
    /// CloudFormation knows it: by the stack's resources (`Ref`) or outputs (`Fn::GetAtt`).
    Stack,
    /// Nothing knows it; the reason, as the end of a sentence that begins with the reference.
    Never(String),
}

//! What can be wrong with a pass: data, worded here.

/// Why a pass cannot be emitted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum PassError {
    /// CloudFormation cannot change the type of a resource.
    #[error("{logical_id} is of the type {now}, but the stack has one of the type {was} under that name")]
    TypeChanged {
        /// The resource.
        logical_id: String,
        /// The type in the stack.
        was: String,
        /// The type in the template.
        now: String,
    },
    /// A resource that is still needed has the physical name of a new one.
    #[error("{new} has the name `{name}`, which {old} of the stack still has")]
    NameTaken {
        /// The new resource.
        new: String,
        /// The one of the stack.
        old: String,
        /// The name.
        name: String,
    },
    /// Resources refer to each other in a circle, because the stack still has the former form of one of them.
    #[error("{} would refer to each other in a circle", .0.join(", "))]
    Circle(Vec<String>),
    /// A resource refers to one that the pass does not have.
    #[error("{from} refers to {to}, which is not in the stack at that time")]
    Dangling {
        /// The resource or output.
        from: String,
        /// What it refers to.
        to: String,
    },
    /// More than CloudFormation takes.
    #[error("the stack would have {found} {what}, and CloudFormation's limit is {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

impl PassError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            PassError::TypeChanged { .. } => "give the resource another logical id",
            PassError::NameTaken { .. } => {
                "keep the logical id, or give the new resource another name: the old one is needed until no release uses it"
            }
            PassError::Circle(_) | PassError::Dangling { .. } => {
                "deploy the change in two releases: first what is new, then what changes or goes"
            }
            PassError::TooMany { .. } => {
                "run `/pipeline tidy`, which removes what no release needs, or split the application into two pipelines"
            }
        }
    }
}

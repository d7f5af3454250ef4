//! The kinds of operations that this process knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::application::Application;
use crate::operation::{Operation, OperationKind};

/// The definitions by kind and version.
pub struct Registry<A: Application> {
    known: BTreeMap<(&'static str, u32), Arc<dyn OperationKind<A>>>,
}

impl<A: Application> Default for Registry<A> {
    fn default() -> Self {
        Self { known: BTreeMap::new() }
    }
}

impl<A: Application> Registry<A> {
    /// Adds a definition.
    pub fn with(mut self, operation: impl Operation<A>) -> Self {
        self.known.insert((operation.kind(), operation.version()), Arc::new(operation));
        self
    }
    /// The definition that drives such operations; `None` if this version of Sluice does not know them.
    pub fn get(&self, kind: &str, version: u32) -> Option<Arc<dyn OperationKind<A>>> {
        self.known
            .iter()
            .find(|((known, at), _)| *known == kind && *at == version)
            .map(|(_, d)| Arc::clone(d))
    }
    /// The newest version of a kind. It drives the operations that are accepted now.
    pub fn newest(&self, kind: &str) -> Option<Arc<dyn OperationKind<A>>> {
        let mut known = self.known.iter().filter(|((known, _), _)| *known == kind);
        known.next_back().map(|(_, definition)| Arc::clone(definition))
    }
    /// All kinds in all known versions.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn OperationKind<A>>> {
        self.known.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::EngineError;
    use crate::state::OperationState;
    use crate::step::Node;
    use crate::summary::Summary;
    use crate::testing::NoApplication;
    use sluice_model::Target;

    struct Versioned(u32);

    impl Operation<NoApplication> for Versioned {
        type Params = serde_json::Value;
        fn kind(&self) -> &'static str {
            "versioned"
        }
        fn version(&self) -> u32 {
            self.0
        }
        fn nodes(
            &self,
            _: &Arc<Self::Params>,
            _: &OperationState,
            _: &Target,
        ) -> Result<Vec<Node<NoApplication>>, EngineError> {
            Ok(vec![])
        }
        fn audit_subject(&self, _: &Self::Params, _: &OperationState) {}
        fn summary(&self, _: &Self::Params, _: &OperationState) -> Summary {
            Summary::new("A story".into())
        }
    }

    #[test]
    fn new_operations_use_the_newest_version() {
        let registry =
            Registry::<NoApplication>::default().with(Versioned(2)).with(Versioned(10)).with(Versioned(1));
        assert_eq!(registry.newest("versioned").unwrap().version(), 10);
        assert_eq!(
            registry.get("versioned", 1).unwrap().version(),
            1,
            "what began earlier is carried on as it began"
        );
        assert!(registry.newest("unknown").is_none());
    }
}

//! Stages with a stack.

use serde_json::json;

use crate::operation::Keys;
use crate::ports::{Precondition, Store, Write};
use crate::testing::target;
use sluice_model::{PipelineName, ReleaseNumber, StageName};

/// From now on, the releases that run on these stages have a queue in the stage's stack.
///
/// # Panics
/// If the store does not have that pipeline.
pub async fn with_stacks(store: &dyn Store, name: &str, stages: &[(&str, u32)]) {
    let (keys, name): (_, PipelineName) = (Keys::new(&target()), name.parse().expect("a name"));
    for (stage, release) in stages {
        let stage: StageName = stage.parse().expect("a stage");
        let set = keys.version_set(&name, ReleaseNumber(*release), &stage);
        for (key, path, value) in [
            (keys.stage(&name, &stage), "/current", ("has_stack", json!(true))),
            (set, "", ("stack", json!({ "template": "", "wanted": ["Jobs"] }))),
        ] {
            let mut item = store.get(&key).await.expect("a store that answers").expect("a record");
            let into = item.body.pointer_mut(path).and_then(|body| body.as_object_mut()).expect("a map");
            into.insert(value.0.to_owned(), value.1);
            store
                .write(Write::Put { item, when: Precondition::Any })
                .await
                .expect("a store that takes samples");
        }
    }
}

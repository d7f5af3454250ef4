//! The table, the messages, AWS and the calls at one moment. The checks read nothing else, so they can be tested with made-up
//! evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::stack::Stacks;
use crate::item::{body, number, text};
use crate::{Aws, Call, Message, World};

/// An operation's head in the table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) owner: String,
    pub(crate) fence: u64,
    pub(crate) pipeline: String,
    pub(crate) command: String,
}

impl Head {
    /// `None` if the item is no head.
    pub(crate) fn of(item: &Value) -> Option<Self> {
        let (_, id) = text(item, "pk").rsplit_once("/operation/")?;
        let body = body(item);
        (text(item, "sk") == "head").then(|| Self {
            id: id.to_owned(),
            status: text(item, "g_status").to_owned(),
            owner: text(item, "g_owner").to_owned(),
            fence: number(item, "g_fence"),
            pipeline: body["pipeline"].as_str().unwrap_or_default().to_owned(),
            command: body["command"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Whether it has not ended and is not stuck.
    pub(crate) fn is_open(&self) -> bool {
        self.is_driven() || self.status == "waiting"
    }

    /// Whether a replica drives it, or should.
    pub(crate) fn is_driven(&self) -> bool {
        ["running", "unwinding", "pending"].contains(&self.status.as_str())
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&self) -> bool {
        ["succeeded", "failed"].contains(&self.status.as_str())
    }

    pub(crate) fn label(&self) -> String {
        format!("{} `{}` ({})", self.id, self.command, self.status)
    }
}

/// Everything that the checks read.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) items: Vec<Value>,
    pub(crate) heads: Vec<Head>,
    pub(crate) messages: Vec<Message>,
    pub(crate) calls: Vec<Call>,
    /// One line for each thing in AWS that may exist only once.
    pub(crate) once: Vec<String>,
    /// The version by function and alias.
    pub(crate) aliases: BTreeMap<String, BTreeMap<String, String>>,
    /// The deployment and the stage variables that each API serves.
    pub(crate) served: BTreeMap<String, Value>,
    pub(crate) stacks: Stacks,
    /// The CodeBuild state of each build, by operation.
    pub(crate) builds: Vec<(String, String)>,
}

impl Evidence {
    /// Writes it into a folder, to analyse a failure.
    pub(crate) fn keep(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let messages: Vec<&Value> = self.messages.iter().map(|message| &*message.0).collect();
        let calls: Vec<String> = self.calls.iter().map(|call| format!("{call:?}")).collect();
        std::fs::write(folder.join("table.json"), json!(self.items).to_string()).unwrap();
        std::fs::write(folder.join("messages.json"), json!(messages).to_string()).unwrap();
        std::fs::write(folder.join("calls.txt"), calls.join("\n")).unwrap();
    }

    /// The audit records of an act, such as `failed`.
    pub(crate) fn audit(&self, act: &str) -> impl Iterator<Item = Value> {
        let records = self.items.iter().filter(|item| text(item, "pk").contains("/audit")).map(body);
        records.filter(move |record| record["act"] == act)
    }

    /// Reads the world once.
    pub(crate) async fn gather(world: &World, messages: Vec<Message>) -> Self {
        let aws = Aws(world);
        let items = aws.table().await;
        let heads: Vec<Head> = items.iter().filter_map(Head::of).collect();
        let mut found = Self { items, heads, messages, ..Self::default() };
        for project in aws.projects().await {
            let builds = aws.build_states(&project).await;
            found.once.extend(builds.iter().map(|(operation, _)| format!("a build of {operation}")));
            found.builds.extend(builds);
        }
        let pipelines: BTreeSet<String> = found.heads.iter().map(|head| head.pipeline.clone()).collect();
        for pipeline in pipelines {
            for function in aws.functions(&pipeline).await {
                let contents = aws.version_contents(&function).await;
                found.once.extend(contents.into_iter().map(|it| format!("a version of {function}: {it}")));
                let aliases = aws.aliases(&function).await;
                found.aliases.insert(function, aliases);
            }
        }
        found.once.extend(aws.api_parts().await);
        found.served = aws.served().await;
        found.stacks = Stacks::gather(&aws, &found.aliases).await;
        found.calls = world.calls(0).await;
        found
    }
}

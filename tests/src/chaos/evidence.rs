//! What is held against each other in the end: the table, the channel, AWS and the calls, as they were at one moment.
//! Judging reads this and nothing else, so that a judgement can be tried with made-up evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::item::{body, number, text};
use crate::{Aws, Call, Message, World};

/// An operation's head, as it stands in the table.
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
    /// `None` if the item is something else.
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

    /// Whether it will change by itself or by a decision.
    pub(crate) fn is_open(&self) -> bool {
        self.is_in_hand() || self.status == "waiting"
    }

    /// Whether somebody carries it, or should.
    pub(crate) fn is_in_hand(&self) -> bool {
        ["running", "unwinding", "pending"].contains(&self.status.as_str())
    }

    /// Whether nothing more will happen to it.
    pub(crate) fn is_over(&self) -> bool {
        ["succeeded", "failed"].contains(&self.status.as_str())
    }

    pub(crate) fn words(&self) -> String {
        format!("{} `{}` ({})", self.id, self.command, self.status)
    }
}

/// Everything that is judged.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) items: Vec<Value>,
    pub(crate) heads: Vec<Head>,
    pub(crate) messages: Vec<Message>,
    pub(crate) calls: Vec<Call>,
    /// What AWS has, a line each, of what may be there only once.
    pub(crate) made: Vec<String>,
    /// Per function and alias: the version.
    pub(crate) aliases: BTreeMap<String, BTreeMap<String, String>>,
    /// Per API and stage: the deployment that is served.
    pub(crate) served: BTreeMap<(String, String), String>,
    /// Per operation that started a build: its state at CodeBuild.
    pub(crate) builds: Vec<(String, String)>,
}

impl Evidence {
    /// Writes it into a folder, for who has to understand what went wrong.
    pub(crate) fn keep(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let messages: Vec<&Value> = self.messages.iter().map(|message| &message.0).collect();
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

    /// Looks at the world, once.
    pub(crate) async fn gather(world: &World, messages: Vec<Message>) -> Self {
        let aws = Aws(world);
        let items = aws.table().await;
        let heads: Vec<Head> = items.iter().filter_map(Head::of).collect();
        let mut found = Self { items, heads, messages, ..Self::default() };
        for project in aws.projects().await {
            let builds = aws.build_states(&project).await;
            found.made.extend(builds.iter().map(|(operation, _)| format!("a build of {operation}")));
            found.builds.extend(builds);
        }
        let pipelines: BTreeSet<String> = found.heads.iter().map(|head| head.pipeline.clone()).collect();
        for pipeline in pipelines {
            for function in aws.functions(&pipeline).await {
                let contents = aws.version_contents(&function).await;
                found.made.extend(contents.into_iter().map(|it| format!("a version of {function}: {it}")));
                let aliases = aws.aliases(&function).await;
                found.aliases.insert(function, aliases);
            }
        }
        found.made.extend(aws.api_parts().await);
        found.served = aws.served().await;
        found.calls = world.calls(0).await;
        found
    }
}

//! The four commands: what has to be there before, how each is driven to its end through a crash, and what must be
//! true then.

use std::collections::BTreeMap;

use sluice_e2e::{Aws, Call, Message};

use super::site::{PIPELINE, Site};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Build,
    Deploy,
    Promote,
    Rollback,
}

/// What AWS and the record hold: alias → version, stage → release, and how many builds and versions there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truth {
    builds: usize,
    versions: usize,
    aliases: BTreeMap<String, String>,
    runs: BTreeMap<String, String>,
}

impl Kind {
    pub(crate) fn line(self) -> &'static str {
        match self {
            Self::Build => "/build orders",
            Self::Deploy => "/deploy orders",
            Self::Promote => "/promote orders prod",
            Self::Rollback => "/rollback orders prod",
        }
    }

    /// What a new site needs besides: a rollback goes to a release before the present one.
    pub(crate) async fn found(self, site: &Site) {
        if self != Self::Rollback {
            return;
        }
        releases(site, "To go back to").await;
        site.promotes("/promote orders prod").await;
        releases(site, "To come from").await;
    }

    /// Brings a site to where the command has all of its work to do.
    pub(crate) async fn prepare(self, site: &Site, words: &str) {
        match self {
            Self::Build => site.commit(words),
            Self::Deploy => {
                site.commit(words);
                site.does("/build orders").await;
            }
            Self::Promote => releases(site, words).await,
            // What was rolled back may be promoted again.
            Self::Rollback => site.promotes("/promote orders prod again").await,
        }
    }

    /// Types the command and brings it to its end: nothing is left to do or to tell.
    pub(crate) async fn drive(self, site: &Site) -> Ending {
        let world = &site.world;
        let mut asked = world.expect(world.channel(), self.line()).await;
        let first = world.types(world.ann(), self.line()).await;
        asked.reply = site.insists(first).await;
        if self == Self::Promote {
            site.approves(&asked).await;
        }
        asked.succeeds().await;
        site.rests().await;
        // A message that was posted before a crash, and the one that goes on for it.
        let messages = asked.messages().await;
        let mut operations: Vec<_> =
            messages.iter().filter_map(|message| message.operation().map(str::to_owned)).collect();
        operations.dedup();
        let words = messages.last().map(|message| message.words().replace('`', "")).unwrap_or_default();
        let is_continued = messages.last().is_some_and(Message::is_continued);
        Ending { operations, messages: messages.len(), is_continued, words }
    }

    /// What must be true at the end, given what was true at the beginning.
    pub(crate) fn judge(self, before: &Truth, after: &Truth, ending: &Ending) -> Result<(), String> {
        let mut wrong = vec![];
        let mut hold = |what: &str, is: bool| {
            if !is {
                wrong.push(what.to_owned());
            }
        };
        hold("one operation", ending.operations.len() == 1);
        hold(
            "one message, or one more that says it goes on",
            ending.messages == 1 || (ending.messages == 2 && ending.is_continued),
        );
        let (builds, versions) = match self {
            Self::Build => (1, 0),
            Self::Deploy | Self::Promote => (0, 1),
            Self::Rollback => (0, 0),
        };
        hold("builds started once", after.builds == before.builds + builds);
        hold("versions published once", after.versions == before.versions + versions);
        match self {
            Self::Build => {
                hold("aliases untouched", before.aliases == after.aliases && before.runs == after.runs)
            }
            Self::Deploy => self.moved("dev", before, after, ending, &mut hold),
            Self::Promote | Self::Rollback => self.moved("prod", before, after, ending, &mut hold),
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!("not so: {}\nbefore {before:?}\nafter {after:?}\n{ending:?}", wrong.join("; ")))
    }

    fn moved(
        self,
        stage: &str,
        before: &Truth,
        after: &Truth,
        ending: &Ending,
        hold: &mut impl FnMut(&str, bool),
    ) {
        hold("the alias moved", before.aliases.get(stage) != after.aliases.get(stage));
        hold("the record moved", before.runs.get(stage) != after.runs.get(stage));
        let release = after.runs.get(stage).cloned().unwrap_or_default();
        hold(
            "the message says what the record says",
            ending.words.contains(&format!("{stage} runs {release}")),
        );
        let others = |truth: &Truth| {
            let mut others = (truth.aliases.clone(), truth.runs.clone());
            others.0.remove(stage);
            others.1.remove(stage);
            others
        };
        hold("other stages untouched", others(before) == others(after));
    }
}

/// A new release on `dev`.
async fn releases(site: &Site, words: &str) {
    site.commit(words);
    site.does("/build orders").await;
    site.does("/deploy orders").await;
}

/// How a command ended, as the channel has it.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) operations: Vec<String>,
    messages: usize,
    is_continued: bool,
    words: String,
}

impl Truth {
    pub(crate) async fn of(site: &Site) -> Self {
        let aws = Aws(&site.world);
        let mut builds = 0;
        for project in aws.projects().await {
            builds += aws.builds(&project).await.len();
        }
        let (mut versions, mut aliases) = (0, BTreeMap::new());
        for function in aws.functions(PIPELINE).await {
            versions += aws.versions(&function).await.len();
            aliases.extend(aws.aliases(&function).await);
        }
        Self { builds, versions, aliases, runs: site.world.runs(PIPELINE).await }
    }
}

/// How often each mutation of AWS took effect.
pub(crate) fn effects(calls: &[Call]) -> BTreeMap<(String, String), usize> {
    let mut effects = BTreeMap::new();
    for call in calls.iter().filter(|call| call.mutates_aws() && call.effect) {
        *effects.entry((call.service.clone(), call.method.clone())).or_default() += 1;
    }
    effects
}

//! The four commands: their preparation, how each is driven to its end through a crash, and the checks of the end.

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

/// AWS and the record: alias → version, stage → release, and the numbers of builds and versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    builds: usize,
    versions: usize,
    aliases: BTreeMap<String, String>,
    releases: BTreeMap<String, String>,
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

    /// Further setup of a new site: a rollback needs an earlier release.
    pub(crate) async fn set_up(self, site: &Site) {
        if self != Self::Rollback {
            return;
        }
        release(site, "Earlier").await;
        site.promote("/promote orders prod").await;
        release(site, "Present").await;
    }

    /// Prepares a site in which the command has all of its work to do.
    pub(crate) async fn prepare(self, site: &Site, subject: &str) {
        match self {
            Self::Build => site.commit(subject),
            Self::Deploy => {
                site.commit(subject);
                site.run("/build orders").await;
            }
            Self::Promote => release(site, subject).await,
            // A rolled back release can be promoted again.
            Self::Rollback => site.promote("/promote orders prod again").await,
        }
    }

    /// Types the command and waits for its end, with nothing left to do or to post.
    pub(crate) async fn drive(self, site: &Site) -> Ending {
        let world = &site.world;
        let mut submitted = world.expect(world.channel(), self.line()).await;
        let first = world.command(world.ann(), self.line()).await;
        submitted.reply = site.deliver_until_accepted(first).await;
        if self == Self::Promote {
            site.approve(&submitted).await;
        }
        submitted.succeeds().await;
        site.settle().await;
        // The message from before the crash, and the one that continues it.
        let messages = submitted.messages().await;
        let mut operations: Vec<_> =
            messages.iter().filter_map(|message| message.operation().map(str::to_owned)).collect();
        operations.dedup();
        let text = messages.last().map(|message| message.text().replace('`', "")).unwrap_or_default();
        let is_continued = messages.last().is_some_and(Message::is_continued);
        Ending { operations, messages: messages.len(), is_continued, text }
    }

    /// Checks the end, given the state before the command.
    pub(crate) fn judge(self, before: &Observed, after: &Observed, ending: &Ending) -> Result<(), String> {
        let mut wrong = vec![];
        let mut check = |what: &str, holds: bool| {
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        check("one operation", ending.operations.len() == 1);
        check(
            "one message, or a second one that continues it",
            ending.messages == 1 || (ending.messages == 2 && ending.is_continued),
        );
        let (builds, versions) = match self {
            Self::Build => (1, 0),
            Self::Deploy | Self::Promote => (0, 1),
            Self::Rollback => (0, 0),
        };
        check("builds started once", after.builds == before.builds + builds);
        check("versions published once", after.versions == before.versions + versions);
        match self {
            Self::Build => check(
                "aliases untouched",
                before.aliases == after.aliases && before.releases == after.releases,
            ),
            Self::Deploy => self.moved("dev", before, after, ending, &mut check),
            Self::Promote | Self::Rollback => self.moved("prod", before, after, ending, &mut check),
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!("failed: {}\nbefore {before:?}\nafter {after:?}\n{ending:?}", wrong.join("; ")))
    }

    fn moved(
        self,
        stage: &str,
        before: &Observed,
        after: &Observed,
        ending: &Ending,
        check: &mut impl FnMut(&str, bool),
    ) {
        check("the alias moved", before.aliases.get(stage) != after.aliases.get(stage));
        check("the record moved", before.releases.get(stage) != after.releases.get(stage));
        let release = after.releases.get(stage).cloned().unwrap_or_default();
        check(
            "the message agrees with the record",
            ending.text.contains(&format!("{release} is live on {stage}")),
        );
        let others = |observed: &Observed| {
            let mut others = (observed.aliases.clone(), observed.releases.clone());
            others.0.remove(stage);
            others.1.remove(stage);
            others
        };
        check("other stages untouched", others(before) == others(after));
    }
}

/// A new release on `dev`.
async fn release(site: &Site, subject: &str) {
    site.commit(subject);
    site.run("/build orders").await;
    site.run("/deploy orders").await;
}

/// The end of a command, as the channel shows it.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) operations: Vec<String>,
    messages: usize,
    is_continued: bool,
    text: String,
}

impl Observed {
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
        Self { builds, versions, aliases, releases: site.world.releases(PIPELINE).await }
    }
}

/// How often each mutation of AWS had an effect.
pub(crate) fn effects(calls: &[Call]) -> BTreeMap<(String, String), usize> {
    let mut effects = BTreeMap::new();
    for call in calls.iter().filter(|call| call.mutates_aws() && call.effect) {
        *effects.entry((call.service.clone(), call.method.clone())).or_default() += 1;
    }
    effects
}

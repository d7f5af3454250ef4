//! What a person can ask for: one variant per form of the command table, with typed arguments.

use sluice_model::{BuildNumber, Member, PipelineName, ReleaseNumber, Role, StageName, UserId};

/// The language of a repository's first commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Python, the standard library only.
    Python,
    /// Node.
    Node,
    /// Rust.
    Rust,
}

impl Language {
    pub(super) const ALL: [Language; 3] = [Language::Python, Language::Node, Language::Rust];

    /// As it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Node => "node",
            Language::Rust => "rust",
        }
    }

    /// Whether there is a template for it yet.
    pub fn available(self) -> bool {
        self == Language::Python
    }
}

/// A length or a point of time as it was typed. Points are civil: the code that carries the command out knows the zone of
/// the person who typed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Period {
    /// So many seconds: `for 2h`, `since 7d`.
    Seconds(u64),
    /// A time of day: `until 17:00`.
    Time(jiff::civil::Time),
    /// A day: `since 2026-11-01`.
    Date(jiff::civil::Date),
    /// A time on a day: `until 2026-11-01 17:00`.
    Moment(jiff::civil::DateTime),
    /// A day by its name, and a time on it: `until tomorrow`, `until monday 9:00`.
    Day(Day, Option<jiff::civil::Time>),
}

/// A day by its name, seen from the day on which it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// The same day.
    Today,
    /// The day after.
    Tomorrow,
    /// The next day of that name.
    Weekday(jiff::civil::Weekday),
}

/// A command as it was understood. Texts in it are normalised: see [`normalise`](super::normalise()) and
/// [`reason`](super::reason). Its `Display` is a command line that parses to the same value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the arguments of DESIGN 3, by their names there")]
pub enum Command {
    RepoCreate {
        name: PipelineName,
        from: Option<Language>,
    },
    RepoConnect {
        name: PipelineName,
        url: String,
    },
    RepoList,
    RepoShow {
        name: PipelineName,
    },
    RepoDelete {
        name: PipelineName,
    },
    /// `/build orders@main`; without a reference the default branch is built.
    Build {
        name: PipelineName,
        reference: Option<String>,
    },
    BuildCancel {
        name: PipelineName,
        build: Option<BuildNumber>,
    },
    BuildRetry {
        name: PipelineName,
        build: Option<BuildNumber>,
    },
    BuildLog {
        name: PipelineName,
        build: Option<BuildNumber>,
    },
    BuildList {
        name: PipelineName,
    },
    Deploy {
        name: PipelineName,
        build: Option<BuildNumber>,
        stage: Option<StageName>,
        /// Though the stage was moved outside Sluice.
        anyway: bool,
    },
    DeployPlan {
        name: PipelineName,
        build: Option<BuildNumber>,
    },
    DeployCancel {
        name: PipelineName,
    },
    StageList {
        name: PipelineName,
    },
    StageAdd {
        name: PipelineName,
        stage: StageName,
        after: Option<StageName>,
    },
    /// `key=value`, at least one; the key keeps its case.
    StageSet {
        name: PipelineName,
        stage: StageName,
        settings: Vec<(String, String)>,
        /// Although fewer approvals are needed afterwards.
        confirm: bool,
    },
    StageRemove {
        name: PipelineName,
        stage: StageName,
    },
    StageLock {
        name: PipelineName,
        stage: Option<StageName>,
        until: Option<Period>,
        /// It stops a rollback, too.
        hard: bool,
        reason: String,
    },
    StageUnlock {
        name: PipelineName,
        stage: Option<StageName>,
    },
    Promote {
        name: PipelineName,
        to: StageName,
        from: Option<StageName>,
        release: Option<ReleaseNumber>,
        again: bool,
        /// Though the stage was moved outside Sluice.
        anyway: bool,
        override_reason: Option<String>,
    },
    PromoteDiff {
        name: PipelineName,
        to: StageName,
    },
    PromoteApprove {
        name: PipelineName,
        stage: StageName,
        release: Option<ReleaseNumber>,
        reason: Option<String>,
    },
    PromoteReject {
        name: PipelineName,
        stage: StageName,
        release: Option<ReleaseNumber>,
        reason: Option<String>,
    },
    PromoteCancel {
        name: PipelineName,
        stage: StageName,
        release: Option<ReleaseNumber>,
        reason: Option<String>,
    },
    Rollback {
        name: PipelineName,
        stage: StageName,
        release: Option<ReleaseNumber>,
        /// Though the stage was moved outside Sluice.
        anyway: bool,
        reason: Option<String>,
    },
    PipelineStatus {
        name: Option<PipelineName>,
    },
    PipelineHistory {
        name: PipelineName,
        stage: Option<StageName>,
        person: Option<UserId>,
        since: Option<Period>,
        until: Option<Period>,
    },
    PipelineMine,
    PipelineCheck {
        name: PipelineName,
        stage: Option<StageName>,
    },
    PipelineWatch {
        name: PipelineName,
    },
    PipelineUnwatch {
        name: PipelineName,
    },
    PipelineGrant {
        person: Member,
        role: Role,
        name: Option<PipelineName>,
    },
    PipelineRevoke {
        person: Member,
        role: Role,
        name: Option<PipelineName>,
    },
    PipelineWho {
        name: Option<PipelineName>,
    },
    /// `/pipeline tidy orders now`; without `now` it only lists.
    PipelineTidy {
        name: PipelineName,
        now: bool,
    },
    /// `help`, alone or of a command: a verb or a verb and its word, as [`topics`](super::topics) lists them
    /// (`build`, `build log`).
    Help {
        command: Option<String>,
    },
}

impl Command {
    /// The promotion of what the stage before runs.
    pub fn promotion(name: PipelineName, to: StageName) -> Self {
        let (from, release, override_reason) = (None, None, None);
        Command::Promote { name, to, from, release, again: false, anyway: false, override_reason }
    }

    /// The same with pipeline and stage the other way round, and what each then is.
    pub fn swapped(&self) -> Option<(PipelineName, StageName, Self)> {
        fn swap(name: &mut PipelineName, stage: &mut StageName) -> Option<(PipelineName, StageName)> {
            let other = PipelineName::new(stage.to_string()).ok()?;
            *stage = StageName::new(name.to_string()).ok()?;
            *name = other;
            Some((name.clone(), stage.clone()))
        }
        let mut command = self.clone();
        let (name, stage) = match &mut command {
            Command::Deploy { name, stage: Some(stage), .. }
            | Command::StageSet { name, stage, .. }
            | Command::StageLock { name, stage: Some(stage), .. }
            | Command::StageUnlock { name, stage: Some(stage) }
            | Command::Promote { name, to: stage, .. }
            | Command::PromoteApprove { name, stage, .. }
            | Command::PromoteReject { name, stage, .. }
            | Command::PromoteCancel { name, stage, .. }
            | Command::Rollback { name, stage, .. }
            | Command::PipelineCheck { name, stage: Some(stage) }
            | Command::PipelineHistory { name, stage: Some(stage), .. } => swap(name, stage)?,
            _ => return None,
        };
        (!command.waives()).then_some((name, stage, command))
    }

    /// The same, though its stage was moved outside Sluice.
    pub fn anyway(mut self) -> Self {
        if let Command::Deploy { anyway, .. }
        | Command::Promote { anyway, .. }
        | Command::Rollback { anyway, .. } = &mut self
        {
            *anyway = true;
        }
        self
    }

    /// Whether it waives a safeguard: `override`, `again`, `anyway`, `hard`, `confirm`, `now`. People type these themselves; they
    /// are never suggested.
    pub fn waives(&self) -> bool {
        match self {
            Command::Promote { again, anyway, override_reason, .. } => {
                *again || *anyway || override_reason.is_some()
            }
            Command::Deploy { anyway, .. } | Command::Rollback { anyway, .. } => *anyway,
            Command::StageLock { hard, .. } => *hard,
            Command::StageSet { confirm, .. } => *confirm,
            Command::PipelineTidy { now, .. } => *now,
            _ => false,
        }
    }

    /// Whether it goes on though its stage was moved outside Sluice; none if it moves no stage.
    pub fn accepts_drift(&self) -> Option<bool> {
        match self {
            Command::Deploy { anyway, .. }
            | Command::Promote { anyway, .. }
            | Command::Rollback { anyway, .. } => Some(*anyway),
            _ => None,
        }
    }
}

//! The verbs: one slash command each.

/// A verb of DESIGN 3: one slash command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `/repo`
    Repo,
    /// `/build`
    Build,
    /// `/deploy`
    Deploy,
    /// `/stage`
    Stage,
    /// `/promote`
    Promote,
    /// `/rollback`
    Rollback,
    /// `/pipeline`
    Pipeline,
}

impl Verb {
    /// All verbs, in the order in which a change travels.
    pub const ALL: [Verb; 7] =
        [Verb::Repo, Verb::Build, Verb::Deploy, Verb::Stage, Verb::Promote, Verb::Rollback, Verb::Pipeline];

    /// The verb as people type it, without slash and prefix.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Repo => "repo",
            Verb::Build => "build",
            Verb::Deploy => "deploy",
            Verb::Stage => "stage",
            Verb::Promote => "promote",
            Verb::Rollback => "rollback",
            Verb::Pipeline => "pipeline",
        }
    }

    /// Its purpose in one line: the description in `manifest.yml`.
    pub fn summary(self) -> &'static str {
        match self {
            Verb::Repo => "Create a service with its repository and pipeline",
            Verb::Build => "Build a commit and read its log",
            Verb::Deploy => "Turn a build into a release and run it on the first stage",
            Verb::Stage => "See and change the stages of a pipeline",
            Verb::Promote => "Move a release to the next stage, with its approvals",
            Verb::Rollback => "Move a stage back to an earlier release",
            Verb::Pipeline => "See what runs where, what happened, and get help",
        }
    }

    /// The verb with this word, in any case.
    pub fn from_word(word: &str) -> Option<Verb> {
        Verb::ALL.into_iter().find(|verb| verb.word().eq_ignore_ascii_case(word))
    }
}

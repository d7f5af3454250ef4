//! `/repo`

use super::rows::rows;
use super::shared::NAME;
use crate::form::{Action, Argument, ArgumentKind};
use crate::language::Language;
use crate::verb::Verb;
use sluice_model::{Permission, PipelineName};

const NEW_NAME: Argument = Argument::required(
    ArgumentKind::Name,
    "NAME",
    "the pipeline's name: 2 to 40 characters of a-z, 0-9 and -",
);
const LANGUAGE: Argument = Argument::optional(
    ArgumentKind::Language,
    "[from python|node|rust|sam]",
    "the template of the first commit",
)
.keyword(&["from"]);
const URL: Argument = Argument::required(ArgumentKind::Url, "URL", "the address of the repository");

rows! {
    /// A `/repo` command.
    RepoCommand, Verb::Repo;

    /// `/repo create orders from python`
    Create { name: PipelineName = NEW_NAME, from: Option<Language> = LANGUAGE } => {
        word: Some("create"),
        summary: "Create a service: repository, build project, first stage",
        help: "Creates a repository with a small working service, a build project and the stage `dev`. The service is written in \
               Python unless you choose Node.js or Rust; `from sam` is for an application of your own. The channel where \
               you run the command becomes the pipeline's home channel: Sluice posts its messages about the pipeline there.",
        examples: &["/repo create orders", "/repo create orders from node", "/repo create orders from sam"],
        permission: Permission::Operators,
        action: Action::Start("repo-create"),
        available: true,
    }

    /// `/repo connect orders https://github.com/acme/orders`
    Connect { name: PipelineName = NAME, url: String = URL } => {
        word: Some("connect"),
        summary: "Create a pipeline for an existing repository",
        help: "The repository may be at CodeCommit, GitHub, GitLab or Bitbucket. Someone has to confirm the connection once \
               in the AWS console.",
        examples: &["/repo connect orders https://github.com/acme/orders"],
        permission: Permission::Operators,
        action: Action::Start("repo-connect"),
        available: false,
    }

    /// `/repo list`
    List {} => {
        word: Some("list"),
        summary: "List the pipelines",
        help: "Shows each pipeline's repository, home channel and creator.",
        examples: &["/repo list"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/repo show orders`
    Show { name: PipelineName = NAME } => {
        word: Some("show"),
        summary: "Show a pipeline: clone URL, build project, stages, home channel",
        help: "Shows what Sluice created for the pipeline, with links to the AWS console.",
        examples: &["/repo show orders"],
        permission: Permission::Everyone,
        action: Action::Read,
        available: true,
    }

    /// `/repo delete orders`
    Delete { name: PipelineName = NAME } => {
        word: Some("delete"),
        summary: "Delete a pipeline and everything that was created for it",
        help: "Lists what will be deleted and asks for confirmation. The history is kept.",
        examples: &["/repo delete orders"],
        permission: Permission::Admins,
        action: Action::Start("repo-delete"),
        available: false,
    }
}

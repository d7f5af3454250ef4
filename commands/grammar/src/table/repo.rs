//! `/repo`

use super::{Argument, Form, NAME, Slot};
use crate::{Command, Verb};
use sluice_model::Permission;

pub(super) static CREATE: Form = Form {
    verb: Verb::Repo,
    word: Some("create"),
    arguments: &[
        Argument::required(Slot::Name, "NAME", "the pipeline's name: 2 to 40 of a-z, 0-9 and -"),
        Argument::optional(Slot::Language, "[from python]", "the template of the first commit")
            .word(&["from"]),
    ],
    summary: "Create a service: repository, build project, first stage",
    help: "Makes a repository with a small working service in it, a build project and the stage `dev`. The channel \
           where you type it becomes the pipeline's home: what happens to it is told there.",
    examples: &["/repo create orders", "/repo create orders from python"],
    permission: Permission::Operators,
    available: true,
    make: |v| Some(Command::RepoCreate { name: v.name?, from: v.language }),
};

pub(super) static CONNECT: Form = Form {
    verb: Verb::Repo,
    word: Some("connect"),
    arguments: &[NAME, Argument::required(Slot::Url, "URL", "where the repository is")],
    summary: "Make a pipeline for a repository that exists",
    help: "The repository may be at CodeCommit, GitHub, GitLab or Bitbucket. A person finishes the handshake in the \
           AWS console once.",
    examples: &["/repo connect orders https://github.com/acme/orders"],
    permission: Permission::Operators,
    available: false,
    make: |v| Some(Command::RepoConnect { name: v.name?, url: v.url? }),
};

pub(super) static LIST: Form = Form {
    verb: Verb::Repo,
    word: Some("list"),
    arguments: &[],
    summary: "List the pipelines",
    help: "Each with its stages and what they run.",
    examples: &["/repo list"],
    permission: Permission::Everyone,
    available: true,
    make: |_| Some(Command::RepoList),
};

pub(super) static SHOW: Form = Form {
    verb: Verb::Repo,
    word: Some("show"),
    arguments: &[NAME],
    summary: "Show a pipeline: clone line, build project, stages, home channel",
    help: "What was made for the pipeline, with links.",
    examples: &["/repo show orders"],
    permission: Permission::Everyone,
    available: false,
    make: |v| Some(Command::RepoShow { name: v.name? }),
};

pub(super) static DELETE: Form = Form {
    verb: Verb::Repo,
    word: Some("delete"),
    arguments: &[NAME],
    summary: "Delete a pipeline and everything that was made for it",
    help: "Asks first, and lists what goes. The history stays.",
    examples: &["/repo delete orders"],
    permission: Permission::Admins,
    available: false,
    make: |v| Some(Command::RepoDelete { name: v.name? }),
};

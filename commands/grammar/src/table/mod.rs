//! The command table, a file for each verb. A row is all that is known of a command: its type, words and arguments, its
//! help and examples, who may use it, and what it does (DESIGN 3).

mod build;
mod deploy;
mod pipeline;
mod promote;
mod repo;
mod rollback;
mod rows;
mod shared;
mod stage;

pub use build::BuildCommand;
pub use deploy::DeployCommand;
pub use pipeline::PipelineCommand;
pub use promote::PromoteCommand;
pub use repo::RepoCommand;
pub use rollback::RollbackCommand;
pub use stage::StageCommand;

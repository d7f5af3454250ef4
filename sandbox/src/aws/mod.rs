//! AWS as the bot sees it: one address for all services.
//!
//! [`Calls`](crate::calls::Calls) names each request, records it and applies the armed faults. CodeCommit and CodeBuild are
//! implemented here, Lambda, API Gateway and CloudFormation pass through fixes for what the local AWS gets wrong, and everything else is
//! forwarded unchanged. Requests must be signed with one of the sandbox's access keys; others are refused as AWS refuses them.

mod access;
mod account;
mod answer;
mod apigateway;
mod apigateway_runtime;
mod buckets;
mod cloudformation;
mod cloudwatch;
mod codebuild;
mod codecommit;
mod config;
mod git;
mod lambda;
mod logs;
mod naming;
mod openapi;
mod presigned;
mod queues;
mod request;
mod server;
mod strict;
mod upstream;

pub use account::{ACCESS_KEY, ACCOUNT, ADMIN_KEY, INIT_KEY, OBSERVER_KEY, REGION, ROLE_KEY, SECRET_KEY};
pub use config::{AwsConfig, AwsListeners, policies_of};
pub use server::serve;
pub use strict::{Quotas, Rule, Settings, Strict, rules};
pub use upstream::Upstream;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

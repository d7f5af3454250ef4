//! What `sluice init` makes in AWS before anything else: the permissions boundary of all roles.

use crate::fault::{Class, PortResult};
use crate::ids::Target;
use crate::operations::names;
use crate::ports::Identity;

/// Makes the permissions boundary unless it is there; says whether it made it. Safe to repeat.
pub async fn boundary(identity: &dyn Identity, target: &Target) -> PortResult<bool> {
    if identity.policy_exists(target, &names::boundary_arn(target)).await? {
        return Ok(false);
    }
    let made =
        identity.create_policy(target, names::BOUNDARY, names::IAM_PATH, &names::boundary_document()).await;
    match made {
        Ok(_) => Ok(true),
        Err(error) if error.class == Class::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}

//! Steps that several operations share. The steps of AWS resources are in [`crate::resources`].

mod artifact;
mod artifact_reference;
mod delete_role;
mod done;
mod drift;
mod first_minutes;
mod gate;
mod hold;
mod messages;
mod moves;
mod prepare;
mod record;
mod record_change;
mod resolve;
mod smoke;
mod stack;
mod system;
mod value_messages;

pub(crate) use self::artifact::*;
pub(crate) use self::artifact_reference::*;
pub(crate) use self::delete_role::*;
pub(crate) use self::done::*;
pub(crate) use self::drift::*;
pub(crate) use self::first_minutes::*;
pub(crate) use self::gate::*;
pub(crate) use self::hold::*;
pub(crate) use self::messages::*;
pub(crate) use self::moves::*;
pub(crate) use self::prepare::*;
pub(crate) use self::record::*;
pub(crate) use self::record_change::*;
pub(crate) use self::resolve::*;
pub(crate) use self::smoke::*;
pub(crate) use self::stack::{StackBack, StagedStack};
pub(crate) use self::system::*;
pub(crate) use self::value_messages::*;

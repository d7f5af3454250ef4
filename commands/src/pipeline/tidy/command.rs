//! Plans `/pipeline tidy`.

use crate::installation::{Plan, Planning, Reject};
use crate::pipeline::tidy::messages;
use crate::pipeline::tidy::params::Params;

pub(crate) fn plan(planning: Planning<'_>, now: bool) -> Result<Plan, Reject> {
    let stages = planning.snapshot.state.pipeline(planning.name)?.stages.clone();
    let params = Params { name: planning.name.clone(), stages, delete: now, automatic: false };
    let answer = messages::tidying(&params).then(".");
    Plan::new(params, planning.command.clone(), answer)
}

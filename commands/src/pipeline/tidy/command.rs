//! Plans `/pipeline tidy`.

use crate::installation::{Plan, Planning, Reject};
use crate::pipeline::tidy::messages;
use crate::pipeline::tidy::params::{KIND, Params};

pub(crate) fn plan(of: Planning<'_>, now: bool) -> Result<Plan, Reject> {
    of.snapshot.state.pipeline(of.name)?;
    let params = Params { name: of.name.clone(), delete: now, automatic: false };
    let answer = messages::tidying(&params).then(".");
    Plan::new(KIND, params, of.command.clone(), answer)
}

//! Plans `/pipeline tidy`.

use crate::installation::{Plan, Planning, Reject};
use crate::pipeline::tidy::{KIND, Params};
use sluice_model::Text;

pub(crate) fn plan(of: Planning<'_>, now: bool) -> Result<Plan, Reject> {
    of.snapshot.state.pipeline(of.name)?;
    let params = Params { name: of.name.clone(), delete: now, automatic: false };
    let what = if now { "Tidying " } else { "Finding what can be deleted from " };
    let answer = Text::plain(what).code(of.name.as_str()).then(".");
    Plan::new(KIND, params, of.command.clone(), answer)
}

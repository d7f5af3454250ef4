//! Plans `/pipeline tidy`.

use crate::installation::{Plan, Reject};
use crate::pipeline::tidy::{KIND, Params};
use crate::records::PipelineState;
use sluice_grammar::Command;
use sluice_model::{PipelineName, Text};

pub(crate) fn tidy(
    state: &PipelineState,
    name: &PipelineName,
    now: bool,
    command: &Command,
) -> Result<Plan, Reject> {
    state.pipeline(name)?;
    let params = Params { name: name.clone(), delete: now, automatic: false };
    let what = if now { "Tidying " } else { "Finding what can be deleted from " };
    Plan::new(KIND, params, command.clone(), Text::plain(what).code(name.as_str()).then("."))
}

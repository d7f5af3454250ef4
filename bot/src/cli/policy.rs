//! `sluice policy`: prints an IAM policy. It calls neither AWS nor the state, so it works before either exists.

use sluice_model::Target;

use super::console::print;
use super::exit::Exit;
use crate::config::{Base, Problem, Sources};
use crate::wiring::{PolicyFor, policy};

pub(super) fn run(
    sources: Sources,
    account: String,
    region: Option<String>,
    init: bool,
) -> Result<Exit, Vec<Problem>> {
    let region = region.or_else(|| sources.env.get("AWS_REGION").cloned());
    let region = region.ok_or_else(|| vec![Problem::new("--region", "is required, or set AWS_REGION")])?;
    let whose = if init { PolicyFor::Init } else { PolicyFor::Bot };
    let base = Base::load(sources)?;
    print(&format!("{:#}\n", policy(whose, &base, &Target { account, region })));
    Ok(Exit::Done)
}

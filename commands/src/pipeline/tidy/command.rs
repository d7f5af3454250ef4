//! Plans `/pipeline tidy`.

use std::collections::BTreeSet;

use crate::installation::{Plan, Planning, Reject};
use crate::pipeline::tidy::messages;
use crate::pipeline::tidy::params::{Data, Params};
use sluice_model::StageName;

/// How many resources with data one command names.
const MOST_DATA: usize = 50;

/// `data`: resources with data to be deleted, as `dev/Orders,prod/Archive`.
pub(crate) fn plan(planning: Planning<'_>, now: bool, data: Option<&str>) -> Result<Plan, Reject> {
    let (state, name) = (&planning.snapshot.state, planning.name);
    let stages = state.pipeline(name)?.stages.clone();
    let data = data.map_or_else(|| Ok(BTreeSet::new()), |text| read(text, &stages))?;
    if !data.is_empty() && !now {
        return Err(messages::data_needs_now(name, &data).into());
    }
    let params = Params { name: name.clone(), stages, delete: now, automatic: false, data };
    let answer = messages::tidying(&params).then(".");
    Plan::new(params, planning.command.clone(), answer)
}

fn read(text: &str, stages: &[StageName]) -> Result<BTreeSet<Data>, Reject> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let one = |name: &str| {
        let (stage, resource) = name.split_once('/')?;
        let stage = stages.iter().find(|known| known.as_str() == stage)?;
        let is_id =
            (1..=255).contains(&resource.len()) && resource.bytes().all(|b| b.is_ascii_alphanumeric());
        is_id.then(|| Data { stage: stage.clone(), resource: resource.to_owned() })
    };
    let data = names.map(|name| one(name).ok_or_else(|| messages::bad_data(name)));
    let data = data.collect::<Result<BTreeSet<_>, _>>()?;
    match (1..=MOST_DATA).contains(&data.len()) {
        true => Ok(data),
        false => Err(messages::bad_data(text).into()),
    }
}

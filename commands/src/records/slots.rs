//! The slots of a pipeline.

use sluice_engine::Slot;
use sluice_model::StageName;

const STAGE: &str = "stage/";

/// The slot of `$LATEST` of the pipeline's functions and of its API's definition.
pub fn pipeline_slot() -> Slot {
    Slot::new("pipeline")
}

/// The slot of the aliases and the API stage of one stage.
pub fn stage_slot(stage: &StageName) -> Slot {
    Slot::new(format!("{STAGE}{stage}"))
}

/// The stage whose slot it is; `None` for any other slot.
pub fn stage_of(slot: &Slot) -> Option<StageName> {
    StageName::new(slot.as_str().strip_prefix(STAGE)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_names_its_stage() {
        let dev = StageName::new("dev").unwrap();
        assert_eq!(stage_of(&stage_slot(&dev)), Some(dev));
        assert_eq!(stage_of(&pipeline_slot()), None);
    }
}

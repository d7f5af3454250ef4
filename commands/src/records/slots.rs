//! The slots of a pipeline.

use sluice_engine::Slot;
use sluice_model::StageName;

const STAGE: &str = "stage/";

/// The slot of `$LATEST` of a stage's functions and of its API's definition, which nobody can call. A rollback does not need it,
/// so it never waits while a release is prepared.
pub fn prepare_slot(stage: &StageName) -> Slot {
    Slot::new(format!("prepare/{stage}"))
}

/// The slot of a stage's aliases and API stage, which decide what is called.
pub fn stage_slot(stage: &StageName) -> Slot {
    Slot::new(format!("{STAGE}{stage}"))
}

/// The slot of a change of a stage's stack beside the stage's other work: of tidying, and of a rollback once it has moved. The
/// execution of one change set deletes the others of the stack. Nothing that holds it waits for another slot of the stage.
pub fn stack_slot(stage: &StageName) -> Slot {
    Slot::new(format!("stack/{stage}"))
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
        assert_eq!(stage_of(&stage_slot(&dev)), Some(dev.clone()));
        assert_eq!(stage_of(&prepare_slot(&dev)), None);
        assert_eq!(stage_of(&stack_slot(&dev)), None);
    }
}

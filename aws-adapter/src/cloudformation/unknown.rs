//! Statuses that this version of Sluice does not know.

use crate::call::Call;
use sluice_model::{Class, PortError};

/// An error for a status that this version of Sluice does not know. Nothing is guessed about a stack.
pub(super) fn unknown_status(call: Call, status: &str) -> PortError {
    call.error(Class::Invalid, "UnknownStatus", status)
}

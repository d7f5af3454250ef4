//! What Sluice remembers of pipelines, and the rules over it. Pure: records in, judgements out.

mod access;
mod audit;
mod records;
mod view;

pub use access::*;
pub use audit::*;
pub use records::*;
pub use view::*;

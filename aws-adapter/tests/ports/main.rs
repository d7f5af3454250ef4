//! The ports as the layers above use them, over the wire: recorded answers where no emulator is right, an emulator
//! elsewhere.

mod account;
mod effects;
mod emulator;
mod lambda;
mod recorded;
mod refusals;
mod rig;

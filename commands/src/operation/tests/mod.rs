//! The engine on a store in memory and a toy world, with tokio's clock paused: crashes, lost answers, races, by table.

mod basics;
mod crashes;
mod harness;
mod races;
mod sea;
mod slots;

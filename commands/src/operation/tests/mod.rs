//! The engine on a store in memory and a toy world, with tokio's clock paused: crashes, lost answers, races, by table.

mod accepting;
mod awaits;
mod basics;
mod crashes;
mod faults;
mod harness;
mod matrix;
mod races;
mod replicas;
mod schedules;
mod sizes;
mod slots;
mod stuck;
mod toy_world;
mod unattended;
mod unwinding;

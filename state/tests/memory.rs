//! The store in memory keeps the port's promises, so tests on it say something about the real one.

use sluice_commands::testing::MemoryStore;
use sluice_state::conformance;

#[tokio::test]
async fn the_suite_passes_in_memory() {
    conformance::all(&MemoryStore::new()).await;
}

//! The store in memory conforms to the port, so tests on it are valid for the other backends.

use sluice_commands::testing::MemoryStore;
use sluice_state::conformance;

#[tokio::test]
async fn the_suite_passes_in_memory() {
    conformance::all(&MemoryStore::new()).await;
}

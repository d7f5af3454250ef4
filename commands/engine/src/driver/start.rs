//! Starting the ready steps.

use std::sync::Arc;

use futures::FutureExt;
use tokio::time::Instant;

use super::{Drive, Event, SURE_AGAIN};
use crate::hooks::Hooks;
use crate::plan::Start;
use crate::state::OperationState;
use crate::step::{Context, Effect};
use crate::step_id::StepId;

impl<A: Hooks> Drive<'_, A> {
    /// Starts ready steps up to the bound. A mutation starts only while the lease is certain.
    pub(super) fn start(&mut self, op: &OperationState, ready: &[(StepId, Start)]) {
        let world = self.engine.world();
        let is_sure = self.log.shown().elapsed() < world.settings.lease / 2;
        for (id, start) in ready {
            if self.running.len() >= self.engine.world().settings.width {
                break;
            }
            let Some(node) = self.nodes.iter().find(|node| &node.id == id) else { continue };
            if !is_sure && *start != Start::Observe && matches!(node.step.effect(), Effect::Mutate(_)) {
                self.wake.insert(id.clone(), Instant::now() + SURE_AGAIN);
                continue;
            }
            let cx = Context {
                world: Arc::clone(world),
                operation: op.id.clone(),
                signals: op.signals.iter().filter(|signal| &signal.step == id).cloned().collect(),
                begun: *self.begun.entry(id.clone()).or_insert_with(Instant::now),
            };
            self.judged.insert(id.clone(), cx.signals.len());
            let (id, step) = (id.clone(), Arc::clone(&node.step));
            self.in_flight.running.insert(id.clone());
            let output = op.step(&id).and_then(|fact| fact.done.as_ref()).map(|(_, output)| output.clone());
            self.running.push(match start {
                Start::IntendUndo | Start::Undo => {
                    let output = output.unwrap_or_default();
                    async move { Event::Undone(id, step.undo(&cx, &output).await) }.boxed()
                }
                Start::Run | Start::Intend => async move { Event::Ran(id, step.run(&cx).await) }.boxed(),
                Start::Observe => async move { Event::Looked(id, step.observe(&cx).await) }.boxed(),
            });
        }
    }
}

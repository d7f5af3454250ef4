//! What a process does: it accepts operations, takes signals, and drives.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};

use super::super::toy_world::Spec;
use super::{LEASE, Process, Shared, person};
use crate::operation::testing::operation_id;
use crate::operation::*;
use crate::ports::{Store, Update};
use crate::rules::{Asked, Roles};
use sluice_model::{Answer, Card, OperationId, Tone};

impl Process {
    /// Accepts a toy operation as the service would, again while the pipeline changes.
    pub(in super::super) async fn try_ask(
        &self,
        number: u64,
        delivery: &str,
        kind: &'static str,
        steps: &[Spec],
    ) -> Result<Accepted, EngineError> {
        let world = self.engine.world();
        let ann = person("ann");
        let channel = "C0GENERAL1".parse().unwrap();
        let delivery = Delivery { key: delivery, actor: &ann, channel: Some(&channel) };
        loop {
            let name = "orders".parse().unwrap();
            let snapshot = Snapshot::read(world, &name).await?;
            let granted = snapshot.access.operate(&ann.id).unwrap();
            let request = OperationRequest {
                kind,
                params: serde_json::to_value(steps).unwrap(),
                pipeline: name,
                home: channel.clone(),
                command: format!("/{kind} {number}"),
                fingerprint: format!("/{kind} {number}"),
                counters: Default::default(),
                writes: vec![],
                answer: Answer::private(Card::new(Tone::Running, format!("Doing {number}."))),
            };
            let id = operation_id(self.ids_from + number);
            match accept(&self.engine, id, &delivery, &snapshot, request, granted.rule()).await? {
                Accepted::Again => {}
                accepted => return Ok(accepted),
            }
        }
    }

    /// The same, repeated until there is an answer, as people do.
    pub(in super::super) async fn ask(
        &self,
        number: u64,
        delivery: &str,
        kind: &'static str,
        steps: &[Spec],
    ) -> Accepted {
        loop {
            if let Ok(accepted) = self.try_ask(number, delivery, kind, steps).await {
                return accepted;
            }
        }
    }

    /// A person sends a signal to an operation in its present state.
    pub(in super::super) async fn send_signal(
        &self,
        id: &OperationId,
        who: &str,
        delivery: &str,
        kind: SignalKind,
    ) -> SignalOutcome {
        let head = self.read(id).await;
        self.signal_as_seen(&head, who, delivery, kind).await
    }

    pub(in super::super) async fn read(&self, id: &OperationId) -> Head {
        let item = self.store_proxy.store.get(&self.engine.world().keys.head(id)).await.unwrap().unwrap();
        Head::from_item(&item).unwrap()
    }

    pub(in super::super) async fn signal_as_seen(
        &self,
        head: &Head,
        who: &str,
        delivery: &str,
        kind: SignalKind,
    ) -> SignalOutcome {
        let who = person(who);
        let requester = &head.spec.actor.id;
        let asked = Asked { requester, approvers: &BTreeSet::new(), self_approval: false };
        let roles = Roles { pinned: self.engine.world().ports.pinned.get(), ..Roles::default() };
        let granted = roles.access().approve(&who.id, &asked).unwrap();
        let channel = "C0GENERAL1".parse().unwrap();
        let delivery = Delivery { key: delivery, actor: &who, channel: Some(&channel) };
        let answer = Answer::private(Card::new(Tone::Good, "Heard."));
        let keys = &self.engine.world().keys;
        let op = load(&*self.store_proxy.store, keys, &head.id).await.unwrap().unwrap().op;
        send_signal(&self.engine, &delivery, head, &op, Signal { kind, reason: None }, granted.rule(), answer)
            .await
            .unwrap()
    }

    /// An admin sends a signal to a stuck operation, with or without a readable journal.
    pub(in super::super) async fn signal_stuck(
        &self,
        head: &Head,
        delivery: &str,
        kind: SignalKind,
    ) -> SignalOutcome {
        let ada = person("ada");
        let roles = Roles { pinned: self.engine.world().ports.pinned.get(), ..Roles::default() };
        let granted = roles.access().administer(&ada.id).unwrap();
        let channel = "C0GENERAL1".parse().unwrap();
        let delivery = Delivery { key: delivery, actor: &ada, channel: Some(&channel) };
        let answer = Answer::private(Card::new(Tone::Good, "Heard."));
        let op = OperationState::new(head.id.clone(), head.spec.clone());
        send_signal(&self.engine, &delivery, head, &op, Signal { kind, reason: None }, granted.rule(), answer)
            .await
            .unwrap()
    }

    /// Runs the process: it drives what its runner got, sweeps, and records the last updates as delivered. It ends only after
    /// it was asked to stop and released everything.
    pub(in super::super) async fn run(&self) {
        let mut undelivered: Vec<Update> = vec![];
        let mut drives = FuturesUnordered::new();
        let (mut running, mut again) = (BTreeSet::new(), BTreeSet::new());
        let mut sweep = tokio::time::interval(LEASE / 3);
        let (mut seen, mut stops) = (0, false);
        loop {
            for id in self.runner.take() {
                if running.insert(id.clone()) {
                    drives.push(async move {
                        self.engine.drive(&id).await;
                        id
                    });
                } else {
                    self.engine.nudge(&id);
                    again.insert(id);
                }
            }
            if stops && drives.is_empty() {
                return;
            }
            tokio::select! {
                // Deterministic: the same process again does the same.
                biased;
                () = self.store_proxy.stop_asked.notified(), if !stops => {
                    self.engine.stop();
                    stops = true;
                }
                Some(id) = drives.next(), if !drives.is_empty() => {
                    running.remove(&id);
                    if again.remove(&id) {
                        crate::ports::Runner::run(&*self.runner, id);
                    }
                }
                () = self.runner.asked() => {}
                _ = sweep.tick(), if !stops => {
                    for id in self.engine.sweep().await.unwrap_or_default() {
                        crate::ports::Runner::run(&*self.runner, id);
                    }
                }
            }
            undelivered.extend(self.notifier.last_since(seen));
            seen = self.notifier.count();
            let messages = Messages::new(
                self.store_proxy.clone(),
                &self.engine.world().keys,
                self.engine.world().settings.replica.clone(),
            );
            // A failed update is tried again, as the bot does.
            for update in std::mem::take(&mut undelivered) {
                if messages.settled(&update).await.is_err() {
                    undelivered.push(update);
                }
            }
        }
    }

    /// Runs until its death, or until `done`; whether it died.
    pub(in super::super) async fn run_until(&self, done: impl AsyncFn() -> bool) -> bool {
        let finished = async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let process_run = async {
            tokio::select! {
                () = self.run() => true,
                () = self.died.notified() => true,
                () = self.toy_world.effects.died() => true,
                () = finished => false,
            }
        };
        tokio::time::timeout(Duration::from_secs(4 * 3600), process_run).await.expect("it never settled")
    }

    /// Returns when it died at a call of the store or of AWS.
    pub(in super::super) async fn died(&self) {
        self.died.notified().await;
    }

    /// Runs until nothing is due.
    pub(in super::super) async fn run_until_settled(&self, shared: &Shared) -> bool {
        self.run_until(async || shared.is_settled()).await
    }

    /// Runs until that operation has that status.
    pub(in super::super) async fn run_to(&self, shared: &Shared, id: &OperationId, status: Status) {
        let dead = self.run_until(async || shared.head(id).await.status == status).await;
        assert!(!dead, "died before {id} was {}", status.as_str());
    }
}

//! Random schedules: three operations on one pipeline, processes that die anywhere, faults of the store and of steps. The
//! invariants hold for every seed.

use std::time::Duration;

use proptest::prelude::*;

use super::harness::{Process, Shared};
use super::toy_world::{Faults, How, Moment, Spec, step, toy_slot};
use crate::operation::*;
use crate::ports::StoreError;
use crate::records::stage_slot;
use crate::testing::StoreFault;
use sluice_model::Class;

/// How one process runs.
#[derive(Debug, Clone)]
struct ProcessRun {
    ends_at: usize,
    /// It stops in order there, instead of dying.
    stops: bool,
    moment: bool,
    /// Another process runs beside it.
    company: bool,
}

#[derive(Debug, Clone)]
struct Schedule {
    runs: Vec<ProcessRun>,
    faults: Vec<(usize, u8)>,
    aws_faults: Vec<(usize, u8)>,
    forgetful: bool,
}

const NAMES: [&str; 9] = ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"];

fn operations() -> [(&'static str, Vec<Spec>); 3] {
    let prod = || stage_slot(&"prod".parse().unwrap());
    [
        (
            "toy",
            vec![
                step("a1", How::Set),
                step("b1", How::Once).after(&["a1"]).holding(toy_slot()),
                step("c1", How::Name).after(&["b1"]).holding(prod()),
            ],
        ),
        (
            "toy",
            vec![
                step("a2", How::Name).holding(toy_slot()),
                step("b2", How::Set).holding(toy_slot()),
                step("ask2", How::Ask).after(&["a2", "b2"]),
                step("c2", How::Once).after(&["ask2"]).holding(prod()),
            ],
        ),
        (
            ROLLBACK,
            vec![
                step("a3", How::Set).holding(prod()),
                step("b3", How::Set).after(&["a3"]).holding(prod()),
                step("c3", How::Set).after(&["a3"]).holding(prod()),
            ],
        ),
    ]
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let process_run = (0..70_usize, any::<bool>(), any::<bool>(), any::<bool>());
    let process_run = process_run.prop_map(|(ends_at, stops, moment, company)| ProcessRun {
        ends_at,
        stops,
        moment,
        company,
    });
    let runs = prop::collection::vec(process_run, 0..4);
    let faults = prop::collection::vec((0..200_usize, 0..3_u8), 0..6);
    let aws_faults = prop::collection::vec((0..NAMES.len(), 0..5_u8), 0..6);
    (runs, faults, aws_faults, any::<bool>()).prop_map(|(runs, faults, aws_faults, forgetful)| Schedule {
        runs,
        faults,
        aws_faults,
        forgetful,
    })
}

/// People ask for all three under the same deliveries, whichever process runs, and approve what waits.
async fn people(shared: &Shared, process: &Process) {
    for (number, (kind, steps)) in (1..).zip(operations()) {
        process.ask(number, &format!("d{number}"), kind, &steps).await;
    }
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for head in shared.heads().into_iter().filter(|head| head.status == Status::Waiting) {
            process.signal_as_seen(&head, "ben", &format!("yes-{}", head.id), SignalKind::Approve).await;
        }
    }
}

fn is_over(shared: &Shared) -> bool {
    if !shared.is_settled() {
        return false;
    }
    let heads = shared.heads();
    heads.len() == 3 && heads.iter().all(|head| head.status.is_final())
}

async fn run(shared: &Shared, process: &Process, company: Option<&Process>) {
    let beside = async {
        match company {
            Some(other) => other.run().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = process.run_until(async || is_over(shared)) => {}
        () = people(shared, process) => {}
        () = beside => {}
    }
}

async fn hold(schedule: Schedule) {
    let shared = Shared::new().await;
    for (at, kind) in &schedule.faults {
        let unknown = || StoreError::Unknown("injected".into());
        let fault = match kind {
            0 => StoreFault::Before(StoreError::Again("injected".into())),
            1 => StoreFault::Before(unknown()),
            _ => StoreFault::After(unknown()),
        };
        shared.store.fault_at(shared.store.calls().len() + at, fault);
    }
    for (name, kind) in &schedule.aws_faults {
        let faults = match kind {
            0 => Faults::Fails(Class::Transient),
            1 => Faults::Fails(Class::Throttled),
            2 => Faults::Fails(Class::Ambiguous),
            3 => Faults::AnswerLost,
            _ => Faults::Slow(Duration::from_secs(9)),
        };
        shared.toy_world.faults(NAMES[*name], [faults]);
    }
    for (number, process_run) in (1..).zip(&schedule.runs) {
        let moment = if process_run.moment { Moment::Before } else { Moment::After };
        let name = format!("process {number}");
        let mut mortal = match process_run.stops {
            true => shared.stopping(&name, process_run.ends_at),
            false => shared.mortal(&name, Some((process_run.ends_at, moment)), |_| {}),
        };
        mortal.ids_from = 10 * number;
        let company = process_run.company.then(|| shared.process(&format!("company {number}")));
        run(&shared, &mortal, company.as_ref()).await;
        if schedule.forgetful {
            shared.store.forget_tokens();
        }
    }
    let last = shared.process("last");
    let rest = tokio::time::timeout(Duration::from_secs(1800), run(&shared, &last, None)).await;
    if rest.is_err() {
        let heads = shared.heads();
        let journals: Vec<_> = heads.iter().map(|head| shared.journal(&head.id)).collect();
        let states: Vec<_> = heads.iter().map(|h| (h.status, &h.owner, &h.awaits, h.fence, h.beat)).collect();
        panic!("it never settled: {states:?} {journals:#?} {:?}", shared.state().await);
    }
    assert!(is_over(&shared), "it never settled");
    shared.store.clear_faults();
    for head in shared.heads() {
        shared.assert_at_rest(&head.id, Status::Succeeded, &head.spec.command).await;
    }
    assert_eq!(NAMES.map(|name| shared.toy_world.count(name)), [1; 9]);
    let tickets = shared.heads().into_iter().map(|head| head.spec.ticket);
    assert_eq!(tickets.collect::<std::collections::BTreeSet<_>>(), [1, 2, 3].into());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_schedules_make_every_effect_once(schedule in schedules()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(hold(schedule));
    }
}

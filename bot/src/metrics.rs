//! The metrics of the process, as OpenMetrics text for `/metrics`.
//!
//! Label values are from fixed lists, never from user input, so the number of series is bounded.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the acknowledgement histogram, in seconds.
const BOUNDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// `N` labels, each with its name.
type Labels<const N: usize> = [(&'static str, &'static str); N];

struct Metrics {
    registry: Registry,
    backups: Family<Labels<1>, Counter>,
    commands: Family<[(&'static str, String); 2], Counter>,
    reloads: Family<Labels<1>, Counter>,
    connections: Family<Labels<1>, Gauge>,
    connections_closed: Family<Labels<1>, Counter>,
    sockets: Gauge,
    sockets_closed: Family<Labels<1>, Counter>,
    socket_acknowledged: LastAcknowledgement,
    refused: Family<Labels<1>, Counter>,
    slack_calls: Family<Labels<2>, Counter>,
    store_errors: Family<Labels<1>, Counter>,
    hints: Family<Labels<1>, Counter>,
    panics: Family<Labels<1>, Counter>,
    running: Gauge,
    ready: Gauge,
    acknowledged: Histogram,
    newest_backup: NewestBackup,
}

/// When the last delivery of Socket Mode was acknowledged. Without one it has no sample.
#[derive(Debug, Default, Clone)]
struct LastAcknowledgement(Arc<Mutex<Option<Instant>>>);

impl Collector for LastAcknowledgement {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Some(last) = *self.0.lock() else { return Ok(()) };
        let gauge = ConstGauge::new(last.elapsed().as_secs());
        let help = "Time since a delivery of Socket Mode was acknowledged.";
        gauge.encode(encoder.encode_descriptor(
            "socket_last_ack_age_seconds",
            help,
            None,
            gauge.metric_type(),
        )?)
    }
}

/// When the newest backup was looked up, and its age then. The metric grows by itself, so missing backups show; without a
/// backup it has no sample.
#[derive(Debug, Default, Clone)]
struct NewestBackup(Arc<Mutex<Option<(Instant, Duration)>>>);

impl Collector for NewestBackup {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Some((looked_up, age)) = *self.0.lock() else { return Ok(()) };
        let gauge = ConstGauge::new((age + looked_up.elapsed()).as_secs());
        let (name, help) = ("backup_newest_age_seconds", "Age of the newest backup of the state.");
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
    }
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// Registers a metric. The library appends `_total` to the name of a counter, and a full stop to the help.
fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("sluice");
        let newest_backup = NewestBackup::default();
        registry.register_collector(Box::new(newest_backup.clone()));
        let socket_acknowledged = LastAcknowledgement::default();
        registry.register_collector(Box::new(socket_acknowledged.clone()));
        let acknowledged = Histogram::new(BOUNDS);
        let help = "From a delivery's arrival to its acknowledgement";
        registry.register("ack_seconds", help, acknowledged.clone());
        let r = &mut registry;
        Self {
            backups: add(r, "backups", "Backups of the state, by outcome: made, failed"),
            commands: add(r, "commands", "Commands and clicks, by verb and result"),
            reloads: add(r, "config_reloads", "Reloads of the configuration on SIGHUP: taken, refused"),
            connections: add(r, "connections", "Open HTTP connections"),
            connections_closed: add(r, "connections_closed", "HTTP connections closed by Sluice, by reason"),
            sockets: add(r, "sockets", "Open connections of Socket Mode"),
            sockets_closed: add(r, "sockets_closed", "Connections of Socket Mode that ended, by reason"),
            socket_acknowledged,
            refused: add(r, "deliveries_refused", "Deliveries refused unhandled, by reason"),
            slack_calls: add(r, "slack_calls", "Calls to Slack, by method and outcome"),
            store_errors: add(r, "store_errors", "Failed store calls of the bot itself, by place"),
            hints: add(r, "hints", "Wake-ups between replicas: sent, received, failed, dropped"),
            panics: add(r, "task_panics", "Background tasks that panicked, by kind"),
            running: add(r, "operations_running", "Operations that have a task in this process"),
            ready: add(r, "ready", "1 if this process is ready, else 0"),
            acknowledged,
            newest_backup,
            registry,
        }
    }
}

/// A command or click was answered. `verb` is the fixed name of a command or button, or `other`.
pub(crate) fn command(verb: &str, result: &str) {
    let labels = [("verb", verb.to_owned()), ("result", result.to_owned())];
    METRICS.commands.get_or_create(&labels).inc();
}

/// A delivery was acknowledged, this long after its arrival.
pub(crate) fn acknowledged(after: Duration) {
    METRICS.acknowledged.observe(after.as_secs_f64());
}

pub(crate) fn refused(reason: &'static str) {
    METRICS.refused.get_or_create(&[("reason", reason)]).inc();
}

pub(crate) fn connections(server: &'static str, open: usize) {
    METRICS.connections.get_or_create(&[("server", server)]).set(open.try_into().unwrap_or(i64::MAX));
}

pub(crate) fn connection_closed(reason: &'static str) {
    METRICS.connections_closed.get_or_create(&[("reason", reason)]).inc();
}

/// So many connections of Socket Mode are open.
pub(crate) fn sockets(open: usize) {
    METRICS.sockets.set(open.try_into().unwrap_or(i64::MAX));
}

pub(crate) fn socket_closed(reason: &'static str) {
    METRICS.sockets_closed.get_or_create(&[("reason", reason)]).inc();
}

/// A delivery of Socket Mode was acknowledged.
pub(crate) fn socket_acknowledged() {
    *METRICS.socket_acknowledged.0.lock() = Some(Instant::now());
}

pub(crate) fn slack_call(method: &'static str, outcome: &'static str) {
    METRICS.slack_calls.get_or_create(&[("method", method), ("outcome", outcome)]).inc();
}

/// A store call of the bot itself failed.
pub(crate) fn store_error(place: &'static str) {
    METRICS.store_errors.get_or_create(&[("where", place)]).inc();
}

/// A wake-up between replicas was sent, received, failed or dropped.
pub(crate) fn hint(what: &'static str) {
    METRICS.hints.get_or_create(&[("what", what)]).inc();
}

/// A backup of the state was made or failed.
pub(crate) fn backup(outcome: &'static str) {
    METRICS.backups.get_or_create(&[("outcome", outcome)]).inc();
}

pub(crate) fn newest_backup(age: Duration) {
    *METRICS.newest_backup.0.lock() = Some((Instant::now(), age));
}

/// The configuration was read again.
pub(crate) fn reload(outcome: &'static str) {
    METRICS.reloads.get_or_create(&[("outcome", outcome)]).inc();
}

/// A background task panicked.
pub(crate) fn panicked(kind: &'static str) {
    METRICS.panics.get_or_create(&[("kind", kind)]).inc();
}

/// The number of operations with a task.
pub(crate) fn operations_running(count: usize) {
    METRICS.running.set(count.try_into().unwrap_or(i64::MAX));
}

/// Whether the process is ready.
pub(crate) fn ready(is_ready: bool) {
    METRICS.ready.set(is_ready.into());
}

/// The page for Prometheus.
pub(crate) fn render() -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut page, &METRICS.registry);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and labels that dashboards and alerts use.
    #[test]
    fn names_and_labels_stay_the_same() {
        newest_backup(Duration::from_secs(60));
        backup("made");
        command("build", "accepted");
        reload("taken");
        connections("slack", 3);
        connection_closed("idle");
        refused("signature");
        slack_call("chat.update", "ok");
        store_error("sweep");
        hint("sent");
        panicked("sweep");
        operations_running(2);
        ready(true);
        let page = render();
        for sample in [
            "sluice_backup_newest_age_seconds 60",
            "sluice_backups_total{outcome=\"made\"} ",
            "sluice_commands_total{verb=\"build\",result=\"accepted\"} ",
            "sluice_config_reloads_total{outcome=\"taken\"} ",
            "sluice_connections{server=\"slack\"} ",
            "sluice_connections_closed_total{reason=\"idle\"} ",
            "sluice_deliveries_refused_total{reason=\"signature\"} ",
            "sluice_slack_calls_total{method=\"chat.update\",outcome=\"ok\"} ",
            "sluice_store_errors_total{where=\"sweep\"} ",
            "sluice_hints_total{what=\"sent\"} ",
            "sluice_task_panics_total{kind=\"sweep\"} ",
            "sluice_operations_running ",
            "sluice_ready ",
        ] {
            assert!(page.lines().any(|line| line.starts_with(sample)), "{sample} is not in:\n{page}");
        }
    }

    #[test]
    fn buckets_are_cumulative() {
        acknowledged(Duration::from_millis(30));
        acknowledged(Duration::from_secs(60));
        let page = render();
        let value = |sample: &str| -> u64 {
            page.lines().find_map(|line| line.strip_prefix(sample)).unwrap().trim().parse().unwrap()
        };
        assert!(value("sluice_ack_seconds_bucket{le=\"0.05\"}") >= 1);
        assert!(value("sluice_ack_seconds_count") > value("sluice_ack_seconds_bucket{le=\"2.5\"}"));
    }
}

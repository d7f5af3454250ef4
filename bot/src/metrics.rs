//! Counters for `/metrics`, in Prometheus' text format. One registry a process; labels come from fixed lists, never
//! from what people typed, so that it stays small.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::slack::Trouble;

/// The upper bounds of the acknowledgement histogram, in seconds.
const BOUNDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Every metric: name, kind, help.
const CATALOGUE: [(&str, &str, &str); 13] = [
    ("sluice_backup_newest_age_seconds", "gauge", "Age of the newest backup of the state."),
    ("sluice_backups_total", "counter", "Backups of the state, made and failed."),
    ("sluice_commands_total", "counter", "Commands and clicks by verb and how they were answered."),
    ("sluice_config_reloads_total", "counter", "Readings of the configuration on SIGHUP: taken, refused."),
    ("sluice_connections", "gauge", "Open HTTP connections."),
    (
        "sluice_connections_closed_total",
        "counter",
        "HTTP connections that were closed from our side, by reason.",
    ),
    ("sluice_deliveries_refused_total", "counter", "Deliveries turned away at the door, by reason."),
    ("sluice_slack_calls_total", "counter", "Calls to Slack by method and outcome."),
    ("sluice_store_errors_total", "counter", "Store calls of the bot's own that failed, by where."),
    ("sluice_hints_total", "counter", "Wake-ups between replicas: sent, received, failed, dropped."),
    ("sluice_task_panics_total", "counter", "Background tasks that panicked, by kind."),
    ("sluice_operations_running", "gauge", "Operations that have a task in this process."),
    ("sluice_ready", "gauge", "1 if this process is ready, else 0."),
];

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    values: BTreeMap::new(),
    buckets: [0; BOUNDS.len()],
    observed: 0,
    sum: Duration::ZERO,
    newest_backup: None,
});

struct Registry {
    values: BTreeMap<(&'static str, String), u64>,
    buckets: [u64; BOUNDS.len()],
    observed: u64,
    sum: Duration,
    /// When it was looked at, and how old it was.
    newest_backup: Option<(Instant, Duration)>,
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(metric: &'static str, labels: String) {
    *registry().values.entry((metric, labels)).or_default() += 1;
}

/// A command or click was answered. `verb` is a command's or a button's fixed name.
pub(crate) fn command(verb: &str, result: &'static str) {
    count("sluice_commands_total", format!("verb=\"{verb}\",result=\"{result}\""));
}

/// From the request's arrival to its answer.
pub(crate) fn acknowledged(after: Duration) {
    let mut registry = registry();
    for (bucket, bound) in registry.buckets.iter_mut().zip(BOUNDS) {
        *bucket += u64::from(after.as_secs_f64() <= bound);
    }
    registry.observed += 1;
    registry.sum += after;
}

/// A delivery was turned away.
pub(crate) fn refused(reason: &'static str) {
    count("sluice_deliveries_refused_total", format!("reason=\"{reason}\""));
}

/// So many connections are open.
pub(crate) fn connections(server: &'static str, open: u64) {
    registry().values.insert(("sluice_connections", format!("server=\"{server}\"")), open);
}

/// A connection was closed from our side.
pub(crate) fn connection_closed(reason: &'static str) {
    count("sluice_connections_closed_total", format!("reason=\"{reason}\""));
}

/// A call to Slack ended.
pub(crate) fn slack_call<T>(method: &'static str, outcome: &Result<T, Trouble>) {
    let outcome = match outcome {
        Ok(_) => "ok",
        Err(Trouble::Refused(_)) => "refused",
        Err(Trouble::Wait(_)) => "throttled",
        Err(Trouble::Unreached) => "unreached",
        Err(Trouble::Unknown) => "unknown",
    };
    count("sluice_slack_calls_total", format!("method=\"{method}\",outcome=\"{outcome}\""));
}

/// The store failed a call of the bot's own.
pub(crate) fn store_error(place: &'static str) {
    count("sluice_store_errors_total", format!("where=\"{place}\""));
}

/// What became of a wake-up between replicas.
pub(crate) fn hint(what: &'static str) {
    count("sluice_hints_total", format!("what=\"{what}\""));
}

/// A backup of the state was made, or failed.
pub(crate) fn backup(outcome: &'static str) {
    count("sluice_backups_total", format!("outcome=\"{outcome}\""));
}

/// The newest backup is that old. It ages by itself, so that one that does not come is seen.
pub(crate) fn newest_backup(age: Duration) {
    registry().newest_backup = Some((Instant::now(), age));
}

/// The configuration was read anew.
pub(crate) fn reload(outcome: &'static str) {
    count("sluice_config_reloads_total", format!("outcome=\"{outcome}\""));
}

/// A background task panicked.
pub(crate) fn panicked(kind: &'static str) {
    count("sluice_task_panics_total", format!("kind=\"{kind}\""));
}

/// Sets a gauge without labels.
pub(crate) fn gauge(metric: &'static str, value: u64) {
    registry().values.insert((metric, String::new()), value);
}

/// Everything, as Prometheus reads it.
pub(crate) fn render() -> String {
    let mut registry = registry();
    if let Some((looked, age)) = registry.newest_backup {
        let age = (age + looked.elapsed()).as_secs();
        registry.values.insert(("sluice_backup_newest_age_seconds", String::new()), age);
    }
    let mut page = String::new();
    for (metric, kind, help) in CATALOGUE {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "# HELP {metric} {help}\n# TYPE {metric} {kind}");
        for ((_, labels), value) in registry.values.iter().filter(|((name, _), _)| *name == metric) {
            let _ = match labels.as_str() {
                "" => writeln!(page, "{metric} {value}"),
                labels => writeln!(page, "{metric}{{{labels}}} {value}"),
            };
        }
    }
    let name = "sluice_ack_seconds";
    let _ = writeln!(
        page,
        "# HELP {name} From a delivery's arrival to its acknowledgement.\n# TYPE {name} histogram"
    );
    for (bucket, bound) in registry.buckets.iter().zip(BOUNDS) {
        let _ = writeln!(page, "{name}_bucket{{le=\"{bound}\"}} {bucket}");
    }
    let (observed, sum) = (registry.observed, registry.sum.as_secs_f64());
    let _ =
        writeln!(page, "{name}_bucket{{le=\"+Inf\"}} {observed}\n{name}_sum {sum}\n{name}_count {observed}");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_metric_and_cumulative_buckets() {
        command("build", "accepted");
        acknowledged(Duration::from_millis(30));
        acknowledged(Duration::from_secs(60));
        let page = render();
        for (metric, kind, _) in CATALOGUE {
            assert!(page.contains(&format!("# TYPE {metric} {kind}")), "{metric}");
        }
        assert!(page.contains("sluice_commands_total{verb=\"build\",result=\"accepted\"} "));
        let value = |line: &str| -> u64 {
            page.lines().find_map(|l| l.strip_prefix(line)).unwrap().trim().parse().unwrap()
        };
        assert!(value("sluice_ack_seconds_bucket{le=\"0.05\"}") >= 1);
        assert!(value("sluice_ack_seconds_count") > value("sluice_ack_seconds_bucket{le=\"2.5\"}"));
    }
}

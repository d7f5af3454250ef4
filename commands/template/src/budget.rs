//! How large a template may be, and how much work it may cause.
//!
//! A template of some kilobytes can describe gigabytes: nested intrinsic functions, or settings in `Globals` that every
//! function repeats. So every value that is resolved and every byte of text that is produced is counted *before* it is
//! made. A template over the budget is refused like any other bad template.

use std::cell::Cell;

use serde_json::Value;

use super::error::{TemplateCode, Violation};

/// The largest packaged template, original template or manifest, in bytes: CloudFormation's own limit for a template.
pub const LARGEST_FILE: usize = 1024 * 1024;
/// The largest number of functions in one template.
pub const MOST_FUNCTIONS: usize = 500;
/// The largest number of routes in one template.
pub(super) const MOST_ROUTES: usize = 1_000;
/// The largest number of parameters: CloudFormation's own limit.
pub(super) const MOST_PARAMETERS: usize = 200;
/// The most text that intrinsic functions and settings may produce, in bytes.
const MOST_TEXT: usize = 4 * 1024 * 1024;
/// The most values in a template, and the most that may be resolved.
const MOST_VALUES: usize = 100_000;
/// The deepest nesting of intrinsic functions, mappings and lists.
const DEEPEST: usize = 48;

/// The work that is left for reading one template.
pub(super) struct Budget {
    text: Cell<usize>,
    values: Cell<usize>,
    depth: Cell<usize>,
    is_reported: Cell<bool>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            text: Cell::new(MOST_TEXT),
            values: Cell::new(MOST_VALUES),
            depth: Cell::new(0),
            is_reported: Cell::new(false),
        }
    }

    /// Counts bytes of text that are about to be produced.
    pub(super) fn text(&self, bytes: usize) -> Result<(), Violation> {
        self.take(&self.text, bytes, "produces more than 4 MiB of text")
    }

    /// Counts values that are about to be visited.
    pub(super) fn values(&self, count: usize) -> Result<(), Violation> {
        self.take(&self.values, count, "comes to more than 100,000 values")
    }

    /// Counts a value that is about to be copied.
    pub(super) fn copy(&self, value: &Value) -> Result<(), Violation> {
        match value {
            Value::String(text) => self.text(text.len()),
            Value::Array(items) => {
                self.values(items.len())?;
                items.iter().try_for_each(|item| self.copy(item))
            }
            _ => Ok(()),
        }
    }

    /// Enters one more level of nesting, until the returned guard is dropped.
    pub(super) fn enter(&self) -> Result<Level<'_>, Violation> {
        self.values(1)?;
        let depth = self.depth.get() + 1;
        if depth > DEEPEST {
            return Err(Violation::new(
                TemplateCode::TooLarge,
                format!("values are nested more than {DEEPEST} levels deep"),
                "use fewer levels",
            ));
        }
        self.depth.set(depth);
        Ok(Level(&self.depth))
    }

    /// Once one allowance is spent, all of them are: everything after that fails at once, without an error of its own.
    fn take(&self, left: &Cell<usize>, wanted: usize, what: &str) -> Result<(), Violation> {
        match left.get().checked_sub(wanted) {
            Some(rest) => {
                left.set(rest);
                Ok(())
            }
            None => {
                self.text.set(0);
                self.values.set(0);
                Err(if self.is_reported.replace(true) { Violation::consequence() } else { spent(what) })
            }
        }
    }
}

/// One level of nesting.
pub(super) struct Level<'a>(&'a Cell<usize>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

fn spent(what: &str) -> Violation {
    Violation::new(
        TemplateCode::TooLarge,
        format!("the template {what} once its references are resolved"),
        "use less of Fn::Sub, Fn::Join, Ref and Globals, or split the application into two pipelines",
    )
}

/// Refuses a template with too many values. The parser has bounded their nesting.
pub(super) fn check_values(template: &Value) -> Result<(), Violation> {
    if count(template) <= MOST_VALUES {
        return Ok(());
    }
    Err(too_many("values", MOST_VALUES))
}

/// The number of values in a value, itself included.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

pub(super) fn too_many(what: &str, most: usize) -> Violation {
    Violation::new(
        TemplateCode::TooLarge,
        format!("the template has more than {most} {what}"),
        "split the application into two pipelines",
    )
}

/// Refuses a file that is too large for a template.
pub(super) fn check_size(file: &str, text: &str) -> Result<(), Violation> {
    if text.len() <= LARGEST_FILE {
        return Ok(());
    }
    Err(Violation::new(
        TemplateCode::TooLarge,
        format!("{file} is larger than 1 MiB"),
        "keep data in files of the package, or split the application into two pipelines",
    ))
}

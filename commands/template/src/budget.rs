//! How large a template may be, and how much work it may cause.
//!
//! A template of some kilobytes can describe gigabytes: an intrinsic within an intrinsic, or settings in `Globals` that
//! every function repeats. Every value that is resolved and every byte of text that is produced is therefore counted
//! *before* it is made. What is over the budget is a refusal like any other.

use std::cell::Cell;

use serde_json::Value;

use super::error::{TemplateCode, Wrong};

/// The largest packaged template, original template or manifest, in bytes: CloudFormation's own limit for a template.
pub const LARGEST_FILE: usize = 1024 * 1024;
/// The largest number of functions in one template.
pub const MOST_FUNCTIONS: usize = 500;
/// The largest number of routes in one template.
pub(super) const MOST_ROUTES: usize = 1_000;
/// The largest number of parameters: CloudFormation's own limit.
pub(super) const MOST_PARAMETERS: usize = 200;
/// All texts that intrinsics and settings come to, in bytes.
const MOST_TEXT: usize = 4 * 1024 * 1024;
/// All values that are written in a template, and again all values that are resolved.
const MOST_VALUES: usize = 100_000;
/// Intrinsics, mappings and lists within each other.
const DEEPEST: usize = 48;

/// What is left of the work that one reading may cause.
pub(super) struct Budget {
    text: Cell<usize>,
    values: Cell<usize>,
    depth: Cell<usize>,
    told: Cell<bool>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            text: Cell::new(MOST_TEXT),
            values: Cell::new(MOST_VALUES),
            depth: Cell::new(0),
            told: Cell::new(false),
        }
    }

    /// Counts that many bytes of text that are about to be produced.
    pub(super) fn text(&self, bytes: usize) -> Result<(), Wrong> {
        self.take(&self.text, bytes, "produces more than 4 MiB of text")
    }

    /// Counts that many values that are about to be looked at.
    pub(super) fn values(&self, count: usize) -> Result<(), Wrong> {
        self.take(&self.values, count, "comes to more than 100,000 values")
    }

    /// Counts a value that is about to be copied.
    pub(super) fn copy(&self, value: &Value) -> Result<(), Wrong> {
        match value {
            Value::String(text) => self.text(text.len()),
            Value::Array(items) => {
                self.values(items.len())?;
                items.iter().try_for_each(|item| self.copy(item))
            }
            _ => Ok(()),
        }
    }

    /// Goes a level deeper, until the returned guard is dropped.
    pub(super) fn enter(&self) -> Result<Level<'_>, Wrong> {
        self.values(1)?;
        let depth = self.depth.get() + 1;
        if depth > DEEPEST {
            return Err(Wrong::new(
                TemplateCode::TooLarge,
                format!("values stand within each other more than {DEEPEST} levels deep"),
                "write the value out with fewer levels",
            ));
        }
        self.depth.set(depth);
        Ok(Level(&self.depth))
    }

    /// Once something is spent, nothing is left of anything: whatever follows fails at once, and in silence.
    fn take(&self, left: &Cell<usize>, wanted: usize, what: &str) -> Result<(), Wrong> {
        match left.get().checked_sub(wanted) {
            Some(rest) => {
                left.set(rest);
                Ok(())
            }
            None => {
                self.text.set(0);
                self.values.set(0);
                Err(if self.told.replace(true) { Wrong::told_before() } else { spent(what) })
            }
        }
    }
}

/// One level of depth.
pub(super) struct Level<'a>(&'a Cell<usize>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

fn spent(what: &str) -> Wrong {
    Wrong::new(
        TemplateCode::TooLarge,
        format!("the template {what} once its references are resolved"),
        "repeat less with Fn::Sub, Fn::Join, Ref and Globals, or split the application into two pipelines",
    )
}

/// Refuses a template with too many values in it. The parser has bounded how deep they are.
pub(super) fn check_values(template: &Value) -> Result<(), Wrong> {
    if count(template) <= MOST_VALUES {
        return Ok(());
    }
    Err(too_many("values", MOST_VALUES))
}

/// The values within a value, itself included.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

pub(super) fn too_many(what: &str, most: usize) -> Wrong {
    Wrong::new(
        TemplateCode::TooLarge,
        format!("the template has more than {most} {what}"),
        "split the application into two pipelines",
    )
}

/// Refuses a file that is larger than any template.
pub(super) fn check_size(file: &str, text: &str) -> Result<(), Wrong> {
    if text.len() <= LARGEST_FILE {
        return Ok(());
    }
    Err(Wrong::new(
        TemplateCode::TooLarge,
        format!("{file} is larger than 1 MiB"),
        "keep data in files of the package, or split the application into two pipelines",
    ))
}

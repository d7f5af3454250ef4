//! The report for people: sections of aligned lines. Nothing of the template can control the terminal.

use super::messages;
use super::report::{InStack, Refusal, Report, Resource};
use crate::render::text::one_line;

/// The widest column that other lines are aligned with.
const WIDEST: usize = 48;

/// The cells of a line.
type Row = Vec<String>;

pub(super) fn page(report: &Report) -> String {
    let Report { file, pipeline, stage, direct, stack, dropped, absent, notices, attention, refused } =
        report;
    let mut page = format!("{}\n\n", one_line(&messages::title(file, stage, pipeline)));
    let dropped_rows = dropped.iter().map(|dropped| with(&dropped.resource, &dropped.why));
    let sections: [(&str, Vec<Row>); 7] = [
        (messages::DIRECT, direct.iter().map(|resource| with(resource, "")).collect()),
        (messages::STACK, stack.iter().map(in_stack).collect()),
        (messages::DROPPED, dropped_rows.collect()),
        (messages::ABSENT, absent.iter().map(|resource| with(resource, "")).collect()),
        (messages::NOTICES, notices.iter().map(|notice| vec![notice.text.clone()]).collect()),
        (
            messages::ATTENTION,
            attention.iter().map(|one| vec![one.logical_id.clone(), one.what.clone()]).collect(),
        ),
        (messages::REFUSED, refused.iter().flat_map(refusal).collect()),
    ];
    for (heading, rows) in sections.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        page.push_str(&format!("{heading}\n{}\n", table(&rows)));
    }
    page.push_str(&messages::counts(direct.len(), stack.len(), dropped.len(), absent.len(), refused.len()));
    page
}

fn with(resource: &Resource, note: &str) -> Row {
    vec![resource.logical_id.clone(), resource.kind.clone(), note.to_owned()]
}

fn in_stack(InStack { resource, holds_data, why, .. }: &InStack) -> Row {
    let data = holds_data.then(|| messages::HOLDS_DATA.to_owned());
    let notes: Vec<String> = data.into_iter().chain(why.clone()).collect();
    with(resource, &notes.join("; "))
}

/// The problem, and what to do below it.
fn refusal(refusal: &Refusal) -> [Row; 2] {
    let Refusal { file, line, logical_id, problem, hint, .. } = refusal;
    let first = vec![messages::place(file, *line), logical_id.clone().unwrap_or_default(), problem.clone()];
    [first, vec![String::new(), String::new(), hint.clone()]]
}

/// The rows with aligned cells, indented.
fn table(rows: &[Row]) -> String {
    let rows: Vec<Row> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| column + 1 < row.len()).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..2).map(width).collect();
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths.get(column).filter(|_| column + 1 < row.len()).copied().unwrap_or_default();
            let gap = if width == 0 && cell.is_empty() { "" } else { "  " };
            line.push_str(&format!("{gap}{cell:width$}"));
        }
        table.push_str(&format!("{}\n", line.trim_end()));
    }
    table
}

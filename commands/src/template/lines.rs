//! Where a key stands in `template.yaml` as a person wrote it.
//!
//! Built from the parser's events, not from a tree: aliases are not expanded and nothing recurses, so that a hostile
//! file costs no more than its length. A file that is no YAML from some line on has lines up to there; a key that came
//! in through an alias has none, and the nearest key above it is told instead.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};

/// Keys deeper than this are told by their parent's line.
const DEPTH: usize = 8;

/// What the parser is inside of.
enum Level {
    /// A mapping; the key whose value comes next, or `None` where a key comes next.
    Mapping(Option<String>),
    /// A sequence, and the index of the next element.
    Sequence(usize),
}

/// The line of each key of a YAML document.
#[derive(Debug, Default)]
pub(super) struct Lines(HashMap<Vec<String>, usize>);

impl Lines {
    /// Reads the lines of a document. Never fails: what cannot be read has no lines.
    pub(super) fn of(yaml: &str) -> Self {
        let mut lines = Self::default();
        let mut levels: Vec<Level> = Vec::new();
        for event in Parser::new_from_str(yaml) {
            let Ok((event, span)) = event else { break };
            let line = span.start.line();
            match event {
                Event::Scalar(text, ..) => {
                    let awaited = matches!(levels.last(), Some(Level::Mapping(None)));
                    if awaited {
                        if let Some(level) = levels.last_mut() {
                            *level = Level::Mapping(Some(text.into_owned()));
                        }
                        lines.put(&levels, line);
                    } else {
                        lines.put_element(&levels, line);
                        after_value(&mut levels);
                    }
                }
                Event::Alias(_) => {
                    lines.put_element(&levels, line);
                    after_value(&mut levels);
                }
                Event::MappingStart(..) => {
                    lines.put_element(&levels, line);
                    levels.push(Level::Mapping(None));
                }
                Event::SequenceStart(..) => {
                    lines.put_element(&levels, line);
                    levels.push(Level::Sequence(0));
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    levels.pop();
                    after_value(&mut levels);
                }
                // One document is a template; what follows is none of it.
                Event::DocumentEnd => break,
                _ => {}
            }
        }
        lines
    }

    /// The line of the key at that path, or of the nearest key on the way to it.
    pub(super) fn nearest(&self, path: &[String]) -> Option<usize> {
        (1..=path.len()).rev().find_map(|length| self.0.get(path.get(..length)?).copied())
    }

    /// Records the key that the parser stands at. The last of equal keys wins, as it does for the command line's reader.
    fn put(&mut self, levels: &[Level], line: usize) {
        if levels.len() <= DEPTH {
            self.0.insert(path_of(levels), line);
        }
    }

    /// Records an element of a sequence, which has a line of its own where a key has its value's.
    fn put_element(&mut self, levels: &[Level], line: usize) {
        if matches!(levels.last(), Some(Level::Sequence(_))) {
            self.put(levels, line);
        }
    }
}

fn path_of(levels: &[Level]) -> Vec<String> {
    let key = |level: &Level| match level {
        Level::Mapping(key) => key.clone().unwrap_or_default(),
        Level::Sequence(index) => index.to_string(),
    };
    levels.iter().map(key).collect()
}

/// A value ended (or a key that is no scalar): what its container awaits now.
fn after_value(levels: &mut [Level]) {
    match levels.last_mut() {
        Some(Level::Mapping(key)) => {
            // A key that is a collection has no name here; its value must still not be taken for a key.
            *key = if key.is_some() { None } else { Some(String::new()) };
        }
        Some(Level::Sequence(index)) => *index += 1,
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(yaml: &str, path: &[&str]) -> Option<usize> {
        Lines::of(yaml).nearest(&path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_key_is_found_in_block_and_flow_style_and_behind_tags() {
        let yaml = "# top\nResources:\n  Hello: &h\n    Type: x\n    Env: { A: !Ref B,\n      C: !Sub '${D}' }\n  \
                    Other: *h\n  List:\n    - one\n    - Name: two\n";
        assert_eq!(line(yaml, &["Resources"]), Some(2));
        assert_eq!(line(yaml, &["Resources", "Hello", "Type"]), Some(4));
        assert_eq!(line(yaml, &["Resources", "Hello", "Env", "A"]), Some(5));
        assert_eq!(line(yaml, &["Resources", "Hello", "Env", "C", "Fn::Sub"]), Some(6));
        assert_eq!(line(yaml, &["Resources", "Other", "Type"]), Some(7));
        assert_eq!(line(yaml, &["Resources", "List", "1", "Name"]), Some(10));
        assert_eq!(line(yaml, &["Conditions"]), None);
    }

    #[test]
    fn a_key_that_is_a_collection_puts_nothing_out_of_step() {
        let yaml = "A:\n  ? [x, y]\n  : z\n  b: 1\nC: 2\n";
        assert_eq!(line(yaml, &["A", "b"]), Some(4));
        assert_eq!(line(yaml, &["C"]), Some(5));
    }

    #[test]
    fn a_broken_file_has_the_lines_before_the_break() {
        assert_eq!(line("A: 1\nB: [\nC: }", &["A"]), Some(1));
    }

    #[test]
    fn depth_and_aliases_cost_no_more_than_the_file_is_long() {
        Lines::of(&"[".repeat(200_000));
        Lines::of(&"- ".repeat(50_000));
        let bomb: String = (1..200).map(|n| format!("k{n}: &a{n} [*a{m}, *a{m}]\n", m = n - 1)).collect();
        assert_eq!(line(&format!("k0: &a0 x\n{bomb}"), &["k199"]), Some(200));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([ \\n:,\\[\\]{}&*!?|>'\"#%@`a-]|\\PC){0,120}") {
            Lines::of(&text);
        }
    }
}

//! The line of each key in `template.yaml` as its author wrote it.
//!
//! Built from the parser's events, not from a tree: aliases are not expanded and nothing recurses, so a hostile file costs no
//! more than its length. After a syntax error there are no lines. A key from an alias has no line; the nearest key above it
//! is reported instead.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};

/// Deeper keys have their parent's line.
const DEPTH: usize = 8;

/// A key or an element: its line, and the nodes below it.
#[derive(Debug, Default)]
struct Node {
    line: usize,
    below: HashMap<String, usize>,
}

/// A collection that the parser is in, with its node. There is none if it is too deep, or below a key that is a collection.
enum Level {
    /// A mapping; the node of the key whose value comes next, or `None` where a key comes next.
    Mapping(Option<usize>, Option<Option<usize>>),
    /// A sequence, and the index of the next element.
    Sequence(Option<usize>, usize),
}

/// The line of each key of a YAML document. It is a tree, so its size is the document's, however deep or long the keys are.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Node>);

impl Lines {
    /// Reads the lines of a document. It never fails: a part that cannot be parsed has no lines.
    pub(super) fn of(yaml: &str) -> Self {
        let mut lines = Self(vec![Node::default()]);
        let mut levels: Vec<Level> = Vec::new();
        for event in Parser::new_from_str(yaml) {
            let Ok((event, span)) = event else { break };
            let line = span.start.line();
            match event {
                Event::Scalar(text, ..) => {
                    let depth = levels.len();
                    match levels.last_mut() {
                        Some(Level::Mapping(node, key @ None)) => {
                            *key = Some(lines.put(*node, depth, text.into_owned(), line));
                        }
                        _ => {
                            lines.value(&levels, line);
                            after_value(&mut levels);
                        }
                    }
                }
                Event::Alias(_) => {
                    lines.value(&levels, line);
                    after_value(&mut levels);
                }
                Event::MappingStart(..) => {
                    let node = lines.value(&levels, line);
                    levels.push(Level::Mapping(node, None));
                }
                Event::SequenceStart(..) => {
                    let node = lines.value(&levels, line);
                    levels.push(Level::Sequence(node, 0));
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    levels.pop();
                    after_value(&mut levels);
                }
                // A template is one document; anything after it is ignored.
                Event::DocumentEnd => break,
                _ => {}
            }
        }
        lines
    }

    /// The line of the key at that path, or of the nearest key on the way to it.
    pub(super) fn nearest(&self, path: &[String]) -> Option<usize> {
        let mut node = self.0.first()?;
        let mut line = None;
        for key in path {
            let Some(below) = node.below.get(key).and_then(|index| self.0.get(*index)) else { break };
            (node, line) = (below, Some(below.line));
        }
        line
    }

    /// Records a key below a node. The last of equal keys wins, as in the AWS CLI.
    fn put(&mut self, parent: Option<usize>, depth: usize, key: String, line: usize) -> Option<usize> {
        if depth > DEPTH {
            return None;
        }
        let next = self.0.len();
        let index = *self.0.get_mut(parent?)?.below.entry(key).or_insert(next);
        match self.0.get_mut(index) {
            Some(known) => known.line = line,
            None => self.0.push(Node { line, below: HashMap::new() }),
        }
        Some(index)
    }

    /// The node of the value that begins here. An element of a sequence is recorded with its line; the line of a key's value
    /// is already recorded.
    fn value(&mut self, levels: &[Level], line: usize) -> Option<usize> {
        match levels.last() {
            None => Some(0),
            Some(Level::Mapping(_, key)) => key.unwrap_or_default(),
            Some(Level::Sequence(node, index)) => self.put(*node, levels.len(), index.to_string(), line),
        }
    }
}

/// A value ended, or a key that is not a scalar: sets what its container expects next.
fn after_value(levels: &mut [Level]) {
    match levels.last_mut() {
        Some(Level::Mapping(_, key)) => {
            // A key that is a collection has no name here, but its value must not be taken for a key.
            *key = if key.is_some() { None } else { Some(None) };
        }
        Some(Level::Sequence(_, index)) => *index += 1,
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

    #[test]
    fn long_keys_cost_no_more_than_the_file_is_long() {
        // With a whole path for each key these would be 400 MB.
        let outer: Vec<_> = (0..7).map(|_| "k".repeat(1_000)).collect();
        let above: String =
            outer.iter().enumerate().map(|(n, key)| format!("{}{key}:\n", " ".repeat(n))).collect();
        let below: String = (0..60_000).map(|n| format!("       a{n}: 1\n")).collect();
        let lines = Lines::of(&(above + &below));
        assert_eq!(lines.0.len(), 1 + 7 + 60_000);
        assert_eq!(lines.nearest(&[outer, vec!["a59999".to_owned()]].concat()), Some(60_007));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([ \\n:,\\[\\]{}&*!?|>'\"#%@`a-]|\\PC){0,120}") {
            Lines::of(&text);
        }
    }
}

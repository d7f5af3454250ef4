//! Circles among modules, level by level. The nodes of a level are the children of a module, each with everything below it, and the
//! module's own file. If one file uses another, there is an arrow between their nodes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::tree::Use;

/// Modules of which each depends on each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Circle {
    pub(crate) modules: Vec<String>,
    /// The shortest way around, a line for each arrow.
    pub(crate) way: Vec<String>,
}

/// The arrows of one level: from, to, and the first use.
type Level<'a> = BTreeMap<String, BTreeMap<String, &'a Use>>;

/// All circles.
pub(crate) fn circles(uses: &[Use]) -> Vec<Circle> {
    let mut levels = BTreeMap::<String, Level>::new();
    for used in uses {
        let (level, from, to) = place(&used.from, &used.to);
        levels.entry(level).or_default().entry(from).or_default().entry(to).or_insert(used);
    }
    let mut found: Vec<Circle> = levels.values().flat_map(of_level).collect();
    found.sort();
    found
}

/// The innermost module that holds both, and the node of each in it.
fn place(from: &str, to: &str) -> (String, String, String) {
    let (from, to): (Vec<&str>, Vec<&str>) = (from.split("::").collect(), to.split("::").collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let node = |path: &[&str]| path[..path.len().min(common + 1)].join("::");
    (from[..common].join("::"), node(&from), node(&to))
}

fn of_level(level: &Level) -> Vec<Circle> {
    let mut found: Vec<Circle> = vec![];
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        level.keys().map(|from| (from.as_str(), reachable(level, from))).collect();
    let reaches = |from: &str, to: &str| reach.get(from).is_some_and(|reached| reached.contains(to));
    for from in level.keys() {
        let is_known = found.iter().any(|circle| circle.modules.contains(from));
        if is_known || !reaches(from, from) {
            continue;
        }
        let both = level.keys().filter(|to| reaches(from, to) && reaches(to, from));
        found.push(Circle { modules: both.cloned().collect(), way: shortest(level, from) });
    }
    found
}

/// The nodes that can be reached from a node by at least one arrow.
fn reachable<'a>(level: &'a Level, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut left = vec![from];
    while let Some(at) = left.pop() {
        for to in level.get(at).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to.as_str()) {
                left.push(to);
            }
        }
    }
    reached
}

/// The shortest way from a node back to it, with the use of each arrow.
fn shortest(level: &Level, start: &str) -> Vec<String> {
    let mut before = BTreeMap::<&str, &str>::new();
    let mut left = VecDeque::from([start]);
    while let Some(at) = left.pop_front() {
        for to in level.get(at).into_iter().flat_map(BTreeMap::keys) {
            if before.contains_key(to.as_str()) {
                continue;
            }
            before.insert(to, at);
            left.push_back(to);
        }
    }
    let (mut way, mut to) = (vec![], start);
    while let Some(from) = before.get(to).copied() {
        way.push(format!("{from} → {to}   {}", level[from][to].place));
        to = from;
        if from == start {
            break;
        }
    }
    way.reverse();
    way
}

#[test]
fn a_circle_is_found_at_its_level_with_its_way() {
    let uses: Vec<Use> = [
        ("crate::a::x", "crate::b::y"),
        ("crate::b::z", "crate::a::w"),
        ("crate::b::z", "crate::c"),
        ("crate::c::d", "crate::c"),
        ("crate::c", "crate::c::d"),
        ("crate::c", "crate::c::e"),
    ]
    .map(|(from, to)| Use { from: from.into(), to: to.into(), place: format!("{from}.rs") })
    .into();
    let found = circles(&uses);
    let modules: Vec<String> = found.iter().map(|circle| circle.modules.join(" ")).collect();
    assert_eq!(modules, ["crate::a crate::b", "crate::c crate::c::d"]);
    let way = ["crate::a → crate::b   crate::a::x.rs", "crate::b → crate::a   crate::b::z.rs"];
    assert_eq!(found[0].way, way);
    assert!(circles(&uses[2..4]).is_empty());
}

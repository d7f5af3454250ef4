//! The modules of a crate, and which of them use which. A path is followed through imports and re-exports to the module that
//! defines the item: a module that only re-exports its children depends on nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::paths::{Import, Text, read};
use crate::source::{production, tokens};

/// Longer chains of re-exports are circles of names, which rustc refuses.
const HOPS: usize = 20;

/// The index of a module.
type Id = usize;

/// A module, with a file of its own or inline.
struct Module {
    /// `crate::a::b`.
    name: String,
    parent: Option<Id>,
    children: BTreeMap<String, Id>,
    /// The module whose file holds it.
    file: Id,
    path: PathBuf,
    text: Text,
}

/// The target of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(Id),
    /// An item of that module.
    Item(Id),
}

/// One module uses another; `place` is the first use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) place: String,
}

/// A crate.
pub(crate) struct Tree {
    modules: Vec<Module>,
}

impl Tree {
    /// Reads a crate from its root file.
    pub(crate) fn read(root: &Path) -> Self {
        let mut tree = Self { modules: vec![] };
        let folder = root.parent().unwrap().to_path_buf();
        tree.file("crate".to_owned(), None, root.to_path_buf(), &folder);
        tree
    }

    /// Reads the file of a module, and its children, whose files are in `folder`.
    fn file(&mut self, name: String, parent: Option<Id>, path: PathBuf, folder: &Path) -> Id {
        let source =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = read(&production(&tokens(&source)));
        self.add(name, parent, self.modules.len(), path, text, folder)
    }

    fn add(
        &mut self,
        name: String,
        parent: Option<Id>,
        file: Id,
        path: PathBuf,
        text: Text,
        folder: &Path,
    ) -> Id {
        let id = self.modules.len();
        let mut text = text;
        let (files, inline) = (std::mem::take(&mut text.files), std::mem::take(&mut text.inline));
        let children = BTreeMap::new();
        self.modules.push(Module { name: name.clone(), parent, children, file, path: path.clone(), text });
        for child in files {
            let candidates = [folder.join(format!("{child}.rs")), folder.join(&child).join("mod.rs")];
            let file = candidates.iter().find(|file| file.exists());
            let file = file.unwrap_or_else(|| panic!("{name}::{child} has no file in {}", folder.display()));
            let full = format!("{name}::{child}");
            let child_id = self.file(full, Some(id), file.clone(), &folder.join(&child));
            self.modules[id].children.insert(child, child_id);
        }
        for (child, text) in inline {
            let full = format!("{name}::{child}");
            let child_id = self.add(full, Some(id), file, path.clone(), text, &folder.join(&child));
            self.modules[id].children.insert(child, child_id);
        }
        id
    }

    /// How many modules have a file.
    pub(crate) fn files(&self) -> usize {
        self.modules.iter().enumerate().filter(|(id, module)| module.file == *id).count()
    }

    /// Which module uses which, each pair once.
    pub(crate) fn uses(&self) -> Vec<Use> {
        let mut found = BTreeMap::new();
        for (id, module) in self.modules.iter().enumerate() {
            let offered: BTreeSet<&str> =
                module.text.imports.iter().filter(|i| i.is_offered).map(|i| i.name.as_str()).collect();
            // An import that is only offered on is not used here, and a path to a module is no use of it yet.
            let imports = module.text.imports.iter().filter(|import| !import.is_offered);
            let imports = imports.map(|import| (&import.path, import.line, import.name == "*"));
            let is_telling = |path: &Vec<String>| path.len() > 1 || offered.contains(path[0].as_str());
            let paths = module.text.paths.iter().filter(|(path, _)| is_telling(path));
            for (path, line, is_glob) in imports.chain(paths.map(|(path, line)| (path, *line, false))) {
                let to = match self.resolve(id, path, 0) {
                    Some(Target::Item(to)) => to,
                    Some(Target::Module(to)) if is_glob => to,
                    _ => continue,
                };
                let (from, to) = (module.file, self.modules[to].file);
                if from != to {
                    let place = format!(
                        "{}:{line}: {}",
                        module.path.strip_prefix(crate::root()).unwrap_or(&module.path).display(),
                        path.join("::")
                    );
                    found.entry((from, to)).or_insert(place);
                }
            }
        }
        let name = |id: Id| self.modules[id].name.clone();
        found.into_iter().map(|((from, to), place)| Use { from: name(from), to: name(to), place }).collect()
    }

    /// The target of a path in a module; `None` if it leads out of the crate.
    fn resolve(&self, from: Id, path: &[String], hops: usize) -> Option<Target> {
        let mut at = from;
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => at = 0,
            "self" => {}
            "super" => at = self.modules[from].parent?,
            first => match self.member(from, first, hops)? {
                Target::Module(module) => at = module,
                item => return Some(item),
            },
        }
        rest = &rest[1..];
        while let Some((name, after)) = rest.split_first() {
            at = match name.as_str() {
                "super" => self.modules[at].parent?,
                name => match self.member(at, name, hops) {
                    Some(Target::Module(module)) => module,
                    Some(item) => return Some(item),
                    // Not found: made by a macro, say. It is the module's own.
                    None => return Some(Target::Item(at)),
                },
            };
            rest = after;
        }
        Some(Target::Module(at))
    }

    /// The target of a name in a module.
    fn member(&self, of: Id, name: &str, hops: usize) -> Option<Target> {
        let module = &self.modules[of];
        if let Some(child) = module.children.get(name) {
            return Some(Target::Module(*child));
        }
        if module.text.items.contains(name) {
            return Some(Target::Item(of));
        }
        if hops > HOPS {
            return None;
        }
        let is_named = |import: &&Import| import.name == name && import.path.last().is_some();
        if let Some(import) = module.text.imports.iter().find(is_named) {
            // `use name::…` of another crate, under its own name.
            let is_itself = import.path.first().is_some_and(|first| first == name);
            return (!is_itself).then(|| self.resolve(of, &import.path, hops + 1)).flatten();
        }
        module.text.imports.iter().filter(|import| import.name == "*").find_map(|glob| {
            match self.resolve(of, &glob.path, hops + 1)? {
                Target::Module(module) if module != of => self.member(module, name, hops + 1),
                _ => None,
            }
        })
    }
}

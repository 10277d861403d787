//! Finds out from the sources of a crate which of its files use items that other files define.
//!
//! A file depends on the file that *defines* what it uses: the use of a re-exported name counts as the use of its
//! definition, and a re-export alone is not a dependency. Tests are ignored.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// The names of a path, such as `["config", "read"]`: either the path of a module from the root of the crate, or a path
/// in the source.
type Names = Vec<String>;

/// The modules of one crate.
#[derive(Default)]
pub(crate) struct Sources {
    modules: BTreeMap<Names, Module>,
}

#[derive(Default)]
struct Module {
    file: PathBuf,
    /// The items that the module defines, with their files. Macros with `#[macro_export]` belong to the root module.
    items: BTreeMap<String, PathBuf>,
    /// The names that the module imports or re-exports, with their paths.
    imports: BTreeMap<String, Names>,
    globs: Vec<Names>,
    /// Every path that the module uses, including private imports.
    used: BTreeSet<Names>,
}

/// The files of a crate, each with the files that it depends on and a name that causes the dependency.
pub(crate) type Dependencies = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

impl Sources {
    /// Reads a crate from the file of its root module.
    pub(crate) fn read(root: &Path) -> Self {
        let mut sources = Self::default();
        let folder = root.parent().expect("a file is in a folder").to_owned();
        sources.read_file(Names::new(), root, &folder);
        sources
    }

    /// Reads a module from a file. Its child modules are in `folder`.
    fn read_file(&mut self, name: Names, file: &Path, folder: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.read_items(name, file, folder, parsed.items);
    }

    fn read_items(&mut self, name: Names, file: &Path, folder: &Path, items: Vec<Item>) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        let mut exported = Vec::new();
        for item in items {
            match item {
                Item::Mod(child) if !is_test(&child.attrs) => {
                    let child_name = [name.as_slice(), &[child.ident.to_string()]].concat();
                    let ident = child.ident.to_string();
                    if let Some((_, items)) = child.content {
                        self.read_items(child_name, file, &folder.join(ident), items);
                    } else {
                        let (file, folder) = file_of(&ident, &child.attrs, file, folder);
                        self.read_file(child_name, &file, &folder);
                    }
                }
                Item::Use(import) if !is_test(&import.attrs) => module.import(&import),
                Item::Mod(_) | Item::Use(_) => {}
                Item::Macro(item) => {
                    let name = item.ident.as_ref().map(ToString::to_string);
                    if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                        exported.extend(name);
                    } else {
                        module.items.extend(name.map(|name| (name, file.to_owned())));
                    }
                    module.use_paths_in(item.to_token_stream());
                }
                other => module.define(&other),
            }
        }
        // The root module may already contain the exported macros of its child modules, which were read first.
        if let Some(earlier) = self.modules.remove(&name) {
            module.items.extend(earlier.items);
        }
        self.modules.insert(name, module);
        for name in exported {
            self.modules.entry(Names::new()).or_default().items.insert(name, file.to_owned());
        }
    }

    /// Returns the files that each file depends on.
    pub(crate) fn dependencies(&self) -> Dependencies {
        let mut dependencies = Dependencies::new();
        for (name, module) in &self.modules {
            let known = dependencies.entry(module.file.clone()).or_default();
            for path in &module.used {
                if let Some(file) = self.definition(name, path, 0).filter(|file| *file != module.file) {
                    known.entry(file).or_insert_with(|| path.join("::"));
                }
            }
        }
        dependencies
    }

    /// Returns the file that defines the target of a path in a module; `None` if no definition is found in this
    /// crate, for example because the target is in another crate or is a local variable.
    fn definition(&self, module: &[String], path: &[String], depth: usize) -> Option<PathBuf> {
        let mut here = module.to_owned();
        for (index, name) in path.iter().enumerate() {
            let is_first = index == 0;
            match name.as_str() {
                "crate" if is_first => here.clear(),
                "self" if is_first => {}
                "super" => {
                    here.pop()?;
                }
                _ => {
                    let current = self.modules.get(&here)?;
                    let child = [here.as_slice(), std::slice::from_ref(name)].concat();
                    if self.modules.contains_key(&child) {
                        here = child;
                    } else if let Some(file) = current.items.get(name) {
                        return Some(file.clone());
                    } else {
                        return self.imported(&here, path.get(index..).unwrap_or_default(), depth);
                    }
                }
            }
        }
        // A path that consists only of a module's name is usually a variable or a field with the same name.
        self.modules.get(&here).filter(|_| path.len() > 1).map(|module| module.file.clone())
    }

    /// Returns the file that defines the target of a path whose first name is imported by the module. `depth` is the
    /// number of imports that were followed so far. It is limited, because modules may import each other.
    fn imported(&self, module: &Names, path: &[String], depth: usize) -> Option<PathBuf> {
        let (first, rest) = path.split_first()?;
        if depth > 8 {
            return None;
        }
        let current = self.modules.get(module)?;
        if let Some(import) = current.imports.get(first).filter(|import| *import != path) {
            return self.definition(module, &[import.as_slice(), rest].concat(), depth.saturating_add(1));
        }
        current.globs.iter().find_map(|glob| {
            let path = [glob.as_slice(), path].concat();
            self.definition(module, &path, depth.saturating_add(1))
        })
    }
}

impl Module {
    fn define(&mut self, item: &Item) {
        let (name, attributes) = match item {
            Item::Const(item) => (Some(&item.ident), &item.attrs),
            Item::Enum(item) => (Some(&item.ident), &item.attrs),
            Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
            Item::Static(item) => (Some(&item.ident), &item.attrs),
            Item::Struct(item) => (Some(&item.ident), &item.attrs),
            Item::Trait(item) => (Some(&item.ident), &item.attrs),
            Item::Type(item) => (Some(&item.ident), &item.attrs),
            Item::Impl(item) => (None, &item.attrs),
            other => panic!("an item of an unknown form: {}", other.to_token_stream()),
        };
        if !is_test(attributes) {
            self.items.extend(name.map(|name| (name.to_string(), self.file.clone())));
            self.use_paths_in(item.to_token_stream());
        }
    }

    fn import(&mut self, import: &ItemUse) {
        let is_private = matches!(import.vis, Visibility::Inherited);
        self.import_tree(&Names::new(), &import.tree, is_private);
    }

    fn import_tree(&mut self, prefix: &[String], tree: &UseTree, is_private: bool) {
        let joined = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        let (name, path) = match tree {
            UseTree::Path(path) => return self.import_tree(&joined(&path.ident), &path.tree, is_private),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import_tree(prefix, tree, is_private);
                }
                return;
            }
            UseTree::Glob(_) => {
                self.globs.push(prefix.to_owned());
                self.used.extend(is_private.then(|| prefix.to_owned()));
                return;
            }
            UseTree::Name(name) if name.ident == "self" => (prefix.last().cloned(), prefix.to_owned()),
            UseTree::Name(name) => (Some(name.ident.to_string()), joined(&name.ident)),
            UseTree::Rename(rename) => (Some(rename.rename.to_string()), joined(&rename.ident)),
        };
        self.used.extend(is_private.then(|| path.clone()));
        self.imports.extend(name.map(|name| (name, path)));
    }

    /// Records every path in the code, including paths in macros.
    fn use_paths_in(&mut self, code: TokenStream) {
        let mut path = Names::new();
        let mut colons = 0;
        for token in code {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' && colons < 2 => {
                    colons = usize::saturating_add(colons, 1);
                    continue;
                }
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.used.insert(std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                }
                other => {
                    self.used.insert(std::mem::take(&mut path));
                    if let TokenTree::Group(group) = other {
                        self.use_paths_in(group.stream());
                    }
                }
            }
            colons = 0;
        }
        self.used.insert(path);
        // A path such as `super` alone is part of a visibility, such as `pub(super)`.
        self.used.retain(|path| path.iter().any(|name| !["crate", "self", "super"].contains(&name.as_str())));
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// Returns the file of a child module, and the folder of its own children.
fn file_of(name: &str, attributes: &[Attribute], parent: &Path, folder: &Path) -> (PathBuf, PathBuf) {
    let written = attributes.iter().find(|attribute| attribute.path().is_ident("path"));
    let file = match written.map(|attribute| &attribute.meta) {
        Some(syn::Meta::NameValue(path)) => {
            let path = path.value.to_token_stream().to_string();
            let beside = parent.parent().expect("a file is in a folder").join(path.trim_matches('"'));
            beside.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", beside.display()))
        }
        _ => [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]
            .into_iter()
            .find(|file| file.exists())
            .unwrap_or_else(|| panic!("no file of the module {name} in {}", folder.display())),
    };
    let folder = if file.ends_with("mod.rs") { file.parent().map(Path::to_owned) } else { None };
    let folder = folder.unwrap_or_else(|| file.with_extension(""));
    (file, folder)
}

/// Returns every dependency that is part of a cycle.
pub(crate) fn cycles(dependencies: &Dependencies) -> Vec<String> {
    let mut found = Vec::new();
    for (file, used) in dependencies {
        for (other, name) in used.iter().filter(|(other, _)| reaches(dependencies, other, file)) {
            found.push(format!("{} uses {name} of {}", file.display(), other.display()));
        }
    }
    found
}

fn reaches(dependencies: &Dependencies, from: &PathBuf, to: &PathBuf) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut next = VecDeque::from([from]);
    while let Some(file) = next.pop_front() {
        if file == to {
            return true;
        }
        let used = dependencies.get(file).into_iter().flat_map(BTreeMap::keys);
        next.extend(used.filter(|other| seen.insert(*other)));
    }
    false
}

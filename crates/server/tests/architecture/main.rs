//! Tests that the crates use each other and the libraries as described in `docs/architecture.md`, and that files of a
//! crate do not depend on each other in cycles.
#![expect(clippy::expect_used, clippy::panic, reason = "a test reports failures by panicking")]

mod imports;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

const DOCUMENT: &str = include_str!("../../../../docs/architecture.md");

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo metadata runs")
}

/// Returns the names of the crates and libraries that a crate uses outside its tests and its build script, without
/// optional dependencies.
fn used(package: &Package) -> BTreeSet<String> {
    let normal = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal && !dependency.optional);
    normal.map(|dependency| dependency.name.clone()).collect()
}

/// Returns the names in backticks in a cell of a Markdown table.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns the crates in the table of the document, each with the crates that it uses.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|');
        let name = quoted(cells.next().unwrap_or_default()).pop_first().expect("a row names its crate");
        (name, quoted(cells.next().unwrap_or_default()))
    })
    .collect()
}

#[test]
fn the_crate_graph_is_the_table_in_the_docs() {
    let metadata = metadata();
    let names: BTreeSet<_> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let actual: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (package.name.to_string(), used(package).intersection(&names).cloned().collect()))
        .collect();
    assert_eq!(actual, documented());
}

#[test]
fn libraries_stay_in_their_layer() {
    // The crates that may use each library.
    let homes: &[(&str, &[&str])] = &[
        ("actix-web", &["api-actix", "server"]),
        ("actix-cors", &["api-actix"]),
        ("paperclip", &["api-actix"]),
        ("diesel", &["adapter-postgres", "adapter-sqlite"]),
        ("diesel-async", &["adapter-postgres", "adapter-sqlite"]),
        ("argon2", &["adapter-crypto"]),
        ("rustls-native-certs", &["tls-trust"]),
        ("jsonwebtoken", &["adapter-crypto"]),
        ("config", &["server"]),
        ("lettre", &["adapter-mailer-smtp"]),
        ("redis", &["adapter-throttle"]),
        ("clap", &["server"]),
        ("csv-core", &["movie-files"]),
        ("encoding_rs", &["movie-files"]),
        ("image", &["adapter-media"]),
        ("object_store", &["adapter-media"]),
    ];
    // The libraries that each crate must not use.
    let barred: &[(&str, &[&str])] = &[
        ("domain", &["tokio", "serde", "serde_json", "tracing"]),
        ("app", &["tokio", "reqwest", "lettre"]),
        ("movie-files", &["tokio"]),
    ];
    for package in &metadata().packages {
        let used = used(package);
        for (library, homes) in homes {
            assert!(
                !used.contains(*library) || homes.contains(&package.name.as_str()),
                "{library} does not belong in {}",
                package.name
            );
        }
        for (_, libraries) in barred.iter().filter(|(name, _)| *name == package.name.as_str()) {
            for library in *libraries {
                assert!(!used.contains(*library), "{library} does not belong in {}", package.name);
            }
        }
    }
}

#[test]
fn no_files_of_a_crate_depend_on_each_other_in_a_cycle() {
    let metadata = metadata();
    let mut cycles = Vec::new();
    for package in &metadata.packages {
        for target in package.targets.iter().filter(|target| target.is_lib() || target.is_bin()) {
            let sources = imports::Sources::read(target.src_path.as_std_path());
            cycles.extend(imports::cycles(&sources.dependencies()));
        }
    }
    let workspace = format!("{}/", metadata.workspace_root);
    assert!(cycles.is_empty(), "\n{}", cycles.join("\n").replace(&workspace, ""));
}

#[test]
fn a_cycle_is_found_through_re_exports_and_macros() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write(
        "lib.rs",
        "mod low; mod middle; mod top; pub use top::Top; #[cfg(test)] mod tests { use crate::Top; }",
    );
    write("low.rs", "pub struct Low; #[macro_export] macro_rules! made { () => { $crate::middle::Middle } }");
    write("middle.rs", "use super::low::Low; pub struct Middle(Low);");
    write("top.rs", "use crate::{low::Low as Lowest, middle}; pub struct Top(Lowest, middle::Middle);");
    let cycles = imports::cycles(&imports::Sources::read(&folder.path().join("lib.rs")).dependencies());
    let short = |text: &str| text.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(
        cycles.iter().map(|cycle| short(cycle)).collect::<Vec<_>>(),
        ["low.rs uses crate::middle::Middle of middle.rs", "middle.rs uses Low of low.rs"]
    );
    write("low.rs", "pub struct Low; impl Low { fn f() { crate::Top::g() } }");
    write("top.rs", "pub struct Top;");
    let sources = imports::Sources::read(Path::new(&folder.path().join("lib.rs")));
    assert_eq!(imports::cycles(&sources.dependencies()), Vec::<String>::new());
}

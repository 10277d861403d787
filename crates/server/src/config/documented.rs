//! Tests that the documentation of the settings is complete.

use std::collections::BTreeSet;

use super::{Settings, Sources, names};

const EXAMPLE: &str = include_str!("../../../../.env.example");
const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

/// Variables in the example that only `docker/compose.yaml` reads.
const COMPOSE: [&str; 3] = ["POSTGRES_PASSWORD", "CINEMA_PORT", "MAIL_PORT"];

/// Settings that are not shown separately, because they are alternative names for parts of another setting.
const SYNONYMS: [&str; 3] = ["AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];

/// Returns the names of all settings, without the `NAME_FILE` variants of secrets.
fn settings() -> BTreeSet<String> {
    names::plain().chain(names::SECRETS).map(str::to_owned).collect()
}

/// Returns the names and values in the example, where each assignment is commented out with `#`.
fn example() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = EXAMPLE.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    lines.filter(|(name, _)| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

#[test]
fn the_example_lists_every_setting_once() {
    let mut listed: Vec<String> = example().map(|(name, _)| name.to_owned()).collect();
    let count = listed.len();
    listed.sort();
    listed.dedup();
    assert_eq!(listed.len(), count, "a setting is listed twice");
    let expected = settings().into_iter().chain(COMPOSE.map(str::to_owned));
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected.collect());
}

#[test]
fn the_example_shows_the_defaults() {
    let lines: Vec<String> = example().map(|(name, value)| format!("{name}={value}")).collect();
    let sources = Sources::default().with_dotenv(&lines.join("\n"));
    let (said, default) =
        (Settings::from_sources(&sources).unwrap(), Settings::from_sources(&Sources::default()).unwrap());
    assert_eq!(said.shown(), default.shown());
}

#[test]
fn the_settings_that_production_needs_work_when_they_are_pasted() {
    let (_, block) = OPERATIONS.split_once("    APP_ENV=prod\n").unwrap();
    let block: Vec<&str> = block.lines().map_while(|line| line.strip_prefix("    ")).collect();
    let block = format!("APP_ENV=prod\n{}\n", block.join("\n"));
    assert!(block.contains("APP_SECRET_KEY="), "{block}");
    let pasted = Settings::fit_to_serve(&Sources::default().with_dotenv(&block)).unwrap_err().to_string();
    assert_eq!(pasted.matches("; allowed: ").count(), 1, "{pasted}");
    assert!(
        pasted.starts_with("APP_SECRET_KEY has 3 bytes"),
        "the only value that must be filled in: {pasted}"
    );
    let filled = block.replace("APP_SECRET_KEY=…", "APP_SECRET_KEY=kS0x3vJ8qWm2Zr7TnYp5LbQd9HfGc1Ua");
    let settings = Settings::fit_to_serve(&Sources::default().with_dotenv(&filled)).unwrap();
    assert_eq!(settings.warnings(), []);
    // The block must also work as a container's --env-file, in which quotes and trailing text are part of a value.
    let values = filled.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let as_environment = Settings::fit_to_serve(&Sources::environment(values)).unwrap();
    assert_eq!(as_environment.shown(), settings.shown());
}

#[test]
fn the_operations_guide_has_a_row_for_every_setting() {
    let (_, section) = OPERATIONS.split_once("\n## Settings\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let cells =
        section.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let listed: BTreeSet<String> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    assert_eq!(listed, settings());
}

#[test]
fn every_setting_is_shown() {
    let shown = Settings::from_sources(&Sources::default()).unwrap().shown();
    let shown = shown.into_iter().map(|(name, _)| name).chain(SYNONYMS).map(str::to_owned);
    assert_eq!(shown.collect::<BTreeSet<_>>(), settings());
}

//! What is written of the settings is true.

use std::collections::BTreeSet;

use super::{Settings, Sources, names};

const EXAMPLE: &str = include_str!("../../../../.env.example");
const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

/// What `docker/compose.yaml` alone reads.
const COMPOSE: [&str; 3] = ["POSTGRES_PASSWORD", "CINEMA_PORT", "MAIL_PORT"];

/// Names that are other ones for a part of a setting that is shown.
const SYNONYMS: [&str; 3] = ["AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];

/// The settings, without the `NAME_FILE` of secrets.
fn settings() -> BTreeSet<String> {
    names::plain().chain(names::SECRETS).map(str::to_owned).collect()
}

/// The lines of the example that set something, with the `#` in front of them taken away.
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
    assert_eq!(listed.len(), count, "one is listed twice");
    let expected = settings().into_iter().chain(COMPOSE.map(str::to_owned));
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected.collect());
}

#[test]
fn the_example_says_the_defaults() {
    let lines: Vec<String> = example().map(|(name, value)| format!("{name}={value}")).collect();
    let sources = Sources::default().with_dotenv(&lines.join("\n")).unwrap();
    let (said, default) =
        (Settings::from_sources(&sources).unwrap(), Settings::from_sources(&Sources::default()).unwrap());
    for (said, default) in said.shown().into_iter().zip(default.shown()) {
        // The one has it from the other when it is not set.
        if said.0 != "PUBLIC_URL" {
            assert_eq!(said, default);
        }
    }
}

#[test]
fn the_guide_has_a_row_for_every_setting() {
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

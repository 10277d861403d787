//! Every secret that the suite tells a server or hears from one, to be looked for in all that was logged.
//!
//! Whatever goes through an actor's call or the recording mailer is noted here by itself: no case has to think of it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use aho_corasick::AhoCorasick;
use serde_json::Value;
use uuid::Uuid;

/// What is shorter may stand in a log by chance.
const SHORTEST: usize = 8;

/// As much of a secret is looked for: a log that cuts long texts does not hide them.
const LONGEST: usize = 64;

/// As many bytes of a secret are looked for where bytes are written as numbers.
const BYTES: usize = 16;

static CANARIES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes a text that may stand in no log.
pub(crate) fn plant(text: &str) {
    let text = text.trim();
    let text: String = text.chars().take(LONGEST).collect();
    // Identifiers are logged on purpose, and words such as a role's name say nothing of anybody.
    let is_word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if text.chars().count() < SHORTEST || is_word || Uuid::try_parse(&text).is_ok() {
        return;
    }
    CANARIES.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
}

/// Notes a token, and its signature alone when it has one.
pub(crate) fn plant_token(token: &str) {
    plant(token);
    if let Some((_, signature)) = token.rsplit_once('.') {
        plant(signature);
    }
}

/// Notes an `Authorization` header, and the secret in it.
pub(crate) fn plant_authorization(header: &str) {
    plant(header);
    if let Some((_, secret)) = header.split_once(' ') {
        plant_token(secret);
    }
}

/// Notes every text in a body.
pub(crate) fn plant_texts(body: &Value) {
    match body {
        Value::String(text) if text.matches('.').count() == 2 => plant_token(text),
        Value::String(text) => plant(text),
        Value::Array(items) => items.iter().for_each(plant_texts),
        Value::Object(members) => members.values().for_each(plant_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Notes the texts of a body that may be no JSON.
pub(crate) fn plant_bytes(body: &[u8]) {
    if let Ok(body) = serde_json::from_slice(body) {
        plant_texts(&body);
    } else {
        let text = String::from_utf8_lossy(body);
        plant(&text);
        // A form: `token=…&password=…`.
        text.split('&').filter_map(|pair| pair.split_once('=')).for_each(|(_, value)| plant(value));
    }
}

/// Notes the tokens that an answer hands out.
pub(crate) fn plant_tokens_of(answer: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(answer) else { return };
    for name in ["access", "refresh"] {
        if let Some(token) = body[name].as_str() {
            plant_token(token);
        }
    }
}

/// Notes what stands behind `token=` and `email=` in an address.
pub(crate) fn plant_address(target: &str) {
    for (_, value) in target.split(['?', '&']).filter_map(|pair| pair.split_once('=')) {
        if target.contains("token=") || value.contains('@') || value.contains("%40") {
            plant(value);
        }
    }
}

/// A secret may be written out, as an address writes it, or as the numbers of its bytes.
fn spellings(secret: &str) -> impl Iterator<Item = String> {
    let bytes = secret.as_bytes();
    let numbers = format!("{:?}", &bytes[..bytes.len().min(BYTES)]);
    let escaped = secret.contains('@').then(|| secret.replace('@', "%40"));
    [secret.to_owned(), numbers.trim_matches(['[', ']']).to_owned()].into_iter().chain(escaped)
}

/// Which of these secrets stand in the lines, each once: the number of its first line, the secret, and that line.
pub(crate) fn found_in(lines: &str, secrets: &BTreeSet<String>) -> Vec<String> {
    let spellings: BTreeSet<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    let spellings: Vec<String> = spellings.into_iter().collect();
    let search = AhoCorasick::new(&spellings).expect("a search for so many texts");
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in (1..).zip(lines.lines()) {
        for place in search.find_iter(line).filter(|place| seen.insert(place.pattern())) {
            found.push(format!("line {number}: {:?} stands in: {line}", spellings[place.pattern()]));
        }
    }
    found
}

/// Looks for every secret of the run in every line that was kept; the findings, with their lines.
pub(crate) fn leaks() -> Vec<String> {
    let secrets = CANARIES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    found_in(&super::captured_logs(), &secrets)
}

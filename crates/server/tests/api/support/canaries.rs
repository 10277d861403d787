//! Records the secrets that the suite sends to a server or receives from one (the "canaries"), and searches for them in
//! everything that was logged.
//!
//! The calls of [actors](super::actors), the responses to these calls and the recorded mails are searched for secrets
//! automatically. The functions `plant_…` define which of their texts are recorded as secrets.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use aho_corasick::AhoCorasick;
use serde_json::Value;
use uuid::Uuid;

/// The minimum length of a recorded text. Shorter texts may occur in a log by chance.
const SHORTEST: usize = 8;

/// The maximum length of a recorded text. Only this prefix of a longer secret is searched, so that truncated texts in a
/// log are also found.
const LONGEST: usize = 64;

/// Only this number of bytes of a secret is searched in the form in which `Debug` prints bytes, such as `97, 98, 99`.
const BYTES: usize = 16;

static CANARIES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Records a text that must not be logged.
pub(crate) fn plant(text: &str) {
    let text = text.trim();
    let text: String = text.chars().take(LONGEST).collect();
    // Identifiers are logged deliberately, and single words such as the name of a role are not personal.
    let is_word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if text.chars().count() < SHORTEST || is_word || Uuid::try_parse(&text).is_ok() {
        return;
    }
    CANARIES.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
}

/// Records a token, and also its signature (the part after the last dot) if it has one.
pub(crate) fn plant_token(token: &str) {
    plant(token);
    if let Some((_, signature)) = token.rsplit_once('.') {
        plant(signature);
    }
}

/// Records an `Authorization` header, and the secret in it.
pub(crate) fn plant_authorization(header: &str) {
    plant(header);
    if let Some((_, secret)) = header.split_once(' ') {
        plant_token(secret);
    }
}

/// Records every text in a body.
pub(crate) fn plant_texts(body: &Value) {
    match body {
        Value::String(text) if text.matches('.').count() == 2 => plant_token(text),
        Value::String(text) => plant(text),
        Value::Array(items) => items.iter().for_each(plant_texts),
        Value::Object(members) => members.values().for_each(plant_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Records the texts of a body that may not be JSON.
pub(crate) fn plant_bytes(body: &[u8]) {
    if let Ok(body) = serde_json::from_slice(body) {
        plant_texts(&body);
    } else {
        let text = String::from_utf8_lossy(body);
        plant(&text);
        // The body may be a form: `token=…&password=…`.
        text.split('&').filter_map(|pair| pair.split_once('=')).for_each(|(_, value)| plant(value));
    }
}

/// Records the access token and the refresh token in the body of a response.
pub(crate) fn plant_tokens_of(answer: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(answer) else { return };
    for name in ["access", "refresh", "ticket"] {
        if let Some(token) = body[name].as_str() {
            plant_token(token);
        }
    }
}

/// Records the email addresses in the query of a URL, and all values of a query that contains a token.
pub(crate) fn plant_address(target: &str) {
    for (_, value) in target.split(['?', '&']).filter_map(|pair| pair.split_once('=')) {
        if target.contains("token=")
            || target.contains("ticket=")
            || value.contains('@')
            || value.contains("%40")
        {
            plant(value);
        }
    }
}

/// Returns the forms in which a log may contain a secret: literally, with a percent-encoded `@`, or as the numbers of
/// its first bytes.
fn spellings(secret: &str) -> impl Iterator<Item = String> {
    let bytes = secret.as_bytes();
    let numbers = format!("{:?}", &bytes[..bytes.len().min(BYTES)]);
    let escaped = secret.contains('@').then(|| secret.replace('@', "%40"));
    [secret.to_owned(), numbers.trim_matches(['[', ']']).to_owned()].into_iter().chain(escaped)
}

/// Returns the secrets that occur in the lines. Each spelling of a secret is reported once, with the first line that
/// contains the spelling and the number of that line.
pub(crate) fn found_in(lines: &str, secrets: &BTreeSet<String>) -> Vec<String> {
    let spellings: BTreeSet<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    let spellings: Vec<String> = spellings.into_iter().collect();
    let search = AhoCorasick::new(&spellings).expect("a search for this many texts");
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in (1..).zip(lines.lines()) {
        for place in search.find_iter(line).filter(|place| seen.insert(place.pattern())) {
            found.push(format!("line {number}: {:?} occurs in: {line}", spellings[place.pattern()]));
        }
    }
    found
}

/// Searches for every recorded secret in every captured line. Returns the findings with their lines.
pub(crate) fn leaks() -> Vec<String> {
    let secrets = CANARIES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    found_in(&super::captured_logs(), &secrets)
}

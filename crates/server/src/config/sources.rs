use std::{collections::HashMap, fmt, io, path::Path};

use config::{Config, File, FileFormat, Value, ValueKind};

use super::{dotenv, fault::Fault, names};

/// The sources of settings: the environment, which takes precedence, then `.env`, then `cinema.toml`. `Debug` shows
/// no values.
#[derive(Clone, Default)]
pub struct Sources {
    environment: HashMap<String, String>,
    /// The text of `.env`.
    dotenv: String,
    /// The text of `cinema.toml`.
    file: String,
    /// The environment variables and files that could not be read.
    faults: Vec<Fault>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources(…)")
    }
}

impl Sources {
    /// Creates sources that consist only of environment variables, for tests.
    #[must_use]
    pub fn environment<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        let environment = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, ..Self::default() }
    }

    /// Adds the text of a `.env` file, which the environment overrides.
    #[must_use]
    pub fn with_dotenv(mut self, text: &str) -> Self {
        without_bom(text).clone_into(&mut self.dotenv);
        self
    }

    /// Adds the text of a `cinema.toml`, which `.env` and the environment override.
    #[must_use]
    pub fn with_file(mut self, text: &str) -> Self {
        without_bom(text).clone_into(&mut self.file);
        self
    }

    /// Reads the settings from the environment variables of this process, and reads the files `.env` and `cinema.toml`
    /// in the working folder if they exist. Other environment variables are ignored.
    pub(super) fn of_this_process() -> Self {
        let known: Vec<String> = names::all().collect();
        let mut sources = Self::default();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| known.iter().any(|one| one == name)) else {
                continue;
            };
            match value.into_string() {
                Ok(value) => drop(sources.environment.insert(name.to_owned(), value)),
                Err(_) => sources.faults.push(Fault::new(name, "is not UTF-8 text", "UTF-8 text")),
            }
        }
        let dotenv = sources.optional_file(".env");
        let file = sources.optional_file("cinema.toml");
        sources.with_dotenv(&dotenv).with_file(&file)
    }

    fn optional_file(&mut self, path: &str) -> String {
        std::fs::read_to_string(path).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                let problem = format!("cannot be read ({error})");
                self.faults.push(Fault::new(path, problem, "a readable UTF-8 file, or none"));
            }
            String::new()
        })
    }
}

/// Removes the byte order mark that some editors write at the beginning of a file.
fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The values by name, each from the first source that has it.
pub(super) struct Values {
    by_name: HashMap<String, String>,
    /// The errors in the sources.
    pub(super) faults: Vec<Fault>,
    /// Whether a source could not be read or parsed. A value that was not found may be in that source.
    pub(super) is_partial: bool,
}

impl Values {
    pub(super) fn merge(sources: &Sources) -> Self {
        let mut faults = sources.faults.clone();
        let dotenv = dotenv_values(&sources.dotenv).unwrap_or_else(|found| {
            faults.extend(found);
            HashMap::new()
        });
        let toml = parsed_toml(&sources.file).unwrap_or_else(|found| {
            faults.push(found);
            Config::default()
        });
        let is_partial = !faults.is_empty();
        faults.extend(unknown_keys(&toml));
        let toml = toml_values(&toml, &mut faults);
        let layers = [&sources.environment, &dotenv, &toml];
        let mut by_name = HashMap::new();
        for name in names::plain() {
            if let Some(value) = layers.iter().find_map(|layer| given(layer, name)) {
                by_name.insert(name.to_owned(), value.to_owned());
            }
        }
        for name in names::SECRETS {
            match layers.iter().find_map(|layer| secret(layer, name)) {
                Some(Ok(value)) => drop(by_name.insert(name.to_owned(), value)),
                Some(Err(fault)) => faults.push(fault),
                None => {}
            }
        }
        Self { by_name, faults, is_partial }
    }

    /// Removes and returns the value of `name`.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.by_name.remove(name)
    }
}

/// Returns the value of a name in a source. A blank value counts as absent.
fn given<'a>(layer: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    layer.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
}

/// Returns the secret in one source: the value, or the text of the file that `NAME_FILE` names. `None` if the source
/// has neither; an error if it has both, or if the file is empty or cannot be read.
fn secret(layer: &HashMap<String, String>, name: &str) -> Option<Result<String, Fault>> {
    let file = format!("{name}_FILE");
    match (given(layer, name), given(layer, &file)) {
        (Some(_), Some(_)) => {
            Some(Err(Fault::new(name, format!("is set, and {file} too"), "one of the two")))
        }
        (Some(value), None) => Some(Ok(value.to_owned())),
        (None, Some(path)) => Some(read_secret(&file, path)),
        (None, None) => None,
    }
}

fn read_secret(name: &str, path: &str) -> Result<String, Fault> {
    let allowed = "the path of a file that contains the secret";
    let text = std::fs::read_to_string(Path::new(path))
        .map_err(|error| Fault::new(name, format!("cannot be read ({error})"), allowed))?;
    let text = without_bom(&text).trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(Fault::new(name, "names an empty file", allowed));
    }
    Ok(text.to_owned())
}

fn dotenv_values(text: &str) -> Result<HashMap<String, String>, Vec<Fault>> {
    let expansions = dotenv::expansions(text);
    if !expansions.is_empty() {
        return Err(expansions);
    }
    let values: Result<_, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
    values.map_err(|error| {
        // Only the position is reported, because the library's message quotes the line, which may contain a secret.
        let place = match error {
            dotenvy::Error::LineParse(_, place) => format!(" near character {place} of a line"),
            _ => String::new(),
        };
        let problem = format!("cannot be understood{place}");
        vec![Fault::new(".env", problem, "lines like NAME=value, with '…' around a value with spaces")]
    })
}

fn parsed_toml(text: &str) -> Result<Config, Fault> {
    Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build().map_err(|error| {
        // Only the position is reported, because the line may contain a secret.
        let place = error.to_string().lines().next().unwrap_or_default().to_owned();
        Fault::new("cinema.toml", format!("is not TOML ({place})"), "lines like app_port = 8000")
    })
}

fn unknown_keys(toml: &Config) -> Vec<Fault> {
    let known: Vec<String> = names::all().map(|name| name.to_lowercase()).collect();
    let table = toml.clone().try_deserialize::<HashMap<String, Value>>().unwrap_or_default();
    let mut unknown: Vec<&String> = table.keys().filter(|key| !known.contains(key)).collect();
    unknown.sort();
    let fault = |key: &String| {
        let allowed = names::nearest(&key.to_uppercase()).map_or_else(
            || "the names in .env.example, in lower case".to_owned(),
            |name| format!("did you mean {}?", name.to_lowercase()),
        );
        Fault::new(key, "is not a setting (in cinema.toml)", allowed)
    };
    unknown.into_iter().map(fault).collect()
}

/// Returns the values of `cinema.toml`, by their names in the environment. Adds an error to `faults` for each setting
/// whose value cannot be used, such as a table.
fn toml_values(toml: &Config, faults: &mut Vec<Fault>) -> HashMap<String, String> {
    let mut values = HashMap::new();
    for name in names::all() {
        let Ok(value) = toml.get::<Value>(&name.to_lowercase()) else { continue };
        match plain_text(&name, value) {
            Ok(text) => drop(values.insert(name, text)),
            Err(fault) => faults.push(fault),
        }
    }
    values
}

fn plain_text(name: &str, value: Value) -> Result<String, Fault> {
    match value.kind {
        ValueKind::Array(items) => {
            let items: Result<Vec<String>, _> =
                items.into_iter().map(|item| plain_text(name, item)).collect();
            Ok(items?.join(","))
        }
        ValueKind::Table(_) => {
            Err(Fault::new(name, "is a table (in cinema.toml)", "a text, number, list, true or false"))
        }
        _ => value
            .into_string()
            .map_err(|_| Fault::new(name, "cannot be understood", "a text, number, list, true or false")),
    }
}

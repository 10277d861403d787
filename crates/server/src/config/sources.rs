use std::{collections::HashMap, fmt, io, path::Path};

use config::{Config, File, FileFormat, Value, ValueKind};

use super::{
    dotenv,
    fault::{Fault, SettingsError},
    names,
};

/// Where settings come from, the strongest first. Values are hidden in `Debug`.
#[derive(Clone, Default)]
pub struct Sources {
    environment: HashMap<String, String>,
    dotenv: HashMap<String, String>,
    /// The text of `cinema.toml`.
    file: String,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources(…)")
    }
}

impl Sources {
    /// An environment alone: for tests.
    #[must_use]
    pub fn environment<N: Into<String>, V: Into<String>>(values: impl IntoIterator<Item = (N, V)>) -> Self {
        let environment = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, ..Self::default() }
    }

    /// The same with the text of a `.env` file below it.
    ///
    /// # Errors
    /// When the text is no such file, or a value of ours has a `$` that would be replaced by something else.
    pub fn with_dotenv(mut self, text: &str) -> Result<Self, SettingsError> {
        dotenv::refuse_expansion(text)?;
        self.dotenv = dotenvy::from_read_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| dotenv_fault(&error))?;
        Ok(self)
    }

    /// The same with the text of a `cinema.toml` at the bottom.
    #[must_use]
    pub fn with_file(mut self, text: impl Into<String>) -> Self {
        self.file = text.into();
        self
    }

    /// The environment of this process, and `.env` and `cinema.toml` of the working folder where they are.
    pub(super) fn of_this_process() -> Result<Self, SettingsError> {
        let mut environment = HashMap::new();
        let known: Vec<String> = names::all().collect();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| known.iter().any(|one| one == name)) else {
                continue;
            };
            let value =
                value.into_string().map_err(|_| Fault::new(name, "is not UTF-8 text", "UTF-8 text"))?;
            environment.insert(name.to_owned(), value);
        }
        let sources = Self { environment, ..Self::default() };
        Ok(sources.with_dotenv(&optional_file(".env")?)?.with_file(optional_file("cinema.toml")?))
    }
}

fn optional_file(path: &str) -> Result<String, SettingsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => {
            Err(Fault::new(path, format!("cannot be read ({error})"), "a readable UTF-8 file, or none")
                .into())
        }
    }
}

fn dotenv_fault(error: &dotenvy::Error) -> SettingsError {
    // The library's message repeats the line, and the line may be a secret.
    let place = match error {
        dotenvy::Error::LineParse(_, place) => format!(" near character {place} of a line"),
        _ => String::new(),
    };
    Fault::new(".env", format!("cannot be understood{place}"), "lines like NAME=value").into()
}

/// The merged values by name: each from the strongest source that has it.
pub(super) struct Values(HashMap<String, String>);

impl Values {
    pub(super) fn merge(sources: &Sources) -> Result<Self, SettingsError> {
        let toml = toml_values(&sources.file)?;
        let layers = [&sources.environment, &sources.dotenv, &toml];
        let mut values = HashMap::new();
        for name in names::plain() {
            if let Some(value) = layers.iter().find_map(|layer| given(layer, name)) {
                values.insert(name.to_owned(), value.to_owned());
            }
        }
        for name in names::SECRETS {
            for layer in layers {
                if let Some(value) = secret(layer, name)? {
                    values.insert(name.to_owned(), value);
                    break;
                }
            }
        }
        Ok(Self(values))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes the value of `name`.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }
}

/// What a source says of a name. Nothing but blanks is nothing.
fn given<'a>(layer: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    layer.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
}

/// What one source says of a secret: itself, or the file that it stands in. A stronger source's file wins over a weaker one's
/// secret, and the other way round.
fn secret(layer: &HashMap<String, String>, name: &str) -> Result<Option<String>, SettingsError> {
    let file = format!("{name}_FILE");
    match (given(layer, name), given(layer, &file)) {
        (Some(_), Some(_)) => {
            Err(Fault::new(name, format!("is set, and {file} too"), "one of the two").into())
        }
        (Some(value), None) => Ok(Some(value.to_owned())),
        (None, Some(path)) => read_secret(&file, path).map(Some).map_err(SettingsError::from),
        (None, None) => Ok(None),
    }
}

fn read_secret(name: &str, path: &str) -> Result<String, Fault> {
    let allowed = "the path of a file that holds the secret";
    let text = std::fs::read_to_string(Path::new(path))
        .map_err(|error| Fault::new(name, format!("cannot be read ({error})"), allowed))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(Fault::new(name, "names an empty file", allowed));
    }
    Ok(text.to_owned())
}

/// The values of `cinema.toml`, by their names in the environment.
fn toml_values(text: &str) -> Result<HashMap<String, String>, SettingsError> {
    let file = Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build();
    let file = file.map_err(|error| {
        // Only the place: the line itself may be a secret.
        let place = error.to_string().lines().next().unwrap_or_default().to_owned();
        Fault::new("cinema.toml", format!("is not TOML ({place})"), "lines like app_port = 8000")
    })?;
    refuse_unknown(&file)?;
    let mut values = HashMap::new();
    for name in names::all() {
        if let Ok(value) = file.get::<Value>(&name.to_lowercase()) {
            let value = plain_text(&name, value)?;
            values.insert(name, value);
        }
    }
    Ok(values)
}

fn refuse_unknown(toml: &Config) -> Result<(), SettingsError> {
    let known: Vec<String> = names::all().map(|name| name.to_lowercase()).collect();
    let table = toml.clone().try_deserialize::<HashMap<String, Value>>().unwrap_or_default();
    let mut unknown: Vec<&String> = table.keys().filter(|key| !known.contains(key)).collect();
    unknown.sort();
    let faults = unknown.into_iter().map(|key| {
        let allowed = names::nearest(&key.to_uppercase()).map_or_else(
            || "the names in .env.example, in lower case".to_owned(),
            |name| format!("did you mean {}?", name.to_lowercase()),
        );
        Fault::new(key, "is no setting (in cinema.toml)", allowed)
    });
    SettingsError::none_of(faults.collect())
}

fn plain_text(name: &str, value: Value) -> Result<String, SettingsError> {
    match value.kind {
        ValueKind::Array(items) => {
            let items: Result<Vec<String>, _> =
                items.into_iter().map(|item| plain_text(name, item)).collect();
            Ok(items?.join(","))
        }
        ValueKind::Table(_) => {
            Err(Fault::new(name, "is a table (in cinema.toml)", "a text, a number or true and false").into())
        }
        _ => value.into_string().map_err(|_| {
            Fault::new(name, "cannot be understood", "a text, a number or true and false").into()
        }),
    }
}

use std::{collections::HashMap, fmt, io, path::Path};

use config::{Config, Environment, File, FileFormat, Value, ValueKind};

use super::{
    names,
    read::{Fault, SettingsError},
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
    /// When the text is no such file.
    pub fn with_dotenv(mut self, text: &str) -> Result<Self, SettingsError> {
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
        let file = File::from_str(&sources.file, FileFormat::Toml);
        let toml = Config::builder().add_source(file.clone()).build().map_err(|error| {
            // Only the place: the line itself may be a secret.
            let place = error.to_string().lines().next().unwrap_or_default().to_owned();
            Fault::new("cinema.toml", format!("is not TOML ({place})"), "lines like app_port = 8000")
        })?;
        refuse_unknown(&toml)?;
        let layer = |values: &HashMap<String, String>| {
            Environment::default().source(Some(values.clone().into_iter().collect())).ignore_empty(true)
        };
        let merged = Config::builder()
            .add_source(file)
            .add_source(layer(&sources.dotenv))
            .add_source(layer(&sources.environment))
            .build()
            .map_err(|error| Fault::new("settings", error.to_string(), "the values of .env.example"))?;
        let mut values = HashMap::new();
        for name in names::all() {
            if let Ok(value) = merged.get::<Value>(&name.to_lowercase()) {
                values.insert(name.clone(), plain_text(&name, value)?);
            }
        }
        let mut values = Self(values);
        values.read_secret_files()?;
        Ok(values)
    }

    /// Takes the value of `name`.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.trim().is_empty())
    }

    /// Puts the content of each `NAME_FILE` in the place of `NAME`.
    fn read_secret_files(&mut self) -> Result<(), SettingsError> {
        for name in names::SECRETS {
            let file = format!("{name}_FILE");
            let Some(path) = self.take(&file) else { continue };
            if self.0.contains_key(name) {
                return Err(Fault::new(name, format!("is set, and {file} too"), "one of the two").into());
            }
            let text = std::fs::read_to_string(Path::new(&path)).map_err(|error| {
                Fault::new(
                    &file,
                    format!("cannot be read ({error})"),
                    "the path of a file that holds the secret",
                )
            })?;
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                return Err(Fault::new(
                    &file,
                    "names an empty file",
                    "the path of a file that holds the secret",
                )
                .into());
            }
            self.0.insert(name.to_owned(), text.to_owned());
        }
        Ok(())
    }
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

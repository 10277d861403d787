//! `cinema serve` and `cinema worker`.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

use super::{
    failure::{Failure, say},
    wiring::use_cases,
};
use crate::{
    composition::{Application, Overrides},
    config::{AppEnv, MailerSetting, Settings},
    first_start::{DevAdmin, dev_admin, load_catalogue, warn_of_dev_admin},
    telemetry::{self, Level},
    workers::Workers,
};

/// The maximum duration of the last phase of a shutdown: 25 s for the running requests and jobs, which end in parallel,
/// and 2 s to stop the requests and jobs that still run. Before this phase, a server still accepts requests for
/// `DRAIN_SECONDS`, so a container's grace period must be longer than `DRAIN_SECONDS` plus this duration.
const LAST_WORK: Duration = Duration::from_secs(27);

/// How a server or worker was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By one signal: the running work has ended, or the time limit was reached.
    Orderly,
    /// By a second signal, without waiting for the running work.
    AtOnce,
}

/// Runs the API, and the background work if `has_workers` is set, until a signal stops the process. Fails if the API
/// ends by itself.
pub(super) async fn serve(settings: &Settings, has_workers: bool) -> Result<Ending, Failure> {
    warn_of_settings(settings);
    let mut signals = Signals::listen()?;
    let prepared = Application::prepare(settings, Overrides::default()).await?;
    let mut first_start = None;
    if settings.app_env == AppEnv::Dev {
        let loaded = load_catalogue(settings, prepared.use_cases()).await;
        first_start = Some((loaded, dev_admin(settings, prepared.use_cases()).await?));
    } else if settings.app_env == AppEnv::Prod {
        warn_of_dev_admin(prepared.use_cases()).await;
    }
    let mut application = Application::serve(settings, prepared)?;
    if let Some((loaded, admin)) = first_start {
        FirstScreen::of(settings, &application, loaded, admin, has_workers).say();
    }
    let workers = has_workers.then(|| application.start_workers());
    say(&format!("listening on http://{}", application.address()));
    let is_broken = tokio::select! {
        () = signals.next() => false,
        () = application.ended() => true,
    };
    if is_broken {
        return Err(Failure::new("the API ended unexpectedly: see the log"));
    }
    let drain = settings.drain;
    let when = if drain.is_zero() { String::new() } else { format!(" in {} s,", drain.as_secs()) };
    say(&format!("stopping{when} after the running requests; a second signal stops immediately"));
    application.begin_drain();
    let stop = async move {
        sleep(drain).await;
        match workers {
            Some(workers) => workers.stop(application.stop()).await,
            None => application.stop().await,
        }
    };
    Ok(end(stop, drain.saturating_add(LAST_WORK), signals).await)
}

/// Runs only the background work, until a signal stops it.
pub(super) async fn work(settings: &Settings) -> Result<Ending, Failure> {
    warn_of_settings(settings);
    let mut signals = Signals::listen()?;
    let workers = Workers::start(&use_cases(settings).await?);
    say("working: mails and clean-up");
    signals.next().await;
    say("stopping after the running jobs; a second signal stops immediately");
    Ok(end(workers.stop(std::future::ready(())), LAST_WORK, signals).await)
}

/// Logs warnings about settings that an operator should check.
fn warn_of_settings(settings: &Settings) {
    for name in settings.later.set() {
        tracing::warn!(setting = name, "this setting has no effect in this version");
    }
    for warning in settings.warnings() {
        tracing::warn!(setting = warning.name, "{}", warning.text);
    }
}

/// Runs the shutdown until it ends, the limit is reached, or a second signal arrives. The shutdown is a separate task,
/// so that signals are received even if it blocks its thread.
async fn end(
    stop: impl Future<Output = ()> + Send + 'static,
    limit: Duration,
    mut signals: Signals,
) -> Ending {
    tokio::select! {
        _ = tokio::spawn(stop) => Ending::Orderly,
        () = sleep(limit) => {
            say("stopped before all running requests and jobs had ended");
            Ending::Orderly
        }
        () = signals.next() => {
            say("stopped immediately");
            Ending::AtOnce
        }
    }
}

/// The signals that stop a process: SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::new(format!("cannot listen to signals ({error})")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The information that is printed when the server starts in development, as lines with labels.
struct FirstScreen {
    lines: Vec<(&'static str, String)>,
    /// The same information as JSON fields, without the password.
    fields: Map<String, Value>,
}

impl FirstScreen {
    fn of(
        settings: &Settings,
        application: &Application,
        loaded: u64,
        admin: Option<DevAdmin>,
        has_workers: bool,
    ) -> Self {
        let mut screen = Self { lines: Vec::new(), fields: Map::new() };
        screen.add("Open", "docs", format!("{}/docs", application.public_url()));
        match admin {
            Some(DevAdmin::Known { email, password, file }) => {
                let file = file.display().to_string();
                let line = format!("{email}, password {password} (kept in {file})");
                screen.lines.push(("Administrator", line));
                screen.fields.insert("administrator".to_owned(), email.into());
                screen.fields.insert("password_file".to_owned(), file.into());
            }
            Some(DevAdmin::Elsewhere { email }) => {
                let line = format!(
                    "{email}, whose password is not known here; create another: cinema users create-admin --email E"
                );
                screen.add("Administrator", "administrator", line);
            }
            None => {}
        }
        let mails = match (&settings.mailer, has_workers) {
            (MailerSetting::Console, true) => "are printed here, on standard output".to_owned(),
            (MailerSetting::Console, false) => "are printed by `cinema worker`".to_owned(),
            (MailerSetting::Smtp(smtp), _) => format!("are sent from {}", smtp.from),
        };
        screen.add("Mails", "mails", mails);
        screen.add("Data", "data", format!("{:?}", settings.database));
        if loaded > 0 {
            screen.add("Catalogue", "catalogue", format!("{loaded} movies loaded"));
        }
        screen
    }

    fn add(&mut self, label: &'static str, name: &str, text: String) {
        self.fields.insert(name.to_owned(), text.clone().into());
        self.lines.push((label, text));
    }

    fn say(self) {
        let title = format!("Cinema, version {}, for development", env!("CARGO_PKG_VERSION"));
        let lines: Vec<String> =
            self.lines.iter().map(|(label, text)| format!("  {label:<15}{text}\n")).collect();
        let text = format!("\n  {title}\n\n{}", lines.concat());
        telemetry::say_with(Level::Info, &text, &title, self.fields);
    }
}

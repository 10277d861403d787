use std::time::Duration;

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
    first_start::{DevAdmin, dev_admin, load_catalogue},
    workers::Workers,
};

/// What a stop takes at most, once it is drained: 25 s for the requests and the jobs under way, which end side by side, and
/// a little for them to be told. Grace periods of containers are `DRAIN_SECONDS`, this, and a little.
const LAST_WORK: Duration = Duration::from_secs(27);

/// How a process that runs until it is stopped was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By one signal: what was under way has ended, or its time.
    Orderly,
    /// By a second one, which waits for nothing.
    AtOnce,
}

/// Runs the API, and the background work unless it is done elsewhere, until a signal ends it.
pub(super) async fn serve(settings: &Settings, has_workers: bool) -> Result<Ending, Failure> {
    settings.check_production()?;
    tell_what_has_no_effect(settings);
    let mut signals = Signals::listen()?;
    let prepared = Application::prepare(settings, Overrides::default()).await?;
    let mut first_start = None;
    if settings.app_env == AppEnv::Dev {
        let loaded = load_catalogue(settings, prepared.use_cases()).await;
        first_start = Some((loaded, dev_admin(settings, prepared.use_cases()).await?));
    }
    let mut application = Application::serve(settings, prepared)?;
    if let Some((loaded, admin)) = first_start {
        say(&first_screen(settings, &application, loaded, admin.as_ref(), has_workers));
    }
    let workers = has_workers.then(|| application.start_workers());
    say(&format!("listening on http://{}", application.address()));
    let is_broken = tokio::select! {
        () = signals.next() => false,
        () = application.ended() => true,
    };
    if is_broken {
        return Err(Failure::new("the API ended by itself: the log says why"));
    }
    let drain = settings.drain;
    say(&format!(
        "stopping in {} s, after the requests under way; a second signal stops at once",
        drain.as_secs()
    ));
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

/// Does the background work alone, until a signal ends it.
pub(super) async fn work(settings: &Settings) -> Result<Ending, Failure> {
    settings.check_production()?;
    tell_what_has_no_effect(settings);
    let mut signals = Signals::listen()?;
    let workers = Workers::start(&use_cases(settings).await?);
    say("working: mails and clean-up");
    signals.next().await;
    say("stopping after the job under way; a second signal stops at once");
    Ok(end(workers.stop(std::future::ready(())), LAST_WORK, signals).await)
}

fn tell_what_has_no_effect(settings: &Settings) {
    for name in settings.later.set() {
        tracing::warn!(setting = name, "this version does nothing with this setting");
    }
}

/// Waits for the end, but not beyond the limit, and not for somebody who cannot wait. The stop has a thread of its own:
/// whatever holds it up, signals are heard.
async fn end(
    stop: impl Future<Output = ()> + Send + 'static,
    limit: Duration,
    mut signals: Signals,
) -> Ending {
    tokio::select! {
        _ = tokio::spawn(stop) => Ending::Orderly,
        () = sleep(limit) => {
            say("stopped, though not all that was under way has ended");
            Ending::Orderly
        }
        () = signals.next() => {
            say("stopped at once");
            Ending::AtOnce
        }
    }
}

/// What asks a process to end: SIGTERM and SIGINT.
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

/// What a developer wants to know first.
fn first_screen(
    settings: &Settings,
    application: &Application,
    loaded: u64,
    admin: Option<&DevAdmin>,
    has_workers: bool,
) -> String {
    let url = application.public_url();
    let mut lines = vec![
        String::new(),
        format!("  Cinema, version {}, for development", env!("CARGO_PKG_VERSION")),
        String::new(),
        format!("  Open           {url}/docs"),
    ];
    match admin {
        Some(DevAdmin::Known { email, password, file }) => {
            lines.push(format!("  Administrator  {email}, password {password} (kept in {})", file.display()));
        }
        Some(DevAdmin::Elsewhere { email }) => {
            lines.push(format!(
                "  Administrator  {email}, made elsewhere; another: cinema users create-admin --email E"
            ));
        }
        None => {}
    }
    lines.push(match (&settings.mailer, has_workers) {
        (MailerSetting::Console, true) => "  Mails          are printed here, on standard output".to_owned(),
        (MailerSetting::Console, false) => "  Mails          are printed by `cinema worker`".to_owned(),
        (MailerSetting::Smtp(smtp), _) => format!("  Mails          are sent from {}", smtp.from),
    });
    lines.push(format!("  Data           {}", format_args!("{:?}", settings.database)));
    if loaded > 0 {
        lines.push(format!("  Catalogue      {loaded} movies loaded"));
    }
    lines.push(String::new());
    lines.join("\n")
}

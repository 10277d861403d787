//! Registration of cases: test functions that run on SQLite and on PostgreSQL, unless they are restricted to one of
//! the two. Each module lists its cases in the macro `cases!`. A case that is not listed is unused, and so causes a
//! compiler warning.

use std::{future::Future, pin::Pin};

use libtest_mimic::{Failed, Trial};

use super::{Engine, MailServer, runtime};

type Run = fn(Engine) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// One case, and the databases that it runs on.
pub(crate) struct Case {
    name: &'static str,
    run: Run,
    engines: &'static [Engine],
    needs_mail_server: bool,
}

impl Case {
    pub(crate) const fn on_both(name: &'static str, run: Run) -> Self {
        Self { name, run, engines: &[Engine::Sqlite, Engine::Postgres], needs_mail_server: false }
    }

    /// Restricts the case to PostgreSQL.
    pub(crate) const fn on_postgres_only(mut self) -> Self {
        self.engines = &[Engine::Postgres];
        self
    }

    /// Restricts the case to SQLite.
    pub(crate) const fn on_sqlite_only(mut self) -> Self {
        self.engines = &[Engine::Sqlite];
        self
    }

    /// Marks a case that needs a mail server, which may not be installed.
    pub(crate) const fn with_a_mail_server(mut self) -> Self {
        self.needs_mail_server = true;
        self
    }

    /// Returns one trial for each database. A trial is marked as ignored if its database is skipped or the mail server
    /// that it needs is missing, so that the trial does not pass without running.
    pub(crate) fn trials(self) -> impl Iterator<Item = Trial> {
        let Self { name, run, engines, needs_mail_server } = self;
        let is_missing = needs_mail_server && MailServer::is_missing();
        let (_, name) = name.split_once("::").unwrap_or(("", name));
        engines.iter().map(move |&engine| {
            Trial::test(format!("{}::{name}", engine.name()), move || {
                runtime().block_on(run(engine));
                Ok::<(), Failed>(())
            })
            .with_ignored_flag(is_missing || engine.is_skipped())
        })
    }
}

/// Registers the cases of a module. A case may be followed by a colon and a method of [`Case`] that restricts the case,
/// such as `on_postgres_only`.
macro_rules! cases {
    ($($case:ident $(: $only:ident)?),* $(,)?) => {
        pub(crate) fn cases() -> Vec<$crate::support::Case> {
            vec![$(
                $crate::support::Case::on_both(
                    concat!(module_path!(), "::", stringify!($case)),
                    |engine| Box::pin($case(engine)),
                )$(.$only())?
            ),*]
        }
    };
}
pub(crate) use cases;

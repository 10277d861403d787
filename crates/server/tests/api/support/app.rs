//! The server of a case. It has its own database, a clock that the case moves, and a mailer whose mails the case reads.

use std::{
    collections::HashMap,
    future::IntoFuture,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use adapter_crypto::{Argon2Hasher, HashCost, RandomBackoff};
use adapter_postgres::PostgresDatabase;
use adapter_sqlite::SqliteDatabase;
use app::audit::Audit;
use chrono::TimeDelta;
use domain::{
    accounts::{PasswordHash, PasswordHasher, PlainPassword, User},
    catalog::Facts,
    id::{Id, Kind, MovieId},
    mail::{Mail, Mailer},
    notifications::NotificationCause,
    purchases::{Entitlement, Purchase},
    storage::{Storage, WholeUnit},
    store::{StoreError, retried},
    time::{Clock, Instant},
};
use serde_json::json;
use server::{
    Application, Overrides,
    config::{Settings, Sources},
};
use tempfile::TempDir;
use test_postgres::{TestDatabase, TestPostgres};
use tokio::task::JoinHandle;

use super::{
    Answer, Caller, Cinema, Engine, MovableClock, RecordingMailer, SignedIn, Tokens, email_of, jwt_part,
    logs, password_of, runtime, small_catalogue,
    tables::{self, Cell},
};

/// The `APP_SECRET_KEY` of every server of the suite, unless a case sets another key.
pub(crate) const SECRET: &str = "a-secret-of-the-tests-with-enough-bytes";

/// A running server.
pub(crate) struct TestApp {
    http: reqwest::Client,
    url: String,
    clock: Arc<MovableClock>,
    mailer: Arc<RecordingMailer>,
    /// The settings that the case changed, for another node on the same database.
    settings: Vec<(String, String)>,
    /// `None` only while the [`TestApp`] is dropped.
    application: Option<Application>,
    database: Arc<Database>,
}

/// The database of a case. Dropping it removes the database.
struct Database {
    url: String,
    folder: TempDir,
    postgres: Option<TestDatabase>,
    /// The database server, if the case has its own. It is the last field, because fields are dropped in order, and the
    /// database must be removed before the server.
    server: Option<Arc<TestPostgres>>,
}

impl Database {
    async fn make(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        match engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}", folder.path().join("cinema.db").display());
                Self { url, folder, postgres: None, server: None }
            }
            Engine::Postgres => {
                let postgres = TestPostgres::shared().database(migrate).await;
                Self { url: postgres.url().to_owned(), folder, postgres: Some(postgres), server: None }
            }
        }
    }

    async fn on_own_server() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = tokio::task::spawn_blocking(TestPostgres::private).await.expect("a server");
        let postgres = server.empty_database().await;
        let url = postgres.url().to_owned();
        Self { url, folder, postgres: Some(postgres), server: Some(Arc::new(server)) }
    }
}

impl Database {
    /// Adds the audit log and the outbox, which contains the errors of failed mails, to the captured logs, because they
    /// must not contain secrets either.
    async fn keep_what_it_tells(&self) {
        for table in ["audit_log", "outbox"] {
            // The case may have stopped its database.
            for cell in tables::texts(&self.url, table).await.unwrap_or_default() {
                logs::keep(&format!("{} {}", cell.table, cell.column), &cell.text);
            }
        }
    }

    /// Opens the storage without a server, to act like another node or an operator.
    async fn storage(&self) -> Arc<dyn Storage> {
        if let Some(path) = self.url.strip_prefix("sqlite://") {
            let options = adapter_sqlite::PoolOptions { size: 1 };
            Arc::new(SqliteDatabase::open(Path::new(path), options).await.expect("the file"))
        } else {
            let options = adapter_postgres::PoolOptions { size: 1 };
            Arc::new(PostgresDatabase::connect(&self.url, options).await.expect("the database"))
        }
    }

    /// Begins a unit of work (one transaction) without a server, as another node would.
    async fn unit(&self) -> Box<dyn WholeUnit> {
        let storage = self.storage().await;
        retried(&RandomBackoff, |attempt| storage.begin_whole(attempt)).await.expect("a unit of work")
    }
}

async fn migrate(url: String) {
    let options = adapter_postgres::PoolOptions { size: 1 };
    let database = PostgresDatabase::connect(&url, options).await.expect("connect to the template");
    database.migrate().await.expect("migrate the template");
}

impl TestApp {
    /// Starts a server on its own empty database.
    pub(crate) async fn spawn(engine: Engine) -> Self {
        Self::spawn_with(engine, &[]).await
    }

    /// Like [`Self::spawn`], but changes these settings.
    pub(crate) async fn spawn_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let database = Database::make(engine).await;
        Self::start(Arc::new(database), settings, None).await
    }

    /// Like [`Self::spawn`], but on a separate PostgreSQL server that the case may stop.
    pub(crate) async fn spawn_on_own_server() -> Self {
        Self::spawn_on_own_server_with(&[]).await
    }

    /// Like [`Self::spawn_on_own_server`], but changes these settings.
    pub(crate) async fn spawn_on_own_server_with(settings: &[(&str, &str)]) -> Self {
        Self::start(Arc::new(Database::on_own_server().await), settings, None).await
    }

    /// Starts another node on the same database, with the same settings, secret, clock and mailer.
    pub(crate) async fn second_node(&self) -> Self {
        let settings: Vec<_> =
            self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.node_with(&settings).await
    }

    /// Like [`Self::second_node`], but changes these settings instead of the settings that were changed for this node.
    pub(crate) async fn node_with(&self, settings: &[(&str, &str)]) -> Self {
        Self::start(Arc::clone(&self.database), settings, Some(self)).await
    }

    /// Returns the `cinema` command on the same database, to run as a separate process.
    pub(crate) fn cinema(&self) -> Cinema {
        Cinema::new(self.database.folder.path(), &self.database.url)
    }

    /// Writes a file into the folder of the case. Returns its path.
    pub(crate) fn write_file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.database.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Returns the size in bytes of the largest file in the folder of the case.
    pub(crate) fn largest_file(&self) -> u64 {
        let files = std::fs::read_dir(self.database.folder.path()).expect("the folder");
        files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap_or_default()
    }

    /// Returns the bytes of all files in the folder of the case. The file of an SQLite database may still contain
    /// deleted rows.
    pub(crate) fn file_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.database.folder.path()).expect("the folder");
        let paths = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
        paths.flat_map(|path| std::fs::read(path).expect("a file")).collect()
    }

    /// Returns a visitor at the server with this URL.
    pub(crate) fn visitor_at(&self, url: &str) -> Caller {
        Caller::visitor(self.http.clone(), url, url)
    }

    async fn start(database: Arc<Database>, changed: &[(&str, &str)], first: Option<&Self>) -> Self {
        let mut settings = HashMap::from([
            ("APP_ENV", "test".to_owned()),
            ("APP_PORT", "0".to_owned()),
            ("APP_SECRET_KEY", SECRET.to_owned()),
            ("DATABASE_URL", database.url.clone()),
            ("DATA_DIR", database.folder.path().display().to_string()),
            ("RATE_LIMITS", "off".to_owned()),
            ("HOT_PAGE_SECONDS", "0".to_owned()),
        ]);
        settings.extend(changed.iter().map(|&(name, value)| (name, value.to_owned())));
        let settings = Settings::from_sources(&Sources::environment(settings)).expect("valid settings");
        let clock =
            first.map_or_else(|| Arc::new(MovableClock::starting_now()), |node| Arc::clone(&node.clock));
        let mailer = first.map(|node| Arc::clone(&node.mailer)).unwrap_or_default();
        // Mails are recorded unless the case sets `MAILER`.
        let is_recorded = changed.iter().all(|(name, _)| *name != "MAILER");
        // Passwords are hashed at full cost only if the case sets `HASH_SLOTS`, because that hashing would take most
        // of the time of many cases.
        let is_costly = changed.iter().any(|(name, _)| *name == "HASH_SLOTS");
        let quick_hasher = || Argon2Hasher::new(1, HashCost::LEAST).expect("a hasher");
        let overrides = Overrides {
            clock: Some(clock.clone()),
            mailer: is_recorded.then(|| -> Arc<dyn Mailer> { mailer.clone() }),
            passwords: (!is_costly).then(|| -> Arc<dyn PasswordHasher> { Arc::new(quick_hasher()) }),
            // There is only one thread, because each thread builds the routes. In a debug build, this takes most of the
            // time of a start.
            web_threads: Some(1),
            ..Overrides::default()
        };
        let application = Application::build(&settings, overrides).await.expect("the server starts");
        let http = plain_client(reqwest::Client::builder().no_gzip().no_brotli().no_zstd());
        let url = format!("http://{}", application.address());
        let settings = changed.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { http, url, clock, mailer, settings, application: Some(application), database }
    }

    pub(crate) fn application(&self) -> &Application {
        self.application.as_ref().expect("the server runs until the case ends")
    }

    /// Returns the URL of the server, without a trailing slash.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Makes the server report that it is not ready, and end its live streams, as at the beginning of a stop.
    pub(crate) fn begin_drain(&self) {
        self.application().begin_drain();
    }

    /// Advances the clock.
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// Returns the current time of the clock.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the use cases of the audit log.
    pub(crate) fn audit_log(&self) -> &Audit {
        &self.application().use_cases().audit
    }

    /// Returns a visitor, who sends no token.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller::visitor(self.http.clone(), &self.url, self.application().public_url())
    }

    /// Returns a visitor who accepts compressed responses and decompresses them.
    pub(crate) fn unpacking(&self) -> Caller {
        Caller::visitor(plain_client(reqwest::Client::builder()), &self.url, self.application().public_url())
    }

    /// Creates a user who registered, activated the account with the mailed token, and logged in.
    pub(crate) async fn user(&self, name: &str) -> SignedIn {
        self.register(name).await.expect(201);
        let token = self.activation_token(name).await;
        self.activate(&token).await.expect(200);
        SignedIn::log_in(&self.anonymous(), &email_of(name), &password_of(name)).await
    }

    /// Creates an administrator as operators do, and logs in.
    pub(crate) async fn admin(&self) -> SignedIn {
        let (email, password) = (email_of("admin"), password_of("admin"));
        let signup = &self.application().use_cases().signup;
        signup
            .create_admin(email.parse().unwrap(), PlainPassword::new(&password))
            .await
            .expect("an administrator");
        SignedIn::log_in(&self.anonymous(), &email, &password).await
    }

    pub(crate) async fn register(&self, name: &str) -> Answer {
        let body = json!({"email": email_of(name), "password": password_of(name)});
        self.anonymous().post("/accounts/register", body).await
    }

    /// Adds accounts that are awaiting activation. They are inserted directly into the database, because hashing their
    /// passwords would take long.
    pub(crate) async fn add_waiting_accounts(&self, names: &[String]) {
        let mut unit = self.database.unit().await;
        for name in names {
            let id = Id::from_uuid(self.application().use_cases().ids.uuid());
            let email = email_of(name).parse().unwrap();
            let password = PasswordHash::from_phc("none".to_owned());
            let user = User::register(id, email, password, self.clock.now());
            unit.insert_user(&user).await.expect("an account");
        }
        unit.commit().await.expect("the accounts");
    }

    pub(crate) async fn activate(&self, token: &str) -> Answer {
        self.anonymous().post("/accounts/activate", json!({"token": token})).await
    }

    pub(crate) async fn resend(&self, name: &str) -> Answer {
        self.anonymous().post("/accounts/resend-activation", json!({"email": email_of(name)})).await
    }

    pub(crate) async fn log_in(&self, name: &str) -> Answer {
        let body = json!({"email": email_of(name), "password": password_of(name)});
        self.anonymous().post("/accounts/login", body).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.anonymous().post("/accounts/refresh", json!({"refresh": token})).await
    }

    pub(crate) async fn log_out(&self, token: &str) -> Answer {
        self.anonymous().post("/accounts/logout", json!({"refresh": token})).await
    }

    /// Handles the due messages of the outbox, and repeats this until no message is handled successfully. So messages
    /// that are added while others are handled are handled too.
    pub(crate) async fn run_outbox(&self) {
        while self.application().run_outbox_once().await.expect("the outbox") > 0 {}
    }

    /// Handles the message of the outbox that has been due for the longest time, but not the messages that its handling
    /// adds.
    pub(crate) async fn run_outbox_once(&self) {
        let outbox = &self.application().use_cases().outbox;
        if let Some(delivery) = outbox.claim().await.expect("the outbox") {
            outbox.handle(delivery).await.expect("the outbox");
        }
    }

    /// Returns a new identifier.
    pub(crate) fn next_id<K: Kind>(&self) -> Id<K> {
        Id::from_uuid(self.application().use_cases().ids.uuid())
    }

    /// Returns all values in all tables as text, except null values.
    pub(crate) async fn stored_texts(&self) -> Vec<Cell> {
        tables::texts(&self.database.url, "%").await.expect("the database")
    }

    /// Refreshes the popularity of movies, as the background job does.
    pub(crate) async fn refresh_popularity(&self) {
        self.application().use_cases().engagement.refresh_popularity().await.expect("the popularity");
    }

    /// Removes rows that are no longer needed, as the background job does.
    pub(crate) async fn clean_up(&self) {
        let use_cases = self.application().use_cases();
        use_cases.sessions.clean_up().await.expect("the clean-up");
        use_cases.payments.purge_requests().await.expect("the clean-up");
        use_cases.outbox.clean_up().await.expect("the clean-up");
    }

    /// Expires orders that were not paid in time, as the background job does. Returns how many were expired.
    pub(crate) async fn expire_orders(&self) -> u64 {
        self.application().use_cases().orders.expire_due().await.expect("the orders")
    }

    /// Reads the provider's list of events, and then does all pending work of payments.
    pub(crate) async fn run_payments_with_event_list(&self) {
        self.application().use_cases().payments.read_event_list().await.expect("the list of events");
        self.run_payments().await;
    }

    /// Does all pending work of payments, as the background jobs do, but does not read the provider's list of events.
    /// The sandbox sends its webhooks, and the server applies the stored webhooks, and queries the provider for
    /// payments, refunds and disputes whose check is due.
    pub(crate) async fn run_payments(&self) {
        let use_cases = self.application().use_cases();
        loop {
            let sent = match &use_cases.sandbox {
                Some(sandbox) => sandbox.send_webhooks().await.expect("webhooks"),
                None => 0,
            };
            let processed = use_cases.payments.process_events().await.expect("the events");
            let checked = use_cases.payments.check_due().await.expect("the payments");
            if sent + processed + checked == 0 {
                return;
            }
        }
    }

    /// Applies the stored webhooks. Returns how many were applied.
    pub(crate) async fn process_payment_events(&self) -> u64 {
        let mut processed = self.application().use_cases().payments.process_events().await;
        // Retries like the background job, because the database may refuse work on a loaded machine.
        while let Err(StoreError::Unavailable(_) | StoreError::Conflict(_)) = processed {
            processed = self.application().use_cases().payments.process_events().await;
        }
        processed.expect("the events")
    }

    /// Queries the provider for all payments, refunds and disputes whose check is due. Returns the number of checks.
    pub(crate) async fn check_payments(&self) -> u64 {
        self.application().use_cases().payments.check_due().await.expect("the payments")
    }

    /// Returns the violations of rules about money and entitlements.
    pub(crate) async fn money_violations(&self) -> Vec<String> {
        // The provider's clock continues while the clock of the case stands still, so payments up to an hour in the
        // future are included.
        let newest = TimeDelta::hours(-1);
        let verdict = self.application().use_cases().payments.verify(newest).await.expect("the check");
        assert!(verdict.unread.is_none(), "{:?}", verdict.unread);
        verdict.violations.iter().map(ToString::to_string).collect()
    }

    /// Asserts that no rules about money and entitlements are violated.
    pub(crate) async fn check_money(&self) {
        assert_eq!(self.money_violations().await, Vec::<String>::new());
    }

    /// Logs in the same user again, because the old tokens may have expired.
    pub(crate) async fn signed_in_again(&self, user: &SignedIn) -> SignedIn {
        SignedIn::log_in(&self.anonymous(), &user.email, &user.password).await
    }

    pub(crate) fn mails_to(&self, email: &str) -> Vec<Mail> {
        self.mailer.to(email)
    }

    pub(crate) fn mail_count(&self) -> usize {
        self.mailer.count()
    }

    /// Makes every further mail take this long and then be refused.
    pub(crate) fn refuse_mails_after(&self, time: TimeDelta) {
        self.mailer.refuse_after(Arc::clone(&self.clock), time);
    }

    /// Returns the tokens of all activation links that were mailed to a user, oldest first.
    pub(crate) fn tokens_mailed_to(&self, name: &str) -> Vec<String> {
        self.tokens_mailed_to_address(&email_of(name))
    }

    /// Returns the tokens of all activation links that were mailed to an email address, oldest first.
    pub(crate) fn tokens_mailed_to_address(&self, email: &str) -> Vec<String> {
        let token = |mail: &Mail| {
            let (_, rest) = mail.text.split_once("/activate?token=")?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        self.mails_to(email).iter().filter_map(token).collect()
    }

    /// Sends all mails. Returns the token of the newest reset link.
    pub(crate) async fn reset_token(&self, name: &str) -> String {
        self.run_outbox().await;
        let mails = self.mails_to(&email_of(name));
        let rest = mails.iter().rev().find_map(|mail| mail.text.split_once("/reset-password?token="));
        let (_, rest) = rest.unwrap_or_else(|| panic!("no reset link was mailed to {name}"));
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// Sends all mails. Returns the token of the newest activation link.
    pub(crate) async fn activation_token(&self, name: &str) -> String {
        self.run_outbox().await;
        self.tokens_mailed_to(name).pop().unwrap_or_else(|| panic!("no link was mailed to {name}"))
    }

    /// Imports movies. Returns their identifiers by name.
    pub(crate) async fn import(&self, movies: Vec<Facts>) -> Movies {
        let identities: Vec<_> = movies.iter().map(|movie| movie.identity.clone()).collect();
        self.import_unread(movies).await;
        let mut unit = self.database.unit().await;
        let found = unit.find_movies_for_update(&identities).await.expect("the movies");
        let ids = found.into_iter().map(|movie| (movie.identity.name, movie.id.to_string())).collect();
        Movies { ids, visitor: self.anonymous() }
    }

    /// Imports movies without reading their identifiers.
    pub(crate) async fn import_unread(&self, movies: Vec<Facts>) {
        for batch in movies.chunks(1_000) {
            let rows = batch.iter().cloned().map(Into::into).collect();
            let outcomes = self.application().use_cases().catalog.import(rows, false).await;
            for outcome in outcomes.expect("an import") {
                assert!(!matches!(outcome, app::catalog::ImportOutcome::Rejected(_)), "{outcome:?}");
            }
        }
    }

    /// Refreshes the search index, as the background job does.
    pub(crate) async fn refresh_search(&self) {
        self.application().use_cases().search_upkeep.run().await.expect("a refresh of the search index");
    }

    pub(crate) async fn import_small_catalogue(&self) -> Movies {
        self.import(small_catalogue()).await
    }

    /// Runs the background job that computes the lists of similar movies, until it has seen all movies. Returns the
    /// number of lists that were computed.
    pub(crate) async fn find_similar(&self) -> u64 {
        let catalog = &self.application().use_cases().catalog;
        let (mut found, mut progress) = catalog.find_due_similar(None).await.expect("similar movies");
        while progress.is_some() {
            let (more, next) = catalog.find_due_similar(progress).await.expect("similar movies");
            found += more;
            progress = next;
        }
        found
    }

    /// Withdraws a movie of the small catalogue from sale.
    pub(crate) async fn withdraw(&self, name: &str) {
        let movie = small_catalogue().into_iter().find(|movie| movie.identity.name == name);
        let movie = movie.expect("a movie of the small catalogue");
        self.import_unread(vec![Facts { is_available: false, ..movie }]).await;
    }

    /// Adds a purchase of a movie directly to the database.
    pub(crate) async fn sell(&self, buyer: &SignedIn, movie_id: String) {
        let use_cases = self.application().use_cases();
        let purchase = Purchase {
            id: Id::from_uuid(use_cases.ids.uuid()),
            user_id: Id::from_uuid(buyer.id()),
            movie_id: movie_id.parse::<MovieId>().unwrap(),
            purchased_at: self.clock.now(),
        };
        let mut unit = self.database.unit().await;
        assert!(unit.insert_purchase(&purchase).await.expect("a purchase"), "already bought");
        unit.commit().await.expect("a purchase");
    }

    /// Changes the buyer's active purchase of the movie to this entitlement, as a refund or a dispute does.
    pub(crate) async fn put_entitlement(&self, buyer: &SignedIn, movie_id: &str, entitlement: Entitlement) {
        let storage = self.database.storage().await;
        let bought = storage.bought_movie(Id::from_uuid(buyer.id()), movie_id.parse().unwrap()).await;
        let purchase_id = bought.expect("the store").expect("an active purchase").purchase_id;
        let mut unit = self.database.unit().await;
        assert!(unit.put_entitlement(purchase_id, entitlement, self.clock.now()).await.expect("the store"));
        unit.commit().await.expect("the store");
    }

    /// Attaches a film to a movie, as `cinema movies attach-media` does.
    pub(crate) async fn attach_film(&self, movie_id: &str, content: &[u8]) {
        let path = self.write_file("film.mp4", "");
        std::fs::write(&path, content).expect("a file");
        let file = std::fs::File::open(path).expect("a file");
        let library = &self.application().use_cases().library;
        let movie_id = movie_id.parse::<MovieId>().unwrap();
        library.attach_film(movie_id, file, &|_| ()).await.expect("the film is attached");
    }

    /// Notifies the user, as a use case does in its transaction.
    pub(crate) async fn notify(&self, receiver: &SignedIn, cause: NotificationCause) {
        let notifier = &self.application().use_cases().notifier;
        let mut unit = self.database.unit().await;
        let receiver = Id::from_uuid(receiver.id());
        notifier.notify(&mut *unit, receiver, cause, self.now()).await.expect("the store");
        unit.commit().await.expect("the store");
    }

    /// Begins a unit of work (one transaction) with all repositories and without access checks.
    pub(crate) async fn unit(&self) -> Box<dyn WholeUnit> {
        self.database.unit().await
    }

    /// Begins a unit of work (one transaction) and locks this user in it. Dropping the unit of work releases the lock.
    pub(crate) async fn lock_user(&self, user: &SignedIn) -> (Box<dyn WholeUnit>, User) {
        let mut unit = self.database.unit().await;
        let id = Id::from_uuid(user.id());
        let user = unit.find_user_for_update(id).await.expect("the store").expect("the user");
        (unit, user)
    }

    /// Returns the stored IP address of the session that these tokens belong to.
    pub(crate) async fn address_of(&self, tokens: &Tokens) -> Option<IpAddr> {
        let mut unit = self.database.unit().await;
        let id = jwt_part(&tokens.access, 1)["sid"].as_str().unwrap().parse().unwrap();
        let session = unit.find_session_for_update(id).await.expect("the store").expect("the session");
        session.device.ip
    }

    /// Changes an account directly in the database, as an administrator could.
    pub(crate) async fn change_user(&self, user: &SignedIn, change: impl FnOnce(&mut User)) {
        let (mut unit, mut user) = self.lock_user(user).await;
        change(&mut user);
        user.version += 1;
        unit.update_user(&user).await.expect("the store");
        unit.commit().await.expect("the store");
    }

    /// Makes a call, whose response must have status 200. Returns the number of database statements that the call runs.
    pub(crate) async fn statements_of(&self, call: impl IntoFuture<Output = Answer>) -> u64 {
        self.statements_of_answer(200, call).await
    }

    /// Makes a call, whose response must have this status. Returns the number of database statements that the call
    /// runs.
    pub(crate) async fn statements_of_answer(
        &self,
        status: u16,
        call: impl IntoFuture<Output = Answer>,
    ) -> u64 {
        let database = &self.application().use_cases().database;
        let before = database.statements();
        call.await.expect(status);
        database.statements() - before
    }

    /// Runs statements directly on the database.
    pub(crate) async fn execute_sql(&self, statements: &str) {
        match &self.database.postgres {
            Some(postgres) => postgres.execute(statements).await,
            None => tables::execute(&self.database.url, statements).await,
        }
    }

    /// Stops the case's own database server, as a crash would.
    pub(crate) async fn stop_database(&self) {
        let server = Arc::clone(self.database.server.as_ref().expect("the case has its own database server"));
        tokio::task::spawn_blocking(move || server.stop()).await.expect("the database server stops");
    }

    /// Makes the case's PostgreSQL database read-only or writable, as a fail-over does.
    pub(crate) async fn set_read_only(&self, is_on: bool) {
        self.database.postgres.as_ref().expect("a database of PostgreSQL").set_read_only(is_on).await;
    }

    /// Starts the case's own database server again.
    pub(crate) async fn start_database(&self) {
        let server = Arc::clone(self.database.server.as_ref().expect("the case has its own database server"));
        tokio::task::spawn_blocking(move || server.start()).await.expect("the database server starts");
    }
}

fn plain_client(builder: reqwest::ClientBuilder) -> reqwest::Client {
    builder
        .no_proxy()
        // No certificates are needed, and reading the certificates of the system takes longer than most cases.
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        // The server closes idle connections after 5 s, and a request that is sent at that moment fails. Therefore the
        // client closes idle connections earlier.
        .pool_idle_timeout(std::time::Duration::from_secs(2))
        .timeout(std::time::Duration::from_mins(1))
        .build()
        .expect("an HTTP client")
}

impl Drop for TestApp {
    /// Stops the server in the background. The database is removed after all its nodes have stopped.
    fn drop(&mut self) {
        let database = Arc::clone(&self.database);
        if let Some(application) = self.application.take() {
            let stop = runtime().spawn(async move {
                application.stop().await;
                database.keep_what_it_tells().await;
                drop(database);
            });
            STOPPING.lock().unwrap_or_else(PoisonError::into_inner).push(stop);
        }
    }
}

/// The tasks that stop the servers of finished cases.
static STOPPING: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Waits until every server of the suite has stopped.
pub(crate) fn all_stopped() {
    let stopping = std::mem::take(&mut *STOPPING.lock().unwrap_or_else(PoisonError::into_inner));
    runtime().block_on(async {
        for stop in stopping {
            stop.await.expect("a server stops");
        }
    });
}

/// The identifiers of imported movies.
pub(crate) struct Movies {
    ids: HashMap<String, String>,
    visitor: Caller,
}

impl Movies {
    /// Returns the identifier of a movie.
    pub(crate) fn id(&self, name: &str) -> String {
        self.ids.get(name).unwrap_or_else(|| panic!("no movie {name}")).clone()
    }

    /// Returns the identifier of a genre.
    pub(crate) async fn genre(&self, name: &str) -> String {
        let genres = self.visitor.get("/genres").await.expect(200).json();
        let found = genres["items"].as_array().unwrap().iter().find(|genre| genre["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("no genre {name}"))["id"].as_str().unwrap().to_owned()
    }
}

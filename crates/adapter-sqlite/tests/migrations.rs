//! Tests of the SQLite migrations and of the schema that they create.
#![expect(clippy::unwrap_used, reason = "errors in the support code must fail the test")]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use adapter_sqlite::{PoolOptions, SchemaState, SqliteDatabase};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query,
    sql_types::Text,
};
use domain::accounts::CredentialQueries;
use tempfile::TempDir;

/// Describes the schema: one line for each table, index and trigger, without the table of migrations.
const SCHEMA: &str = "
    SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_schema
    WHERE tbl_name <> '__diesel_schema_migrations' ORDER BY line";

/// Lists the columns as in `migrations/columns.txt`, without the tables and columns of the search index that exist
/// only in SQLite.
const COLUMNS: &str = "
    SELECT t.name || ' ' || c.name || CASE WHEN c.\"notnull\" = 0 AND c.pk = 0 THEN ' null' ELSE '' END AS line
    FROM sqlite_schema t JOIN pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%'
    AND t.name NOT LIKE 'movie\\_words%' ESCAPE '\\'
    AND t.name NOT LIKE 'movie\\_title\\_parts%' ESCAPE '\\' AND t.name || ' ' || c.name NOT IN ('movie_search id', 'movie_search words')";

/// Lists each foreign key for which no index begins with the column of the key. Partial indexes do not count.
const UNINDEXED: &str = "
    SELECT t.name || ' ' || k.\"from\" AS line FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k
    WHERE t.type = 'table' AND NOT EXISTS (
        SELECT 1 FROM pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
        WHERE i.partial = 0 AND c.seqno = 0 AND c.name = k.\"from\")";

/// Inserts users whose email keys were computed by the first version of the rule, which replaced special forms of
/// letters by plain letters. The email address of one user is not valid, and one user was deleted.
const USERS_WITH_EARLIER_KEYS: &str = "
    INSERT INTO users (id, email, email_key, hashed_password, version, group_id, created_at, updated_at, deleted_at)
    SELECT id, email, email_key, 'hash', 1, x'00000000000070008000000000000001', 1, 1, deleted_at FROM (
        SELECT x'00000000000070008000000000000011' AS id, '\u{131}an@example.com' AS email,
            'ian@example.com' AS email_key, NULL AS deleted_at
        UNION ALL SELECT x'00000000000070008000000000000012', '\u{fb01}lm@Example.com', 'film@example.com', NULL
        UNION ALL SELECT x'00000000000070008000000000000013', 'no address', 'no address', NULL
        UNION ALL SELECT x'00000000000070008000000000000014', 'deleted@deleted.invalid', 'deleted', 1)";

/// Inserts three accounts: a deactivated account and an account that awaits activation, both with a contested
/// password (which may be the password of another person), and a deactivated account without a contested password.
const CONTESTED_USERS: &str = "
    INSERT INTO users (id, email, email_key, hashed_password, is_password_contested, version, group_id, created_at,
        updated_at, activated_at)
    VALUES
        (x'00000000000070008000000000000011', 'a', 'a', 'hash', 1, 1, x'00000000000070008000000000000001', 1, 9, 5),
        (x'00000000000070008000000000000012', 'b', 'b', 'hash', 1, 1, x'00000000000070008000000000000001', 1, 9, NULL),
        (x'00000000000070008000000000000013', 'c', 'c', 'hash', 0, 1, x'00000000000070008000000000000001', 1, 5, 3)";

fn migrations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

struct File(TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("cinema.db")
    }

    fn connect(&self) -> SqliteConnection {
        SqliteConnection::establish(self.path().to_str().unwrap()).unwrap()
    }

    async fn open(&self) -> SqliteDatabase {
        SqliteDatabase::open(&self.path(), PoolOptions { size: 2 }).await.unwrap()
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(connection: &mut SqliteConnection, query: &str) -> Vec<String> {
    let rows: Vec<Line> = sql_query(query).load(connection).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

#[test]
fn every_down_migration_reverts_its_up_migration() {
    let file = File::new();
    let mut connection = file.connect();
    for migration in migrations() {
        let up = std::fs::read_to_string(migration.join("up.sql")).unwrap();
        let down = std::fs::read_to_string(migration.join("down.sql")).unwrap();
        let before = lines(&mut connection, SCHEMA);
        connection.batch_execute(&up).unwrap();
        let after = lines(&mut connection, SCHEMA);
        // The `down.sql` of a migration that changes only the schema of PostgreSQL, or only rows, is `SELECT 1;`.
        assert_eq!(before == after, down.trim() == "SELECT 1;", "{}", migration.display());
        connection.batch_execute(&down).unwrap();
        assert_eq!(lines(&mut connection, SCHEMA), before, "{}", migration.display());
        connection.batch_execute(&up).unwrap();
        assert_eq!(lines(&mut connection, SCHEMA), after, "{}", migration.display());
    }
}

#[test]
fn postgresql_and_sqlite_have_migrations_of_the_same_names() {
    let names = |all: Vec<PathBuf>| -> Vec<_> {
        all.into_iter().map(|path| path.file_name().unwrap().to_owned()).collect()
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let mut postgres: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    postgres.sort();
    assert_eq!(names(migrations()), names(postgres));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_columns_are_those_listed_for_all_databases() {
    let file = File::new();
    file.open().await.migrate().await.unwrap();
    let found: BTreeSet<String> = lines(&mut file.connect(), COLUMNS).into_iter().collect();
    let wanted: BTreeSet<String> =
        include_str!("../../../migrations/columns.txt").lines().map(str::to_owned).collect();
    assert_eq!(found, wanted, "migrations/columns.txt must list exactly these columns");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_foreign_key_has_an_index() {
    let file = File::new();
    file.open().await.migrate().await.unwrap();
    assert_eq!(lines(&mut file.connect(), UNINDEXED), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn movies_of_an_earlier_version_are_indexed_by_migrating() {
    let file = File::new();
    let store = file.open().await;
    store.migrate().await.unwrap();
    let mut connection = file.connect();
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000;
             INSERT INTO certifications VALUES (x'01', 'R', 'r');
             INSERT INTO stars VALUES (x'02', 'Al Pacino', 'al pacino');
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1500)
             INSERT INTO movies (id, name, name_key, year, duration_minutes, imdb, votes, description, price_minor,
                 price_currency, certification_id, is_available, popularity, version, created_at, updated_at)
             SELECT randomblob(16), 'Heat ' || n, 'heat ' || n, 1995, 170, 8.3, 1, 'A story.', 999, 'USD', x'01', 1, 1,
                 1, 1, 1 FROM numbers;
             INSERT INTO movie_stars SELECT id, x'02', 0 FROM movies;",
        )
        .unwrap();
    let indexed =
        "SELECT CAST(count(*) AS TEXT) AS line FROM movie_search s JOIN movie_words w ON w.rowid = s.id
        WHERE w.movie_words MATCH 'name:heat people:pacino description:story' AND s.people = 'al pacino'
        AND s.words LIKE 'n|% n|heat j/heat% p|al p|pacino d|a d|story '";
    assert_eq!(lines(&mut connection, indexed), ["0"]);
    store.migrate().await.unwrap();
    assert_eq!(lines(&mut connection, indexed), ["1500"]);
    connection.batch_execute("UPDATE movie_search SET index_version = 0, people = 'nobody'").unwrap();
    store.migrate().await.unwrap();
    assert_eq!(lines(&mut connection, indexed), ["1500"], "entries of an older version are rebuilt");
    connection
        .batch_execute("PRAGMA foreign_keys = ON; DELETE FROM movies WHERE name LIKE 'Heat 1%'")
        .unwrap();
    let words = "SELECT CAST(count(*) AS TEXT) AS line FROM movie_words WHERE movie_words MATCH 'heat'";
    assert_eq!(
        lines(&mut connection, words),
        lines(&mut connection, indexed),
        "deleted movies are removed from the index"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_schema_is_reported_for_all_cases() {
    let file = File::new();
    let store = file.open().await;
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Behind(migrations().len()));
    store.migrate().await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Current);
    store.revert_last_migration().await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Behind(1));
    store.migrate().await.unwrap();
    file.connect()
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')")
        .unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Ahead);
    assert!(store.migrate().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_migrate_concurrently_all_end_up_to_date() {
    let file = File::new();
    let nodes = [file.open().await, file.open().await, file.open().await];
    let runs = nodes.map(|node| tokio::spawn(async move { node.migrate().await }));
    for run in runs {
        run.await.unwrap().unwrap();
    }
    let groups = lines(&mut file.connect(), "SELECT name AS line FROM user_groups ORDER BY id");
    assert_eq!(groups, ["user", "moderator", "admin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_keys_of_an_earlier_rule_are_recomputed() {
    let file = File::new();
    file.open().await.migrate().await.unwrap();
    file.connect().batch_execute(USERS_WITH_EARLIER_KEYS).unwrap();
    file.open().await.migrate().await.unwrap();
    let rows = lines(
        &mut file.connect(),
        "SELECT email_key || ' ' || email_key_version AS line FROM users ORDER BY id",
    );
    assert_eq!(rows, ["\u{131}an@example.com 2", "\u{fb01}lm@example.com 2", "no address 2", "deleted 1"]);
    let store = file.open().await;
    for (address, is_known) in [("\u{131}an@example.com", true), ("ian@example.com", false)] {
        let known = CredentialQueries::credentials(&store, &address.parse().unwrap()).await.unwrap();
        assert_eq!(known.is_some(), is_known, "{address}");
    }
}

#[test]
fn migrating_removes_the_contested_password_of_a_deactivated_account() {
    let file = File::new();
    let mut connection = file.connect();
    for migration in migrations() {
        if migration.ends_with("2026-11-28-000012_email_keys") {
            connection.batch_execute(CONTESTED_USERS).unwrap();
        }
        connection.batch_execute(&std::fs::read_to_string(migration.join("up.sql")).unwrap()).unwrap();
    }
    let rows = "SELECT hashed_password || ' ' || is_password_contested || ' ' || coalesce(activated_at, 'waits') AS line
        FROM users ORDER BY id";
    assert_eq!(lines(&mut connection, rows), ["! 0 9", "hash 1 waits", "hash 0 5"]);
}

/// Five payments; the payment with number n is created n microseconds after the Unix epoch. The
/// money of three must be returned (one of them has a refund that failed, another has a lost dispute), one failed, and
/// one pays its order.
const PAYMENTS: &str = "
    INSERT INTO payments (id, order_id, user_id, provider, status, amount_minor, amount_currency, received_minor,
        received_currency, settlement, failure_code, failed_at, created_at, completed_at) VALUES
        (x'01', x'01', x'01', 'stripe', 'successful', 100, 'USD', 100, 'USD', 'returned_order_canceled', NULL, NULL, 1, 9),
        (x'02', x'02', x'01', 'stripe', 'successful', 100, 'USD', 100, 'USD', 'returned_order_canceled', NULL, NULL, 2, 9),
        (x'03', x'03', x'01', 'stripe', 'successful', 100, 'USD', 100, 'USD', 'returned_order_paid', NULL, NULL, 3, 9),
        (x'04', x'04', x'01', 'stripe', 'failed', 100, 'USD', NULL, NULL, NULL, 'declined', 9, 4, 9),
        (x'05', x'05', x'01', 'stripe', 'successful', 100, 'USD', 100, 'USD', 'pays_order', NULL, NULL, 5, 9);
    INSERT INTO refunds (id, payment_id, origin, status, amount_minor, amount_currency, reason, created_at, completed_at)
        VALUES (x'01', x'02', 'automatic', 'failed', 100, 'USD', 'late', 9, 9);
    INSERT INTO disputes (id, payment_id, external_id, status, amount_minor, amount_currency, withdrawn_minor, reason,
        created_at, closed_at) VALUES (x'01', x'03', 'd', 'lost', 100, 'USD', 100, 'fraud', 9, 9)";

#[test]
fn migrating_schedules_the_return_of_money_that_was_kept() {
    let file = File::new();
    let mut connection = file.connect();
    for migration in migrations() {
        if migration.ends_with("2026-11-30-000076_lost_returns") {
            connection.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
            connection.batch_execute(PAYMENTS).unwrap();
        }
        connection.batch_execute(&std::fs::read_to_string(migration.join("up.sql")).unwrap()).unwrap();
    }
    let scheduled =
        "SELECT CAST(next_check_at AS TEXT) AS line FROM payments WHERE next_check_at IS NOT NULL";
    assert_eq!(lines(&mut connection, scheduled), ["1"]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_can_access_the_file_and_its_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("cinema.db");
    SqliteDatabase::open(&path, PoolOptions { size: 1 }).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

//! Tests of the PostgreSQL migrations and of the schema that they create.
#![expect(clippy::unwrap_used, reason = "errors in the support code must fail the test")]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use adapter_postgres::{PoolOptions, PostgresDatabase, SchemaState};
use test_postgres::{TestDatabase, TestPostgres};
use tokio_postgres::{Client, NoTls};

/// Describes the schema: one line for each column, constraint and index, except those of Diesel's table of migrations.
const SCHEMA: &str = "
    SELECT 'column ' || c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' '
        || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS line
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind = 'r' AND c.relname <> '__diesel_schema_migrations'
    UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    AND conrelid::regclass::text <> '__diesel_schema_migrations'
    UNION ALL SELECT 'index ' || indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> '__diesel_schema_migrations'
    ORDER BY line";

/// Lists the columns as in `migrations/columns.txt`, without the four columns of the search index that exist only in
/// PostgreSQL.
const COLUMNS: &str = "
    SELECT table_name || ' ' || column_name || CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'
    AND table_name || ' ' || column_name NOT IN
        ('movie_search names', 'movie_search persons', 'movie_search document', 'movie_search title_parts')";

/// Lists each foreign key for which no index begins with the columns of the key. Partial indexes do not count.
const UNINDEXED: &str = "
    SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint k
    WHERE contype = 'f' AND NOT EXISTS (
        SELECT 1 FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indpred IS NULL
        AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)";

fn migrations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

async fn empty() -> Option<(TestDatabase, Client)> {
    if TestPostgres::is_skipped() {
        return None;
    }
    let database = TestPostgres::shared().database(|_| async {}).await;
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    Some((database, client))
}

async fn connect(database: &TestDatabase) -> PostgresDatabase {
    PostgresDatabase::connect(database.url(), PoolOptions { size: 2 }).await.unwrap()
}

async fn lines(client: &Client, query: &str) -> Vec<String> {
    client.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_down_migration_reverts_its_up_migration() {
    let Some((_database, client)) = empty().await else { return };
    for migration in migrations() {
        let up = std::fs::read_to_string(migration.join("up.sql")).unwrap();
        let down = std::fs::read_to_string(migration.join("down.sql")).unwrap();
        let before = lines(&client, SCHEMA).await;
        client.batch_execute(&up).await.unwrap();
        let after = lines(&client, SCHEMA).await;
        // The `down.sql` of a migration that changes only the schema of SQLite is `SELECT 1;`.
        assert_eq!(before == after, down.trim() == "SELECT 1;", "{}", migration.display());
        client.batch_execute(&down).await.unwrap();
        assert_eq!(lines(&client, SCHEMA).await, before, "{}", migration.display());
        client.batch_execute(&up).await.unwrap();
        assert_eq!(lines(&client, SCHEMA).await, after, "{}", migration.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_columns_are_those_listed_for_all_databases() {
    let Some((database, client)) = empty().await else { return };
    connect(&database).await.migrate().await.unwrap();
    let found: BTreeSet<String> = lines(&client, COLUMNS).await.into_iter().collect();
    let wanted: BTreeSet<String> =
        include_str!("../../../migrations/columns.txt").lines().map(str::to_owned).collect();
    assert_eq!(found, wanted, "migrations/columns.txt must list exactly these columns");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_foreign_key_has_an_index() {
    let Some((database, client)) = empty().await else { return };
    connect(&database).await.migrate().await.unwrap();
    assert_eq!(lines(&client, UNINDEXED).await, Vec::<String>::new());
    let keys = lines(&client, "SELECT conname::text FROM pg_constraint WHERE contype = 'f'").await;
    assert!(keys.len() > 10, "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_schema_is_reported_for_all_cases() {
    let Some((database, client)) = empty().await else { return };
    let store = connect(&database).await;
    let all = migrations().len();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Behind(all));
    store.migrate().await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Current);
    store.revert_last_migration().await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Behind(1));
    store.migrate().await.unwrap();
    client
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')")
        .await
        .unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Ahead);
    assert!(store.migrate().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn address_keys_of_an_earlier_rule_are_recomputed() {
    let Some((database, client)) = empty().await else { return };
    let store = connect(&database).await;
    store.migrate().await.unwrap();
    client
        .batch_execute(
            "INSERT INTO users (id, email, email_key, hashed_password, version, group_id, created_at, updated_at)
             SELECT ('00000000-0000-7000-8000-00000000001' || number)::uuid, email, key, 'hash', 1,
                 '00000000-0000-7000-8000-000000000001', now(), now()
             FROM (VALUES (1, '\u{131}an@example.com', 'ian@example.com'),
                 (2, '\u{fb01}lm@Example.com', 'film@example.com')) AS earlier (number, email, key)",
        )
        .await
        .unwrap();
    let nodes =
        [store, connect(&database).await].map(|node| tokio::spawn(async move { node.migrate().await }));
    for node in nodes {
        node.await.unwrap().unwrap();
    }
    let rows = lines(&client, "SELECT email_key || ' ' || email_key_version FROM users ORDER BY id").await;
    assert_eq!(rows, ["\u{131}an@example.com 2", "\u{fb01}lm@example.com 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn movies_of_an_earlier_version_are_indexed_by_migrating() {
    let Some((database, client)) = empty().await else { return };
    let store = connect(&database).await;
    store.migrate().await.unwrap();
    client
        .batch_execute(
            "INSERT INTO certifications VALUES ('00000000-0000-0000-0000-000000000001', 'R', 'r');
             INSERT INTO stars VALUES ('00000000-0000-0000-0000-000000000002', 'Al Pacino', 'al pacino');
             INSERT INTO movies (id, name, name_key, year, duration_minutes, imdb, votes, description, price_minor,
                 price_currency, certification_id, is_available, popularity, version, created_at, updated_at)
             SELECT gen_random_uuid(), 'Heat ' || n, 'heat ' || n, 1995, 170, 8.3, 1, 'A story.', 999, 'USD',
                 '00000000-0000-0000-0000-000000000001', true, 1, 1, now(), now() FROM generate_series(1, 1500) AS n;
             INSERT INTO movie_stars SELECT id, '00000000-0000-0000-0000-000000000002', 0 FROM movies;",
        )
        .await
        .unwrap();
    let indexed = "SELECT count(*)::text FROM movie_search
        WHERE names @@ 'heat' AND persons @@ 'pacino' AND document @@ 'heat & pacino & story' AND people = 'al pacino' AND name_key LIKE 'heat%'";
    assert_eq!(lines(&client, indexed).await, ["0"]);
    store.migrate().await.unwrap();
    assert_eq!(lines(&client, indexed).await, ["1500"]);
    client.batch_execute("UPDATE movie_search SET index_version = 0, people = 'nobody'").await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(lines(&client, indexed).await, ["1500"], "entries of an older version are rebuilt");
}

/// Adds movies, among them some whose titles contain characters that must be escaped.
const TITLES: &str = r"
    INSERT INTO certifications VALUES ('00000000-0000-0000-0000-000000000001', 'R', 'r');
    INSERT INTO movies (id, name, name_key, year, duration_minutes, imdb, votes, description, price_minor,
        price_currency, certification_id, is_available, popularity, version, created_at, updated_at)
    SELECT gen_random_uuid(), name, name, 1995, 170, 8.3, 1, 'A story.', 999, 'USD',
        '00000000-0000-0000-0000-000000000001', true, 1, 1, now(), now()
    FROM unnest(ARRAY['heat', 'it''s 100%_\?', '千と千尋', '🎬 🎥', 'a', 'aaaa']) AS name";

#[tokio::test(flavor = "multi_thread")]
async fn the_migration_writes_the_parts_of_existing_titles_as_the_program_does() {
    let Some((database, client)) = empty().await else { return };
    let store = connect(&database).await;
    store.migrate().await.unwrap();
    client.batch_execute(TITLES).await.unwrap();
    store.migrate().await.unwrap();
    let parts = "SELECT index_version || ' ' || title_parts::text FROM movie_search ORDER BY movie_id";
    let written = lines(&client, parts).await;
    assert!(written.contains(&"2 'at' 'eat' 'hea' 't'".to_owned()), "{written:?}");
    assert_eq!(written.len(), 6);
    let migration = migrations().into_iter().find(|path| path.ends_with("2026-11-30-000074_search_indexes"));
    for file in ["down.sql", "up.sql"] {
        let sql = std::fs::read_to_string(migration.as_ref().unwrap().join(file)).unwrap();
        client.batch_execute(&sql).await.unwrap();
    }
    assert_eq!(lines(&client, parts).await, written);
}

/// Five payments; the payment with number n is created n seconds after the Unix epoch. The
/// money of three must be returned (one of them has a refund that failed, another has a lost dispute), one failed, and
/// one pays its order.
const PAYMENTS: &str = "SET session_replication_role = replica;
    INSERT INTO payments (id, order_id, user_id, provider, status, amount_minor, amount_currency, received_minor,
        received_currency, settlement, failure_code, failed_at, created_at, completed_at) VALUES
        ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000001', 'stripe', 'successful', 100, 'USD', 100, 'USD', 'returned_order_canceled', NULL, NULL, to_timestamp(1), to_timestamp(9)),
        ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'stripe', 'successful', 100, 'USD', 100, 'USD', 'returned_order_canceled', NULL, NULL, to_timestamp(2), to_timestamp(9)),
        ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001', 'stripe', 'successful', 100, 'USD', 100, 'USD', 'returned_order_paid', NULL, NULL, to_timestamp(3), to_timestamp(9)),
        ('00000000-0000-7000-8000-000000000004', '00000000-0000-7000-8000-000000000004', '00000000-0000-7000-8000-000000000001', 'stripe', 'failed', 100, 'USD', NULL, NULL, NULL, 'declined', to_timestamp(9), to_timestamp(4), to_timestamp(9)),
        ('00000000-0000-7000-8000-000000000005', '00000000-0000-7000-8000-000000000005', '00000000-0000-7000-8000-000000000001', 'stripe', 'successful', 100, 'USD', 100, 'USD', 'pays_order', NULL, NULL, to_timestamp(5), to_timestamp(9));
    INSERT INTO refunds (id, payment_id, origin, status, amount_minor, amount_currency, reason, created_at, completed_at)
        VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', 'automatic', 'failed', 100, 'USD', 'late', to_timestamp(9), to_timestamp(9));
    INSERT INTO disputes (id, payment_id, external_id, status, amount_minor, amount_currency, withdrawn_minor, reason,
        created_at, closed_at) VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000003', 'd', 'lost', 100, 'USD', 100, 'fraud', to_timestamp(9), to_timestamp(9))";

#[tokio::test(flavor = "multi_thread")]
async fn migrating_schedules_the_return_of_money_that_was_kept() {
    let Some((database, client)) = empty().await else { return };
    connect(&database).await.migrate().await.unwrap();
    client.batch_execute(PAYMENTS).await.unwrap();
    let migration = migrations().into_iter().find(|path| path.ends_with("2026-11-30-000076_lost_returns"));
    let sql = std::fs::read_to_string(migration.unwrap().join("up.sql")).unwrap();
    client.batch_execute(&sql).await.unwrap();
    let scheduled = "SELECT extract(epoch FROM next_check_at)::integer::text FROM payments WHERE next_check_at IS NOT NULL";
    assert_eq!(lines(&client, scheduled).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_migrate_concurrently_all_end_up_to_date() {
    let Some((database, client)) = empty().await else { return };
    let nodes = [connect(&database).await, connect(&database).await, connect(&database).await];
    let runs = nodes.map(|node| tokio::spawn(async move { node.migrate().await }));
    for run in runs {
        run.await.unwrap().unwrap();
    }
    let groups = lines(&client, "SELECT name::text FROM user_groups ORDER BY id").await;
    assert_eq!(groups, ["user", "moderator", "admin"]);
}

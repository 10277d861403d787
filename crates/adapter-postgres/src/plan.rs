//! Test helpers that check PostgreSQL's query plan for a statement. `adapter-sqlite` has a module with the same
//! functions.

use diesel::sql_types::Text;
use diesel_async::SimpleAsyncConnection;
use test_postgres::{TestDatabase, TestPostgres};

use crate::{Database, PoolOptions, statement::Statement, unit_of_work::UnitOfWork};

const ROWS: [&str; 8] = [
    "INSERT INTO certifications VALUES ('00000000-0000-0000-0000-000000000001', 'R', 'r')",
    "INSERT INTO genres VALUES ('00000000-0000-0000-0000-000000000001', 'Drama', 'drama')",
    "INSERT INTO movies (id, name, name_key, sort_key, year, duration_minutes, imdb, votes, description, price_minor, \
     price_currency, certification_id, is_available, popularity, rating_sum, rating_count, version, created_at, \
     updated_at) SELECT gen_random_uuid(), 'Movie ' || n, 'movie ' || n, 'movie ' || n, 1950 + n % 75, 60 + n % 90, n % 10, n, \
     repeat('A story. ', 30), n % 2000, 'USD', '00000000-0000-0000-0000-000000000001', n % 50 <> 0, n, n % 7, n % 3, 1, \
     now(), now() FROM generate_series(1, 10000) AS n",
    "INSERT INTO movie_genres (movie_id, genre_id, position) SELECT id, '00000000-0000-0000-0000-000000000001', 0 FROM movies WHERE year % 5 = 0",
    "INSERT INTO users (id, email, email_key, hashed_password, version, group_id, created_at, updated_at) \
     SELECT gen_random_uuid(), 'User' || n || '@example.com', 'user' || n || '@example.com', '', 1, \
     '00000000-0000-7000-8000-000000000001', now() - n * INTERVAL '1 s', now() FROM generate_series(1, 10000) AS n",
    "INSERT INTO audit_log (id, created_at, action, actor_id, object_kind, object_id) \
     SELECT gen_random_uuid(), now() - n * INTERVAL '1 s', 'action' || n % 9, gen_random_uuid(), 'user', gen_random_uuid() \
     FROM generate_series(1, 10000) AS n",
    "INSERT INTO notifications (id, user_id, kind, dedupe_key, position, notified_at, read_at, count) \
     SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000003', 'order_paid', n, n, now(), \
     CASE WHEN n % 10 = 0 THEN NULL ELSE now() END, 1 FROM generate_series(1, 10000) AS n",
    "INSERT INTO favorites (user_id, movie_id, added_at) SELECT u.id, m.id, now() FROM movies m \
     JOIN users u ON u.email_key IN ('user1@example.com', 'user2@example.com') WHERE m.votes % 20 = 0",
];

/// The migration that computes the [filter bits](crate::filter_bits) of existing movies.
pub(crate) const FILTER_BITS_MIGRATION: &str =
    include_str!("../../../migrations/postgres/2026-11-30-000072_filter_bits/up.sql");

/// A database with 10,000 movies and 10,000 users; `None` when tests that need PostgreSQL are skipped.
pub(crate) async fn filled() -> Option<(Database, TestDatabase)> {
    if TestPostgres::is_skipped() {
        return None;
    }
    let guard = TestPostgres::shared().database(fill).await;
    let database = Database::connect(guard.url(), PoolOptions { size: 1 }).await.unwrap();
    Some((database, guard))
}

async fn fill(url: String) {
    let database = Database::connect(&url, PoolOptions { size: 1 }).await.unwrap();
    database.migrate().await.unwrap();
    let mut unit = UnitOfWork::begin(&database).await.unwrap();
    for sql in ROWS {
        unit.execute(Statement::<()>::new(sql)).await.unwrap();
    }
    unit.finish().await.unwrap();
    database.index_outdated_movies().await.unwrap();
    // PostgreSQL updates its statistics automatically after some time, but the tests need correct plans now. `VACUUM`
    // cannot run in a transaction, so it is run without a unit of work.
    let mut session = database.connections().get().await.unwrap();
    session.connection.batch_execute("VACUUM ANALYZE").await.unwrap();
}

/// The text of a statement, followed by the lines of its query plan.
pub(crate) struct Plan(String);

/// Reads the query plan of a statement with `EXPLAIN`.
pub(crate) async fn plan<ST>(database: &Database, statement: &Statement<ST>) -> Plan {
    let rows: Vec<(String,)> = database.fetch(statement.behind::<(Text,)>("EXPLAIN ")).await.unwrap();
    let steps: Vec<String> = rows.into_iter().map(|(step,)| step).collect();
    Plan(format!("{}\n{}", statement.shape(), steps.join("\n")))
}

impl Plan {
    /// Checks that the plan does not read the table of movies sequentially.
    pub(crate) fn walks_indexes(&self) {
        assert!(!self.0.contains("Seq Scan on movies"), "{}", self.0);
    }

    /// Checks that an index scan starts at the position of the cursor, and that only the rows of the page are sorted.
    pub(crate) fn begins_at_the_position(&self) {
        let begins = |step: &str| step.contains("Index Cond: ") && step.contains("ROW(");
        assert!(self.0.lines().any(begins), "{}", self.0);
        // A sort of the page's 21 rows is allowed. It is the first line of the plan, which has no arrow.
        assert!(!self.0.contains("->  Sort") && !self.0.contains("->  Incremental"), "{}", self.0);
    }

    /// Checks that movies are read in the order of the index `name`, and that only the rows of the page are sorted.
    pub(crate) fn walks_the_order_of(&self, name: &str) {
        assert!(self.0.contains(name) && !self.0.contains("->  Sort"), "{}", self.0);
    }

    /// Checks that `table` is read in the order of `index`, and that nothing is sorted.
    pub(crate) fn walks_the_table_by(&self, table: &str, index: &str) {
        assert!(self.0.contains(index) && !self.0.contains("Sort"), "{}", self.0);
        assert!(!self.0.contains(&format!("Seq Scan on {table}")), "{}", self.0);
    }

    /// Checks that this index is read without the rows of its table.
    pub(crate) fn reads_only_the_index(&self, name: &str) {
        let reads = |step: &str| step.contains("Index Only Scan") && step.contains(name);
        assert!(self.0.lines().any(reads), "{}", self.0);
    }

    /// Checks that the audit log is read in the order of the index `name`, and that nothing is sorted.
    pub(crate) fn walks_the_index(&self, name: &str) {
        assert!(self.0.contains(name), "{}", self.0);
        let bad = ["Seq Scan", "Sort"].iter().find(|step| self.0.contains(**step));
        assert_eq!(bad, None, "{}", self.0);
    }
}

//! Test helpers that check SQLite's query plan for a statement. `adapter-postgres` has a module with the same
//! functions.

use diesel::sql_types::{Integer, Text};
use tempfile::TempDir;

use crate::{Database, PoolOptions, statement::Statement, unit_of_work::UnitOfWork};

const ROWS: [&str; 7] = [
    "INSERT INTO certifications VALUES (unhex('00000000000000000000000000000001'), 'R', 'r')",
    "INSERT INTO genres VALUES (unhex('00000000000000000000000000000001'), 'Drama', 'drama')",
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
     INSERT INTO movies (id, name, name_key, sort_key, year, duration_minutes, imdb, votes, description, price_minor, \
     price_currency, certification_id, is_available, popularity, rating_sum, rating_count, version, created_at, \
     updated_at) SELECT randomblob(16), 'Movie ' || n, 'movie ' || n, 'movie ' || n, 1950 + n % 75, 60 + n % 90, n % 10, n, \
     'A story.', n % 2000, 'USD', unhex('00000000000000000000000000000001'), n % 50 <> 0, n, n % 7, n % 3, 1, n, n \
     FROM numbers",
    "INSERT INTO movie_genres (movie_id, genre_id, position) SELECT id, unhex('00000000000000000000000000000001'), 0 FROM movies WHERE year % 5 = 0",
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
     INSERT INTO users (id, email, email_key, hashed_password, version, group_id, created_at, updated_at) \
     SELECT randomblob(16), 'User' || n || '@example.com', 'user' || n || '@example.com', '', 1, \
     unhex('00000000000070008000000000000001'), n, n FROM numbers",
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
     INSERT INTO audit_log (id, created_at, action, actor_id, object_kind, object_id) \
     SELECT randomblob(16), n, 'action' || n % 9, randomblob(16), 'user', randomblob(16) FROM numbers",
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
     INSERT INTO notifications (id, user_id, kind, dedupe_key, position, notified_at, read_at, count) \
     SELECT randomblob(16), unhex('00000000000000000000000000000003'), 'order_paid', CAST(n AS TEXT), n, n, \
     CASE WHEN n % 10 = 0 THEN NULL ELSE n END, 1 FROM numbers",
];

/// The migration that computes the [filter bits](crate::filter_bits) of existing movies.
pub(crate) const FILTER_BITS_MIGRATION: &str =
    include_str!("../../../migrations/sqlite/2026-11-30-000072_filter_bits/up.sql");

/// A database with 10,000 movies, users, entries of the audit log, and notifications. `ANALYZE` is not run, because
/// it is not run in production either. The result is never `None`; the function of `adapter-postgres` returns `None`
/// when tests with PostgreSQL are skipped.
pub(crate) async fn filled() -> Option<(Database, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("cinema.db"), PoolOptions { size: 1 }).await.unwrap();
    database.migrate().await.unwrap();
    let mut unit = UnitOfWork::begin(&database).await.unwrap();
    for sql in ROWS {
        unit.execute(Statement::<()>::new(sql)).await.unwrap();
    }
    unit.finish().await.unwrap();
    database.index_outdated_movies().await.unwrap();
    Some((database, folder))
}

/// The text of a statement and its query plan, with one line for each step.
pub(crate) struct Plan(String);

/// Reads the query plan of a statement with `EXPLAIN QUERY PLAN`.
pub(crate) async fn plan<ST>(database: &Database, statement: &Statement<ST>) -> Plan {
    let explain = statement.behind::<(Integer, Integer, Integer, Text)>("EXPLAIN QUERY PLAN ");
    let rows: Vec<(i32, i32, i32, String)> = database.fetch(explain).await.unwrap();
    let steps: Vec<String> = rows.into_iter().map(|(_, _, _, step)| step).collect();
    Plan(format!("{}\n{}", statement.shape(), steps.join("\n")))
}

impl Plan {
    /// Checks that the plan does not scan the table of movies without an index.
    pub(crate) fn walks_indexes(&self) {
        let whole = |step: &&str| step.starts_with("SCAN m") && !step.contains("INDEX");
        // The subquery with the 21 rows of the page also has the alias `m`, and may be scanned without an index.
        let pages = self.0.lines().filter(|step| *step == "CO-ROUTINE m" || *step == "MATERIALIZE m").count();
        assert!(self.0.lines().filter(whole).count() <= pages, "{}", self.0);
    }

    /// Checks that an index scan starts at the position of the cursor, and that users are not sorted.
    pub(crate) fn begins_at_the_position(&self) {
        let begins = |step: &str| {
            step.starts_with("SEARCH m USING INDEX movies_by_") || step.starts_with("SEARCH u USING INDEX ")
        };
        assert!(self.0.lines().any(begins), "{}", self.0);
        assert!(!self.0.contains("SEARCH u") || !self.0.contains("TEMP B-TREE"), "{}", self.0);
    }

    /// Checks that the plan uses the index `name`, so that movies are read in its order, and that the plan has at most
    /// one sort, which may be the sort of the rows of the page.
    pub(crate) fn walks_the_order_of(&self, name: &str) {
        let sorts = self.0.lines().filter(|step| step.contains("TEMP B-TREE FOR ORDER BY")).count();
        assert!(self.0.contains(name) && sorts <= 1, "{}", self.0);
    }

    /// Checks that `table`, whose alias is `n`, is read in the order of `index`, and that nothing is sorted.
    pub(crate) fn walks_the_table_by(&self, table: &str, index: &str) {
        assert!(self.0.contains(index) && !self.0.contains("TEMP B-TREE"), "{}", self.0);
        let whole = |step: &str| step.starts_with("SCAN n") && !step.contains("INDEX");
        assert!(!self.0.lines().any(whole), "{table}: {}", self.0);
    }

    /// Checks that the audit log is read in the order of the index `name`, and that nothing is sorted.
    pub(crate) fn walks_the_index(&self, name: &str) {
        assert!(self.0.contains(name), "{}", self.0);
        let whole = |step: &str| step.starts_with("SCAN a") && !step.contains("INDEX");
        assert!(!self.0.lines().any(whole) && !self.0.contains("TEMP B-TREE"), "{}", self.0);
    }

    /// Checks that this index is read. Rows of the table may be read too: the plan does not show whether they are.
    /// SQLite calls a partial index `COVERING` only if the index contains the column of its own condition. If the
    /// index does not contain this column, the word `COVERING` is missing even when no row of the table is read.
    pub(crate) fn reads_only_the_index(&self, name: &str) {
        let reads = |step: &str| step.contains(&format!("INDEX {name}"));
        assert!(self.0.lines().any(reads), "{}", self.0);
    }
}

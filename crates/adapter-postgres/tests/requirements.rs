//! Tests of the messages about databases that cannot be used or migrated.
#![expect(clippy::unwrap_used, reason = "errors in the support code must fail the test")]

use adapter_postgres::{PoolOptions, PostgresDatabase};
use test_postgres::{TestDatabase, TestPostgres};

async fn connect(url: &str) -> PostgresDatabase {
    PostgresDatabase::connect(url, PoolOptions { size: 1 }).await.unwrap()
}

/// The URL of the database `name` on the server of `guard`. The user in the URL is `role`, or, without a role, the
/// user in the URL of `guard`.
fn url_with(guard: &TestDatabase, role: Option<&str>, name: &str) -> String {
    let url = guard.url().replace(&format!("/{}", guard.name()), &format!("/{name}"));
    let (scheme, place) = url.split_once("://").unwrap();
    let (user, place) = place.split_once('@').unwrap();
    format!("{scheme}://{}@{place}", role.unwrap_or(user))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_encoding_is_not_utf8_is_refused_with_advice() {
    if TestPostgres::is_skipped() {
        return;
    }
    let guard = TestPostgres::shared().empty_database().await;
    assert_eq!(connect(guard.url()).await.obstacle_to_use().await.unwrap(), None);
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("{}_{}", guard.name(), encoding.to_lowercase());
        guard
            .execute(&format!(
                "CREATE DATABASE {name} ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
            ))
            .await;
        let database = connect(&url_with(&guard, None, &name)).await;
        let obstacle = database.obstacle_to_use().await.unwrap();
        assert_eq!(database.obstacle_to_migrating().await.unwrap(), obstacle);
        let said = obstacle.unwrap().to_string();
        assert!(said.starts_with(&format!("the database {name} is encoded in {encoding}")), "{said}");
        assert!(
            said.contains("createdb --encoding=UTF8 --template=template0") && !said.contains('\n'),
            "{said}"
        );
        drop(database);
        guard.execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_for_migrating_are_reported_with_advice() {
    if TestPostgres::is_skipped() {
        return;
    }
    // A private server, because roles belong to the whole server and not to one database.
    let server = TestPostgres::private();
    let database = server.empty_database().await;
    database.execute("CREATE ROLE \"An-n\" LOGIN").await;
    let url = url_with(&database, Some("An-n"), database.name());
    let said = async || {
        let obstacle = connect(&url).await.obstacle_to_migrating().await.unwrap();
        obstacle.map(|obstacle| obstacle.to_string()).unwrap_or_default()
    };
    // Since PostgreSQL 15, roles may not create tables in the schema `public` by default.
    let schema = said().await;
    assert!(schema.starts_with("\"An-n\" may not create tables in the schema public"), "{schema}");
    let advice = "GRANT CREATE ON SCHEMA public TO \"An-n\"";
    assert!(schema.contains(advice), "{schema}");
    database.execute(advice).await;

    let extension = said().await;
    assert!(extension.starts_with("\"An-n\" may not add the extension pg_trgm"), "{extension}");
    let advice = format!("GRANT CREATE ON DATABASE {} TO \"An-n\"", database.name());
    assert!(extension.contains(&advice), "{extension}");
    database.execute(&advice).await;
    assert_eq!(said().await, "");
    connect(&url).await.migrate().await.unwrap();
    assert_eq!(said().await, "");

    database.execute("ALTER ROLE \"An-n\" SET search_path = nowhere").await;
    let nowhere = said().await;
    assert!(nowhere.starts_with("the search_path of \"An-n\" names no schema"), "{nowhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_was_added_by_another_role_is_sufficient() {
    if TestPostgres::is_skipped() {
        return;
    }
    let server = TestPostgres::private();
    let database = server.empty_database().await;
    database
        .execute("CREATE ROLE ann LOGIN; GRANT CREATE ON SCHEMA public TO ann; CREATE EXTENSION pg_trgm")
        .await;
    let store = connect(&url_with(&database, Some("ann"), database.name())).await;
    assert_eq!(store.obstacle_to_migrating().await.unwrap(), None);
    store.migrate().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_outside_the_search_path_is_reported_with_advice() {
    if TestPostgres::is_skipped() {
        return;
    }
    let server = TestPostgres::private();
    let database = server.empty_database().await;
    database
        .execute(
            "CREATE ROLE ann LOGIN; GRANT CREATE ON SCHEMA public TO ann; CREATE SCHEMA tools; \
             GRANT USAGE ON SCHEMA tools TO ann; CREATE EXTENSION pg_trgm SCHEMA tools",
        )
        .await;
    let url = url_with(&database, Some("ann"), database.name());
    let found = connect(&url).await.obstacle_to_migrating().await.unwrap().unwrap().to_string();
    assert!(
        found.starts_with(
            "the extension pg_trgm is in the schema tools, which is not in the search_path of ann"
        ),
        "{found}"
    );
    database.execute("ALTER ROLE ann SET search_path = public, tools").await;
    let store = connect(&url).await;
    assert_eq!(store.obstacle_to_migrating().await.unwrap(), None);
    store.migrate().await.unwrap();
}

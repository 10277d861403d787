//! Tests that connections use TLS and verify the server as the URL requires.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "errors in the support code must fail the test"
)]

use std::{io::Write as _, time::Duration};

use adapter_postgres::{PoolOptions, PostgresDatabase};
use domain::{
    accounts::{PasswordHash, User},
    failure::error_chain,
    id::{Id, UserId},
    storage::WholeStore,
    store::StoreError,
    time::Instant,
};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use storage_contract::begin_unit;
use tempfile::NamedTempFile;
use test_postgres::{TestDatabase, TestPostgres};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

const ANN: UserId = Id::from_uuid(Uuid::from_u128(0xA));

/// Creates a new certificate authority. Returns its certificate, its key, and the issuer that signs with them.
fn authority(name: &str) -> (Certificate, KeyPair, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, KeyPair::from_pem(&key.serialize_pem()).unwrap());
    (certificate, key, issuer)
}

fn file_of(certificate: &Certificate) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(certificate.pem().as_bytes()).unwrap();
    file
}

async fn opened(database: &TestDatabase, parameters: &str) -> Result<PostgresDatabase, StoreError> {
    let url = format!("{}?{parameters}", database.url());
    PostgresDatabase::connect(&url, PoolOptions { size: 2 }).await
}

/// The error of connecting with these parameters, as text. Panics when connecting succeeds.
async fn refusal(database: &TestDatabase, parameters: &str) -> String {
    error_chain(
        &opened(database, parameters).await.err().unwrap_or_else(|| panic!("{parameters}: it connected")),
    )
}

/// An unencrypted connection for checks and preparations of a test.
async fn operator(database: &TestDatabase) -> Client {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Whether connections that are opened with these parameters are encrypted, according to the server. The parameters
/// must end in `application_name=…`, by which the server's list of connections is searched.
async fn is_encrypted(database: &TestDatabase, parameters: &str) -> bool {
    let store = opened(database, parameters).await.unwrap_or_else(|error| panic!("{parameters}: {error:?}"));
    let seen = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                WHERE application_name = $1";
    let name = parameters.rsplit_once("application_name=").unwrap().1;
    let row = operator(database).await.query_one(seen, &[&name]).await.unwrap();
    store.ping().await.unwrap();
    row.get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_and_verified_as_the_url_requires() {
    if TestPostgres::is_skipped() {
        return;
    }
    let (root, _, issuer) = authority("authority.example");
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let server = TestPostgres::encrypted(&certificate.pem(), &key.serialize_pem());
    let database = server.empty_database().await;

    let root = file_of(&root);
    let ca = root.path().display();
    for (number, (parameters, encrypted)) in [
        ("sslmode=disable".to_owned(), false),
        ("sslmode=prefer".to_owned(), true),
        ("connect_timeout=2".to_owned(), true),
        ("sslmode=require".to_owned(), true),
        (format!("sslmode=require&sslrootcert={ca}"), true),
        (format!("sslmode=verify-ca&sslrootcert={ca}"), true),
        (format!("sslmode=verify-full&sslrootcert={ca}"), true),
    ]
    .into_iter()
    .enumerate()
    {
        let parameters = format!("{parameters}&application_name=test-{number}");
        assert_eq!(is_encrypted(&database, &parameters).await, encrypted, "{parameters}");
    }

    let stranger = file_of(&authority("authority.example").0);
    let stranger = stranger.path().display();
    for parameters in [
        format!("sslmode=require&sslrootcert={stranger}"),
        format!("sslmode=verify-ca&sslrootcert={stranger}"),
        format!("sslmode=verify-full&sslrootcert={stranger}"),
        "sslmode=verify-full".to_owned(),
        "sslmode=verify-full&sslrootcert=system".to_owned(),
    ] {
        let said = refusal(&database, &parameters).await;
        assert!(said.contains("invalid peer certificate"), "{parameters}: {said}");
    }
    an_abandoned_statement_is_cancelled(&database, &format!("sslmode=verify-full&sslrootcert={ca}")).await;
}

/// Checks that a statement is cancelled when its unit of work is dropped. The cancel request needs a connection of
/// its own, which must also use TLS as the URL requires.
async fn an_abandoned_statement_is_cancelled(database: &TestDatabase, parameters: &str) {
    let patient = "options=-c%20lock_timeout%3D60000%20-c%20statement_timeout%3D60000";
    let store = opened(database, &format!("{parameters}&{patient}")).await.unwrap();
    store.migrate().await.unwrap();
    let mut first = begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap();
    let password = PasswordHash::from_phc("hash".to_owned());
    let ann = User::register(ANN, "ann@example.com".parse().unwrap(), password, Instant::UNIX_EPOCH);
    first.insert_user(&ann).await.unwrap();
    first.commit().await.unwrap();

    let mut holder = begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap();
    holder.find_user_for_update(ANN).await.unwrap();
    let operator = operator(database).await;
    let waiting = async |count: i64| {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        let is_so =
            async { while operator.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) != count {} };
        tokio::time::timeout(Duration::from_secs(30), is_so)
            .await
            .expect("the expected number of statements must wait for a lock within 30 seconds");
    };
    let mut late = begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap();
    tokio::select! {
        _ = late.find_user_for_update(ANN) => panic!("the lock was granted although another transaction holds it"),
        () = waiting(1) => {}
    }
    drop(late);
    waiting(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_verify_full_requires_a_certificate_for_the_host_name() {
    if TestPostgres::is_skipped() {
        return;
    }
    // The server has a self-signed certificate, as `openssl req -x509` creates it.
    let (certificate, key, _) = authority("db.example");
    let server = TestPostgres::encrypted(&certificate.pem(), &key.serialize_pem());
    let database = server.empty_database().await;
    let itself = file_of(&certificate);
    let ca = itself.path().display();
    assert!(
        is_encrypted(&database, &format!("sslmode=verify-ca&sslrootcert={ca}&application_name=ca")).await
    );
    let said = refusal(&database, &format!("sslmode=verify-full&sslrootcert={ca}")).await;
    assert!(said.contains("not valid for name") && said.contains("db.example"), "{said}");

    let (_, place) = database.url().split_once("@127.0.0.1").unwrap();
    let url = format!(
        "postgres://postgres@db.example{place}?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={ca}"
    );
    PostgresDatabase::connect(&url, PoolOptions { size: 1 }).await.unwrap().ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_used_unless_tls_is_required() {
    if TestPostgres::is_skipped() {
        return;
    }
    let server = TestPostgres::private();
    let database = server.empty_database().await;
    assert!(!is_encrypted(&database, "sslmode=prefer&application_name=plain").await);
    for parameters in ["sslmode=require", "sslmode=verify-full"] {
        let said = refusal(&database, parameters).await;
        assert!(said.contains("server does not support TLS"), "{said}");
    }
    let clumsy = clumsy_server(&database).await;
    let store = async |mode: &str| {
        let url = format!("{clumsy}?sslmode={mode}");
        PostgresDatabase::connect(&url, PoolOptions { size: 1 }).await
    };
    store("prefer").await.unwrap().ping().await.unwrap();
    assert!(matches!(store("require").await, Err(StoreError::Unavailable(_))));
}

/// Starts a proxy in front of the database, and returns the database's URL through the proxy. A connection that
/// requests TLS is told that TLS is available and is then closed; a connection without TLS is forwarded.
async fn clumsy_server(database: &TestDatabase) -> String {
    const ENCRYPT: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let (before, rest) = database.url().split_once('@').unwrap();
    let (place, name) = rest.split_once('/').unwrap();
    let (place, listener) = (place.to_owned(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let url = format!("{before}@{}/{name}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut first = [0; 8];
            client.read_exact(&mut first).await.unwrap();
            if first == ENCRYPT {
                client.write_all(b"S").await.unwrap();
            } else {
                let mut server = TcpStream::connect(&place).await.unwrap();
                server.write_all(&first).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            }
        }
    });
    url
}

#[tokio::test]
async fn an_unsupported_sslmode_is_refused_with_the_supported_ones() {
    let connected =
        PostgresDatabase::connect("postgres://db/cinema?sslmode=allow", PoolOptions { size: 1 }).await;
    let Err(error @ StoreError::Failed(_)) = connected else { panic!("sslmode=allow was accepted") };
    let said = error_chain(&error);
    assert!(said.ends_with("sslmode must be disable, prefer, require, verify-ca or verify-full"), "{said}");
}

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
};

use adapter_media::{S3Media, S3Settings};
use domain::{media::MediaStore, store::StoreError};
use libtest_mimic::Trial;

use crate::{
    block_on,
    cases::{a_store_that_cannot_be_reached_is_unavailable, key},
    server::S3Server,
};

macro_rules! trials {
    ($($case:ident),+ $(,)?) => {
        vec![$(Trial::test(concat!("s3::", stringify!($case)), || { block_on($case()); Ok(()) })),+]
    };
}

/// The cases of this module that need the S3 server (moto).
pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        a_server_that_refuses_the_keys_is_unavailable,
        a_missing_bucket_is_unavailable,
    }
}

/// The cases of this module that do not need moto: their server sends scripted answers, never answers, or does not run.
pub(crate) fn trials_without_server() -> Vec<Trial> {
    let mut trials = trials! {
        a_stopped_server_is_unavailable,
        an_object_is_put_with_its_type,
        a_temporarily_refused_call_is_attempted_three_times,
        a_temporarily_refused_call_succeeds_when_retried,
    };
    trials.push(Trial::test("s3::a_server_that_never_answers_is_abandoned", || {
        a_server_that_never_answers_is_abandoned();
        Ok(())
    }));
    trials
}

fn settings(endpoint: &str) -> S3Settings {
    S3Settings {
        bucket: "media".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        access_key_id: "id".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("token".to_owned()),
    }
}

async fn is_unavailable(settings: &S3Settings) {
    a_store_that_cannot_be_reached_is_unavailable(Arc::new(S3Media::new(settings).unwrap())).await;
}

async fn a_server_that_refuses_the_keys_is_unavailable() {
    let settings = S3Server::shared().settings();
    is_unavailable(&S3Settings { secret_access_key: "wrong".to_owned(), ..settings.clone() }).await;
    is_unavailable(&S3Settings { access_key_id: "unknown".to_owned(), ..settings }).await;
}

async fn a_missing_bucket_is_unavailable() {
    is_unavailable(&S3Settings { bucket: "nowhere".to_owned(), ..S3Server::shared().settings() }).await;
}

async fn a_stopped_server_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    is_unavailable(&settings(&format!("http://{free}"))).await;
}

fn a_server_that_never_answers_is_abandoned() {
    // The runtime's paused clock advances automatically when all tasks wait, so the test does not wait for the timeout.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    runtime.block_on(async {
        let begun = tokio::time::Instant::now();
        let media = S3Media::new(&settings(&format!("http://{address}"))).unwrap();
        let got = media.get(&key()).await;
        assert!(matches!(got, Err(StoreError::Unavailable(_))), "{got:?}");
        assert!(begun.elapsed().as_secs() <= 5, "{:?}", begun.elapsed());
    });
}

/// Starts a server that accepts one connection for each of the answers, and sends the answer to its request. Returns
/// the server's URL, and a thread that returns the request line and headers of each request, in lower case.
fn scripted(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        answers.iter().map(|answer| answered(&mut listener.accept().unwrap().0, answer)).collect()
    });
    (url, server)
}

fn answered(stream: &mut TcpStream, answer: &str) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {answer}\r\nConnection: close\r\n\r\n").unwrap();
    head
}

async fn an_object_is_put_with_its_type() {
    let (url, server) = scripted(&["200 OK\r\nContent-Length: 0\r\nETag: \"tag\""]);
    S3Media::new(&settings(&url)).unwrap().put(&key(), b"content".to_vec()).await.unwrap();
    let head = server.join().unwrap().remove(0);
    assert!(head.contains("content-type: image/jpeg\r\n"), "{head}");
}

const SLOW_DOWN: &str = "503 Slow Down\r\nContent-Length: 0";

async fn a_temporarily_refused_call_is_attempted_three_times() {
    let (url, server) = scripted(&[SLOW_DOWN; 3]);
    let media = S3Media::new(&settings(&url)).unwrap();
    let deleted = media.delete(&key()).await;
    assert!(matches!(deleted, Err(StoreError::Unavailable(_))), "{deleted:?}");
    assert_eq!(server.join().unwrap().len(), 3);
}

async fn a_temporarily_refused_call_succeeds_when_retried() {
    let (url, server) = scripted(&[SLOW_DOWN, "204 No Content"]);
    let media = S3Media::new(&settings(&url)).unwrap();
    let key = key();
    media.delete(&key).await.unwrap();
    for head in server.join().unwrap() {
        assert!(head.starts_with(&format!("delete /media/{key} http/1.1\r\n")), "{head}");
        assert!(head.contains("aws4-hmac-sha256 credential=id/"), "{head}");
        assert!(head.contains("/us-east-1/s3/aws4_request"), "{head}");
        assert!(head.contains("x-amz-security-token: token\r\n"), "{head}");
    }
}

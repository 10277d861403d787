//! What `domain::library::FilmStore` promises.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    library::{FilmAccess, FilmSource, FilmStore},
    media::{MediaKey, MediaType},
};
use uuid::Uuid;

use crate::FilmCase;

macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(crate) const ALL: &[FilmCase] = &[$((stringify!($case), |films| Box::pin($case(films)))),+];
    };
}

cases! {
    a_film_of_several_parts_is_stored_as_it_is,
    an_empty_film_is_a_film,
    a_film_that_was_removed_is_gone,
}

type Films = Arc<dyn FilmStore>;

fn key() -> MediaKey {
    static LAST: AtomicU64 = AtomicU64::new(1);
    MediaKey::film(Uuid::from_u128(LAST.fetch_add(1, Ordering::Relaxed).into()), MediaType::Mp4)
}

/// A file with this content.
fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}

/// The film, read as a client reads it; `None` when it is not there.
async fn read(films: &Films, key: &MediaKey) -> Option<Vec<u8>> {
    match films.open_film(key, FilmAccess::Read).await.unwrap()? {
        FilmSource::Local(mut film) => {
            let mut content = Vec::new();
            film.file.read_to_end(&mut content).unwrap();
            assert_eq!(film.length, u64::try_from(content.len()).unwrap());
            Some(content)
        }
        FilmSource::Address(address) => {
            let (status, body) = ask("GET", &address);
            assert!(ask("HEAD", &address).0 >= 400, "it allows nothing else");
            if status == 404 {
                return None;
            }
            assert_eq!(status, 200, "{address}");
            Some(body)
        }
    }
}

/// Asks an HTTP server; the status and the body.
fn ask(method: &str, address: &str) -> (u16, Vec<u8>) {
    let rest = address.strip_prefix("http://").unwrap();
    let (host, target) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{method} /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_off(end + 4))
}

async fn a_film_of_several_parts_is_stored_as_it_is(films: Films) {
    // Two parts of 16 MiB and a rest.
    let content: Vec<u8> = (0_u32..8_500_000).flat_map(u32::to_be_bytes).collect();
    let key = key();
    let told = AtomicU64::new(0);
    let progress = |bytes| {
        told.fetch_add(bytes, Ordering::Relaxed);
    };
    let length = films.put_film(&key, file(&content), &progress).await.unwrap();
    assert_eq!(length, u64::try_from(content.len()).unwrap());
    assert_eq!(told.load(Ordering::Relaxed), length);
    assert!(read(&films, &key).await.as_ref() == Some(&content), "it differs");
}

async fn an_empty_film_is_a_film(films: Films) {
    let key = key();
    assert_eq!(films.put_film(&key, file(b""), &|_| ()).await.unwrap(), 0);
    assert_eq!(read(&films, &key).await, Some(Vec::new()));
}

async fn a_film_that_was_removed_is_gone(films: Films) {
    let key = key();
    assert_eq!(read(&films, &key).await, None);
    films.put_film(&key, file(b"film"), &|_| ()).await.unwrap();
    assert_eq!(read(&films, &key).await, Some(b"film".to_vec()));
    for _ in 0..2 {
        films.remove_film(&key).await.unwrap();
        assert_eq!(read(&films, &key).await, None);
    }
}

//! The cases of the contract of `domain::library::FilmStore`.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    library::{FilmAccess, FilmSource, FilmStore},
    media::{MediaKey, MediaStore, MediaType},
};
use uuid::Uuid;

use crate::{FilmCase, server::S3Server};

macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(crate) const ALL: &[FilmCase] = &[$((stringify!($case), |films| Box::pin($case(films)))),+];
    };
}

cases! {
    a_film_of_several_parts_is_stored_unchanged,
    an_empty_film_can_be_stored_and_read,
    a_removed_film_is_not_found,
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

/// Opens a film as the server does for a client, and reads it; `None` when it does not exist.
async fn read(films: &Films, key: &MediaKey) -> Option<Vec<u8>> {
    match films.open_film(key, FilmAccess::Read).await.unwrap()? {
        FilmSource::Local(mut film) => {
            let mut content = Vec::new();
            film.file.read_to_end(&mut content).unwrap();
            assert_eq!(film.length, u64::try_from(content.len()).unwrap());
            Some(content)
        }
        FilmSource::Address(address) => {
            // The test server (moto) does not support signed URLs. So only the URL is checked, and the film is read
            // with a normal call.
            let (path, query) = address.split_once('?').unwrap();
            assert!(path.ends_with(&format!("/media/{key}")), "{address}");
            assert!(query.contains("X-Amz-Expires=60&") && query.contains("X-Amz-Signature="), "{address}");
            S3Server::shared().media().get(key).await.unwrap()
        }
    }
}

async fn a_film_of_several_parts_is_stored_unchanged(films: Films) {
    // Two whole parts of 16 MiB, and a shorter one.
    let content: Vec<u8> = (0_u32..8_500_000).flat_map(u32::to_be_bytes).collect();
    let key = key();
    let told = AtomicU64::new(0);
    let progress = |bytes| {
        told.fetch_add(bytes, Ordering::Relaxed);
    };
    let length = films.put_film(&key, file(&content), &progress).await.unwrap();
    assert_eq!(length, u64::try_from(content.len()).unwrap());
    assert_eq!(told.load(Ordering::Relaxed), length);
    match films.open_film(&key, FilmAccess::Read).await.unwrap().unwrap() {
        FilmSource::Local(_) => {
            assert!(read(&films, &key).await.as_ref() == Some(&content), "the stored bytes differ");
        }
        // `get` refuses to read a film of this size into memory, but its error contains the size.
        FilmSource::Address(_) => {
            let error = S3Server::shared().media().get(&key).await.unwrap_err();
            assert!(format!("{error:?}").contains(&length.to_string()), "{error:?}");
        }
    }
}

async fn an_empty_film_can_be_stored_and_read(films: Films) {
    let key = key();
    assert_eq!(films.put_film(&key, file(b""), &|_| ()).await.unwrap(), 0);
    assert_eq!(read(&films, &key).await, Some(Vec::new()));
}

async fn a_removed_film_is_not_found(films: Films) {
    let key = key();
    assert_eq!(read(&films, &key).await, None);
    films.put_film(&key, file(b"film"), &|_| ()).await.unwrap();
    assert_eq!(read(&films, &key).await, Some(b"film".to_vec()));
    for _ in 0..2 {
        films.remove_film(&key).await.unwrap();
        assert_eq!(read(&films, &key).await, None);
    }
}

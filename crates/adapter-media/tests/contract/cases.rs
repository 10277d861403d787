use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::{
    media::{MediaKey, MediaStore},
    store::StoreError,
};
use uuid::Uuid;

use crate::Case;

macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(crate) const ALL: &[Case] = &[$((stringify!($case), |media| Box::pin($case(media)))),+];
    };
}

cases! {
    a_file_that_was_never_stored_is_none,
    a_file_reads_back_as_it_was_put,
    each_key_has_a_separate_file,
    storing_a_file_again_replaces_it,
    removing_a_file_can_be_repeated,
    readers_see_a_complete_file_or_none,
}

/// A key that no other case uses.
pub(crate) fn key() -> MediaKey {
    static LAST: AtomicU64 = AtomicU64::new(0);
    MediaKey::avatar(Uuid::from_u128(LAST.fetch_add(1, Ordering::Relaxed).into()))
}

type Media = Arc<dyn MediaStore>;

async fn a_file_that_was_never_stored_is_none(media: Media) {
    assert_eq!(media.get(&key()).await.unwrap(), None);
}

async fn a_file_reads_back_as_it_was_put(media: Media) {
    for content in [Vec::new(), b"\0\xFF\r\n".to_vec(), vec![7; 300_000]] {
        let key = key();
        media.put(&key, content.clone()).await.unwrap();
        assert_eq!(media.get(&key).await.unwrap(), Some(content));
    }
}

async fn each_key_has_a_separate_file(media: Media) {
    let (one, other) = (key(), key());
    media.put(&one, b"one".to_vec()).await.unwrap();
    media.put(&other, b"other".to_vec()).await.unwrap();
    media.delete(&one).await.unwrap();
    assert_eq!(media.get(&one).await.unwrap(), None);
    assert_eq!(media.get(&other).await.unwrap(), Some(b"other".to_vec()));
}

async fn storing_a_file_again_replaces_it(media: Media) {
    let key = key();
    for content in [&b"the longer one"[..], b"short"] {
        media.put(&key, content.to_vec()).await.unwrap();
        assert_eq!(media.get(&key).await.unwrap(), Some(content.to_vec()));
    }
}

async fn removing_a_file_can_be_repeated(media: Media) {
    let key = key();
    media.delete(&key).await.unwrap();
    media.put(&key, b"content".to_vec()).await.unwrap();
    for _ in 0..2 {
        media.delete(&key).await.unwrap();
        assert_eq!(media.get(&key).await.unwrap(), None);
    }
}

async fn readers_see_a_complete_file_or_none(media: Media) {
    let key = key();
    let contents = [vec![b'a'; 200_000], vec![b'b'; 100_000]];
    let writers: Vec<_> = contents
        .iter()
        .cloned()
        .map(|content| {
            let (media, key) = (Arc::clone(&media), key.clone());
            tokio::spawn(async move {
                for _ in 0..5 {
                    media.put(&key, content.clone()).await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..10 {
        if let Some(found) = media.get(&key).await.unwrap() {
            assert!(
                contents.contains(&found),
                "the {} bytes that were read are neither of the two contents",
                found.len()
            );
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(contents.contains(&media.get(&key).await.unwrap().unwrap()));
}

/// Checks that `put`, `get` and `delete` of an unavailable store return [`StoreError::Unavailable`]. Several cases
/// call this function, each with a store that is unavailable for another reason.
pub(crate) async fn a_store_that_cannot_be_reached_is_unavailable(media: Media) {
    let key = key();
    let put = media.put(&key, b"content".to_vec()).await;
    assert!(matches!(put, Err(StoreError::Unavailable(_))), "{put:?}");
    let got = media.get(&key).await;
    assert!(matches!(got, Err(StoreError::Unavailable(_))), "{got:?}");
    let deleted = media.delete(&key).await;
    assert!(matches!(deleted, Err(StoreError::Unavailable(_))), "{deleted:?}");
}

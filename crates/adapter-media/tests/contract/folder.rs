use std::sync::Arc;

use adapter_media::{FolderError, FolderMedia};
use domain::media::MediaStore;
use libtest_mimic::Trial;

use crate::{
    block_on,
    cases::{a_store_that_cannot_be_reached_is_unavailable, key},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("folder::a_folder_is_created_and_its_files_are_kept", || {
            block_on(a_folder_is_created_and_its_files_are_kept());
            Ok(())
        }),
        Trial::test("folder::a_removed_folder_is_unavailable_until_it_is_restored", || {
            block_on(a_removed_folder_is_unavailable_until_it_is_restored());
            Ok(())
        }),
        Trial::test("folder::a_link_is_not_followed", || {
            block_on(a_link_is_not_followed());
            Ok(())
        }),
        Trial::test("folder::a_folder_that_cannot_be_used_is_named_in_the_error", || {
            a_folder_that_cannot_be_used_is_named_in_the_error();
            Ok(())
        }),
    ]
}

async fn a_folder_is_created_and_its_files_are_kept() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a new/folder");
    let key = key();
    FolderMedia::open(&path).unwrap().put(&key, b"content".to_vec()).await.unwrap();
    // The path of the file is its key, and no temporary file is left.
    assert_eq!(std::fs::read(path.join(key.as_str())).unwrap(), b"content");
    let names: Vec<_> =
        std::fs::read_dir(path.join("avatars")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [key.file_name()]);
    let again = FolderMedia::open(&path).unwrap();
    assert_eq!(again.get(&key).await.unwrap(), Some(b"content".to_vec()));
}

async fn a_removed_folder_is_unavailable_until_it_is_restored() {
    let parent = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (parent.path().join("media"), parent.path().join("elsewhere"));
    let media = FolderMedia::open(&path).unwrap();
    let key = key();
    media.put(&key, b"content".to_vec()).await.unwrap();

    std::fs::rename(&path, &elsewhere).unwrap();
    a_store_that_cannot_be_reached_is_unavailable(Arc::new(media.clone())).await;
    assert!(!path.exists(), "the missing folder is not created again");
    std::fs::write(&path, "").unwrap();
    a_store_that_cannot_be_reached_is_unavailable(Arc::new(media.clone())).await;

    std::fs::remove_file(&path).unwrap();
    std::fs::rename(&elsewhere, &path).unwrap();
    assert_eq!(media.get(&key).await.unwrap(), Some(b"content".to_vec()));
}

async fn a_link_is_not_followed() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let media = FolderMedia::open(folder.path()).unwrap();
    let key = key();
    media.put(&key, b"content".to_vec()).await.unwrap();
    let (place, target) = (folder.path().join(key.as_str()), elsewhere.path().join("secret"));
    std::fs::write(&target, "secret").unwrap();
    std::fs::remove_file(&place).unwrap();
    std::os::unix::fs::symlink(&target, &place).unwrap();
    assert!(media.get(&key).await.is_err());
    media.put(&key, b"other".to_vec()).await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), b"secret", "no file is written through a link");
    assert_eq!(media.get(&key).await.unwrap(), Some(b"other".to_vec()));
}

fn a_folder_that_cannot_be_used_is_named_in_the_error() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = FolderMedia::open(&file.join("media")).unwrap_err();
    assert!(
        matches!(&error, FolderError::Make { .. }) && error.to_string().contains("file/media"),
        "{error}"
    );
}

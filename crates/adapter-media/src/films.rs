//! Films: large files, which are stored in parts. Clients download a film in an S3 bucket directly from the S3 server.

use std::{fs::File, io::Read, path::Path, sync::Arc, time::Duration};

use domain::{
    library::{FilmSource, OpenedFilm},
    media::MediaKey,
    store::StoreError,
};
use object_store::{
    Attribute, AttributeValue, Attributes, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions,
};

use crate::objects::{failed, path};

/// The size of a part in bytes. S3 allows at most 10,000 parts, so a film may be as large as 167 GB.
const PART_BYTES: u64 = 16 * 1024 * 1024;

/// The time limit for storing a part, and for each other call to the store that an upload needs.
const PATIENCE_OF_A_PART: Duration = Duration::from_mins(2);

/// Stores the file in parts, with only one part in memory, and returns the length of the file in bytes. A file that is
/// smaller than a part is stored in one call. Calls `progress` with the number of bytes of each stored part.
/// `keeps_type` says whether the store can store the content type.
pub(crate) async fn put(
    store: &Arc<dyn ObjectStore>,
    key: &MediaKey,
    file: File,
    keeps_type: bool,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<u64, StoreError> {
    let mut attributes = Attributes::new();
    if keeps_type {
        attributes.insert(Attribute::ContentType, AttributeValue::from(key.media_type().as_str()));
    }
    let path = path(key);
    let (file, first) = next_part(file).await?;
    let length = bytes_of(&first);
    if length < PART_BYTES {
        let options = PutOptions { attributes, ..PutOptions::default() };
        in_time(store.put_opts(&path, first.into(), options)).await?;
        progress(length);
        return Ok(length);
    }
    let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
    let upload = in_time(store.put_multipart_opts(&path, options)).await?;
    put_parts(Upload(Some(upload)), file, first, progress).await
}

/// An upload in parts that is neither complete nor aborted yet. If it is dropped, for example because the caller of
/// [`put`] was canceled, it is aborted in the background.
///
/// If the abort fails, or if the process ends before it, stored parts may remain. In S3, they remain until a lifecycle
/// rule of the bucket removes them.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut upload) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { drop(in_time(upload.abort()).await) });
        }
    }
}

/// Stores the rest of the file, which begins with `part`, completes the upload, and returns the length of the file. If
/// this fails, the upload is aborted before the error is returned, because a command ends soon after an error, maybe
/// before a task in the background.
async fn put_parts(
    mut upload: Upload,
    file: File,
    part: Vec<u8>,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<u64, StoreError> {
    let parts = upload.0.as_mut().ok_or_else(|| StoreError::failed("the upload has ended"))?;
    let stored = put_each(&mut **parts, file, part, progress).await;
    if stored.is_err() {
        drop(in_time(parts.abort()).await);
    }
    upload.0 = None;
    stored
}

async fn put_each(
    parts: &mut dyn MultipartUpload,
    mut file: File,
    mut part: Vec<u8>,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<u64, StoreError> {
    let mut length = 0_u64;
    while !part.is_empty() {
        let bytes = bytes_of(&part);
        in_time(parts.put_part(part.into())).await?;
        progress(bytes);
        length = length.saturating_add(bytes);
        (file, part) = next_part(file).await?;
    }
    in_time(parts.complete()).await?;
    Ok(length)
}

/// Reads the next part. The last part may be shorter than [`PART_BYTES`]; after the end of the file, the part is empty.
async fn next_part(mut file: File) -> Result<(File, Vec<u8>), StoreError> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut part = Vec::new();
        let read = file.by_ref().take(PART_BYTES).read_to_end(&mut part);
        read.map(|_| (file, part))
    });
    reading.await.map_err(StoreError::failed)?.map_err(StoreError::failed)
}

fn bytes_of(part: &[u8]) -> u64 {
    u64::try_from(part.len()).unwrap_or(u64::MAX)
}

async fn in_time<T>(call: impl Future<Output = object_store::Result<T>>) -> Result<T, StoreError> {
    match tokio::time::timeout(PATIENCE_OF_A_PART, call).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(StoreError::unavailable("the media store did not take a part of the film in time")),
    }
}

/// Opens a film in a folder; `None` when it does not exist. A symbolic link is refused, because its target could be any
/// file of this machine.
pub(crate) fn open(folder: &Path, key: &MediaKey) -> Result<Option<FilmSource>, StoreError> {
    let path = folder.join(key.as_str());
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(StoreError::failed(format!("{key} is no file"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::unavailable(error)),
    }
    let file = File::open(&path).map_err(StoreError::unavailable)?;
    let length = file.metadata().map_err(StoreError::unavailable)?.len();
    Ok(Some(FilmSource::Local(OpenedFilm { file, length })))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, io::Write};

    use async_trait::async_trait;
    use object_store::{PutPayload, PutResult, UploadPart};
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    use super::*;

    /// What was called of an upload.
    #[derive(Debug, PartialEq)]
    enum Call {
        Part,
        Abort,
    }

    /// An upload whose parts are never stored, or fail.
    #[derive(Debug)]
    struct Stuck {
        calls: UnboundedSender<Call>,
        fails: bool,
    }

    #[async_trait]
    impl MultipartUpload for Stuck {
        fn put_part(&mut self, _: PutPayload) -> UploadPart {
            self.calls.send(Call::Part).unwrap();
            if self.fails {
                return Box::pin(async {
                    Err(object_store::Error::NotImplemented {
                        operation: "put_part".to_owned(),
                        implementer: "Stuck".to_owned(),
                    })
                });
            }
            Box::pin(pending())
        }

        async fn complete(&mut self) -> object_store::Result<PutResult> {
            unreachable!("no part is ever stored")
        }

        async fn abort(&mut self) -> object_store::Result<()> {
            self.calls.send(Call::Abort).unwrap();
            Ok(())
        }
    }

    fn film() -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"the end of the film").unwrap();
        file
    }

    #[tokio::test]
    async fn an_upload_that_is_canceled_is_aborted() {
        let (calls, mut called) = unbounded_channel();
        let upload = Upload(Some(Box::new(Stuck { calls, fails: false })));
        let putting = tokio::spawn(put_parts(upload, film(), b"a part".to_vec(), &|_| ()));

        assert_eq!(called.recv().await, Some(Call::Part));
        putting.abort();

        assert!(putting.await.unwrap_err().is_cancelled());
        assert_eq!(called.recv().await, Some(Call::Abort));
        assert_eq!(called.recv().await, None);
    }

    #[tokio::test]
    async fn an_upload_whose_part_is_refused_is_aborted_before_the_error_is_returned() {
        let (calls, mut called) = unbounded_channel();
        let upload = Upload(Some(Box::new(Stuck { calls, fails: true })));

        let result = put_parts(upload, film(), b"a part".to_vec(), &|_| ()).await;

        assert!(result.is_err());
        // Both calls were made before the error was returned.
        assert_eq!(called.try_recv(), Ok(Call::Part));
        assert_eq!(called.try_recv(), Ok(Call::Abort));
        assert_eq!(called.recv().await, None);
    }
}

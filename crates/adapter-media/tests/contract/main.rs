//! Runs the contracts of `domain::media::MediaStore` and `domain::library::FilmStore` on a folder and on S3. The S3
//! server is moto, which runs as a separate process. Except for the requests that set it up, it checks the signatures
//! of all requests.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "an unexpected result must fail the test")]

mod cases;
mod films;
mod folder;
mod s3;
mod server;

use std::{pin::Pin, process::ExitCode, sync::Arc};

use domain::{library::FilmStore, media::MediaStore};
use libtest_mimic::{Arguments, Trial};

use crate::server::S3Server;

/// A case for media stores: its name, which states the requirement, and its test.
type Case = (&'static str, fn(Arc<dyn MediaStore>) -> Pin<Box<dyn Future<Output = ()> + Send>>);

/// A case for film stores: its name, which states the requirement, and its test.
type FilmCase = (&'static str, fn(Arc<dyn FilmStore>) -> Pin<Box<dyn Future<Output = ()> + Send>>);

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}

fn main() -> ExitCode {
    let mut trials = folder::trials();
    for (name, case) in cases::ALL {
        trials.push(Trial::test(format!("folder::{name}"), move || {
            let folder = tempfile::tempdir().unwrap();
            let media = adapter_media::FolderMedia::open(folder.path()).unwrap();
            block_on(case(Arc::new(media)));
            Ok(())
        }));
    }
    for (name, case) in films::ALL {
        trials.push(Trial::test(format!("folder::films::{name}"), move || {
            let folder = tempfile::tempdir().unwrap();
            let films = adapter_media::FolderMedia::open(folder.path()).unwrap();
            block_on(case(Arc::new(films)));
            Ok(())
        }));
    }
    trials.extend(s3::trials_without_server());
    if !S3Server::is_skipped() {
        for (name, case) in cases::ALL {
            trials.push(Trial::test(format!("s3::{name}"), move || {
                block_on(case(Arc::new(S3Server::shared().media())));
                Ok(())
            }));
        }
        for (name, case) in films::ALL {
            trials.push(Trial::test(format!("s3::films::{name}"), move || {
                block_on(case(Arc::new(S3Server::shared().media())));
                Ok(())
            }));
        }
        trials.extend(s3::trials());
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    S3Server::stop_shared();
    conclusion.exit_code()
}

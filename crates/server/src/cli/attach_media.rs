//! `cinema movies attach-media`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
};

use app::library::AttachError;
use domain::{id::MovieId, library::Language};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::{
    arguments::{AttachMediaArgs, SubtitlesFile},
    failure::Failure,
    output::Output,
    wiring::use_cases,
};
use crate::{composition::error_chain, config::Settings};

/// Attaches a film, subtitles, or both to a movie.
pub(super) async fn run(settings: &Settings, arguments: AttachMediaArgs) -> Result<ExitCode, Failure> {
    let AttachMediaArgs { movie, file, subtitles } = arguments;
    let film = file.map(open).transpose()?;
    let texts = subtitles.into_iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    let library = use_cases(settings).await?.library;
    for (_, path, text) in &texts {
        library.check_subtitles(text).map_err(|error| explained(movie, path, &error))?;
    }
    let mut output = Output::new();
    if let Some((path, file, length)) = film {
        let bar = progress_bar(length);
        let stored = library.attach_film(movie, file, &|bytes| bar.inc(bytes)).await;
        bar.finish_and_clear();
        let length = stored.map_err(|error| explained(movie, &path, &error))?;
        output.line(&format!("attached {} ({})", path.display(), HumanBytes(length)))?;
    }
    for (language, path, text) in texts {
        let attached = library.attach_subtitles(movie, language.clone(), text).await;
        attached.map_err(|error| explained(movie, &path, &error))?;
        output.line(&format!("attached {} as the subtitles in {}", path.display(), language.label()))?;
    }
    output.finish()
}

/// Opens the file of the film. Returns its path, the open file and its length in bytes.
fn open(path: PathBuf) -> Result<(PathBuf, File, u64), Failure> {
    let opened = File::open(&path).and_then(|file| {
        let found = file.metadata()?;
        if found.is_file() { Ok((file, found.len())) } else { Err(std::io::Error::other("it is not a file")) }
    });
    match opened {
        Ok((file, length)) => Ok((path, file, length)),
        Err(error) => Err(Failure::new(format!("cannot read {} ({error})", path.display()))),
    }
}

fn read(subtitles: SubtitlesFile) -> Result<(Language, PathBuf, Vec<u8>), Failure> {
    let SubtitlesFile { language, path } = subtitles;
    match std::fs::read(&path) {
        Ok(text) => Ok((language, path, text)),
        Err(error) => Err(Failure::new(format!("cannot read {} ({error})", path.display()))),
    }
}

/// Turns the error into a message. The message contains advice if the operator can remove the cause.
fn explained(movie: MovieId, path: &Path, error: &AttachError) -> Failure {
    let path = path.display();
    Failure::new(match error {
        AttachError::NoMovie => {
            format!("there is no movie {movie}: GET /api/v1/movies lists movies with their identifiers")
        }
        AttachError::NoFilm => format!("{path} {error}: convert it to MP4 or WebM"),
        AttachError::NotUtf8 => format!("{path} {error}: convert it to UTF-8"),
        AttachError::Subtitles(_) | AttachError::TooLarge => format!("{path} {error}: give a WebVTT file"),
        AttachError::File(_) | AttachError::Store(_) => format!("{path}: {}", error_chain(error)),
    })
}

/// Creates a progress bar, which is shown only on a terminal.
fn progress_bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let template = "{bar:40} {percent:>3} % {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left)";
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

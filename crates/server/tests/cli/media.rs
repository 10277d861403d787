//! Tests of `cinema movies attach-media`.

use std::fs;

use diesel::{Connection, RunQueryDsl, SqliteConnection, dsl::sql, sql_types::Text};

use super::Folder;

const FILM: &[u8] = b"\0\0\0\x20ftypisom and what follows";
const SUBTITLES: &str = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n";

/// Creates a folder whose database has one movie. Returns it with the movie's identifier.
fn with_a_movie() -> (Folder, String) {
    let folder = Folder::new();
    let movies = folder.run("dev generate-movies 1").exits(0).out();
    folder.write("movies.jsonl", movies);
    folder.run("movies import movies.jsonl").exits(0);
    let path = folder.path().join("var/cinema.db");
    let mut database = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let id = diesel::select(sql::<Text>("(SELECT lower(hex(id)) FROM movies)"));
    let id: String = id.get_result(&mut database).unwrap();
    (folder, uuid::Uuid::parse_str(&id).unwrap().to_string())
}

/// Returns the names of the stored files of this kind (`films` or `subtitles`).
fn stored(folder: &Folder, kind: &str) -> Vec<String> {
    let Ok(files) = fs::read_dir(folder.path().join("var/media").join(kind)) else { return Vec::new() };
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_film_and_subtitles_are_attached_and_replaced() {
    let (folder, movie) = with_a_movie();
    folder.write("film.mp4", FILM);
    folder.write("de.vtt", SUBTITLES);
    let done = folder.run(&format!("movies attach-media {movie} film.mp4 --subtitles de=de.vtt")).exits(0);
    assert_eq!(done.out(), "attached film.mp4 (29 B)\nattached de.vtt as the subtitles in Deutsch\n");
    assert_eq!(done.err(), "");
    let films = stored(&folder, "films");
    assert_eq!((films.len(), stored(&folder, "subtitles").len()), (1, 1));
    let path = folder.path().join("var/media/films").join(&films[0]);
    assert_eq!(fs::read(path).unwrap(), FILM);
    // Films and subtitles can also be attached separately. A new film replaces the old film, and new subtitles replace
    // the old subtitles in the same language.
    folder.run(&format!("movies attach-media {movie} --subtitles de=de.vtt --subtitles en=de.vtt")).exits(0);
    assert_eq!(stored(&folder, "subtitles").len(), 2);
    folder.run(&format!("movies attach-media {movie} film.mp4")).exits(0);
    let later = stored(&folder, "films");
    assert!(later.len() == 1 && later != films, "{later:?}");
}

#[test]
fn faults_of_a_file_are_reported_before_anything_is_stored() {
    let (folder, movie) = with_a_movie();
    folder.write("film.mp4", FILM);
    folder.write("page.mp4", "<html>");
    folder.write("de.srt", "1\n00:00:01,000 --> 00:00:02,000\nHallo\n");
    folder.write("latin.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nGr\xfc\xdfe\n");
    let unknown = "0190a1b2-0000-7000-8000-000000000000";
    for (arguments, said) in [
        (format!("{movie} page.mp4"), "page.mp4 is neither MP4 nor WebM"),
        (format!("{movie} nowhere.mp4"), "cannot read nowhere.mp4"),
        (format!("{movie} ."), "cannot read ."),
        (format!("{movie} film.mp4 --subtitles de=de.srt"), "de.srt is not WebVTT"),
        (format!("{movie} film.mp4 --subtitles de=latin.vtt"), "latin.vtt is not in UTF-8"),
        (format!("{unknown} film.mp4"), "there is no movie 0190a1b2-0000-7000-8000-000000000000"),
    ] {
        folder.run(&format!("movies attach-media {arguments}")).exits(1).says(said);
    }
    assert!(stored(&folder, "films").is_empty() && stored(&folder, "subtitles").is_empty());
    folder.run(&format!("movies attach-media {movie}")).exits(2).says("--help");
    folder
        .run(&format!("movies attach-media {movie} --subtitles german=a.vtt"))
        .exits(2)
        .says("not a language");
}

DROP TABLE watch_progress;
DROP TABLE movie_subtitles;
DROP TABLE movie_files;

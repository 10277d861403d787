//! Tests of files in the encodings that spreadsheets and old programs write.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;

use movie_files::{Findings, MovieFile, ReadOptions, Row};

const GERMAN: &str = "name;year;duration_minutes;imdb;votes;price;genres\r\n\
    Die fabelhafte Welt der Amélie;2001;122;8,3;703.810;12,99;\"Komödie, Romanze\"\r\n\
    Das Boot – Director’s Cut;1981;149;8,4;236.902;9,99;Drama\r\n";

fn options() -> ReadOptions {
    ReadOptions::new("EUR".parse().unwrap())
}

fn read_with(bytes: Vec<u8>, options: ReadOptions) -> (Vec<Row>, Findings) {
    let mut file = MovieFile::read(Cursor::new(bytes), options).unwrap();
    let rows = file.by_ref().map(Result::unwrap).collect();
    (rows, file.findings())
}

fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

/// Encodes a text in Windows-1252: Latin-1, and two more characters that the tests use.
fn windows_1252(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| match character {
            '–' => 0x96,
            '’' => 0x92,
            _ => u8::try_from(character).unwrap(),
        })
        .collect()
}

#[test]
fn a_german_spreadsheet_is_read_in_every_detected_encoding() {
    let with_mark = format!("\u{feff}{GERMAN}");
    for (bytes, encoding) in [
        (GERMAN.as_bytes().to_vec(), "UTF-8"),
        (with_mark.as_bytes().to_vec(), "UTF-8"),
        (utf_16(&with_mark, u16::to_le_bytes), "UTF-16LE"),
        (utf_16(&with_mark, u16::to_be_bytes), "UTF-16BE"),
        (utf_16(GERMAN, u16::to_le_bytes), "UTF-16LE"),
        (utf_16(GERMAN, u16::to_be_bytes), "UTF-16BE"),
        (windows_1252(GERMAN), "windows-1252"),
    ] {
        let (rows, findings) = read_with(bytes, options());
        assert_eq!(findings.encoding.to_string(), encoding);
        let facts = &rows[0].facts.as_ref().unwrap().facts;
        assert_eq!(facts.identity.name, "Die fabelhafte Welt der Amélie", "{encoding}");
        assert_eq!((facts.imdb, facts.votes, facts.price.amount().as_str()), (8.3, 703_810, "12.99"));
        assert_eq!(facts.genres, ["Komödie", "Romanze"]);
        assert_eq!(rows[1].name.as_deref(), Some("Das Boot – Director’s Cut"));
        assert_eq!((rows[0].line, rows[1].line), (2, 3));
        let line = GERMAN.lines().nth(1).unwrap();
        assert_eq!(str::from_utf8(&rows[0].raw).unwrap(), format!("{line}\n"), "the raw row is UTF-8");
    }
}

#[test]
fn json_is_read_in_utf_16_windows_1252_and_utf_8() {
    let text =
        r#"[{"name":"Amélie","year":2001,"duration_minutes":122,"imdb":8.3,"votes":1,"price":"9.99"}]"#;
    for bytes in [utf_16(&format!("\u{feff}{text}"), u16::to_le_bytes), windows_1252(text), text.into()] {
        let (rows, _) = read_with(bytes, options());
        assert_eq!(rows[0].facts.as_ref().unwrap().facts.identity.name, "Amélie");
    }
}

#[test]
fn a_header_may_contain_letters_of_windows_1252() {
    let text = "Titel;Länge;year;imdb;votes;price\nHeat;170;1995;8,3;1;9,99\n";
    let mut options = options();
    options.columns = "name=Titel,duration_minutes=Länge".parse().unwrap();
    let (rows, _) = read_with(windows_1252(text), options);
    assert!(rows[0].facts.is_ok());
}

#[test]
fn rows_in_another_encoding_than_the_previous_ones_are_rejected() {
    let header = "name,year,duration_minutes,imdb,votes,price\n";
    let mut mixed = format!("{header}Léon,1994,110,8.5,1,9.99\n").into_bytes();
    mixed.extend(windows_1252("Amélie,2001,122,8.3,1,9.99\nHeat,1995,170,8.3,1,9.99\n"));
    let (rows, findings) = read_with(mixed, options());
    let are_good: Vec<bool> = rows.iter().map(|row| row.facts.is_ok()).collect();
    assert_eq!(are_good, [true, false, true]);
    assert_eq!(rows[1].facts.as_ref().unwrap_err().to_string(), "is not UTF-8 text");
    assert_eq!(findings.encoding.to_string(), "UTF-8");

    let mut mixed = windows_1252(&format!("{header}Léon,1994,110,8.5,1,9.99\n"));
    mixed.extend("Amélie,2001,122,8.3,1,9.99\n".as_bytes());
    let (rows, _) = read_with(mixed.clone(), options());
    let error = rows[1].facts.as_ref().unwrap_err().to_string();
    assert!(rows[0].facts.is_ok() && error.contains("rows before it are Windows-1252"), "{error}");
    let mut given = options();
    given.encoding = Some("latin1".parse().unwrap());
    assert!(read_with(mixed, given).0.iter().all(|row| row.facts.is_ok()));
}

#[test]
fn other_encodings_are_read_when_they_are_named() {
    // "Сталкер" in Windows-1251.
    let mut bytes = b"name,year,duration_minutes,imdb,votes,price\n".to_vec();
    bytes.extend([0xd1, 0xf2, 0xe0, 0xeb, 0xea, 0xe5, 0xf0]);
    bytes.extend(b",1979,162,8.1,1,9.99\n");
    let mut given = options();
    given.encoding = Some("windows-1251".parse().unwrap());
    let (rows, findings) = read_with(bytes, given);
    assert_eq!(rows[0].name.as_deref(), Some("Сталкер"));
    assert_eq!(findings.encoding.to_string(), "windows-1251");
}

//! Tests that reading a file with arbitrary bytes ends without a panic.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use std::io::{self, Cursor, Read};

use movie_files::{FileKind, MovieFile, ReadOptions, Row};
use proptest::prelude::*;

/// A reader that returns at most as many bytes at a time as its second field says, like a slow pipe.
struct Trickle(Cursor<Vec<u8>>, usize);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

const KINDS: [Option<FileKind>; 3] = [None, Some(FileKind::Csv), Some(FileKind::Json)];

/// Reads the file to its end, at most `step` bytes at a time; returns its rows, and its error if reading failed.
fn read(bytes: &[u8], kind: Option<FileKind>, step: usize) -> (Vec<Row>, Option<String>) {
    let mut options = ReadOptions::new("USD".parse().unwrap());
    options.kind = kind;
    let file = match MovieFile::read(Trickle(Cursor::new(bytes.to_vec()), step), options) {
        Ok(file) => file,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let mut rows = Vec::new();
    let mut failed = None;
    for row in file {
        assert!(failed.is_none(), "nothing follows an error");
        match row {
            Ok(row) => rows.push(row),
            Err(error) => failed = Some(error.to_string()),
        }
        assert!(rows.len() <= bytes.len(), "every row has at least one byte of the file");
    }
    (rows, failed)
}

fn check(bytes: &[u8]) {
    for kind in KINDS {
        let (rows, failed) = read(bytes, kind, usize::MAX);
        let (again, failed_again) = read(bytes, kind, 1);
        assert_eq!((&rows, &failed), (&again, &failed_again), "the size of the reads does not matter");
        assert!(rows.is_sorted_by_key(|row| row.line));
        let line_ends = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
        let last = rows.last().map_or(0, |row| row.line);
        assert!(last <= u64::try_from(line_ends).unwrap() + 1, "{last}");
        let faults = rows.iter().filter_map(|row| row.facts.as_ref().err()).map(ToString::to_string);
        for message in faults.chain(failed) {
            assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
        }
        for row in &rows {
            assert!(row.raw.ends_with(b"\n"));
            let line_ends = row.raw.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
            assert!(kind != Some(FileKind::Json) || line_ends == 1);
        }
    }
}

/// A piece of a file: mostly a text that has a meaning in CSV or JSON, sometimes other bytes.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "\"",
        "\"\"",
        ",",
        ";",
        "\t",
        "|",
        "\n",
        "\r",
        "\r\n",
        " ",
        "{",
        "}",
        "[",
        "]",
        ":",
        "\\",
        "null",
        "sep=;\n",
        "name",
        "year",
        "duration_minutes",
        "imdb",
        "votes",
        "price",
        "genres",
        "name,year,duration_minutes,imdb,votes,price\n",
        "Heat,1995,170,8.3,577113,9.99\n",
        "9,99",
        "1.234",
        "1995",
        "142 min",
        "\u{feff}",
        "é",
        "千",
        "\u{1b}",
        "\u{2028}",
        "\0",
        "{\"name\":\"A\",\"year\":1999,\"duration_minutes\":1,\"imdb\":1,\"votes\":1,\"price\":\"1\"}",
    ];
    prop_oneof![
        8 => prop::sample::select(known.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => Just(vec![0xff, 0xfe]),
        1 => Just(vec![0xe9]),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    #[test]
    fn arbitrary_pieces_of_files_are_read_to_their_end(pieces in prop::collection::vec(piece(), 0..60)) {
        check(&pieces.concat());
    }

    #[test]
    fn arbitrary_pieces_after_a_header_are_read_to_their_end(pieces in prop::collection::vec(piece(), 0..60)) {
        let header = b"name,year,duration_minutes,imdb,votes,price,genres\n".to_vec();
        check(&[header, pieces.concat()].concat());
    }

    #[test]
    fn arbitrary_pieces_in_utf_16_are_read_to_their_end(pieces in prop::collection::vec(piece(), 0..60)) {
        let text = String::from_utf8_lossy(&pieces.concat()).into_owned();
        let bytes: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for kind in KINDS {
            prop_assert_eq!(read(&bytes, kind, usize::MAX), read(&bytes, kind, 1));
        }
    }

    #[test]
    fn quoted_cells_are_read_as_they_were_written(
        name in "[^\0]{0,30}",
        description in "[^\0]{0,60}",
        separator in prop::sample::select(vec![",", ";", "\t", "|"]),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let header = "name,year,duration_minutes,imdb,votes,price,description".replace(',', separator);
        let name = format!("A{name}");
        let row = [&quote(&name), "1999", "90", "7", "1", "9", &quote(&description)].join(separator);
        let (rows, failed) = read(format!("{header}{end}{row}{end}").as_bytes(), None, 7);
        prop_assert_eq!(failed, None);
        let facts = &rows[0].facts.as_ref().unwrap().facts;
        prop_assert_eq!(facts.identity.name.as_str(), name.trim());
        prop_assert_eq!(facts.description.as_str(), description.trim());
    }
}

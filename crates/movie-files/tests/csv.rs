//! Tests of CSV files as they occur in practice.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use std::io::{self, Cursor, Read};

use domain::{
    catalog::{MovieIdentity, OptionalFact},
    money::Money,
};
use movie_files::{Format, MovieFile, MovieFileError, ReadOptions, Row};

fn options(columns: &str) -> ReadOptions {
    let currency = "USD".parse().unwrap();
    let mut options = ReadOptions::new(currency);
    options.default_price = Some(Money::from_minor(999, currency));
    options.columns = columns.parse().unwrap();
    options
}

fn open(text: impl Into<Vec<u8>>, columns: &str) -> MovieFile {
    MovieFile::read(Cursor::new(text.into()), options(columns)).unwrap()
}

fn rows(text: impl Into<Vec<u8>>, columns: &str) -> Vec<Row> {
    open(text, columns).map(Result::unwrap).collect()
}

/// The error that opening or reading the file ends with.
fn error(text: impl Into<Vec<u8>>) -> MovieFileError {
    match MovieFile::read(Cursor::new(text.into()), options("")) {
        Ok(mut file) => file.find_map(Result::err).unwrap(),
        Err(error) => error,
    }
}

fn faults(row: &Row) -> String {
    row.facts.as_ref().unwrap_err().to_string()
}

const IMDB: &str = "name=Series_Title,year=Released_Year,certification=Certificate,duration_minutes=Runtime,\
    genres=Genre,imdb=IMDB_Rating,description=Overview,meta_score=Meta_score,directors=Director,stars=Star1,\
    stars=Star2,stars=Star3,stars=Star4,votes=No_of_Votes,gross=Gross,poster_url=Poster_Link";

const IMDB_HEADER: &str = "Poster_Link,Series_Title,Released_Year,Certificate,Runtime,Genre,IMDB_Rating,Overview,\
    Meta_score,Director,Star1,Star2,Star3,Star4,No_of_Votes,Gross";

const HEADER: &str = "name,year,duration_minutes,imdb,votes";

#[test]
fn rows_of_the_public_imdb_table_are_read() {
    let text = format!(
        "{IMDB_HEADER}\n\"https://m.example/a,b.jpg\",The Godfather,1972,A,175 min,\"Crime, Drama\",9.2,\
         \"A patriarch, aging.\",100,Francis Ford Coppola,Marlon Brando,Al Pacino,,Diane Keaton,1620367,\"134,966,411\"\n\
         ,Plain,1950,,90 min,Drama,8,Text,,Someone,One,Two,Three,Four,\"1,000\",\n"
    );
    let rows = rows(text, IMDB);
    let facts = &rows[0].facts.as_ref().unwrap().facts;
    assert_eq!(
        facts.identity,
        MovieIdentity { name: "The Godfather".into(), year: 1972, duration_minutes: 175 }
    );
    assert_eq!(facts.genres, ["Crime", "Drama"]);
    assert_eq!(facts.stars, ["Marlon Brando", "Al Pacino", "Diane Keaton"]);
    assert_eq!((facts.gross, facts.meta_score, facts.votes), (Some(134_966_411), Some(100.0), 1_620_367));
    assert_eq!(facts.price.amount(), "9.99");
    assert_eq!(facts.poster_url.as_deref(), Some("https://m.example/a,b.jpg"));
    let facts = &rows[1].facts.as_ref().unwrap().facts;
    assert_eq!(facts.certification, "Not Rated");
    assert_eq!((facts.gross, facts.meta_score, facts.poster_url.as_ref()), (None, None, None));
}

#[test]
fn an_absent_column_is_distinguished_from_an_empty_cell() {
    let row = rows(format!("{HEADER},gross,genres,is_available\nA,2000,90,7,1,,,\n"), "").remove(0);
    let imported = row.facts.unwrap();
    for (fact, is_absent) in [
        (OptionalFact::Gross, false),
        (OptionalFact::Genres, false),
        (OptionalFact::IsAvailable, false),
        (OptionalFact::MetaScore, true),
        (OptionalFact::Description, true),
        (OptionalFact::Price, true),
        (OptionalFact::Certification, true),
        (OptionalFact::Directors, true),
        (OptionalFact::Stars, true),
        (OptionalFact::PosterUrl, true),
    ] {
        assert_eq!(imported.absent.contains(fact), is_absent, "{fact:?}");
    }
    assert!(imported.facts.is_available);
}

#[test]
fn a_bad_row_is_returned_with_its_line_its_name_and_all_its_faults() {
    let text = format!(
        "{HEADER},price,is_available\nApollo 13,PG,two hours,good,-,cheap,perhaps\nShort,1999\n,1999,90,7,1,,\n"
    );
    let rows = rows(text, "");
    assert_eq!((rows[0].line, rows[0].name.as_deref()), (2, Some("Apollo 13")));
    assert_eq!(
        faults(&rows[0]),
        "year: \"PG\" is not a whole number; duration_minutes: \"two hours\" is not a number of minutes; \
         imdb: \"good\" is not a number; votes: \"-\" is not a whole number; price: \"cheap\": not a decimal amount; \
         write it like 9.99; is_available: \"perhaps\" is not true or false"
    );
    assert_eq!(rows[0].raw, b"Apollo 13,PG,two hours,good,-,cheap,perhaps\n");
    let rest = rows[0].facts.as_ref().unwrap_err().rest.clone().unwrap();
    assert_eq!(rest.identity.name, "Apollo 13");
    assert!(rest.check(2026).is_ok(), "placeholders of unreadable values violate no rule");
    assert_eq!((rows[1].line, rows[1].name.as_deref()), (3, Some("Short")));
    assert_eq!(faults(&rows[1]), "has 2 cells, and the header has 7");
    assert_eq!((rows[2].name.as_deref(), faults(&rows[2])), (None, "name: is missing".into()));
}

#[test]
fn lines_are_counted_with_any_line_ending() {
    for end in ["\n", "\r\n", "\r"] {
        let lines = [
            "",
            "name,year,duration_minutes,imdb,votes,description",
            "a,2000,1,1,1,x",
            "",
            "b,2000,1,1,1,\"one",
            "two",
            "",
            "three\"",
            "c,2000,1,1,1,x",
            "",
            "",
            "d,2000,1,1,1,\"\"",
            "e,2000,1,1,1,x",
        ];
        for last in ["", end] {
            let rows = rows(format!("{}{last}", lines.join(end)), "");
            let found: Vec<_> = rows.iter().map(|row| (row.name.as_deref().unwrap(), row.line)).collect();
            assert_eq!(found, [("a", 3), ("b", 5), ("c", 9), ("d", 12), ("e", 13)], "{end:?}");
            let description = &rows[1].facts.as_ref().unwrap().facts.description;
            assert_eq!(*description, format!("one{end}two{end}{end}three"));
        }
    }
}

#[test]
fn a_file_that_ends_inside_a_quote_is_an_error_with_the_line_of_the_quote() {
    for (text, line) in [
        ("a,2000,1,1,1,\"Drama", 2),
        ("a,2000,1,1,1,\"Drama\nb,2000,1,1,1,Crime\n", 2),
        ("a,2000,1,1,1,x\r\nb,2000,1,1,1,\"Drama\r\nc,2000,1,1,1,x\r\n", 3),
        ("\"a\nb\",2000,1,1,1,\"Drama\n\n", 3),
        ("\"a\nb\",2000,1,1,1,x\n\"c\n\"\"d\n", 4),
        ("a,2000,1,1,1,\"\n\"\"", 2),
        ("a,2000,1,1,1,x\n\"", 3),
    ] {
        let error = error(format!("name,year,duration_minutes,imdb,votes,genres\n{text}"));
        let is_right = matches!(error, MovieFileError::OpenQuote { line: found } if found == line);
        assert!(is_right, "{text:?}: {error}");
    }
    assert!(matches!(error("\"name,year"), MovieFileError::OpenQuote { line: 1 }));
}

#[test]
fn quotes_that_are_closed_at_the_end_of_the_file_are_no_error() {
    for end in ["", "\n", "\r\n"] {
        for cell in ["\"x\"", "\"\"", "\"x\"\"\"", "a\"b", "\"a\" b\""] {
            assert_eq!(rows(format!("{HEADER},genres\na,2000,1,1,1,{cell}{end}"), "").len(), 1, "{cell}");
        }
    }
}

#[test]
fn the_delimiter_is_detected_from_the_header() {
    for (separator, name) in [(",", "\",\""), (";", "\";\""), ("\t", "tabs"), ("|", "\"|\"")] {
        let header = HEADER.replace(',', separator);
        let row = format!("\"A; b, c | d\te\"{}", ",2000,90,7,1".replace(',', separator));
        let mut file = open(format!("{header}\n{row}"), "");
        let row = file.next().unwrap().unwrap();
        assert_eq!(row.facts.unwrap().facts.identity.name, "A; b, c | d\te");
        assert_eq!(file.findings().format.to_string(), format!("CSV with {name} between the cells"));
    }
}

#[test]
fn the_delimiter_is_detected_by_the_known_columns_and_not_by_their_number() {
    let text = "a;b;c;d;e;f;g,Title,year,duration_minutes,imdb,votes\nx,Heat,1995,170,8.3,1\n";
    let mut file = open(text, "name=Title");
    assert_eq!(file.next().unwrap().unwrap().facts.unwrap().facts.identity.name, "Heat");
    assert_eq!(file.findings().ignored, ["a;b;c;d;e;f;g"]);
}

#[test]
fn the_delimiter_may_be_declared_or_given() {
    let header = HEADER.replace(',', "^");
    for text in
        [format!("sep=^\r\n{header}\r\nA^2000^90^7^1\r\n"), format!("SEP=^\n{header}\nA^2000^90^7^1\n")]
    {
        let rows = rows(text, "");
        assert_eq!((rows[0].name.as_deref(), rows[0].line), (Some("A"), 3));
        assert!(rows[0].facts.is_ok());
    }
    let mut given = options("");
    given.delimiter = Some("^".parse().unwrap());
    let text = format!("{header}\nA^2000^90^7^1\n");
    let mut file = MovieFile::read(Cursor::new(text.clone()), given).unwrap();
    assert_eq!(file.next().unwrap().unwrap().line, 2);
    assert_eq!(file.findings().format, Format::Csv("^".parse().unwrap()));
    let error = error(text).to_string();
    assert_eq!(error, "the file has no column for name; it has name^year^duration_minutes^imdb^votes");
}

#[test]
fn files_with_semicolons_may_have_decimal_commas() {
    let text = format!("{};price;gross\nA;2000;90 min;7,5;1.234;9,99;1 234 567\n", HEADER.replace(',', ";"));
    let facts = rows(text, "").remove(0).facts.unwrap().facts;
    assert_eq!((facts.imdb, facts.votes, facts.gross), (7.5, 1_234, Some(1_234_567)));
    assert_eq!(facts.price.amount(), "9.99");
    let text = format!("{HEADER}\nA,2000,90,\"7,5\",1\n");
    assert_eq!(faults(&rows(text, "")[0]), "imdb: \"7,5\" is not a number");
}

#[test]
fn rows_of_empty_cells_are_skipped() {
    let text = format!("{HEADER}\n,,,,\nA,2000,90,7,1\n , ,,,\"\"\n   \n");
    assert_eq!(rows(text, "").len(), 1);
}

#[test]
fn a_row_that_is_too_long_is_rejected_and_the_next_ones_are_read() {
    let long = "x".repeat(1024 * 1024);
    let text =
        format!("{HEADER},genres\nA,2000,90,7,1,\"{long}\n{long}\"\nB,2000,90,7,1,{long}\nC,2000,90,7,1,x\n");
    let rows = rows(text, "");
    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4, 5]);
    assert_eq!(faults(&rows[0]), "is longer than 1 MiB");
    assert_eq!(faults(&rows[1]), "is longer than 1 MiB");
    assert!(rows[0].raw.is_empty() && rows[1].raw.is_empty());
    assert!(rows[2].facts.is_ok());
    assert!(matches!(error(format!("{HEADER},{long}\n")), MovieFileError::HeaderTooLong));
}

#[test]
fn a_row_may_have_as_many_cells_as_fit() {
    let cells = ",".repeat(500_000);
    let rows = rows(format!("{HEADER}\nA{cells}\nB,2000,90,7,1\n"), "");
    assert_eq!(faults(&rows[0]), "has 500001 cells, and the header has 5");
    assert!(rows[1].facts.is_ok());
}

/// A beginning, followed by the same letter repeatedly.
struct Repeated {
    beginning: Cursor<Vec<u8>>,
    left: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.beginning.read(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        let count = self.left.min(buffer.len());
        self.left -= count;
        buffer[..count].fill(b'x');
        Ok(count)
    }
}

#[test]
fn a_cell_that_never_ends_is_read_to_the_end_of_the_file() {
    let length = 8 * 1024 * 1024;
    let beginning = Cursor::new(format!("{HEADER}\n\"").into_bytes());
    let mut file = MovieFile::read(Repeated { beginning, left: length }, options("")).unwrap();
    let bytes_read = file.bytes_read();
    let error = file.next().unwrap().unwrap_err();
    assert!(matches!(error, MovieFileError::OpenQuote { line: 2 }), "{error}");
    assert!(bytes_read.get() > u64::try_from(length).unwrap());
    assert!(file.next().is_none(), "no rows follow an error");
}

#[test]
fn messages_contain_no_control_characters() {
    let text = format!("{HEADER}\n\"A\x1b[31m\nb\",\"\x07PG\",90,7,1\n");
    assert_eq!(faults(&rows(text, "")[0]), "year: \" PG\" is not a whole number");
    let found = error("na\x1bme\u{202e},\"ye\nar\"\n").to_string();
    assert!(!found.contains(|character: char| character.is_control() || character == '\u{202e}'), "{found}");
}

#[test]
fn a_file_with_only_a_header_has_no_rows_and_an_empty_file_is_refused() {
    for text in [HEADER.to_owned(), format!("{HEADER}\n"), format!("\n\n{HEADER}\n\n")] {
        assert_eq!(rows(text, ""), []);
    }
    for text in ["", "\u{feff}", "\n\r\n"] {
        assert!(matches!(error(text), MovieFileError::Empty));
    }
}

//! Tests of JSON Lines and JSON arrays.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;

use domain::{
    catalog::{FactSet, OptionalFact},
    money::Money,
};
use movie_files::{FileKind, Format, MovieFile, MovieFileError, ReadOptions, Row, json_line};

fn options() -> ReadOptions {
    let currency = "USD".parse().unwrap();
    let mut options = ReadOptions::new(currency);
    options.default_price = Some(Money::from_minor(999, currency));
    options
}

fn rows(text: impl Into<Vec<u8>>) -> Vec<Row> {
    MovieFile::read(Cursor::new(text.into()), options()).unwrap().map(Result::unwrap).collect()
}

/// The error that reading the file ends with.
fn error(text: impl Into<Vec<u8>>) -> MovieFileError {
    MovieFile::read(Cursor::new(text.into()), options()).unwrap().find_map(Result::err).unwrap()
}

fn faults(row: &Row) -> String {
    row.facts.as_ref().unwrap_err().to_string()
}

const GOOD: &str = r#"{"name":"A","year":1999,"duration_minutes":1,"imdb":1,"votes":1}"#;

/// [`GOOD`] with this JSON value for this field.
fn with(field: &str, value: &str) -> String {
    let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(GOOD).unwrap();
    object.insert(field.to_owned(), serde_json::from_str(value).unwrap());
    serde_json::to_string(&object).unwrap()
}

#[test]
fn a_field_with_a_faulty_value_reports_what_is_expected() {
    let form = "of the form {\"amount\": \"9.99\", \"currency\": \"USD\"}";
    for (field, value, fault) in [
        ("name", "7", "7 is not a text"),
        ("name", "null", "is missing"),
        ("year", "\"MM\"", "\"MM\" is not a whole number"),
        ("year", "2000.0", "2000.0 is not a whole number"),
        ("year", "null", "is missing"),
        ("duration_minutes", "3000000000", "3000000000 is out of bounds"),
        ("imdb", "\"good\"", "\"good\" is not a number"),
        ("votes", "18446744073709551615", "18446744073709551615 is out of bounds"),
        ("votes", "1e3", "1000.0 is not a whole number"),
        ("meta_score", "true", "true is not a number"),
        ("gross", "[]", "[] is not a whole number"),
        ("description", "[]", "[] is not a text"),
        ("price", "[9]", &format!("[9] is not {form}")),
        (
            "price",
            "{\"amount\":9,\"currency\":\"USD\"}",
            &format!("{{\"amount\":9,\"currency\":\"USD\"}} is not {form}"),
        ),
        ("price", "{\"amount\":\"1.00\",\"currency\":\"EUR\"}", "is in EUR, and the shop's currency is USD"),
        ("certification", "13", "13 is not a text"),
        ("genres", "7", "7 is not a list of names"),
        ("directors", "[\"A\",1]", "[\"A\",1] is not a list of names"),
        ("poster_url", "{}", "{} is not a text"),
        ("is_available", "\"perhaps\"", "\"perhaps\" is not true or false"),
    ] {
        let found = rows(with(field, value)).remove(0);
        assert_eq!(faults(&found), format!("{field}: {fault}"), "{value}");
    }
}

#[test]
fn texts_are_read_as_in_cells_of_csv() {
    let text = r#"{"name":" A ","year":"1999","duration_minutes":"142 min","imdb":"9.3","votes":"28,341,469",
        "price":"4.50","genres":"Crime, Drama","is_available":"no","meta_score":""}"#;
    let facts = rows(text.replace('\n', "")).remove(0).facts.unwrap().facts;
    assert_eq!((facts.identity.name.as_str(), facts.identity.year, facts.votes), ("A", 1999, 28_341_469));
    assert_eq!((facts.price.amount().as_str(), facts.is_available, facts.meta_score), ("4.50", false, None));
    assert_eq!(facts.genres, ["Crime", "Drama"]);
    let priced = rows(with("price", "9.99")).remove(0).facts.unwrap().facts;
    assert_eq!(priced.price.amount(), "9.99");
}

#[test]
fn all_faults_of_a_row_are_returned() {
    let row = rows(r#"{"name":"A","year":"x","imdb":[],"votes":1,"stars":{}}"#).remove(0);
    assert_eq!(
        faults(&row),
        "year: \"x\" is not a whole number; duration_minutes: is missing; imdb: [] is not a number; \
         stars: {} is not a list of names"
    );
}

#[test]
fn lines_that_are_not_objects_are_rejected_and_reading_continues() {
    let lines =
        ["{\"name\":\"A\",\"name\":\"B\"}", "[1]", "not json", "{} {}", "{\"imdb\":1e999}", "7", GOOD, "{"];
    let rows = rows(format!("{GOOD}\n\n{}", lines.join("\n")));
    let found: Vec<(u64, String)> = rows
        .iter()
        .map(|row| (row.line, row.facts.as_ref().err().map(ToString::to_string).unwrap_or_default()))
        .collect();
    let expected = [
        (1, ""),
        (3, "has \"name\" twice"),
        (4, "[1] is not a JSON object"),
        (5, "cannot be read as JSON from byte 2 on"),
        (6, "cannot be read as JSON from byte 4 on"),
        (7, "cannot be read as JSON from byte 13 on"),
        (8, "7 is not a JSON object"),
        (9, ""),
        (10, "cannot be read as JSON from byte 1 on"),
    ];
    assert_eq!(found, expected.map(|(line, fault)| (line, fault.to_owned())));
    assert_eq!(rows[1].name.as_deref(), Some("A"));
    assert_eq!(rows[3].raw, b"not json\n");
}

#[test]
fn a_missing_key_is_distinguished_from_null() {
    let facts = rows(with("gross", "null")).remove(0).facts.unwrap();
    assert!(!facts.absent.contains(OptionalFact::Gross));
    assert!(facts.absent.contains(OptionalFact::MetaScore) && facts.absent.contains(OptionalFact::Stars));
    let facts = rows(with("stars", "null")).remove(0).facts.unwrap();
    assert!(!facts.absent.contains(OptionalFact::Stars) && facts.facts.stars.is_empty());
}

#[test]
fn keys_are_mapped_like_columns_and_others_are_ignored() {
    let text = r#"[{"Series_Title":"Heat","year":1995,"Runtime":"170 min","imdb":8.3,"votes":1,"Rank":1,
        "Star1":"Al Pacino","Star2":["Robert De Niro","Val Kilmer"],"name":"ignored"}, {"Rank":2,"Colour":1}]"#;
    let mut options = options();
    options.columns = "name=Series_Title,duration_minutes=Runtime,stars=Star1,stars=Star2".parse().unwrap();
    let mut file = MovieFile::read(Cursor::new(text), options).unwrap();
    let row = file.next().unwrap().unwrap();
    assert_eq!(row.name.as_deref(), Some("Heat"));
    assert_eq!(row.facts.unwrap().facts.stars, ["Al Pacino", "Robert De Niro", "Val Kilmer"]);
    assert!(file.next().unwrap().unwrap().facts.is_err());
    assert!(file.next().is_none());
    assert_eq!(file.findings().ignored, ["Rank", "name", "Colour"]);
}

#[test]
fn the_elements_of_an_array_are_read_one_after_the_other() {
    let nested = r#"{ "name": "B ]}, \" \\", "x": [[{"y": "]"}], ","], "year": "?" }"#;
    let text = format!("\n [{GOOD},\n  {nested},\n\n{GOOD}, not json, 7 , {{\n\"name\"\n:\"C\" ]");
    let mut file = MovieFile::read(Cursor::new(text), options()).unwrap();
    let mut found = Vec::new();
    let error = loop {
        match file.next().unwrap() {
            Ok(row) => found.push(row),
            Err(error) => break error,
        }
    };
    assert_eq!(found.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 3, 5, 5, 5]);
    assert_eq!(found[1].name.as_deref(), Some("B ]}, \" \\"));
    assert!(found[0].facts.is_ok() && found[2].facts.is_ok());
    assert_eq!(faults(&found[3]), "cannot be read as JSON from byte 2 on");
    assert!(matches!(error, MovieFileError::OpenArray { line: 5 }), "{error}");
    assert_eq!(file.findings().format, Format::JsonArray);
}

#[test]
fn rejected_elements_of_an_array_become_lines() {
    let row = rows("[{\r\n  \"name\": \"A\"\n}]").remove(0);
    assert_eq!(str::from_utf8(&row.raw).unwrap(), "{    \"name\": \"A\" }\n");
    assert_eq!(rows(row.raw)[0].name.as_deref(), Some("A"));
}

#[test]
fn arrays_may_be_empty_but_must_be_closed_and_end_the_file() {
    assert_eq!(rows("[]"), []);
    assert_eq!(rows(" [ \n ] \n"), []);
    assert_eq!(rows(format!("[{GOOD},]")).len(), 1);
    for (text, line) in [("[", 1), ("[\n\n", 3), ("[{},\n {\"a\":\n\"]", 2), ("[{}\n", 1), ("[\"\\\"]", 1)] {
        let error = error(text);
        let is_right = matches!(error, MovieFileError::OpenArray { line: found } if found == line);
        assert!(is_right, "{text:?}: {error}");
    }
    let error = error(format!("[{GOOD}]\n{GOOD}"));
    assert!(matches!(error, MovieFileError::TextAfterArray { line: 2 }), "{error}");
}

#[test]
fn a_value_that_is_too_long_is_rejected_and_the_next_ones_are_read() {
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    for text in [format!("{GOOD}\n{long}\n{GOOD}\n"), format!("[{GOOD}\n,\n{long},\n{GOOD}]")] {
        let rows = rows(text);
        assert_eq!(rows.len(), 3);
        assert_eq!((faults(&rows[1]).as_str(), rows[1].raw.as_slice()), ("is longer than 1 MiB", &b""[..]));
        assert!(rows[0].facts.is_ok() && rows[2].facts.is_ok());
    }
}

#[test]
fn an_object_with_very_many_keys_is_read() {
    let keys: Vec<String> = (0..60_000).map(|number| format!("\"key{number}\":0")).collect();
    let text = format!("{{{},{}}}", keys.join(","), GOOD.trim_matches(['{', '}']));
    let mut file = MovieFile::read(Cursor::new(text), options()).unwrap();
    assert!(file.next().unwrap().unwrap().facts.is_ok());
    assert_eq!(file.findings().ignored.len(), 50);
}

#[test]
fn written_movies_are_read_unchanged() {
    let text = r#"{"name":"A \"quoted\" näme","year":1972,"duration_minutes":175,"imdb":9.199999999999999,"votes":162,
        "meta_score":83.5,"gross":134,"description":"two\nlines","price":{"amount":"0.05","currency":"USD"},
        "certification":"A","genres":["Crime","Robert Downey, Jr."],"directors":[],"stars":["s"],
        "poster_url":"https://a.example/p.jpg","trailer_url":"https://a.example/t","imdb_id":"tt0068646",
        "tmdb_id":238,"sort_name":"quoted","is_available":false}"#;
    let facts = rows(text.replace('\n', "")).remove(0).facts.unwrap();
    let again = rows(json_line(&facts)).remove(0).facts.unwrap();
    assert_eq!(again, facts);
}

#[test]
fn an_absent_poster_is_omitted() {
    let text = GOOD.replace('}', r#","poster_url":"https://a.example/p.jpg"}"#);
    let mut facts = rows(text).remove(0).facts.unwrap();
    facts.absent = FactSet::from_iter([OptionalFact::PosterUrl]);
    let again = rows(json_line(&facts)).remove(0).facts.unwrap();
    assert!(again.absent.contains(OptionalFact::PosterUrl));
    assert_eq!(again.facts.poster_url, None);
}

#[test]
fn a_shop_in_another_currency_may_ignore_the_currency_of_prices() {
    let mut options = ReadOptions::new("JPY".parse().unwrap());
    options.ignores_price_currency = true;
    let text = with("price", r#"{"amount":"9.99","currency":"USD"}"#);
    let row = MovieFile::read(Cursor::new(text), options).unwrap().next().unwrap().unwrap();
    assert_eq!(row.facts.unwrap().facts.price.to_string(), "999 JPY");
}

#[test]
fn the_kind_of_a_file_is_given_or_detected_from_its_first_character() {
    let csv = "name,year,duration_minutes,imdb,votes\nA,1999,1,1,1\n".to_owned();
    for text in [format!(" \n{GOOD}"), format!("[{GOOD}]"), csv.clone(), format!("\u{feff}{csv}")] {
        let rows = rows(text.clone());
        assert!(rows.len() == 1 && rows[0].facts.is_ok(), "{text}");
    }
    let mut options = options();
    options.kind = Some(FileKind::Json);
    let row = MovieFile::read(Cursor::new(csv.clone()), options.clone()).unwrap().next().unwrap().unwrap();
    assert_eq!(faults(&row), "cannot be read as JSON from byte 2 on");
    options.delimiter = Some(";".parse().unwrap());
    let error = MovieFile::read(Cursor::new(csv), options).err().unwrap();
    assert!(matches!(error, MovieFileError::DelimiterForJson), "{error}");
}

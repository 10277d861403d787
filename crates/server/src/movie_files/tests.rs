use std::io::Cursor;

use super::*;

fn options(columns: Option<&str>) -> RowOptions {
    let currency = "USD".parse().unwrap();
    RowOptions {
        currency,
        default_price: Some(Money::from_minor(999, currency)),
        columns: columns.map(|text| text.parse().unwrap()),
        adopts_prices: false,
    }
}

fn rows(text: impl Into<Vec<u8>>, path: &str, options: RowOptions) -> Vec<Row> {
    MovieFile::read(Cursor::new(text.into()), Path::new(path), options).unwrap().map(Result::unwrap).collect()
}

const IMDB: &str = "name=Series_Title,year=Released_Year,certification=Certificate,duration_minutes=Runtime,\
    genres=Genre,imdb=IMDB_Rating,description=Overview,meta_score=Meta_score,directors=Director,stars=Star1,\
    stars=Star2,stars=Star3,stars=Star4,votes=No_of_Votes,gross=Gross,poster_url=Poster_Link";

const HEADER: &str = "Poster_Link,Series_Title,Released_Year,Certificate,Runtime,Genre,IMDB_Rating,Overview,\
    Meta_score,Director,Star1,Star2,Star3,Star4,No_of_Votes,Gross";

#[test]
fn a_row_of_the_public_table_is_read_as_people_read_it() {
    let text = format!(
        "{HEADER}\n\"https://m.example/a,b.jpg\",The Godfather,1972,A,175 min,\"Crime, Drama\",9.2,\"A patriarch, aging.\",100,\
         Francis Ford Coppola,Marlon Brando,Al Pacino,,Diane Keaton,1620367,\"134,966,411\"\n\
         ,Plain,1950,,90 min,Drama,8,Text,,Someone,One,Two,Three,Four,\"1,000\",\n"
    );
    let rows = rows(text, "table.csv", options(Some(IMDB)));
    let facts = rows[0].facts.as_ref().unwrap();
    assert_eq!(
        facts.identity,
        domain::catalog::MovieIdentity { name: "The Godfather".into(), year: 1972, duration_minutes: 175 }
    );
    assert_eq!(facts.genres, ["Crime", "Drama"]);
    assert_eq!(facts.stars, ["Marlon Brando", "Al Pacino", "Diane Keaton"]);
    assert_eq!((facts.gross, facts.meta_score, facts.votes), (Some(134_966_411), Some(100.0), 1_620_367));
    assert_eq!(facts.price.amount(), "9.99");
    assert_eq!(facts.poster_url.as_deref(), Some("https://m.example/a,b.jpg"));
    let facts = rows[1].facts.as_ref().unwrap();
    assert_eq!(facts.certification, "Not Rated");
    assert_eq!((facts.gross, facts.meta_score, facts.poster_url.as_ref()), (None, None, None));
}

#[test]
fn a_bad_row_says_its_line_its_name_and_why() {
    let text = format!("{HEADER}\n,Apollo 13,PG,U,140 min,Drama,7.6,x,77,R,a,b,c,d,269197,1\n,Short,1999\n");
    let rows = rows(text, "-", options(Some(IMDB)));
    assert_eq!((rows[0].line, rows[0].name.as_deref()), (2, Some("Apollo 13")));
    assert_eq!(rows[0].facts, Err("year: \"PG\" is not a whole number".into()));
    assert_eq!(
        String::from_utf8_lossy(&rows[0].raw),
        ",Apollo 13,PG,U,140 min,Drama,7.6,x,77,R,a,b,c,d,269197,1\n"
    );
    assert_eq!((rows[1].line, rows[1].name.as_deref()), (3, Some("Short")));
    assert_eq!(rows[1].facts, Err("has 3 cells, and the header has 16".into()));
}

#[test]
fn lines_are_those_of_the_file_whatever_ends_them() {
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
            let text = format!("{}{last}", lines.join(end));
            let rows = rows(text, "x.csv", options(None));
            let found: Vec<_> = rows.iter().map(|row| (row.name.clone().unwrap(), row.line)).collect();
            let expected = [("a", 3), ("b", 5), ("c", 9), ("d", 12), ("e", 13)];
            assert_eq!(found, expected.map(|(name, line)| (name.to_owned(), line)), "{end:?}");
        }
    }
}

#[test]
fn columns_that_cannot_be_used_are_named() {
    let error = |header: &str, columns: Option<&str>, has_price: bool| {
        let mut options = options(columns);
        if !has_price {
            options.default_price = None;
        }
        let file = MovieFile::read(Cursor::new(header.to_owned()), Path::new("x.csv"), options);
        file.err().unwrap().to_string()
    };
    let all = "name,year,duration_minutes,imdb,votes";
    assert_eq!(
        error("name,year", None, true),
        "the file has no column for duration_minutes: say which one holds it with --columns duration_minutes=…"
    );
    assert_eq!(
        error(all, None, false),
        "the file has no column for price: say which one holds it with --columns price=… or give --default-price"
    );
    assert_eq!(
        error(all, Some("name=Title"), true),
        "the file has no column \"Title\"; it has name, year, duration_minutes, imdb, votes"
    );
    assert!("name".parse::<Columns>().is_err());
    assert!(
        "title=Title"
            .parse::<Columns>()
            .unwrap_err()
            .to_string()
            .contains("is no field of a movie; the fields are name, year")
    );
    assert!("name=A,name=B".parse::<Columns>().is_err());
    assert!("stars=A,stars=B".parse::<Columns>().is_ok());
}

#[test]
fn what_is_written_is_read_back_as_the_same() {
    let text = format!(
        "{HEADER}\nhttps://a.example/p.jpg,\"A \"\"quoted\"\" name\",1972,A,175 min,\"Crime, Drama\",9.2,\"Ünï\ntwo lines\",83.5,D,s,t,u,v,162,134\n"
    );
    let facts = rows(text, "-", options(Some(IMDB))).remove(0).facts.unwrap();
    let again = rows(line_of(facts.clone()), "-", options(None)).remove(0);
    assert_eq!(again.facts, Ok(facts));
}

#[test]
fn json_lines_are_refused_with_the_reason() {
    let good = r#"{"name":"A","year":1,"duration_minutes":1,"imdb":1,"votes":1}"#;
    let text = format!(
        "{good}\n\n{}\n{}\n{}\nnot json\n{}\n{}",
        good.replace("\"A\"", "\"B\",\"colour\":1"),
        good.replace(",\"votes\":1", ""),
        good.replace("\"votes\":1", "\"votes\":1,\"price\":{\"amount\":\"1.00\",\"currency\":\"EUR\"}"),
        good.replace("\"votes\":1", "\"votes\":1,\"price\":{\"amount\":\"1.001\",\"currency\":\"USD\"}"),
        good.replace("\"year\":1", "\"year\":\"1\""),
    );
    let rows = rows(text, "x.jsonl", options(None));
    assert!(rows[0].facts.is_ok());
    let faults: Vec<_> =
        rows[1..].iter().map(|row| (row.line, row.facts.as_ref().unwrap_err().as_str())).collect();
    assert_eq!(faults[0].0, 3);
    assert!(faults[0].1.starts_with("colour: is no field of a movie"), "{:?}", faults[0]);
    assert_eq!(rows[1].name.as_deref(), Some("B"));
    assert_eq!(faults[1], (4, "votes: is missing"));
    assert_eq!(faults[2], (5, "price: is in EUR, and the shop's currency is USD"));
    assert_eq!(faults[3], (6, "cannot be read as JSON from byte 2 on"));
    assert!(faults[4].1.contains("more decimal digits"), "{:?}", faults[4]);
    assert_eq!(faults[5].1, "year: \"1\" is not a whole number");
}

#[test]
fn the_kind_of_file_is_told_by_its_ending_or_its_first_character() {
    let json = r#"{"name":"A","year":1,"duration_minutes":1,"imdb":1,"votes":1}"#;
    let csv = "\u{feff}name,year,duration_minutes,imdb,votes\nA,1,1,1,1\n";
    for (text, path) in [(json, "-"), (json, "a.JSONL"), (json, "a.ndjson"), (csv, "-"), (csv, "a.CSV")] {
        let rows = rows(text, path, options(None));
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].name.as_deref(), Some("A"), "{path}");
        assert!(rows[0].facts.is_ok());
    }
    let empty = MovieFile::read(Cursor::new(""), Path::new("-"), options(None));
    assert!(matches!(empty, Err(MovieFileError::Empty)));
}

#[test]
fn a_shop_in_another_currency_can_adopt_prices() {
    let text = r#"{"name":"A","year":1,"duration_minutes":1,"imdb":1,"votes":1,"price":{"amount":"9.99","currency":"USD"}}"#;
    let options = RowOptions {
        currency: "JPY".parse().unwrap(),
        default_price: None,
        columns: None,
        adopts_prices: true,
    };
    assert_eq!(rows(text, "-", options)[0].facts.as_ref().unwrap().price.to_string(), "999 JPY");
}

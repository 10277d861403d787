//! Tests of `cinema movies import`.

use std::fs;

use super::Folder;

const CSV: &str = "title,year,minutes,rating,votes,who,with,money\n\
    One,1999,90 min,7.5,\"1,000\",Ann,\"Bob, Cid\",\"2,000\"\n\
    Two,PG,90,7.5,10,Ann,,\n\
    Three,2001,100,8,20,Ann,Ann,\n";
const COLUMNS: &str = "--columns name=title,year=year,duration_minutes=minutes,imdb=rating,votes=votes,directors=who,\
    stars=with,stars=who,gross=money";

#[test]
fn an_import_adds_valid_rows_and_reports_the_others() {
    let folder = Folder::new();
    folder.write("movies.csv", CSV);
    let import = format!("movies import movies.csv {COLUMNS} --default-price 9.99 --rejects rejects.csv");

    let dry = folder.run(&format!("{import} --dry-run")).exits(3);
    assert!(dry.out().contains("2 added") && dry.out().contains("dry run"), "{}", dry.out());
    assert_eq!(folder.run("movies export").exits(0).out(), "", "a dry run stores nothing");

    let first = folder.run(&import).exits(3);
    assert_eq!(first.out(), "3 rows: 2 added, 0 updated, 0 unchanged, 1 rejected\n");
    assert_eq!(first.err(), "line 3 (Two): year: \"PG\" is not a whole number\n");
    let rejects = fs::read_to_string(folder.path().join("rejects.csv")).unwrap();
    assert_eq!(rejects, "title,year,minutes,rating,votes,who,with,money\nTwo,PG,90,7.5,10,Ann,,\n");
    let again = folder.run(&import).exits(3);
    assert_eq!(again.out(), "3 rows: 0 added, 0 updated, 2 unchanged, 1 rejected\n");

    folder.write("rejects.csv", rejects.replace("PG", "2000"));
    let mended = format!("movies import rejects.csv {COLUMNS} --default-price 9.99");
    assert_eq!(folder.run(&mended).exits(0).out(), "1 rows: 1 added, 0 updated, 0 unchanged, 0 rejected\n");

    let exported = folder.run("movies export").exits(0).out();
    assert_eq!(exported.lines().count(), 3);
    let movie: serde_json::Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
    assert_eq!(movie["stars"], serde_json::json!(["Bob", "Cid", "Ann"]));
    assert_eq!(movie["gross"], 2_000);
    assert_eq!(movie["certification"], "Not Rated");
    assert_eq!(movie["price"], serde_json::json!({"amount": "9.99", "currency": "USD"}));

    let unchanged = "3 rows: 0 added, 0 updated, 3 unchanged, 0 rejected\n";
    assert_eq!(folder.run_with("movies import -", &exported).exits(0).out(), unchanged);
    let elsewhere = Folder::new();
    elsewhere.run_with("movies import -", &exported).exits(0);
    assert_eq!(
        elsewhere.run("movies export").exits(0).out(),
        exported,
        "an imported export is the same catalogue"
    );
}

#[test]
fn an_import_of_nothing_has_exit_code_1_and_wrong_usage_2() {
    let folder = Folder::new();
    folder.write("movies.csv", CSV);
    folder.write("empty.csv", "");
    folder.write("bad.jsonl", "{\"name\":\"A\"}\n");
    folder.run("movies import nowhere.csv").exits(1).says("cannot open nowhere.csv");
    folder.run("movies import empty.csv").exits(1).says("it is empty");
    let bad = folder.run("movies import bad.jsonl").exits(1);
    let missing =
        ["year", "duration_minutes", "imdb", "votes", "price"].map(|field| format!("{field}: is missing"));
    assert_eq!(bad.err(), format!("line 1 (A): {}\n", missing.join("; ")));
    folder.run("movies import movies.csv").exits(2).says("--columns name=…");
    folder.run(&format!("movies import movies.csv {COLUMNS}")).exits(2).says("or give --default-price");
    folder.run("movies import movies.csv --default-price cheap").exits(2).says("--default-price \"cheap\"");
    folder
        .run(&format!("movies import movies.csv {COLUMNS} --default-price 1 --rejects movies.csv"))
        .exits(2)
        .says("names the file that is imported");
    folder.run("movies import movies.csv --columns name").exits(2).says("see `cinema movies import --help`");
    folder.run("movies").exits(2).says("`cinema movies` needs a command: import, export");
    folder.run("fly").exits(2).says("'fly'; see `cinema --help`");
    assert_eq!(folder.run("movies --help").exits(0).err(), "");
    assert_eq!(fs::read_to_string(folder.path().join("movies.csv")).unwrap(), CSV);
}

/// Returns a CSV file; each row is created from the number of a movie and its price.
fn priced(rows: impl IntoIterator<Item = (u32, &'static str)>) -> String {
    let header = "name,year,duration_minutes,imdb,votes,price\n".to_owned();
    rows.into_iter().fold(header, |text, (n, price)| text + &format!("Movie {n},2000,90,7.5,10,{price}\n"))
}

#[test]
fn a_dry_run_reports_what_an_import_does_including_repeated_rows() {
    let folder = Folder::new();
    folder.write("movies.csv", priced((0..1_500).map(|row| (row % 1_200, "9.99"))));
    let told = "1500 rows: 1200 added, 0 updated, 300 unchanged, 0 rejected";
    let dry = folder.run("movies import movies.csv --dry-run").exits(0).out();
    assert_eq!(dry, format!("{told}; dry run: nothing was stored\n"));
    assert_eq!(folder.run("movies import movies.csv").exits(0).out(), format!("{told}\n"));
}

#[test]
fn of_several_rows_about_a_movie_the_last_is_imported_and_the_next_import_changes_nothing() {
    let folder = Folder::new();
    let between = (1..1_500).map(|row| (row, "5.00"));
    let rows = [(0, "1.00"), (0, "2.00")].into_iter().chain(between).chain([(0, "3.00")]);
    let text = priced(rows);
    folder.write("movies.csv", &text);
    let first = folder.run("movies import movies.csv").exits(0).out();
    assert_eq!(first, "1502 rows: 1500 added, 0 updated, 2 unchanged, 0 rejected\n");
    let exported = folder.run("movies export").exits(0).out();
    let movie = exported.lines().find(|line| line.contains("\"Movie 0\"")).unwrap();
    assert!(movie.contains("\"amount\":\"3.00\""), "{movie}");
    let again = "1502 rows: 0 added, 0 updated, 1502 unchanged, 0 rejected\n";
    assert_eq!(folder.run_with("movies import -", &text).exits(0).out(), again);
}

#[test]
fn bad_rows_are_reported_and_written_in_the_order_of_the_file() {
    let folder = Folder::new();
    let rows = [
        "A,1999,90,11,10,1",
        "B,PG,90,7,10,1",
        "C,1999,0,7,10,1",
        "D,1999,90,7,10,1",
        "E,1999,90",
        "F,1999,90,7,-1,1",
    ];
    let header = "name,year,duration_minutes,imdb,votes,price";
    folder.write("movies.csv", format!("{header}\r{}\r", rows.join("\r")));
    let done = folder.run("movies import movies.csv --rejects rejects.csv").exits(3);
    let lines: Vec<String> =
        done.err().lines().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(lines, ["line 2 (A)", "line 3 (B)", "line 4 (C)", "line 6 (E)", "line 7 (F)"]);
    let kept = fs::read_to_string(folder.path().join("rejects.csv")).unwrap();
    let kept: Vec<&str> = kept.lines().collect();
    assert_eq!(kept, [header, rows[0], rows[1], rows[2], rows[4], rows[5]]);
}

#[test]
fn a_poster_that_is_not_a_web_address_is_refused() {
    let folder = Folder::new();
    let line = |name: &str, poster: &str| {
        format!(
            "{{\"name\":\"{name}\",\"year\":2000,\"duration_minutes\":90,\"imdb\":7,\"votes\":1,\"poster_url\":\"{poster}\"}}\n"
        )
    };
    let text = line("A", "javascript:alert(1)") + &line("B", "https://posters.example/b.jpg");
    let done = folder.run_with("movies import - --default-price 1", &text).exits(3);
    let said =
        "line 1 (A): poster_url: is not an absolute http or https address of 2,000 characters at most\n";
    assert_eq!(done.err(), said);
    let exported = folder.run("movies export").exits(0).out();
    assert!(exported.contains("https://posters.example/b.jpg") && !exported.contains("javascript"));
}

/// Exports the movies, and returns the only exported movie as JSON.
fn only_movie(folder: &Folder) -> serde_json::Value {
    let exported = folder.run("movies export").exits(0).out();
    assert_eq!(exported.lines().count(), 1, "{exported}");
    serde_json::from_str(&exported).unwrap()
}

const FULL: &str = "name,year,duration_minutes,imdb,votes,price,certification,genres,directors,stars,description,gross\n\
    One,2001,100,7,1,1.00,PG,Drama,Ann,Bob,A text.,5\n";

#[test]
fn fields_without_a_column_keep_their_values_and_empty_cells_do_not() {
    let folder = Folder::new();
    folder.write("full.csv", FULL);
    folder.run("movies import full.csv").exits(0);
    let before = only_movie(&folder);

    // The columns given by `--columns` are used in addition to the columns whose headers are names of fields.
    let same = "name=name,year=year,duration_minutes=duration_minutes,imdb=imdb,votes=votes,price=price";
    let again = folder.run(&format!("movies import full.csv --columns {same}")).exits(0);
    assert_eq!(
        (again.out().as_str(), again.err()),
        ("1 rows: 0 added, 0 updated, 1 unchanged, 0 rejected\n", String::new())
    );

    folder.write("votes.csv", "Rank,name,year,duration_minutes,imdb,votes,Colour\n1,One,2001,100,7,2,red\n");
    let votes = folder.run("movies import votes.csv --default-price 5").exits(0);
    assert_eq!(votes.out(), "1 rows: 0 added, 1 updated, 0 unchanged, 0 rejected\n");
    assert_eq!(votes.err(), "votes.csv: ignored columns: Rank, Colour\n");
    let mut expected = before;
    expected["votes"] = 2.into();
    assert_eq!(only_movie(&folder), expected);

    folder.write(
        "empty.csv",
        "name,year,duration_minutes,imdb,votes,price,genres,gross\nOne,2001,100,7,2,1.00,,\n",
    );
    folder.run("movies import empty.csv").exits(0);
    expected["genres"] = serde_json::json!([]);
    expected["gross"] = serde_json::Value::Null;
    assert_eq!(only_movie(&folder), expected);

    let json = r#"[{"name":"One","year":2001,"duration_minutes":100,"imdb":7,"votes":2,"stars":null}]"#;
    folder.run_with("movies import - --default-price 5", json).exits(0);
    expected["stars"] = serde_json::json!([]);
    assert_eq!(only_movie(&folder), expected);
}

#[test]
fn a_file_that_ends_inside_a_quote_imports_nothing() {
    let folder = Folder::new();
    let rows = "name,year,duration_minutes,imdb,votes,price,genres\nZero,2001,100,7,1,1.00,Drama\n\
        One,2001,100,7,1,1.00,\"Drama\nTwo,2001,100,7,1,1.00,Drama\n";
    folder.write("cut.csv", rows);
    folder.run("movies import cut.csv").exits(1).says("the quote that opens in line 3 is not closed");
    folder.write("cut.json", "[\n{\"name\": \"One\",");
    folder.run("movies import cut.json --default-price 1").exits(1).says("begins in line 2");
    assert_eq!(folder.run("movies export").exits(0).out(), "");
}

#[test]
fn files_of_spreadsheets_and_json_arrays_are_imported() {
    let german = "Titel;year;duration_minutes;imdb;votes;price;genres\r\n\
        Amélie;2001;122 min;8,3;703.810;12,99;\"Komödie, Romanze\"\r\n";
    let utf_16: Vec<u8> = format!("\u{feff}{german}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin_1: Vec<u8> = german.chars().map(|character| u8::try_from(character).unwrap()).collect();
    let array = r#"[ { "Titel": "Amélie", "year": 2001, "duration_minutes": 122, "imdb": 8.3, "votes": 703810,
        "price": "12.99", "genres": ["Komödie", "Romanze"] } ]"#;
    let mut exports = Vec::new();
    for (name, contents, said) in [
        ("utf-16.csv", utf_16, "read as CSV with \";\" between the cells, in UTF-16LE"),
        ("latin-1.csv", latin_1, "read as CSV with \";\" between the cells, in windows-1252"),
        (
            "tabs.csv",
            german
                .replace(';', "\t")
                .replace("8,3", "8.3")
                .replace("703.810", "703810")
                .replace("12,99", "12.99")
                .into_bytes(),
            "read as CSV with tabs between the cells, in UTF-8",
        ),
        ("array.json", array.as_bytes().to_vec(), "read as a JSON array, in UTF-8"),
    ] {
        let folder = Folder::new();
        folder.write(name, contents);
        let done = folder.run(&format!("movies import {name} --columns name=Titel")).exits(0);
        assert_eq!(done.err(), format!("{name}: {said}\n"));
        assert_eq!(done.out(), "1 rows: 1 added, 0 updated, 0 unchanged, 0 rejected\n");
        exports.push(folder.run("movies export").exits(0).out());
    }
    assert!(exports[0].contains("\"Amélie\"") && exports[0].contains("\"12.99\""), "{}", exports[0]);
    assert!(exports.iter().all(|export| *export == exports[0]), "{exports:?}");
}

#[test]
fn files_that_cannot_be_read_are_refused_with_advice() {
    let folder = Folder::new();
    folder.write("carets.csv", "name^year^duration_minutes^imdb^votes\n");
    folder.run("movies import carets.csv --default-price 1").exits(2).says("with --delimiter");
    folder.write("book.csv", "PK\x03\x04");
    folder.run("movies import book.csv").exits(1).says("save the sheet as CSV");
    folder.write("array.json", "[]");
    folder.run("movies import array.json --delimiter ;").exits(2).says("leave --delimiter out");
    folder.run("movies import array.json --encoding latin-9000").exits(2).says("no known character encoding");
}

#[test]
fn all_faults_of_a_row_are_reported_in_one_line() {
    let folder = Folder::new();
    folder
        .write("movies.csv", "name,year,duration_minutes,imdb,votes,price\n\"A\x1b[2J\nB\",PG,0,eight,1,1\n");
    let done = folder.run("movies import movies.csv").exits(1);
    let said = done.err();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with(
            "line 2 (A [2J B): year: \"PG\" is not a whole number; imdb: \"eight\" is not a number; "
        ),
        "{said}"
    );
    assert!(said.contains("; duration_minutes: is less than 1"), "{said}");
}

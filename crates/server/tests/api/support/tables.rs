//! Reads the tables of a database directly, and runs statements on an SQLite file.

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query,
    sql_types::Text,
};
use tokio_postgres::NoTls;

/// A value in a table, as text.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) text: String,
}

/// Returns every value that is not null in the tables whose names match the `LIKE` pattern `table`; `%` matches all
/// tables. Bytes are converted to text. Returns `None` if the database cannot be read.
pub(crate) async fn texts(url: &str, table: &str) -> Option<Vec<Cell>> {
    let table = table.to_owned();
    if let Some(path) = url.strip_prefix("sqlite://") {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || of_file(&path, &table)).await.expect("the file is read")
    } else {
        of_server(url, &table).await.ok()
    }
}

/// Runs statements on an SQLite file.
pub(crate) async fn execute(url: &str, statements: &str) {
    let path = url.strip_prefix("sqlite://").expect("a file").to_owned();
    let statements = format!("PRAGMA busy_timeout = 5000; {statements}");
    let run = move || SqliteConnection::establish(&path).unwrap().batch_execute(&statements).unwrap();
    tokio::task::spawn_blocking(run).await.expect("the statements run");
}

/// A row of two texts. Each query below defines their meaning.
#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = Text)]
    one: String,
    #[diesel(sql_type = Text)]
    other: String,
}

fn of_file(path: &str, table: &str) -> Option<Vec<Cell>> {
    let mut connection = SqliteConnection::establish(path).ok()?;
    let columns: Vec<Pair> = sql_query(
        "SELECT t.name AS one, c.name AS other FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name LIKE ?",
    )
    .bind::<Text, _>(table)
    .load(&mut connection)
    .ok()?;
    let mut cells = Vec::new();
    for Pair { one: table, other: column } in columns {
        let values: Vec<Pair> = sql_query(format!(
            "SELECT typeof(\"{column}\") AS one, CASE typeof(\"{column}\") WHEN 'blob' THEN hex(\"{column}\") \
             ELSE CAST(\"{column}\" AS TEXT) END AS other FROM \"{table}\" WHERE \"{column}\" IS NOT NULL",
        ))
        .load(&mut connection)
        .ok()?;
        cells.extend(values.into_iter().map(|value| {
            let text = if value.one == "blob" { text_of(&value.other) } else { value.other };
            Cell { table: table.clone(), column: column.clone(), text }
        }));
    }
    Some(cells)
}

/// Converts hexadecimal bytes to text. Bytes that are not UTF-8 are replaced.
fn text_of(hex: &str) -> String {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    let bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).expect("a byte")).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn of_server(url: &str, table: &str) -> Result<Vec<Cell>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    let columns = client
        .query(
            "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name LIKE $1",
            &[&table],
        )
        .await?;
    let mut cells = Vec::new();
    for row in columns {
        let (table, column, kind): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let value = if kind == "bytea" {
            format!("encode(\"{column}\", 'escape')")
        } else {
            format!("\"{column}\"::text")
        };
        let values = client
            .query(&format!("SELECT {value} FROM \"{table}\" WHERE \"{column}\" IS NOT NULL"), &[])
            .await?;
        cells.extend(values.iter().map(|value| Cell {
            table: table.clone(),
            column: column.clone(),
            text: value.get(0),
        }));
    }
    Ok(cells)
}

//! Checks files of movies: `cargo run -p movie-files --example check -- FILE…`.
#![expect(clippy::print_stdout, reason = "a command prints its results")]

use std::{env, error::Error, fs::File, path::Path};

use movie_files::{FileKind, MovieFile, ReadOptions, printable};

fn main() -> Result<(), Box<dyn Error>> {
    for path in env::args_os().skip(1) {
        let path = Path::new(&path);
        let mut options = ReadOptions::new("USD".parse()?);
        options.kind = FileKind::of_path(path);
        let mut file = MovieFile::read(File::open(path)?, options)?;
        let (mut good, mut bad) = (0_u64, 0_u64);
        for row in file.by_ref() {
            let row = row?;
            match row.facts {
                Ok(_) => good = good.saturating_add(1),
                Err(faults) => {
                    bad = bad.saturating_add(1);
                    let name = row.name.as_deref().unwrap_or("no name");
                    println!("line {} ({}): {faults}", row.line, printable(name, 40));
                }
            }
        }
        let findings = file.findings();
        println!("{}: {good} good and {bad} bad rows", path.display());
        println!("{}, {}, ignored columns: {:?}", findings.format, findings.encoding, findings.ignored);
    }
    Ok(())
}

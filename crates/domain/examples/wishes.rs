//! Groups the movies of a wish list into one basket for each person, computes the totals of the baskets, and reports
//! the wishes that cannot be fulfilled.
//!
//! Reads CSV with the columns `email`, `movie`, `price` and `on_sale` from the file that the first argument names, or
//! from standard input:
//!
//! ```sh
//! cargo run -p domain --example wishes -- crates/domain/examples/wishes.csv
//! ```
#![expect(clippy::print_stdout, reason = "printing is the purpose of the tool")]

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt::Write,
    fs::File,
    io::{Read, stdin},
};

use domain::{
    accounts::EmailAddress,
    cart::CartAddition,
    catalog::Offer,
    money::{Currency, Money},
    text::fold,
};

/// The movies that one person wishes for.
struct Basket {
    email: EmailAddress,
    /// The titles after [`fold`], so that no movie is added twice.
    titles: BTreeSet<String>,
    prices: Vec<Money>,
}

/// Returns one line for each basket, sorted by email address, followed by one line for each refused wish.
///
/// # Errors
/// When the source cannot be read as CSV, or a total is too large.
pub fn report(source: impl Read, currency: Currency) -> Result<String, Box<dyn Error>> {
    let mut baskets: BTreeMap<String, Basket> = BTreeMap::new();
    let mut refusals = String::new();
    let mut rows = csv::Reader::from_reader(source);
    for row in rows.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        if let Err(reason) = add(&mut baskets, &row, currency) {
            writeln!(refusals, "line {line}: {reason}")?;
        }
    }
    let mut report = String::new();
    for Basket { email, prices, .. } in baskets.values() {
        let total = Money::total(currency, prices.iter().copied())?;
        writeln!(report, "{}: {} movies, {total}", email.as_str(), prices.len())?;
    }
    Ok(report + &refusals)
}

fn add(
    baskets: &mut BTreeMap<String, Basket>,
    row: &csv::StringRecord,
    currency: Currency,
) -> Result<(), Box<dyn Error>> {
    let cell = |index: usize, name: &str| row.get(index).ok_or_else(|| format!("{name} is missing"));
    let email: EmailAddress = cell(0, "email")?.parse()?;
    let title = fold(cell(1, "movie")?);
    let price = Money::parse_major(cell(2, "price")?, currency)?;
    let offer = Offer { price, is_available: cell(3, "on_sale")? == "yes" };
    // Addresses that differ only in case belong to one person.
    let basket = baskets.entry(email.key().to_owned()).or_insert_with(|| Basket {
        email,
        titles: BTreeSet::new(),
        prices: Vec::new(),
    });
    let addition = CartAddition {
        offer: Some(offer),
        is_purchased: false,
        is_in_cart: basket.titles.contains(&title),
        item_count: basket.prices.len(),
    };
    addition.check(currency)?;
    basket.titles.insert(title);
    basket.prices.push(price);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let source: Box<dyn Read> = match std::env::args_os().nth(1) {
        Some(path) => Box::new(File::open(path)?),
        None => Box::new(stdin()),
    };
    print!("{}", report(source, Currency::USD)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_lists_baskets_and_refusals() {
        let wishes = include_bytes!("wishes.csv");
        assert_eq!(
            report(&wishes[..], Currency::USD).unwrap(),
            "ann@example.com: 2 movies, 19.98 USD\n\
             Bob@example.com: 1 movies, 5.00 USD\n\
             line 4: the movie is already in the cart\n\
             line 5: the movie is no longer on sale\n\
             line 7: not an email address; write it like ann@example.com\n\
             line 8: more decimal digits than the currency has (2)\n"
        );
    }
}

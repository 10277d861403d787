//! Runs a fake Stripe as a separate process, for the drills (tests with simulated failures) in `scripts/drills`:
//! `test-stripe ADDRESS [WEBHOOK_URL SECRET[,SECRET]]`.

use std::{error::Error, io, thread, time::Duration};

use test_stripe::FakeStripe;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "test-stripe ADDRESS [WEBHOOK_URL SECRET[,SECRET]]";
    let (address, webhook) = match arguments.as_slice() {
        [address] => (address, None),
        [address, url, secrets] => (address, Some((url, secrets))),
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, usage).into()),
    };
    let stripe = FakeStripe::start_at(address)?;
    if let Some((url, secrets)) = webhook {
        stripe.deliver_to(url, &secrets.split(',').map(str::trim).collect::<Vec<_>>())?;
    }
    loop {
        thread::sleep(Duration::from_hours(1));
    }
}

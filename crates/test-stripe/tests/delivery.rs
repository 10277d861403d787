//! Tests of the delivery of events, with and without simulated faults.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use test_stripe::{Delivery, FakeStripe};

/// The maximum time for the delivery of all events.
const LIMIT: Duration = Duration::from_secs(20);

/// Starts a server that receives webhooks. Returns its address, and a channel with the text of the accepted requests.
/// The first `refused` requests are answered with 500 and are not in the channel.
fn shop(refused: usize) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            let mut chunk = [0; 4096];
            while !request.ends_with('}') {
                let count = stream.read(&mut chunk).unwrap();
                request.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
            }
            let status = if number < refused { 500 } else { 200 };
            write!(stream, "HTTP/1.1 {status} .\r\ncontent-length: 0\r\n\r\n").unwrap();
            if status == 200 && sender.send(request).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

fn send_events(stripe: &FakeStripe, count: usize) {
    for number in 0..count {
        let id = format!("evt_{number:03}");
        stripe.send_event(&id, "test", format!("{{\"id\":\"{id}\"}}").parse().unwrap());
    }
    assert!(stripe.drain(LIMIT), "events are still being delivered");
}

fn ids(arrived: &Receiver<String>) -> Vec<String> {
    let id = |request: String| request.split("\"id\":\"").nth(1).unwrap()[..7].to_owned();
    arrived.try_iter().map(id).collect()
}

#[test]
fn events_are_sent_once_in_order_and_signed_with_every_secret() {
    let stripe = FakeStripe::start().unwrap();
    let (url, arrived) = shop(0);
    stripe.deliver_to(&url, &["one", "two"]).unwrap();
    send_events(&stripe, 20);
    let requests: Vec<_> = arrived.try_iter().collect();
    let head = requests[0].split("\r\n\r\n").next().unwrap();
    assert_eq!(head.matches("v1=").count(), 2, "{head}");
    let order: Vec<_> = requests.iter().map(|it| it.split("evt_").nth(1).unwrap()[..3].to_owned()).collect();
    assert_eq!(order, (0..20).map(|number| format!("{number:03}")).collect::<Vec<_>>());
}

#[test]
fn events_can_be_duplicated_dropped_and_reordered() {
    let stripe = FakeStripe::start().unwrap();
    let (url, arrived) = shop(0);
    stripe.deliver_to(&url, &["one"]).unwrap();
    stripe.set_delivery(Delivery { duplicated: 100, ..Delivery::RELIABLE });
    send_events(&stripe, 5);
    assert_eq!(ids(&arrived).len(), 10);
    stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    send_events(&stripe, 5);
    assert_eq!(ids(&arrived), Vec::<String>::new());
    stripe.set_delivery(Delivery { longest_delay_ms: 300, ..Delivery::RELIABLE });
    send_events(&stripe, 30);
    let reordered = ids(&arrived);
    assert_eq!(reordered.iter().collect::<BTreeSet<_>>().len(), 30);
    assert!(!reordered.is_sorted(), "{reordered:?}");
}

#[test]
fn a_refused_event_is_sent_again() {
    let stripe = FakeStripe::start().unwrap();
    let (url, arrived) = shop(1);
    stripe.deliver_to(&url, &["one"]).unwrap();
    send_events(&stripe, 1);
    assert_eq!(ids(&arrived), ["evt_000"]);
}

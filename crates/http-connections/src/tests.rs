//! Tests of [`TimedStream`]. Each test itself is the client at the other end of the connection. The expected durations
//! follow from the default [`Timeouts`], in seconds: 5 for a head, 5 until the next request, 30 for the next bytes of a
//! body, 5 for the rest of an unread body, and 60 for the client to read.

use std::{
    future::{Future, poll_fn},
    io::ErrorKind,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use futures_util::{future::join3, poll};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    time::Instant,
};

use crate::{AnswerMemory, RequestBody, TimedStream, Timeouts};

/// The size of the buffer between server and client. When it is full, the server must wait for the client.
const BUFFER: usize = 1024;

/// The time between the timeout of a head, or of an idle connection, and the end of the stream.
const MARGIN: Duration = Duration::from_secs(1);

fn connect() -> (TimedStream<DuplexStream>, DuplexStream) {
    connect_with(AnswerMemory::new(usize::MAX, usize::MAX))
}

fn connect_with(memory: AnswerMemory) -> (TimedStream<DuplexStream>, DuplexStream) {
    let (client, server) = duplex(BUFFER);
    (TimedStream::new(server, Timeouts::default(), memory, None), client)
}

/// What the server reads next; empty at the end of the stream.
async fn read(stream: &mut TimedStream<DuplexStream>) -> String {
    let mut bytes = vec![0; 4096];
    let count = stream.read(&mut bytes).await.unwrap();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

/// Checks that the server can read nothing now.
async fn assert_reads_nothing(stream: &mut TimedStream<DuplexStream>) {
    assert!(poll!(pin!(read(stream))).is_pending());
}

/// The output of the future, and how long it took, in whole seconds.
async fn timed<T>(future: impl Future<Output = T>) -> (T, u64) {
    let begun = Instant::now();
    let value = future.await;
    (value, begun.elapsed().as_secs())
}

const HEAD: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// A connection whose first request was answered.
async fn answered() -> (TimedStream<DuplexStream>, DuplexStream) {
    let (mut stream, mut client) = connect();
    client.write_all(HEAD.as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await, HEAD);
    drop(stream.connection().begin(RequestBody::None));
    (stream, client)
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_first_head_begins_with_the_connection() {
    let (mut stream, mut client) = connect();
    tokio::time::advance(Duration::from_secs(4)).await;
    client.write_all(b"GET").await.unwrap();
    assert_eq!(read(&mut stream).await, "GET");
    let (end, seconds) = timed(read(&mut stream)).await;
    assert_eq!((end.as_str(), seconds), ("", 2));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_later_head_begins_with_its_first_byte() {
    let (mut stream, mut client) = answered().await;
    tokio::time::advance(Duration::from_secs(4)).await;
    client.write_all(b"G").await.unwrap();
    assert_eq!(read(&mut stream).await, "G");
    let slowly = async {
        for byte in b"ET / HTTP/1.1" {
            client.write_all(&[*byte]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let until_end = async {
        let mut text = String::new();
        loop {
            let part = read(&mut stream).await;
            if part.is_empty() {
                return text;
            }
            text.push_str(&part);
        }
    };
    let ((), (text, seconds)) = tokio::join!(slowly, timed(until_end));
    assert_eq!((text.as_str(), seconds), ("ET / H", 6));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_open_for_some_time_after_an_answer() {
    let (mut stream, _client) = answered().await;
    let (end, seconds) = timed(read(&mut stream)).await;
    assert_eq!((end.as_str(), seconds), ("", (Timeouts::default().idle + MARGIN).as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_not_decoded_ends_the_connection() {
    let (mut stream, mut client) = connect();
    client.write_all(HEAD.as_bytes()).await.unwrap();
    client.write_all(b"more").await.unwrap();
    assert_eq!(read(&mut stream).await, HEAD);
    assert_eq!(timed(read(&mut stream)).await, (String::new(), 6));
}

#[tokio::test(start_paused = true)]
async fn the_time_for_creating_an_answer_is_not_limited() {
    let (mut stream, mut client) = connect();
    client.write_all(HEAD.as_bytes()).await.unwrap();
    read(&mut stream).await;
    let exchange = stream.connection().begin(RequestBody::None);
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_reads_nothing(&mut stream).await;
    }
    drop(exchange);
    client.write_all(HEAD.as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await, HEAD);
}

#[tokio::test(start_paused = true)]
async fn the_next_request_is_passed_on_only_when_the_answer_is_complete() {
    let (mut stream, mut client) = connect();
    let second = "POST /2 HTTP/1.1\r\ncontent-length: 3\r\n\r\n";
    client.write_all(format!("{HEAD}{second}abc{HEAD}").as_bytes()).await.unwrap();
    for (head, body, kind) in [
        (HEAD, "", RequestBody::None),
        (second, "abc", RequestBody::Length(3)),
        (HEAD, "", RequestBody::None),
    ] {
        assert_eq!(read(&mut stream).await, head);
        assert_reads_nothing(&mut stream).await;
        let exchange = stream.connection().begin(kind);
        if !body.is_empty() {
            assert_eq!(read(&mut stream).await, body);
        }
        assert_reads_nothing(&mut stream).await;
        drop(exchange);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_were_sent_before_the_client_closed_its_side_are_passed_on() {
    let (mut stream, mut client) = connect();
    client.write_all(HEAD.repeat(3).as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    for _ in 0..3 {
        assert_eq!(read(&mut stream).await, HEAD);
        drop(stream.connection().begin(RequestBody::None));
    }
    assert_eq!(read(&mut stream).await, "");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_answer_wakes_the_reader_of_the_next_request() {
    let (mut stream, mut client) = connect();
    client.write_all(format!("{HEAD}{HEAD}").as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await, HEAD);
    let exchange = stream.connection().begin(RequestBody::None);
    let answer = async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(exchange);
    };
    let ((), (next, seconds)) = tokio::join!(answer, timed(read(&mut stream)));
    assert_eq!((next.as_str(), seconds), (HEAD, 60));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_disconnects_is_detected_while_it_is_answered() {
    let (mut stream, mut client) = connect();
    client.write_all(HEAD.as_bytes()).await.unwrap();
    read(&mut stream).await;
    let _exchange = stream.connection().begin(RequestBody::None);
    drop(client);
    assert_eq!(timed(read(&mut stream)).await, (String::new(), 0));
}

#[tokio::test(start_paused = true)]
async fn only_little_data_of_early_requests_is_buffered() {
    let (mut stream, mut client) = connect();
    client.write_all(HEAD.as_bytes()).await.unwrap();
    read(&mut stream).await;
    let _exchange = stream.connection().begin(RequestBody::None);
    let flood = async {
        let mut sent = 0;
        loop {
            client.write_all(&[b'x'; 100]).await.unwrap();
            sent += 100;
            assert!(sent < 8 * BUFFER, "the client must wait for the server");
        }
    };
    let mut flood = pin!(flood);
    for _ in 0..100 {
        assert!(poll!(flood.as_mut()).is_pending());
        assert_reads_nothing(&mut stream).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_ends_the_stream_even_if_the_handler_does_not_read_it() {
    let (mut stream, mut client) = connect();
    client.write_all(HEAD.as_bytes()).await.unwrap();
    read(&mut stream).await;
    let _exchange = stream.connection().begin(RequestBody::Length(100));
    client.write_all(b"abc").await.unwrap();
    assert_eq!(read(&mut stream).await, "abc");
    assert_eq!(timed(read(&mut stream)).await, (String::new(), 30));
}

#[tokio::test(start_paused = true)]
async fn the_time_for_an_unread_body_is_short_after_the_answer() {
    let (mut stream, mut client) = connect();
    client.write_all(HEAD.as_bytes()).await.unwrap();
    read(&mut stream).await;
    drop(stream.connection().begin(RequestBody::Chunked));
    let trickle = async {
        for _ in 0..60 {
            // The server may no longer read, so the result of writing does not matter.
            drop(client.write_all(b"1\r\na\r\n").await);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let until_end = async { while !read(&mut stream).await.is_empty() {} };
    let ((), ((), seconds)) = tokio::join!(trickle, timed(until_end));
    assert_eq!(seconds, 5);
}

#[tokio::test(start_paused = true)]
async fn the_next_request_is_read_after_an_unread_body() {
    let (mut stream, mut client) = connect();
    client.write_all(format!("{HEAD}1\r\na\r\n").as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await, HEAD);
    drop(stream.connection().begin(RequestBody::Chunked));
    assert_eq!(read(&mut stream).await, "1\r\na\r\n");
    client.write_all(format!("0\r\n\r\n{HEAD}").as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await, "0\r\n\r\n");
    assert_eq!(read(&mut stream).await, HEAD);
}

#[tokio::test(start_paused = true)]
async fn writing_to_a_client_that_reads_nothing_times_out() {
    let (mut stream, _client) = connect();
    let (written, seconds) = timed(stream.write_all(&[7; 4 * BUFFER])).await;
    assert_eq!((written.unwrap_err().kind(), seconds), (ErrorKind::TimedOut, 60));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_reading_is_served_to_the_end() {
    let (mut stream, mut client) = connect();
    // The client reads at twice the minimum rate, for more than ten minutes.
    let total = 3_000 * BUFFER;
    let reading = async {
        let mut bytes = [0; BUFFER];
        let mut left = total;
        while left > 0 {
            tokio::time::sleep(Duration::from_millis(250)).await;
            left -= client.read(&mut bytes).await.unwrap();
        }
    };
    let bytes = vec![7; total];
    let ((), (written, seconds)) = tokio::join!(reading, timed(stream.write_all(&bytes)));
    written.unwrap();
    assert!(seconds > 600, "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn the_time_to_read_is_short_while_memory_is_tight() {
    let memory = AnswerMemory::new(100, 1_000);
    let (mut small, _client) = connect_with(memory.clone());
    let (mut large, mut client) = connect_with(memory.clone());
    client.write_all(HEAD.as_bytes()).await.unwrap();
    read(&mut large).await;
    let mut exchange = large.connection().begin(RequestBody::None);
    assert!(exchange.hold(90));
    let others = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let other = memory.hold(90);
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(other);
    };
    let body = [7; 4 * BUFFER];
    // Memory becomes tight after 3 s. The large answer checks every 2 s, so it detects the shortage 4 s after it began
    // to wait.
    let (small, large, ()) =
        join3(timed(small.write_all(&body)), timed(large.write_all(&body)), others).await;
    assert_eq!((large.0.unwrap_err().kind(), large.1), (ErrorKind::TimedOut, 4));
    assert_eq!((small.0.unwrap_err().kind(), small.1), (ErrorKind::TimedOut, 60));
    drop(exchange);
    assert!(memory.has_room_for(1_000));
}

#[tokio::test(start_paused = true)]
async fn an_answer_above_the_memory_limit_is_not_counted() {
    let memory = AnswerMemory::new(100, 1_000);
    let (stream, _client) = connect_with(memory.clone());
    let mut exchange = stream.connection().begin(RequestBody::None);
    assert!(!exchange.hold(1_001));
    assert!(memory.has_room_for(1_000));
    assert!(exchange.hold(1_000));
    assert!(!memory.has_room_for(1));
}

#[tokio::test]
async fn a_large_body_is_passed_on_in_parts_with_pauses() {
    let (mut client, server) = duplex(64 * 1024);
    let memory = AnswerMemory::new(usize::MAX, usize::MAX);
    let mut stream = TimedStream::new(server, Timeouts::default(), memory, None);
    client.write_all(HEAD.as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await, HEAD);
    let _exchange = stream.connection().begin(RequestBody::Length(40_000));
    client.write_all(&vec![7; 40_000]).await.unwrap();
    let mut parts = Vec::new();
    while parts.iter().sum::<usize>() < 40_000 {
        let mut part = 0;
        poll_fn(|cx| {
            loop {
                let mut bytes = [0; 2048];
                let mut buf = ReadBuf::new(&mut bytes);
                match Pin::new(&mut stream).poll_read(cx, &mut buf) {
                    Poll::Ready(read) => read.unwrap(),
                    Poll::Pending => return Poll::Ready(()),
                }
                part += buf.filled().len();
                if buf.filled().is_empty() {
                    return Poll::Ready(());
                }
            }
        })
        .await;
        parts.push(part);
    }
    assert!(parts.iter().all(|part| *part <= 10 * 1024), "{parts:?}");
    assert_eq!(parts.iter().sum::<usize>(), 40_000);
}

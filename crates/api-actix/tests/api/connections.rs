use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use api_actix::Timeouts;

use crate::support::Server;

/// A timeout that is long enough for a request to the server, and short enough for a test to wait for.
const SHORT: Duration = Duration::from_millis(300);

/// The path of a file that is larger than the buffers between the server and a client.
const LARGE: &str = "/docs/swagger-ui-bundle.js";

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Sends these requests at once on one connection, followed by a request that closes the connection. Returns all
/// responses.
fn pipelined(server: &Server, requests: &[&str]) -> String {
    let mut stream = connect(server);
    let text: String = requests
        .iter()
        .map(|request| format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n"))
        .chain(["GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned()])
        .collect();
    stream.write_all(text.as_bytes()).unwrap();
    read_to_end(&mut stream)
}

/// Splits off the first response. Returns its head, its body, and the text after the body. `is_head` says whether it
/// is the response to a HEAD request. Such a response has no body.
fn split(answers: &str, is_head: bool) -> (&str, &str, &str) {
    let (head, rest) = answers.split_once("\r\n\r\n").unwrap();
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let (body, rest) = rest.split_at(if is_head { 0 } else { length.unwrap_or(0) });
    (head, body, rest)
}

#[test]
fn responses_to_pipelined_requests_are_in_order_for_all_methods() {
    let server = Server::start();
    for methods in
        [["HEAD", "GET", "HEAD"], ["GET", "HEAD", "GET"], ["GET", "GET", "GET"], ["HEAD", "HEAD", "GET"]]
    {
        let requests: Vec<_> = methods.iter().map(|method| format!("{method} /health/live")).collect();
        let answers = pipelined(&server, &requests.iter().map(String::as_str).collect::<Vec<_>>());
        let mut rest = answers.as_str();
        for method in methods {
            let (head, body, after) = split(rest, method == "HEAD");
            assert!(head.starts_with("HTTP/1.1 200 OK"), "{methods:?}: {answers}");
            assert_eq!(body, if method == "HEAD" { "" } else { "{\"status\":\"ok\"}" }, "{methods:?}");
            rest = after;
        }
        let (head, body, after) = split(rest, false);
        assert!(head.starts_with("HTTP/1.1 404") && body.contains("not_found"), "{methods:?}: {answers}");
        assert_eq!(after, "", "{methods:?}");
    }
}

#[test]
fn a_request_body_that_no_handler_reads_does_not_affect_the_next_response() {
    let server = Server::start();
    let body = "3\r\nabc\r\n0\r\n\r\n";
    let mut stream = connect(&server);
    let request = format!(
        "GET /health/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}\
         HEAD /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let answers = read_to_end(&mut stream);
    let (head, body, rest) = split(&answers, false);
    assert!(head.starts_with("HTTP/1.1 200") && body == "{\"status\":\"ok\"}", "{answers}");
    assert!(rest.starts_with("HTTP/1.1 200") && rest.ends_with("\r\n\r\n"), "{answers}");
}

fn impatient() -> Server {
    Server::with(|settings| {
        settings.timeouts = Timeouts {
            head: SHORT,
            idle: SHORT,
            body: SHORT,
            unread_body: SHORT,
            write: SHORT,
            ..Timeouts::default()
        };
    })
}

#[test]
fn a_second_request_head_that_stalls_after_one_byte_ends_the_connection() {
    let server = impatient();
    let mut stream = connect(&server);
    let request = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).unwrap();
    stream.write_all(b"G").unwrap();
    assert!(read_to_end(&mut stream).ends_with("{\"status\":\"ok\"}"));
}

#[test]
fn an_incomplete_request_body_that_no_handler_reads_ends_the_connection() {
    let server = impatient();
    let mut stream = connect(&server);
    let head = "GET /health/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert!(read_to_end(&mut stream).ends_with("{\"status\":\"ok\"}"));
}

#[test]
fn a_client_that_does_not_read_its_response_is_disconnected() {
    let server = Server::with(|settings| {
        settings.timeouts = Timeouts { write: SHORT, ..Timeouts::default() };
        settings.max_connections_per_client = 1;
    });
    let mut stream = connect(&server);
    stream.write_all(format!("GET {LARGE} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut part = [0; 1024];
    stream.read_exact(&mut part).unwrap();
    // The client may have only one connection, so the server responds on a new connection only after it has closed the
    // first one.
    while !is_answered(&server) {}
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest);
    assert!(ended.is_err() || rest.len() < 1_000_000, "all {} bytes were received", rest.len());
}

/// Returns whether the server responds on a new connection.
fn is_answered(server: &Server) -> bool {
    let mut stream = connect(server);
    // The server closes a connection above the limit immediately, possibly before the request is sent.
    let request = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    stream.write_all(request).and_then(|()| stream.read_to_end(&mut answer)).is_ok_and(|count| count > 0)
}

#[test]
fn a_client_at_its_limit_may_connect_again_after_closing_a_connection() {
    let server = Server::with(|settings| settings.max_connections_per_client = 2);
    let mut open: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 8]).unwrap();
            stream
        })
        .collect();
    assert!(!is_answered(&server));
    drop(open.pop());
    while !is_answered(&server) {}
}

#[test]
fn trusted_proxies_may_have_any_number_of_connections() {
    let server = Server::with(|settings| {
        settings.max_connections_per_client = 1;
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let open: Vec<_> = (0..5).map(|_| connect(&server)).collect();
    assert!(is_answered(&server));
    drop(open);
}

#[test]
fn static_files_and_the_openapi_document_can_be_sent_compressed() {
    let server = Server::start();
    for path in [LARGE, "/docs/swagger-ui.css", "/openapi.json"] {
        let plain = server.get(path);
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        for (coding, decode) in DECODERS {
            let packed = server.ask("GET", path, &[("Accept-Encoding", coding)], b"");
            assert_eq!(packed.header("content-encoding").as_deref(), Some(coding), "{path}");
            assert!(packed.header("vary").unwrap().to_lowercase().contains("accept-encoding"), "{path}");
            assert!(packed.body.len() * 2 < plain.body.len(), "{coding} of {path}: {}", packed.body.len());
            assert_eq!(decode(&packed.body), plain.body, "{coding} of {path}");
        }
    }
}

type Decoder = fn(&[u8]) -> Vec<u8>;

const DECODERS: [(&str, Decoder); 3] = [
    ("br", |bytes| {
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut &*bytes, &mut plain).unwrap();
        plain
    }),
    ("gzip", |bytes| {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        plain
    }),
    ("zstd", |bytes| zstd::decode_all(bytes).unwrap()),
];

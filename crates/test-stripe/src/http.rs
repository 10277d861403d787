//! The part of HTTP/1.1 that the fake Stripe needs, with blocking sockets.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

/// The size in bytes at which an incomplete head is refused.
const MAX_HEAD: usize = 64 * 1024;
/// The maximum size of a body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The maximum time that a connection waits for bytes.
const IDLE: Duration = Duration::from_secs(30);

/// The parameters of a form or of a query, in the order in which they were sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// Returns all values of a list parameter, whose items have names such as `expand[]` or `expand[0]`.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let prefix = format!("{name}[");
        self.0.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, value)| value.clone()).collect()
    }

    /// Returns the entries of a map parameter, which have names such as `metadata[order_id]`.
    pub(crate) fn map(&self, name: &str) -> Vec<(String, String)> {
        let prefix = format!("{name}[");
        let entry = |(key, value): &(String, String)| {
            let key = key.strip_prefix(&prefix)?.strip_suffix(']')?;
            Some((key.to_owned(), value.clone()))
        };
        self.0.iter().filter_map(entry).collect()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

/// A received request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path of the address, without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the parameters in the query of a `GET` request, or in the body of any other request.
    pub(crate) fn params(&self) -> Params {
        Params::parse(if self.method == "GET" { self.query.as_bytes() } else { &self.body })
    }
}

/// An answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// How the server reacts to a request.
pub(crate) enum Reply {
    Answer(Response),
    /// The connection is closed without an answer.
    HangUp,
}

/// Serves each connection on its own thread. Returns when a client connects after `is_stopped` was set.
pub(crate) fn serve<H>(listener: &TcpListener, is_stopped: &AtomicBool, handler: &Arc<H>)
where
    H: Fn(Request) -> Reply + Send + Sync + 'static,
{
    for stream in listener.incoming() {
        if is_stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let handler = Arc::clone(handler);
        // The error of a broken connection is ignored, because it affects only that client.
        thread::spawn(move || drop(answer(stream, handler.as_ref())));
    }
}

fn answer(mut stream: TcpStream, handler: &impl Fn(Request) -> Reply) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut received)? {
        let Reply::Answer(response) = handler(request) else { return Ok(()) };
        let mut head =
            format!("HTTP/1.1 {} .\r\ncontent-length: {}\r\n", response.status, response.body.len());
        for (name, value) in &response.headers {
            head.extend([*name, ": ", value.as_str(), "\r\n"]);
        }
        stream.write_all(format!("{head}\r\n{}", response.body).as_bytes())?;
    }
    Ok(())
}

/// Appends the next bytes of the stream to the buffer; returns `false` at the end of the stream.
fn read_more(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 16 * 1024];
    let count = stream.read(&mut chunk)?;
    received.extend(chunk.iter().take(count));
    Ok(count > 0)
}

fn read_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let invalid = |message: &'static str| io::Error::new(ErrorKind::InvalidData, message);
    let (mut request, head_len) = loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Request::new(&mut headers);
        match head.parse(received) {
            Ok(httparse::Status::Complete(len)) => break (request_of(&head), len),
            Ok(httparse::Status::Partial) if received.len() < MAX_HEAD => {}
            _ => return Err(invalid("the head of a request cannot be read")),
        }
        if !read_more(stream, received)? {
            return Ok(None);
        }
    };
    let body_len = request.header("content-length").map_or(Ok(0), str::parse::<usize>);
    let body_len = body_len.ok().filter(|len| *len <= MAX_BODY).ok_or(invalid("the body is too long"))?;
    let end = head_len.saturating_add(body_len);
    while received.len() < end {
        if !read_more(stream, received)? {
            return Ok(None);
        }
    }
    let rest = received.split_off(end);
    request.body = received.split_off(head_len);
    *received = rest;
    Ok(Some(request))
}

fn request_of(head: &httparse::Request<'_, '_>) -> Request {
    let target = head.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = head
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()));
    Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    }
}

/// Sends a `POST` request to an `http://` address and returns the status of the answer.
pub(crate) fn post(address: &url::Url, headers: &[(&str, &str)], body: &str) -> io::Result<u16> {
    let invalid = |message: &'static str| io::Error::new(ErrorKind::InvalidInput, message);
    let place = address.socket_addrs(|| None)?.first().copied().ok_or(invalid("the address has no host"))?;
    let mut stream = TcpStream::connect_timeout(&place, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut head = format!(
        "POST {} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\ncontent-length: {}\r\n",
        address.path(),
        body.len()
    );
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut received = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut answer = httparse::Response::new(&mut headers);
        match answer.parse(&received) {
            Ok(httparse::Status::Complete(_)) => {
                return answer.code.ok_or(invalid("the answer has no status"));
            }
            Ok(httparse::Status::Partial) if received.len() < MAX_HEAD => {}
            _ => return Err(invalid("the answer cannot be read")),
        }
        if !read_more(&mut stream, &mut received)? {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

//! The S3 server that the cases use.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use adapter_media::{S3Media, S3Settings};

const ADVICE: &str =
    "An S3 server is needed for these tests: run `scripts/setup.sh s3`, or leave them out with SKIP_S3=1.";

/// The number of requests that moto accepts before it checks signatures: three that create a user with an access key
/// and a policy, and one that creates the bucket.
const UNCHECKED: &str = "4";

/// The shell script that runs the server. When the test program ends for any reason, the shell's standard input is
/// closed. `cat` then ends, and the script stops the server.
const WATCHED: &str = "\"$0\" -H 127.0.0.1 -p 0 & server=$!; cat; kill $server";

/// A running moto with a bucket and a user.
pub(crate) struct S3Server {
    process: Mutex<Option<Child>>,
    address: String,
    access_key_id: String,
    secret_access_key: String,
}

static SHARED: OnceLock<S3Server> = OnceLock::new();

#[expect(clippy::disallowed_methods, reason = "tests have no composition root that reads settings")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl S3Server {
    /// Whether the cases that need the server are skipped (`SKIP_S3` is set, not empty, and not 0).
    pub(crate) fn is_skipped() -> bool {
        setting("SKIP_S3").is_some_and(|value| value != "0")
    }

    /// The server that all cases share. It is started by the first call.
    pub(crate) fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start)
    }

    /// Stops the shared server if it was started.
    pub(crate) fn stop_shared() {
        if let Some(mut process) = SHARED.get().and_then(|server| server.process.lock().unwrap().take()) {
            drop(process.stdin.take());
            process.wait().unwrap();
        }
    }

    fn start() -> Self {
        let program = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/s3/bin/moto_server"));
        assert!(program.is_file(), "{ADVICE}");
        let mut process = Command::new("sh")
            .args(["-c", WATCHED])
            .arg(program)
            .env("INITIAL_NO_AUTH_ACTION_COUNT", UNCHECKED)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the shell starts");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("Running on http://").map(|(_, address)| address.trim().to_owned())
            })
            .expect("the server starts");
        // Reads and discards the server's log, because the server would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut server = Self {
            process: Mutex::new(Some(process)),
            address,
            access_key_id: String::new(),
            secret_access_key: String::new(),
        };
        server.iam("Action=CreateUser&UserName=cinema");
        let answer = server.iam("Action=CreateAccessKey&UserName=cinema");
        server.access_key_id = between(&answer, "<AccessKeyId>", "<");
        server.secret_access_key = between(&answer, "<SecretAccessKey>", "<");
        server.iam(
            "Action=PutUserPolicy&UserName=cinema&PolicyName=all&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C\
             %22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D",
        );
        server.ask("PUT /media", "s3", "");
        server
    }

    fn iam(&self, form: &str) -> String {
        self.ask("POST /", "iam", &format!("{form}&Version=2010-05-08"))
    }

    /// Sends one of the first [`UNCHECKED`] requests, whose signatures moto does not check.
    fn ask(&self, what: &str, service: &str, form: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = form.len();
        write!(
            stream,
            "{what} HTTP/1.0\r\nHost: {}\r\nContent-Length: {length}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=setup/20260101/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n{form}",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.lines().next().unwrap().contains(" 200 "), "{answer}");
        answer
    }

    /// The settings for the server's bucket.
    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            bucket: "media".to_owned(),
            endpoint: Some(format!("http://{}", self.address)),
            region: "us-east-1".to_owned(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: None,
        }
    }

    /// A client for the server's bucket.
    pub(crate) fn media(&self) -> S3Media {
        S3Media::new(&self.settings()).unwrap()
    }
}

fn between(text: &str, before: &str, behind: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split(behind).next().unwrap().to_owned()
}

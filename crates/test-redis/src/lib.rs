//! Provides a test with a separate Redis server, which the test may kill and pause.
//!
//! The server is the program `redis-server` of the machine. It stores no data on disk, and is stopped when the test
//! process ends, also when that process is killed. If Redis is not installed, the tests fail and say what to install;
//! `SKIP_REDIS=1` skips them.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its Redis must fail and report the reason"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// The message when Redis is not installed.
const ADVICE: &str = "redis-server is needed for this test and was not found on the PATH. Install it (Debian, Ubuntu: \
    apt-get install redis-server), or leave these tests out with SKIP_REDIS=1.";

/// A shell script that waits for the end of its input, then kills the server and removes the folder. Its input ends
/// when the test process drops the [`TestRedis`], or ends in any way.
const WATCHDOG: &str = "trap '' INT TERM HUP; cat >/dev/null; kill -9 \"$(cat \"$1/pid\")\"; rm -rf \"$1\"";

/// A Redis server on a separate port. It is stopped when this value is dropped.
pub struct TestRedis {
    folder: PathBuf,
    port: u16,
    server: Mutex<Child>,
    watchdog: Child,
}

impl TestRedis {
    /// Returns whether tests that need Redis must be skipped, because `SKIP_REDIS` is set to a value other than `0`.
    /// An empty value counts as missing.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "tests have no composition root that reads settings")]
    pub fn is_skipped() -> bool {
        std::env::var("SKIP_REDIS").is_ok_and(|value| !value.is_empty() && value != "0")
    }

    /// Starts a server, and waits until it accepts connections.
    ///
    /// # Panics
    /// When Redis is not installed, or does not start. If it is not installed, the message says what to do.
    #[must_use]
    pub fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("cinema-test-redis-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).expect("make a temporary folder");
        let watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start a shell");
        // Another process may take the free port before the server does, so the start is retried with other ports.
        let started = (0..5).find_map(|_| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("find a free port");
            let port = listener.local_addr().expect("find a free port").port();
            drop(listener);
            Some((port, serve(&folder, port)?))
        });
        let (port, server) = started.expect("redis-server starts");
        Self { folder, port, server: Mutex::new(server), watchdog }
    }

    /// Returns the URL of the server: `redis://…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills the server (`kill -9`), as a crash does. All its data are lost.
    ///
    /// # Panics
    /// When the server does not end.
    pub fn kill(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.kill().expect("the process was started by this test");
        server.wait().expect("the killed server ends");
    }

    /// Starts the server again after [`TestRedis::kill`], at the same address and without data, and waits until it
    /// accepts connections.
    ///
    /// # Panics
    /// When the server does not start.
    pub fn restart(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        *server = serve(&self.folder, self.port).expect("redis-server starts again");
    }

    /// Pauses the server: new connections to it succeed, but it does not answer.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Resumes the server after [`TestRedis::pause`].
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Sends a command and returns the answer in the Redis protocol. The words must not contain spaces.
    ///
    /// # Panics
    /// When the server does not answer.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("connect to Redis");
        // After `QUIT`, Redis closes the connection, which ends the answer.
        stream.write_all(format!("{}\r\nQUIT\r\n", words.join(" ")).as_bytes()).expect("ask Redis");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read from Redis");
        answer.trim_end().trim_end_matches("+OK").trim_end().to_owned()
    }

    fn signal(&self, signal: &str) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let told = Command::new("kill").args([signal, &server.id().to_string()]).status();
        assert!(told.expect("start kill").success(), "kill {signal}");
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        let server = self.server.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Errors are ignored, because a test must not fail when the cleanup fails.
        let _ = server.kill();
        let _ = server.wait();
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Starts the server and waits until it accepts connections; `None` when it ends before that.
fn serve(folder: &PathBuf, port: u16) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"])
        .args(["--port", &port.to_string()])
        .arg("--dir")
        .arg(folder)
        .arg("--pidfile")
        .arg(folder.join("pid"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{ADVICE} ({error})"));
    let mut lines = BufReader::new(child.stdout.take().expect("the output of the server is a pipe")).lines();
    let is_ready =
        lines.by_ref().map_while(Result::ok).any(|line| line.contains("Ready to accept connections"));
    if !is_ready {
        // The output has ended, so the process has ended or will end soon.
        let _ = child.wait();
        return None;
    }
    // The rest of the output is read too, because a full pipe would block the server.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Some(child)
}

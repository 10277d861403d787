//! Provides a test with a separate Redis, which it may kill and pause.
//!
//! The `redis-server` of the machine stores nothing on disk, and is stopped when the test process ends in any way. If
//! it is not installed, the tests fail and say what to install; `SKIP_REDIS=1` skips them.
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

/// Advice when Redis is not installed.
const ADVICE: &str = "redis-server is needed for this test and was not found on the PATH. Install it (Debian, Ubuntu: \
    apt-get install redis-server), or leave these tests out with SKIP_REDIS=1.";

/// Reads its input until it is closed at the end of the test process, and then cleans up.
const WATCHDOG: &str = "trap '' INT TERM HUP; cat >/dev/null; kill -9 \"$(cat \"$1/pid\")\"; rm -rf \"$1\"";

/// A Redis on its own port; it is stopped when this is dropped.
pub struct TestRedis {
    folder: PathBuf,
    port: u16,
    server: Mutex<Child>,
    watchdog: Child,
}

impl TestRedis {
    /// Whether tests that need Redis are skipped: `SKIP_REDIS=1`.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "tests have no composition root that reads settings")]
    pub fn is_skipped() -> bool {
        std::env::var("SKIP_REDIS").is_ok_and(|value| !value.is_empty() && value != "0")
    }

    /// Starts a Redis; returns when it answers.
    ///
    /// # Panics
    /// When Redis is not installed, or does not start; the message has advice.
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
        // Another process may take the free port before the server does.
        let started = (0..5).find_map(|_| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("find a free port");
            let port = listener.local_addr().expect("find a free port").port();
            drop(listener);
            Some((port, serve(&folder, port)?))
        });
        let (port, server) = started.expect("redis-server starts");
        Self { folder, port, server: Mutex::new(server), watchdog }
    }

    /// Its address: `redis://…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it like a crash (`kill -9`), which loses all its data.
    ///
    /// # Panics
    /// When it does not end.
    pub fn kill(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.kill().expect("the process was started by this test");
        server.wait().expect("it ends");
    }

    /// Starts it again after [`TestRedis::kill`], at the same address and without data; returns when it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        *server = serve(&self.folder, self.port).expect("redis-server starts again");
    }

    /// Pauses it: it accepts connections but does not answer.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Resumes it after [`TestRedis::pause`].
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Sends a command, as words without spaces, and returns the answer.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("connect to Redis");
        // It closes the connection after the last answer.
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
        // Cleaning up is best effort: a test must not fail for it.
        let _ = server.kill();
        let _ = server.wait();
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Runs the server; `None` when it ends before it is ready.
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
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let is_ready =
        lines.by_ref().map_while(Result::ok).any(|line| line.contains("Ready to accept connections"));
    if !is_ready {
        // It has ended, or is about to.
        let _ = child.wait();
        return None;
    }
    // A full pipe would block it.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Some(child)
}

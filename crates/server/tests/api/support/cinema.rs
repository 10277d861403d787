//! Runs the `cinema` command as a separate process, which a case may kill.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver},
    },
    thread::JoinHandle,
};

use super::{SECRET, logs};

/// A `cinema` command that has not been started yet.
pub(crate) struct Cinema {
    command: Command,
}

impl Cinema {
    pub(crate) fn new(folder: &Path, database_url: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .env_clear()
            .env("APP_ENV", "test")
            .env("APP_PORT", "0")
            .env("APP_SECRET_KEY", SECRET)
            .env("DATABASE_URL", database_url)
            .env("DATA_DIR", folder)
            .env("RATE_LIMITS", "off")
            .env("RUST_LOG", logs::MOST_VERBOSE)
            .current_dir(folder);
        Self { command }
    }

    /// Adds settings.
    pub(crate) fn with(mut self, settings: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.command.envs(settings);
        self
    }

    /// Runs a command to its end. Returns whether it succeeded, and its standard error.
    pub(crate) fn run(mut self, words: &[&str]) -> (bool, String) {
        let done = self.prepared("exec \"$@\"", words).output().expect("cinema runs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        logs::keep("cinema", &said);
        (done.status.success(), said)
    }

    /// Starts a command.
    pub(crate) fn begin(mut self, words: &[&str]) -> Running {
        Running::watch(self.prepared("exec \"$@\"", words).spawn().expect("cinema runs"))
    }

    /// Starts the server. Returns when it listens.
    pub(crate) fn serve(self) -> Running {
        self.begin(&["serve"]).listening()
    }

    /// Starts the server with a limit on the size of files, which behaves like a full disk. The signal SIGXFSZ is
    /// ignored, so writing beyond the limit fails instead of ending the process.
    pub(crate) fn serve_with_files_up_to(mut self, bytes: u64) -> Running {
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", bytes.div_ceil(512));
        Running::watch(self.prepared(&script, &["serve"]).spawn().expect("cinema runs")).listening()
    }

    /// Prepares a shell that runs `script`, in which `exec "$@"` replaces the shell by the `cinema` command.
    fn prepared(&mut self, script: &str, words: &[&str]) -> &mut Command {
        self.command
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_cinema")])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
    }
}

/// A running process. Dropping this value kills the process.
pub(crate) struct Running {
    child: Child,
    printed: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    /// Receives the URL that the server listens on.
    listens: Receiver<String>,
    url: String,
}

impl Running {
    fn watch(mut child: Child) -> Self {
        let printed = Arc::new(Mutex::new(String::new()));
        let mut output = child.stdout.take().expect("a pipe");
        let kept = Arc::clone(&printed);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0_u8; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        let errors = BufReader::new(child.stderr.take().expect("a pipe"));
        let (says, listens) = mpsc::channel();
        // Standard error is always read to its end, because a full pipe would block the process.
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                logs::keep("cinema", &line);
                if let Some((_, url)) = line.split_once("listening on ") {
                    // Sending fails if nobody waits for the URL.
                    drop(says.send(url.trim().to_owned()));
                }
            }
        });
        Self { child, printed, reader: Some(reader), listens, url: String::new() }
    }

    fn listening(mut self) -> Self {
        self.url = self.listens.recv().expect("the server listens");
        self
    }

    /// Returns the URL of the server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Kills the process immediately (`kill -9`). Returns its standard output.
    pub(crate) fn kill(mut self) -> String {
        self.end();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the output is read");
        }
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&mut self) {
        // Killing an ended process succeeds, so this can be called twice (by `kill` and then by `drop`).
        drop(self.child.kill());
        self.child.wait().expect("the process ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

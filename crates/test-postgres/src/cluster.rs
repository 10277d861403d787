//! Starts a PostgreSQL server whose data are in a temporary folder.

use std::{
    fs::OpenOptions,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::binaries;

/// Settings of the server that make it fast, and avoid work in the background at random times. Data need not survive a
/// crash of the machine, but committed data must survive a crash of the server, because tests simulate such crashes.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_connections=300",
    "shared_buffers=32MB",
    "autovacuum=off",
    "jit=off",
    "listen_addresses=127.0.0.1",
];

/// A shell script that waits for the end of its input, then stops the server and removes the folder. Its input ends
/// when the test process drops the cluster, or ends in any way. If `rm` fails, it is called again, because a server
/// that was starting may have written files in the meantime.
const WATCHDOG: &str = "trap '' INT TERM HUP; cat >/dev/null; \
    \"$1/pg_ctl\" stop -D \"$2/data\" -m immediate -t 10; rm -rf \"$2\" || rm -rf \"$2\"";

/// The user account that PostgreSQL runs under when the tests run as root, because PostgreSQL refuses to run as root.
#[derive(Clone, Copy)]
struct Unprivileged {
    uid: u32,
    gid: u32,
}

/// The certificate and the private key of a server, as PEM.
#[derive(Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) certificate: &'a str,
    pub(crate) key: &'a str,
}

/// A PostgreSQL server with its data. When this value is dropped, the server is stopped and the folder is removed.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    user: Option<Unprivileged>,
    is_encrypted: bool,
    watchdog: Child,
}

impl Cluster {
    /// Creates and starts a server. With an identity, it also accepts encrypted connections.
    pub(crate) fn create(identity: Option<Identity<'_>>) -> Self {
        let programs = binaries::server_folder();
        let user = unprivileged();
        let folder = make_folder(user);
        // The watchdog starts before the server, so that it cleans up whenever the test process ends.
        let watchdog = unprivileged_command(Path::new("/bin/sh"), &folder, user)
            .args(["-c", WATCHDOG, "watchdog"])
            .args([&programs, &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("start a shell");
        let is_encrypted = identity.is_some();
        let mut cluster = Self { programs, folder, port: 0, user, is_encrypted, watchdog };
        cluster.initialize();
        if let Some(Identity { certificate, key }) = identity {
            cluster.keep("server.crt", certificate);
            cluster.keep("server.key", key);
        }
        // Another process may take the free port before the server does, so the start is retried with other ports.
        let started = (0..5).any(|_| {
            cluster.port = free_port();
            cluster.try_start().is_ok()
        });
        if !started {
            cluster.start();
        }
        cluster
    }

    /// Returns the URL of the database `postgres`.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn initialize(&self) {
        let initdb = |provider: &[&str]| {
            let mut command = self.command("initdb");
            command.args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]);
            command.args(["--no-instructions"]).args(provider).arg("-D").arg(self.folder.join("data"));
            self.run(&mut command)
        };
        // As on most servers, the default collation is not the order of bytes. So tests fail if a query wrongly relies
        // on the default collation. The second call is for servers without ICU; there the default collation is the
        // order of bytes.
        if initdb(&["--locale-provider=icu", "--icu-locale=en"]).is_err()
            && let Err(output) = initdb(&[])
        {
            panic!("initdb failed in {}: {output}", self.folder.display());
        }
    }

    /// Writes a file, which only the server can read, into the server's data folder.
    fn keep(&self, name: &str, text: &str) {
        let path = self.folder.join("data").join(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("write a file of the server");
        if let Some(user) = self.user {
            chown(&path, Some(user.uid), Some(user.gid))
                .expect("change the owner of a file to the server's user");
        }
    }

    /// Starts the server and waits until it accepts connections.
    pub(crate) fn start(&self) {
        if let Err(output) = self.try_start() {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            panic!("PostgreSQL does not start: {output}\n{log}");
        }
    }

    fn try_start(&self) -> Result<(), String> {
        let mut options = format!("-p {} -k {}", self.port, self.folder.display());
        for setting in SETTINGS {
            options.push_str(" -c ");
            options.push_str(setting);
        }
        if self.is_encrypted {
            options.push_str(" -c ssl=on");
        }
        let mut command = self.control("start");
        self.run(command.arg("-l").arg(self.folder.join("log")).args(["-o", &options]))
    }

    /// Stops the server immediately, as a crash does.
    pub(crate) fn stop(&self) {
        if let Err(output) = self.run(self.control("stop").args(["-m", "immediate"])) {
            panic!("PostgreSQL does not stop: {output}");
        }
    }

    fn control(&self, what: &str) -> Command {
        let mut command = self.command("pg_ctl");
        command.args([what, "-w", "-t", "60", "-D"]).arg(self.folder.join("data"));
        command
    }

    fn command(&self, program: &str) -> Command {
        unprivileged_command(&self.programs.join(program), &self.folder, self.user)
    }

    /// Runs a command and waits until it ends. If it fails, the error is its output. The output is written to a file
    /// and not to a pipe, because the started server inherits it, and a pipe would stay open while the server runs.
    fn run(&self, command: &mut Command) -> Result<(), String> {
        let path = self.folder.join("output");
        let output = std::fs::File::create(&path).map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let status = command.stdout(output).stderr(errors).status().map_err(|error| error.to_string())?;
        let said = || std::fs::read_to_string(&path).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(said()) }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // Errors are ignored, because a test must not fail when the cleanup fails.
        let _ = self.watchdog.wait();
    }
}

fn unprivileged_command(program: &Path, folder: &Path, user: Option<Unprivileged>) -> Command {
    let mut command = Command::new(program);
    // The user account of the server might have no access to the current folder of this process.
    command.current_dir(folder).env("HOME", folder).env("LC_ALL", "C").stdin(Stdio::null());
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

fn make_folder(user: Option<Unprivileged>) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("cinema-test-postgres-{}", number()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder).expect("make a temporary folder");
    if let Some(user) = user {
        chown(&folder, Some(user.uid), Some(user.gid)).expect("change the owner of the temporary folder");
    }
    folder
}

/// Returns a text that is unique among all running processes and within this process.
fn number() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("find a free port");
    listener.local_addr().expect("find a free port").port()
}

/// Returns the user account that the server must run under; `None` when this process does not run as root.
fn unprivileged() -> Option<Unprivileged> {
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| Some(Unprivileged { uid: id(&["-u", name])?, gid: id(&["-g", name])? }));
    Some(user.expect("PostgreSQL refuses to run as root, and there is no user postgres or nobody"))
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

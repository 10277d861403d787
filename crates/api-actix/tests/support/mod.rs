//! A server on its own socket, with test doubles of all ports, so that no database is needed. Most queries work, but no
//! transaction can be begun, because the test doubles report the store as unavailable.

mod library;
mod ports;

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use api_actix::{ApiSettings, ApiState, DocsAccess, Rules, Timeouts};
use app::{
    accounts::{MailedLinks, OwnData, PasswordGuard, Profiles, SeenSessions, Sessions, SignUp, Users},
    audit::Audit,
    cart::Carts,
    catalog::{Catalog, Posters},
    engagement::Engagement,
    library::Library,
    notifications::{Notifications, Notifier},
    orders::Orders,
    paging::CursorCodec,
    payments::Payments,
    record::Recorder,
};
use chrono::TimeDelta;
use domain::accounts::PasswordPolicy;
use serde_json::Value;

use self::ports::Doubles;
pub(crate) use self::ports::{EXPIRED, PANIC_YEAR, SLOW_YEAR, USER};

/// The response to one request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns the value of a header; `None` if the response does not have the header. Several values are joined with
    /// commas.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Asserts that the response is this problem. Returns its body.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type").as_deref(), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("http://cinema.test/problems/{}", code.replace('_', "-")));
        assert_eq!(Some(body["request_id"].as_str().unwrap()), self.header("x-request-id").as_deref());
        for field in ["title", "detail", "instance"] {
            assert!(body[field].is_string(), "{field} in {body}");
        }
        assert_eq!(body.get("errors").is_some(), code == "validation_failed", "{body}");
        body
    }

    /// Asserts that the response is a problem in the form of an HTML page.
    #[track_caller]
    pub(crate) fn problem_page(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type").as_deref(), Some("text/html; charset=utf-8"), "{self:?}");
        assert!(String::from_utf8_lossy(&self.body).contains("role=\"alert\""), "{self:?}");
    }

    /// Asserts that the response is a 422. Returns its invalid fields with their codes.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let body = self.problem(422, "validation_failed");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        body["errors"].as_array().unwrap().iter().map(|e| (text(&e["field"]), text(&e["code"]))).collect()
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    doubles: Arc<Doubles>,
    handle: actix_web::dev::ServerHandle,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut ApiSettings)) -> Self {
        let mut settings = ApiSettings {
            public_url: "http://cinema.test".into(),
            serve_pages: true,
            cors_origins: vec!["https://shop.test".into()],
            cors_request_headers: vec!["x-client-version".into()],
            trusted_proxies: Vec::new(),
            rate_limits: None,
            docs_access: DocsAccess::Public,
            max_in_flight: 64,
            max_connections_per_client: 64,
            timeouts: Timeouts::default(),
            hot_page_time: Duration::ZERO,
            request_timeout: Duration::from_secs(5),
            workers: 1,
            is_dev: false,
        };
        change(&mut settings);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let doubles = Arc::new(Doubles::default());
        let state = state(runtime.handle().clone(), &doubles);
        let server = {
            let _inside = runtime.enter();
            api_actix::serve(listener, state, settings).unwrap()
        };
        let handle = server.handle();
        runtime.spawn(server);
        Self { address, doubles, handle, runtime }
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], b"")
    }

    pub(crate) fn post(&self, target: &str, body: &str) -> Answer {
        self.ask("POST", target, &[("Content-Type", "application/json")], body.as_bytes())
    }

    /// Sends one request on a new connection and reads the whole response.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: cinema.test\r\nConnection: close\r\n");
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() {
            write!(request, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.send(&bytes)
    }

    /// Waits until this many searches with the minimum year [`SLOW_YEAR`] have begun.
    pub(crate) fn wait_for_slow_searches(&self, count: usize) {
        self.runtime.block_on(self.doubles.begun(count));
    }

    /// Lets one of the waiting slow searches end.
    pub(crate) fn end_slow_search(&self) {
        self.doubles.let_go();
    }

    /// Sends these bytes on a new connection and reads the whole response.
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        self.begin(request).answer()
    }

    /// Sends these bytes on a new connection, without reading the response.
    pub(crate) fn begin(&self, request: &[u8]) -> Begun {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The write may fail, because the server may send its response and close the connection before it has received
        // the whole request.
        let _unsent = stream.write_all(request);
        Begun(stream)
    }

    /// Sends the head of a request that announces a JSON body of this length, and waits until the server asks for the
    /// body (`100 Continue`).
    pub(crate) fn begin_post(&self, target: &str, length: usize) -> Begun {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: cinema.test\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut begun = self.begin(head.as_bytes());
        let mut go_on = [0; 25];
        begun.0.read_exact(&mut go_on).unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"), "{}", String::from_utf8_lossy(&go_on));
        begun
    }
}

/// The connection of a request that was sent completely or in part.
pub(crate) struct Begun(TcpStream);

impl Begun {
    /// Sends the rest of the request and reads the whole response.
    pub(crate) fn rest(mut self, bytes: &[u8]) -> Answer {
        self.0.write_all(bytes).unwrap();
        self.answer()
    }

    /// Reads the whole response.
    pub(crate) fn answer(self) -> Answer {
        let mut stream = self.0;
        let mut bytes = Vec::new();
        let _reset = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| {
            panic!("no head in {:?}", String::from_utf8_lossy(&bytes));
        });
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

#[expect(clippy::too_many_lines, reason = "it lists every use case with its ports")]
fn state(runtime: tokio::runtime::Handle, doubles: &Arc<Doubles>) -> ApiState {
    let recorder =
        Recorder { ids: doubles.clone(), sealer: doubles.clone(), frontend_url: "http://cinema.test".into() };
    let links = MailedLinks { ids: doubles.clone(), tokens: doubles.clone(), recorder: recorder.clone() };
    let passwords = PasswordGuard { hasher: doubles.clone(), guard: doubles.clone() };
    let seen_sessions = SeenSessions::default();
    let cursors = CursorCodec::new(doubles.clone());
    let signup = SignUp {
        store: doubles.clone(),
        credentials: doubles.clone(),
        users: doubles.clone(),
        hasher: doubles.clone(),
        links: links.clone(),
        recorder: recorder.clone(),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        password_policy: PasswordPolicy::Standard,
        reveals_email: true,
    };
    let sessions = Sessions {
        store: doubles.clone(),
        queries: doubles.clone(),
        credentials: doubles.clone(),
        maintenance: doubles.clone(),
        passwords: passwords.clone(),
        tokens: doubles.clone(),
        session_tokens: doubles.clone(),
        links: links.clone(),
        recorder: recorder.clone(),
        seen_sessions: seen_sessions.clone(),
        cursors: cursors.clone(),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        access_ttl: TimeDelta::minutes(15),
        refresh_ttl: TimeDelta::days(7),
        password_policy: PasswordPolicy::Standard,
        reveals_email: true,
    };
    let profiles = Profiles {
        store: doubles.clone(),
        queries: doubles.clone(),
        media: doubles.clone(),
        avatars: doubles.clone(),
        recorder: recorder.clone(),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
    };
    let users = Users {
        store: doubles.clone(),
        queries: doubles.clone(),
        links,
        recorder: recorder.clone(),
        seen_sessions: seen_sessions.clone(),
        cursors: cursors.clone(),
        clock: doubles.clone(),
        backoff: doubles.clone(),
    };
    let own_data = OwnData {
        store: doubles.clone(),
        queries: doubles.clone(),
        credentials: doubles.clone(),
        passwords,
        recorder: recorder.clone(),
        seen_sessions,
        clock: doubles.clone(),
        backoff: doubles.clone(),
    };
    let audit = Audit {
        queries: doubles.clone(),
        cursors: cursors.clone(),
        seals: doubles.clone(),
        maker: doubles.clone(),
        clock: doubles.clone(),
        backoff: doubles.clone(),
    };
    let catalog = Catalog {
        store: doubles.clone(),
        moderation: doubles.clone(),
        queries: doubles.clone(),
        names: doubles.clone(),
        words: doubles.clone(),
        facets: doubles.clone(),
        similar: doubles.clone(),
        cursors,
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        recorder: recorder.clone(),
    };
    let posters = Posters {
        moderation: doubles.clone(),
        store: doubles.clone(),
        queries: doubles.clone(),
        media: doubles.clone(),
        images: doubles.clone(),
        recorder: recorder.clone(),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
    };
    let carts = Carts {
        store: doubles.clone(),
        queries: doubles.clone(),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        currency: "USD".parse().unwrap(),
    };
    let payments = Arc::new(Payments {
        store: doubles.clone(),
        orders: doubles.clone(),
        queries: doubles.clone(),
        refunds: doubles.clone(),
        refund_requests: doubles.clone(),
        disputes: doubles.clone(),
        sales: doubles.clone(),
        checks: doubles.clone(),
        keys: doubles.clone(),
        events: doubles.clone(),
        users: doubles.clone(),
        gateway: doubles.clone(),
        recorder: Recorder {
            ids: doubles.clone(),
            sealer: doubles.clone(),
            frontend_url: "http://cinema.test".into(),
        },
        cursors: CursorCodec::new(doubles.clone()),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        currency: "USD".parse().unwrap(),
    });
    let engagement = Engagement {
        store: doubles.clone(),
        comments: doubles.clone(),
        reports: doubles.clone(),
        popularity: doubles.clone(),
        recorder,
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        notifier: Arc::new(Notifier {
            ids: doubles.clone(),
            sealer: doubles.clone(),
            frontend_url: "http://cinema.test".into(),
            public_url: "http://cinema.test".into(),
        }),
        cursors: CursorCodec::new(doubles.clone()),
    };
    let library = Library {
        store: doubles.clone(),
        queries: doubles.clone(),
        words: doubles.clone(),
        films: doubles.clone(),
        media: doubles.clone(),
        signer: doubles.clone(),
        cursors: CursorCodec::new(doubles.clone()),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        public_url: "http://cinema.test".into(),
    };
    let notifications = Notifications {
        store: doubles.clone(),
        queries: doubles.clone(),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        tokens: doubles.clone(),
        sealer: doubles.clone(),
        cursors: CursorCodec::new(doubles.clone()),
    };
    let orders = Orders {
        store: doubles.clone(),
        queries: doubles.clone(),
        payments: Arc::clone(&payments),
        cursors: CursorCodec::new(doubles.clone()),
        clock: doubles.clone(),
        backoff: doubles.clone(),
        ids: doubles.clone(),
        currency: "USD".parse().unwrap(),
    };
    ApiState {
        runtime,
        ids: doubles.clone(),
        limiter: doubles.clone(),
        rules: Rules {
            passwords: PasswordPolicy::Standard,
            currency: "USD".parse().unwrap(),
            clock: doubles.clone(),
        },
        readiness: doubles.clone(),
        signup: Arc::new(signup),
        sessions: Arc::new(sessions),
        profiles: Arc::new(profiles),
        users: Arc::new(users),
        own_data: Arc::new(own_data),
        audit: Arc::new(audit),
        catalog: Arc::new(catalog),
        posters: Arc::new(posters),
        carts: Arc::new(carts),
        engagement: Arc::new(engagement),
        library: Arc::new(library),
        notifications: Arc::new(notifications),
        orders: Arc::new(orders),
        payments,
        idempotency: doubles.clone(),
        sandbox: None,
    }
}

//! The state of a connection: which part of a request is expected next, and by when.

use std::{cell::RefCell, rc::Rc, task::Waker};

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use crate::{
    AnswerMemory, HeldMemory, RequestBody, Timeouts,
    framing::{BodyReader, HeadReader},
};

/// The time between the timeout of a head, or of an idle connection, and the end of the stream. In this time, the HTTP
/// library can answer a slow client with 408, or close an idle connection.
const MARGIN: std::time::Duration = std::time::Duration::from_secs(1);

/// A handle to a connection. With it, the server tells the connection when an answer begins and when the answer is
/// complete. Clones refer to the same connection.
///
/// It is not `Send`: it must stay on the thread that serves the connection.
#[derive(Debug, Clone)]
pub struct Connection(Rc<RefCell<State>>);

/// A request that is being answered. The server must drop this value when the answer is complete: the next request is
/// passed on to the HTTP library only after that.
#[derive(Debug)]
pub struct Exchange {
    connection: Connection,
    held: Option<HeldMemory>,
}

#[derive(Debug)]
pub(crate) struct State {
    timeouts: Timeouts,
    memory: AnswerMemory,
    phase: Phase,
    /// Whether the memory of the current answer is counted ([`Exchange::hold`]).
    holds_memory: bool,
    /// Received bytes that must not be passed on yet, because they belong to later requests, or to the body of a
    /// request whose head is being decoded.
    pub(crate) ahead: BytesMut,
    /// Whether no more bytes are read: the client has closed its side, or was too slow.
    pub(crate) is_at_end: bool,
    /// The task that waits for bytes that may be passed on.
    pub(crate) reader: Option<Waker>,
}

/// What the connection waits for.
#[derive(Debug)]
enum Phase {
    /// The head of a request. `has_begun`: whether its time limit has begun. The limit begins when the first byte of
    /// the head arrives; for the first request, it begins when the connection is opened.
    Head { reader: HeadReader, has_begun: bool, deadline: Instant },
    /// The HTTP library must decode the head, which was passed on completely.
    Decoding { deadline: Instant },
    /// The request is being answered. Parts of its body may still arrive.
    Answering { body: BodyReader, last_read: Instant },
    /// The answer is complete. The rest of the request's body must be read before the next request.
    Discarding { body: BodyReader, deadline: Instant },
}

impl Connection {
    /// Creates the state of a new connection.
    pub(crate) fn new(timeouts: Timeouts, memory: AnswerMemory) -> Self {
        let phase = Phase::Head {
            reader: HeadReader::default(),
            has_begun: true,
            deadline: after(timeouts.head.saturating_add(MARGIN)),
        };
        Self(Rc::new(RefCell::new(State {
            timeouts,
            memory,
            phase,
            holds_memory: false,
            ahead: BytesMut::new(),
            is_at_end: false,
            reader: None,
        })))
    }

    /// Begins the answer of a request. Must be called when the head of the request was decoded. `body` is how the head
    /// delimits the body. The caller must keep the returned value until the answer is complete.
    #[must_use]
    pub fn begin(&self, body: RequestBody) -> Exchange {
        let woken = {
            let mut state = self.0.borrow_mut();
            if matches!(state.phase, Phase::Decoding { .. }) {
                state.phase = Phase::Answering { body: BodyReader::new(body), last_read: Instant::now() };
            }
            state.reader.take_if(|_| body != RequestBody::None)
        };
        wake(woken);
        Exchange { connection: self.clone(), held: None }
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.borrow_mut())
    }
}

impl Exchange {
    /// Adds `bytes`, the memory of this answer, to the count of [`AnswerMemory`], and subtracts it when the exchange
    /// is dropped. If there is not enough memory ([`AnswerMemory::has_room_for`]), counts nothing and returns `false`;
    /// the server should then refuse the request.
    pub fn hold(&mut self, bytes: usize) -> bool {
        let state = &mut *self.connection.0.borrow_mut();
        if !state.memory.has_room_for(bytes) {
            return false;
        }
        state.holds_memory = true;
        self.held = Some(state.memory.hold(bytes));
        true
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let woken = self.connection.with(State::complete_answer);
        wake(woken);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn after(time: std::time::Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now)
}

impl State {
    /// Returns how many of these bytes may be passed on now, and records that they are passed on.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> usize {
        match &mut self.phase {
            Phase::Head { reader, has_begun, deadline } => {
                if !*has_begun {
                    *has_begun = true;
                    *deadline = after(self.timeouts.head.saturating_add(MARGIN));
                }
                let (count, is_complete) = reader.read(bytes);
                if is_complete {
                    self.phase =
                        Phase::Decoding { deadline: after(self.timeouts.head.saturating_add(MARGIN)) };
                }
                count
            }
            Phase::Decoding { .. } => 0,
            Phase::Answering { body, last_read } => {
                let count = body.read(bytes);
                if count > 0 {
                    *last_read = Instant::now();
                }
                count
            }
            Phase::Discarding { body, .. } => {
                let count = body.read(bytes);
                if body.is_complete() {
                    self.expect_head();
                }
                count
            }
        }
    }

    /// Whether bytes that the client sends may be passed on now.
    pub(crate) const fn wants_bytes(&self) -> bool {
        match &self.phase {
            Phase::Head { .. } | Phase::Discarding { .. } => true,
            Phase::Decoding { .. } => false,
            Phase::Answering { body, .. } => !body.is_complete(),
        }
    }

    /// The time at which the stream must end if the connection still waits for bytes of the client or for the decoding
    /// of the head. There is no such time (`None`) while a request with a complete body is being answered.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Head { deadline, .. }
            | Phase::Decoding { deadline }
            | Phase::Discarding { deadline, .. } => Some(*deadline),
            Phase::Answering { body, .. } if body.is_complete() => None,
            Phase::Answering { last_read, .. } => last_read.checked_add(self.timeouts.body),
        }
    }

    /// What the connection waits for, for the log.
    pub(crate) const fn waits_for(&self) -> &'static str {
        match &self.phase {
            Phase::Head { has_begun: false, .. } => "the next request",
            Phase::Head { .. } | Phase::Decoding { .. } => "a head",
            Phase::Answering { .. } | Phase::Discarding { .. } => "a body",
        }
    }

    /// Ends the stream: no more bytes of the client are passed on.
    pub(crate) fn end(&mut self) {
        self.is_at_end = true;
        self.ahead.clear();
    }

    /// Whether the client gets less time to read, because the memory of the current answer is counted, and the counted
    /// memory of all answers is nearly used up.
    pub(crate) fn is_tight(&self) -> bool {
        self.holds_memory && self.memory.is_tight()
    }

    pub(crate) const fn holds_memory(&self) -> bool {
        self.holds_memory
    }

    /// Passes on at most `most` of the bytes in `ahead`, if they may be passed on now. Returns how many were passed on.
    pub(crate) fn take_ahead(&mut self, most: usize, mut hand_over: impl FnMut(&[u8])) -> usize {
        let mut ahead = std::mem::take(&mut self.ahead);
        let offered = ahead.len().min(most);
        let count = ahead.get(..offered).map_or(0, |bytes| self.read(bytes));
        if let Some(bytes) = ahead.get(..count) {
            hand_over(bytes);
        }
        ahead.advance(count);
        self.ahead = ahead;
        count
    }

    /// Waits for the head of the next request.
    fn expect_head(&mut self) {
        let deadline = after(self.timeouts.idle.saturating_add(MARGIN));
        self.phase = Phase::Head { reader: HeadReader::default(), has_begun: false, deadline };
    }

    /// Completes the answer. Returns the waker of the reading task if the task must be woken.
    fn complete_answer(&mut self) -> Option<Waker> {
        self.holds_memory = false;
        let Phase::Answering { body, .. } = &mut self.phase else { return None };
        if body.is_complete() {
            self.expect_head();
            // If `ahead` is empty, the task already waits for the socket, which wakes it when bytes arrive.
            let is_waiting = !self.ahead.is_empty() || self.is_at_end;
            return self.reader.take_if(|_| is_waiting);
        }
        let body = std::mem::replace(body, BodyReader::new(RequestBody::None));
        self.phase = Phase::Discarding { body, deadline: after(self.timeouts.unread_body) };
        self.reader.take()
    }
}

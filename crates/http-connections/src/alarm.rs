//! A timer for deadlines that are moved often and rarely reached.

use std::{future::Future, pin::Pin, task::Context};

use tokio::time::{Instant, Sleep, sleep_until};

/// Wakes a task at a deadline that may be moved with every poll.
///
/// When a deadline is moved to a later time, the timer is not changed; it then fires early once and is set again. A
/// connection therefore uses the runtime's timers only once in several seconds, and not for each request.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Whether the deadline has passed; if not, the task is woken when it has.
    pub(crate) fn has_passed(&mut self, deadline: Instant, cx: &mut Context<'_>) -> bool {
        loop {
            if Instant::now() >= deadline {
                return true;
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.is_elapsed() || timer.deadline() > deadline {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
        }
    }
}

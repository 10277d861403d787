use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::Barrier;

/// The time limit for an operation that must not wait for a lock. It is long enough for a slow machine, and short
/// enough to detect an operation that waits.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(10);

/// Runs `deed` in `times` concurrent tasks, with the numbers from 0; returns the results in the order of the numbers.
pub(crate) async fn at_once<T, F, Fut>(times: usize, deed: F) -> Vec<T>
where
    F: Fn(u64) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let start = Arc::new(Barrier::new(times));
    let tasks: Vec<_> = (0..)
        .take(times)
        .map(|number| {
            let (start, deed) = (Arc::clone(&start), deed(number));
            tokio::spawn(async move {
                start.wait().await;
                deed.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(times);
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// The number of answers that are `true`.
pub(crate) fn count(answers: &[bool]) -> usize {
    answers.iter().filter(|answer| **answer).count()
}

/// Polls the future until it has been pending more than `waits` times, and then drops it; returns its output if it has
/// completed before.
pub(crate) async fn cancelled_after<F: Future>(waits: usize, future: F) -> Option<F::Output> {
    struct Limited<'a, F> {
        future: Pin<&'a mut F>,
        waits: usize,
    }
    impl<F: Future> Future for Limited<'_, F> {
        type Output = Option<F::Output>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            match self.future.as_mut().poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending if self.waits == 0 => Poll::Ready(None),
                Poll::Pending => {
                    self.waits -= 1;
                    Poll::Pending
                }
            }
        }
    }
    Limited { future: pin!(future), waits }.await
}

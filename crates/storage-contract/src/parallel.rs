use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::Barrier;

/// "At once" for what must not wait for a lock: long enough for a slow machine, shorter than any lock timeout matters.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(10);

/// Does `deed` as many times at the same moment, each in a task of its own; gives the answers.
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

/// How many of the answers are yes.
pub(crate) fn count(answers: &[bool]) -> usize {
    answers.iter().filter(|answer| **answer).count()
}

/// Lets the future wait `waits` times and then drops it, in the middle of whatever it was at; gives its answer when it
/// came to its end before.
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

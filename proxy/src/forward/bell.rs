//! The waker of a connection that is polled within the request which uses it.
//!
//! Much of what happens on such a connection is done by the request itself: it puts a message into the connection's
//! channel or takes a frame out, and polls the connection in the same breath. A task's own waker would have the whole
//! request polled once more for each of these, to find that nothing is left to do.

use futures_util::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

/// Passes a wake-up on to a task only while that task waits.
#[derive(Debug, Default)]
pub(super) struct Bell {
    /// The task waits.
    waiting: AtomicBool,
    /// There was a wake-up since the connection was polled last.
    rung: AtomicBool,
    /// Nothing was there to be read, and there was no wake-up since.
    dry: AtomicBool,
    task: AtomicWaker,
}

impl Bell {
    /// The connection is about to be polled: what asked for that has been heard.
    pub(super) fn heard(&self) {
        self.waiting.store(false, SeqCst);
        self.rung.store(false, SeqCst);
    }

    /// The task has nothing left to do, and waits from now on.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        self.task.register(cx.waker());
        self.waiting.store(true, SeqCst);
        // It rang after the poll: nobody has seen to that yet.
        if self.rung.load(SeqCst) {
            self.task.wake();
        }
    }

    /// The waker for the connection.
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// Whether it is this bell's waker that polls.
    pub(super) fn polls(self: &Arc<Self>, cx: &Context<'_>) -> bool {
        cx.waker().data() == Arc::as_ptr(self).cast()
    }

    /// Nothing can have come since the last attempt to read: this waker would have been woken.
    pub(super) fn is_dry(&self) -> bool {
        self.dry.load(SeqCst)
    }

    /// An attempt to read, with this bell's waker.
    pub(super) fn read<T>(&self, attempt: impl FnOnce() -> Poll<T>) -> Poll<T> {
        // Before the attempt, so that what comes during it is not overlooked.
        self.dry.store(true, SeqCst);
        let read = attempt();
        if read.is_ready() {
            self.dry.store(false, SeqCst);
        }
        read
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.dry.store(false, SeqCst);
        self.rung.store(true, SeqCst);
        if self.waiting.load(SeqCst) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_while_it_waits_and_for_what_it_has_not_seen() {
        let (bell, task) = (Arc::new(Bell::default()), Arc::new(Task::default()));
        let waker = Waker::from(Arc::clone(&task));
        let cx = Context::from_waker(&waker);
        let woken = || task.0.swap(0, SeqCst);

        bell.waker().wake();
        bell.heard();
        bell.wait(&cx);
        assert_eq!(woken(), 0, "seen to by the poll that followed");
        bell.waker().wake();
        assert_eq!(woken(), 1, "waiting");
        bell.heard();
        bell.waker().wake();
        assert_eq!(woken(), 0, "at work");
        bell.wait(&cx);
        assert_eq!(woken(), 1, "it rang after the poll");
        bell.heard();
        bell.wait(&cx);
        assert_eq!(woken(), 0);
    }

    #[test]
    fn nothing_is_read_again_before_it_rings() {
        let bell = Arc::new(Bell::default());
        assert!(!bell.is_dry(), "never tried");
        assert!(bell.read(|| Poll::<()>::Pending).is_pending());
        assert!(bell.is_dry());
        bell.waker().wake();
        assert!(!bell.is_dry());
        assert!(bell.read(|| Poll::Ready(())).is_ready());
        assert!(!bell.is_dry(), "there may be more");
        let during = bell.read(|| {
            bell.waker().wake();
            Poll::<()>::Pending
        });
        assert!(during.is_pending() && !bell.is_dry(), "it came during the attempt");
        assert!(bell.polls(&Context::from_waker(&bell.waker())) && !bell.polls(&Context::from_waker(Waker::noop())));
    }
}

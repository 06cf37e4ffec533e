//! Collects lines in memory, a buffer per worker, and writes them in a thread of its own.

use parking_lot::{Condvar, Mutex};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The longest time that a line is buffered.
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);
/// A longer buffer is written at once; in bytes.
const MAX_BUFFERED: usize = 256 << 10;
/// Number of buffers; more workers than this share them.
const BUFFERS: usize = 16;

#[derive(Debug)]
struct Shared {
    buffers: [Mutex<Vec<u8>>; BUFFERS],
    wake: (Mutex<u64>, Condvar),
    done: (Mutex<u64>, Condvar),
    reopen: AtomicBool,
    stop: AtomicBool,
}

/// The writing side of a log; dropping it ends its thread.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

thread_local! {
    /// The index of this thread's buffer, so that workers do not contend for one.
    static BUFFER: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % BUFFERS
    };
}

impl Writer {
    pub(super) fn open(path: Option<PathBuf>) -> io::Result<Self> {
        let mut sink = Sink::open(path)?;
        let shared = Arc::new(Shared {
            buffers: Default::default(),
            wake: Default::default(),
            done: Default::default(),
            reopen: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let state = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("access-log".into()).spawn(move || state.run(&mut sink))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Lets `write` append one line to this thread's buffer.
    pub(super) fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let long = BUFFER.with(|index| {
            let mut buffer = self.shared.buffers[*index].lock();
            write(&mut buffer);
            buffer.len() > MAX_BUFFERED
        });
        if long {
            self.shared.wake.1.notify_one();
        }
    }

    pub(super) fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        self.flush();
    }

    pub(super) fn flush(&self) {
        let wanted = {
            let mut asked = self.shared.wake.0.lock();
            *asked += 1;
            self.shared.wake.1.notify_one();
            *asked
        };
        let mut done = self.shared.done.0.lock();
        while *done < wanted {
            self.shared.done.1.wait(&mut done);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake.1.notify_one();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing more to write.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, sink: &mut Sink) {
        let mut batch = Vec::new();
        loop {
            let asked = {
                let mut asked = self.wake.0.lock();
                if *asked == *self.done.0.lock() && !self.stop.load(Ordering::Acquire) {
                    self.wake.1.wait_for(&mut asked, FLUSH_INTERVAL);
                }
                *asked
            };
            let last = self.stop.load(Ordering::Acquire);
            for buffer in &self.buffers {
                std::mem::swap(&mut batch, &mut *buffer.lock());
                sink.write(&batch);
                batch.clear();
            }
            if self.reopen.swap(false, Ordering::AcqRel) {
                sink.reopen();
            }
            *self.done.0.lock() = asked;
            self.done.1.notify_all();
            if last {
                return;
            }
        }
    }
}

struct Sink {
    path: Option<PathBuf>,
    file: Option<File>,
}

impl Sink {
    fn open(path: Option<PathBuf>) -> io::Result<Self> {
        let file = path.as_ref().map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        Ok(Self { path, file })
    }

    fn reopen(&mut self) {
        match Self::open(self.path.clone()) {
            Ok(opened) => *self = opened,
            Err(error) => tracing::error!(%error, "cannot open the access log anew; going on with the old file"),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let written = match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => io::stdout().lock().write_all(bytes),
        };
        if let Err(error) = written {
            tracing::error!(%error, lost = bytes.len(), "cannot write the access log");
        }
    }
}

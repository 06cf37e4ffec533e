//! A body that was read whole: its beginning is in memory, the rest in a file without a name.

use crate::Body;
use crate::body::BodyError;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};

/// The bytes that are written to a file, or read from it, at once.
const PIECE: usize = 64 * 1024;

/// The parts of a body that may be kept in memory and in all, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// The most in memory; what is beyond goes to a file.
    pub(super) memory: u64,
    /// The most in all.
    pub(super) limit: u64,
}

/// The reason why a body could not be stored.
#[derive(Debug)]
pub(super) enum StoreError {
    /// It broke off.
    Body(BodyError),
    /// The file could not be made or written.
    Disk(io::Error),
    /// It is longer than the limit.
    TooLarge,
}

/// A body that was read whole.
#[derive(Debug)]
pub(super) struct Stored {
    memory: Vec<Bytes>,
    file: Option<Arc<File>>,
    /// Bytes in the file.
    file_length: u64,
    length: u64,
    trailers: Option<HeaderMap>,
}

/// Reads `body` to its end. Files are made in `folder`, where nobody sees them, and are gone with their last user.
pub(super) async fn store(body: Body, keep: Keep, folder: &Path) -> Result<Stored, StoreError> {
    let mut body = pin!(body);
    let mut stored = Stored { memory: Vec::new(), file: None, file_length: 0, length: 0, trailers: None };
    let mut unwritten = Vec::new();
    let mut waiting = 0;
    while let Some(frame) = body.frame().await {
        let data = match frame.map_err(StoreError::Body)?.into_data() {
            Ok(data) => data,
            Err(frame) => {
                stored.trailers = frame.into_trailers().ok();
                continue;
            }
        };
        stored.length += data.len() as u64;
        if stored.length > keep.limit {
            return Err(StoreError::TooLarge);
        }
        if stored.length <= keep.memory {
            stored.memory.push(data);
            continue;
        }
        waiting += data.len();
        unwritten.push(data);
        if waiting >= PIECE {
            waiting = 0;
            stored.write(std::mem::take(&mut unwritten), folder).await.map_err(StoreError::Disk)?;
        }
    }
    if waiting > 0 {
        stored.write(unwritten, folder).await.map_err(StoreError::Disk)?;
    }
    Ok(stored)
}

impl Stored {
    /// The length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// The body from its first byte.
    pub(super) fn body(&self) -> Body {
        match (&self.memory[..], &self.file, &self.trailers) {
            ([], None, None) => Body::Empty,
            ([only], None, None) => Body::from(only.clone()),
            _ => Body::boxed(Reader {
                memory: self.memory.iter().cloned().collect(),
                file: self.file.clone(),
                offset: 0,
                file_length: self.file_length,
                left: self.length,
                reading: None,
                trailers: self.trailers.clone(),
            }),
        }
    }

    async fn write(&mut self, pieces: Vec<Bytes>, folder: &Path) -> io::Result<()> {
        let (file, folder) = (self.file.take(), folder.to_owned());
        self.file_length += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let written = spawn_blocking(move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(tempfile::tempfile_in(folder)?),
            };
            for piece in pieces {
                (&*file).write_all(&piece)?;
            }
            Ok::<_, io::Error>(file)
        });
        self.file = Some(written.await.map_err(io::Error::other)??);
        Ok(())
    }
}

/// One reading of a stored body.
struct Reader {
    memory: VecDeque<Bytes>,
    file: Option<Arc<File>>,
    /// The place in the file.
    offset: u64,
    file_length: u64,
    /// Bytes that were not given yet.
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    trailers: Option<HeaderMap>,
}

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Some(piece) = this.memory.pop_front() {
            this.left -= piece.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(file) = this.file.as_ref().filter(|_| this.offset < this.file_length) else {
            return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        };
        let reading = this.reading.get_or_insert_with(|| {
            let (file, offset, rest) = (Arc::clone(file), this.offset, this.file_length - this.offset);
            spawn_blocking(move || {
                let mut piece = vec![0; usize::try_from(rest).unwrap_or(PIECE).min(PIECE)];
                file.read_exact_at(&mut piece, offset)?;
                Ok(Bytes::from(piece))
            })
        });
        let read = ready!(Pin::new(reading).poll(cx));
        this.reading = None;
        let piece = read.map_err(io::Error::other)??;
        this.offset += piece.len() as u64;
        this.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

//! The codecs behind one interface. Worker threads reuse encoders where that saves work.

use brotli::CompressorWriter;
use flate2::{Compress, Compression, FlushCompress, Status};
use flow_model::middleware::Encoding;
use std::cell::RefCell;
use std::io::{self, Write as _};
use zstd::stream::raw::{self, Operation as _, OutBuffer};

/// About the default level of Traefik's libraries. On pages of 200 KB the next level of gzip takes twice the time for
/// 5 % less.
const GZIP_LEVEL: u32 = 5;
/// The next quality takes a quarter more time for 5 % less.
const BROTLI_QUALITY: u32 = 5;
/// Below 18 the library uses a search that is five to twenty times slower; above, it clears more memory.
const BROTLI_WINDOW: u32 = 18;
const ZSTD_LEVEL: i32 = 3;
/// Encoders that a worker keeps of each kind: some 300 KB each for gzip, 2 MB for Zstandard.
const MAX_KEPT_GZIP: usize = 8;
const KEPT_ZSTD: usize = 2;
/// Output space in bytes that an encoder is given at once.
const OUTPUT_SPACE: usize = 8 * 1024;

thread_local! {
    static GZIP: RefCell<Vec<Compress>> = const { RefCell::new(Vec::new()) };
    static ZSTD: RefCell<Vec<raw::Encoder<'static>>> = const { RefCell::new(Vec::new()) };
}

/// Compresses one response.
pub(super) enum Encoder {
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Gzip(Compress),
    Zstd(raw::Encoder<'static>),
}

impl Encoder {
    /// An encoder for a response of exactly `len` bytes, if that is known.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(super) fn new(encoding: Encoding, len: Option<u64>) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Br => {
                Self::Brotli(Box::new(CompressorWriter::new(Vec::new(), OUTPUT_SPACE, BROTLI_QUALITY, BROTLI_WINDOW)))
            }
            Encoding::Gzip => {
                let kept = GZIP.with_borrow_mut(Vec::pop);
                Self::Gzip(kept.unwrap_or_else(|| Compress::new_gzip(Compression::new(GZIP_LEVEL), 15)))
            }
            Encoding::Zstd => {
                let mut codec = match ZSTD.with_borrow_mut(Vec::pop) {
                    Some(kept) => kept,
                    None => raw::Encoder::new(ZSTD_LEVEL)?,
                };
                // Tables as small as the response: half the time for a small one.
                codec.set_pledged_src_size(len)?;
                Self::Zstd(codec)
            }
        })
    }

    /// Takes `input`; output so far is appended to `output`.
    ///
    /// # Errors
    /// If the codec fails.
    pub(super) fn write(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Brotli(writer) => {
                writer.write_all(input)?;
                output.append(writer.get_mut());
            }
            Self::Gzip(codec) => {
                let mut rest = input;
                while !rest.is_empty() {
                    let before = codec.total_in();
                    step(codec, rest, output, FlushCompress::None)?;
                    let taken = usize::try_from(codec.total_in() - before).unwrap_or(usize::MAX);
                    rest = rest.get(taken..).unwrap_or_default();
                }
            }
            Self::Zstd(codec) => {
                let mut input = raw::InBuffer::around(input);
                while input.pos() < input.src.len() {
                    run(output, |space| codec.run(&mut input, space))?;
                }
            }
        }
        Ok(())
    }

    /// Flushes everything that was taken, so that the client can read up to here.
    ///
    /// # Errors
    /// If the codec fails.
    pub(super) fn flush(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Brotli(writer) => {
                writer.flush()?;
                output.append(writer.get_mut());
            }
            // All is flushed when space is left over.
            Self::Gzip(codec) => while step(codec, &[], output, FlushCompress::Sync)?.1 {},
            Self::Zstd(codec) => while run(output, |space| codec.flush(space))? > 0 {},
        }
        Ok(())
    }

    /// Ends the response.
    ///
    /// # Errors
    /// If the codec fails.
    pub(super) fn finish(self, output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Brotli(writer) => output.append(&mut writer.into_inner()),
            Self::Gzip(mut codec) => {
                while step(&mut codec, &[], output, FlushCompress::Finish)?.0 != Status::StreamEnd {}
                codec.reset();
                keep(&GZIP, codec, MAX_KEPT_GZIP);
            }
            Self::Zstd(mut codec) => {
                while run(output, |space| codec.finish(space, true))? > 0 {}
                if codec.reinit().is_ok() {
                    keep(&ZSTD, codec, KEPT_ZSTD);
                }
            }
        }
        Ok(())
    }
}

/// One step of gzip; true if the output space was too small.
fn step(codec: &mut Compress, input: &[u8], output: &mut Vec<u8>, flush: FlushCompress) -> io::Result<(Status, bool)> {
    output.reserve(OUTPUT_SPACE);
    let status = codec.compress_vec(input, output, flush).map_err(io::Error::other)?;
    Ok((status, output.len() == output.capacity()))
}

/// One step of Zstandard.
fn run(output: &mut Vec<u8>, step: impl FnOnce(&mut OutBuffer<'_, Vec<u8>>) -> io::Result<usize>) -> io::Result<usize> {
    output.reserve(OUTPUT_SPACE);
    let at = output.len();
    step(&mut OutBuffer::around_pos(output, at))
}

fn keep<T>(pool: &'static std::thread::LocalKey<RefCell<Vec<T>>>, encoder: T, most: usize) {
    pool.with_borrow_mut(|kept| {
        if kept.len() < most {
            kept.push(encoder);
        }
    });
}

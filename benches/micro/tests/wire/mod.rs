//! A backend and clients that allocate nothing: their buffers are on the stack.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

const HOST: &[u8] = b"h0.many.test";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

/// Starts a backend that answers every request alike; its address.
pub(crate) fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            std::thread::spawn(move || {
                let (mut buffer, mut length) = ([0; 4096], 0);
                while let Ok(count @ 1..) = stream.read(&mut buffer[length..]) {
                    length += count;
                    if buffer[..length].ends_with(b"\r\n\r\n") {
                        length = 0;
                        stream.write_all(RESPONSE).unwrap();
                    }
                }
            });
        }
    });
    address
}

/// A kept HTTP/1.1 connection.
pub(crate) struct Http1(TcpStream);

impl Http1 {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).unwrap())
    }

    /// One request and its response.
    pub(crate) fn request(&mut self) {
        self.0
            .write_all(b"GET /path HTTP/1.1\r\nHost: h0.many.test\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
            .unwrap();
        let (mut buffer, mut length) = ([0; 4096], 0);
        while !buffer[..length].ends_with(b"\r\n\r\nhello") {
            let count = self.0.read(&mut buffer[length..]).unwrap();
            assert!(count > 0, "closed");
            length += count;
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200 "));
    }
}

const SETTINGS: u8 = 4;
const ACKNOWLEDGED: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A kept HTTP/2 connection (RFC 9113) with prior knowledge.
pub(crate) struct Http2 {
    stream: TcpStream,
    next: u32,
}

impl Http2 {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut this = Self { stream, next: 1 };
        this.send(SETTINGS, 0, 0, &[]);
        this
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = [0; 128];
        frame[2] = u8::try_from(payload.len()).unwrap();
        (frame[3], frame[4]) = (kind, flags);
        frame[5..9].copy_from_slice(&stream.to_be_bytes());
        frame[9..9 + payload.len()].copy_from_slice(payload);
        self.stream.write_all(&frame[..9 + payload.len()]).unwrap();
    }

    /// One request on a stream of its own, and its response.
    pub(crate) fn request(&mut self) {
        let id = self.next;
        self.next += 2;
        // GET, http and / from the static table (RFC 7541), and :authority as a literal.
        let mut block = [0; 18];
        block[..5].copy_from_slice(&[0x82, 0x86, 0x84, 0x01, 12]);
        block[5..17].copy_from_slice(HOST);
        self.send(1, END_STREAM | END_HEADERS, id, &block[..17]);
        let mut data = 0;
        loop {
            let (mut head, mut payload) = ([0; 9], [0; 16384]);
            self.stream.read_exact(&mut head).unwrap();
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            self.stream.read_exact(&mut payload[..length]).unwrap();
            let (kind, flags) = (head[3], head[4]);
            let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
            match kind {
                SETTINGS if flags & ACKNOWLEDGED == 0 => self.send(SETTINGS, ACKNOWLEDGED, 0, &[]),
                0 => data += length,
                // :status 200 of the static table.
                1 => assert_eq!(payload[0], 0x88, "another status"),
                3 | 7 => panic!("refused"),
                _ => {}
            }
            if stream == id && kind < 2 && flags & END_STREAM != 0 {
                break;
            }
        }
        assert_eq!(data, 5);
    }
}

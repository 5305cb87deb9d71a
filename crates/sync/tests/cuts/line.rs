//! A line that is cut at a byte: it stands in front of the service, knows where each request and each
//! answer begins and ends, and ends both sides once so many bytes of one of them have passed.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// Request or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Request,
    Answer,
}

#[derive(Default)]
struct Plan {
    /// Kind of message, part, and bytes of it that pass.
    cut: Option<(&'static str, Part, usize)>,
    /// Whether the cut was made.
    made: bool,
}

/// The line.
pub struct Line {
    /// Where it listens.
    pub listens: SocketAddr,
    plan: Arc<Mutex<Plan>>,
}

impl Line {
    /// A line to a service that is spoken to in plain HTTP.
    pub fn to(target: SocketAddr) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Line { listens: listener.local_addr().unwrap(), plan: Arc::default() };
        let plan = Arc::clone(&line.plan);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let plan = Arc::clone(&plan);
                thread::spawn(move || {
                    let Ok(centre) = TcpStream::connect(target) else { return };
                    // Whoever is cut off sees the end of the connection, whatever was still to come.
                    let _ = relay(&client, &centre, &plan);
                    let _ = client.shutdown(Shutdown::Both);
                    let _ = centre.shutdown(Shutdown::Both);
                });
            }
        });
        line
    }

    /// The next request of this kind, or the answer to it, ends after so many bytes, and the
    /// connection with it.
    pub fn cut(&self, kind: &'static str, part: Part, bytes: usize) {
        let mut plan = self.plan.lock().unwrap();
        (plan.cut, plan.made) = (Some((kind, part, bytes)), false);
    }

    /// Whether what was asked for last was cut; no, when it was shorter than that.
    pub fn is_cut(&self) -> bool {
        self.plan.lock().unwrap().made
    }
}

/// Exchanges until one side ends.
fn relay(mut client: &TcpStream, mut centre: &TcpStream, plan: &Mutex<Plan>) -> io::Result<()> {
    for end in [client, centre] {
        end.set_nodelay(true)?;
        end.set_read_timeout(Some(Duration::from_secs(60)))?;
    }
    loop {
        let request = message(&mut client)?;
        let head = String::from_utf8_lossy(&request);
        let target = head.split(' ').nth(1).unwrap_or_default().trim_start_matches("/v1/");
        // A push that is sent before the one in front of it was answered is a kind of its own.
        let kind = target.strip_prefix("push?").unwrap_or(target).split(['?', '/']).next().unwrap_or_default().to_owned();
        if !pass(&request, &mut centre, plan, &kind, Part::Request)? {
            return Ok(());
        }
        let answer = message(&mut centre)?;
        if !pass(&answer, &mut client, plan, &kind, Part::Answer)? {
            return Ok(());
        }
    }
}

/// Sends a message on, or so much of it as passes; says whether all of it did.
fn pass(bytes: &[u8], to: &mut impl Write, plan: &Mutex<Plan>, kind: &str, part: Part) -> io::Result<bool> {
    let mut passes = bytes.len();
    {
        let mut plan = plan.lock().unwrap();
        if let Some((of, which, at)) = plan.cut
            && of == kind
            && which == part
        {
            plan.cut = None;
            plan.made = at < bytes.len();
            passes = at.min(bytes.len());
        }
    }
    to.write_all(&bytes[..passes])?;
    Ok(passes == bytes.len())
}

/// One request or answer: its head, and as much behind it as the head says.
fn message(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    let mut more = |bytes: &mut Vec<u8>| match from.read(&mut buffer)? {
        0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        count => {
            bytes.extend_from_slice(&buffer[..count]);
            Ok(())
        }
    };
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        more(&mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    assert!(!head.contains("transfer-encoding"), "lengths are told: {head}");
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |length| length.trim().parse().unwrap());
    while bytes.len() < end + length {
        more(&mut bytes)?;
    }
    assert_eq!(bytes.len(), end + length, "one message after the other");
    Ok(bytes)
}

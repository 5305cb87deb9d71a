//! A TCP relay between a laptop and the centre that counts what passes, everything included: TLS,
//! heads of requests, bodies.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, atomic::{AtomicU64, Ordering}},
    thread,
};

use crate::place::text;

/// A relay; its threads end with the connections, or with the process.
pub struct Wire {
    /// Where it listens.
    pub listens: SocketAddr,
    up: Arc<AtomicU64>,
    down: Arc<AtomicU64>,
}

/// Bytes from the laptop to the centre and back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passed {
    /// From the laptop to the centre.
    pub up: u64,
    /// From the centre to the laptop.
    pub down: u64,
}

impl Wire {
    /// A relay to `target`.
    ///
    /// # Errors
    /// The system gives no port.
    pub fn to(target: SocketAddr) -> Result<Wire, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
        let wire = Wire { listens: listener.local_addr().map_err(text)?, up: Arc::default(), down: Arc::default() };
        let (up, down) = (Arc::clone(&wire.up), Arc::clone(&wire.down));
        thread::spawn(move || {
            for laptop in listener.incoming().flatten() {
                // A connection that does not come about is seen by the laptop.
                let _ = pair(laptop, target, &up, &down);
            }
        });
        Ok(wire)
    }

    /// What passed since the last call.
    pub fn passed(&self) -> Passed {
        Passed { up: self.up.swap(0, Ordering::SeqCst), down: self.down.swap(0, Ordering::SeqCst) }
    }
}

fn pair(laptop: TcpStream, target: SocketAddr, up: &Arc<AtomicU64>, down: &Arc<AtomicU64>) -> io::Result<()> {
    let centre = TcpStream::connect(target)?;
    laptop.set_nodelay(true)?;
    centre.set_nodelay(true)?;
    let (back, forth) = ((centre.try_clone()?, laptop.try_clone()?), (laptop, centre));
    let (up, down) = (Arc::clone(up), Arc::clone(down));
    thread::spawn(move || relay(forth.0, forth.1, &up));
    thread::spawn(move || relay(back.0, back.1, &down));
    Ok(())
}

fn relay(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        counter.fetch_add(count as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

//! A line that breaks: a TCP relay that ends each connection after so many bytes one way.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, atomic::{AtomicUsize, Ordering}},
    thread,
};

/// Which way is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the laptop to the centre.
    Up,
    /// From the centre to the laptop.
    Down,
}

/// A relay.
pub struct Cutter {
    /// Where it listens.
    pub listens: SocketAddr,
    left: Arc<AtomicUsize>,
    passed: Arc<AtomicUsize>,
}

impl Cutter {
    /// A relay to `target` that lets everything through.
    pub fn to(target: SocketAddr, way: Way) -> Cutter {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (left, passed) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicUsize::new(0)));
        let cutter = Cutter { listens: listener.local_addr().unwrap(), left: Arc::clone(&left), passed: Arc::clone(&passed) };
        thread::spawn(move || {
            for from in listener.incoming().flatten() {
                let Ok(to) = TcpStream::connect(target) else { continue };
                let (counted, other) = if way == Way::Up { ((&from, &to), (&to, &from)) } else { ((&to, &from), (&from, &to)) };
                let pair = |(a, b): (&TcpStream, &TcpStream)| (a.try_clone().unwrap(), b.try_clone().unwrap());
                let (counted, other) = (pair(counted), pair(other));
                let (left, passed) = (Arc::clone(&left), Arc::clone(&passed));
                thread::spawn(move || relay(counted.0, counted.1, Some((&left, &passed))));
                thread::spawn(move || relay(other.0, other.1, None));
            }
        });
        cutter
    }

    /// From now on so many bytes pass, then every connection ends.
    pub fn cut_after(&self, bytes: usize) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Bytes that passed since the last call.
    pub fn passed(&self) -> usize {
        self.passed.swap(0, Ordering::SeqCst)
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream, counters: Option<(&AtomicUsize, &AtomicUsize)>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut count = count;
        let mut cut = false;
        if let Some((left, passed)) = counters {
            let before = left.load(Ordering::SeqCst);
            cut = before <= count;
            count = count.min(before);
            if before != usize::MAX {
                left.store(before - count, Ordering::SeqCst);
            }
            passed.fetch_add(count, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..count]).is_err() || cut {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

//! A line to the centre that can be cut, mended and made slow: what a laptop has between itself and the service.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// Bytes that this end of the line keeps.
const KEPT: usize = 32 * 1024;
/// Bytes of a packet.
const PACKET: u32 = 1_460;

/// Passes bytes on between a port of its own and the centre, until it is cut.
pub struct Line {
    here: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    there: SocketAddr,
    whole: bool,
    ended: bool,
    /// Bytes a second each way; none for as fast as it goes.
    rate: Option<u64>,
    open: Vec<TcpStream>,
    /// Bytes that came from the centre so far.
    fetched: u64,
}

impl Line {
    /// A whole line to `address`, such as `https://127.0.0.1:40123`.
    ///
    /// # Errors
    /// The address cannot be read, or no port is free.
    pub fn to(address: &str) -> Result<Line, String> {
        let there = place(address)?;
        let listener = listener().map_err(|error| error.to_string())?;
        let here = listener.local_addr().map_err(|error| error.to_string())?;
        let state = Arc::new(Mutex::new(State { there, whole: true, ended: false, rate: None, open: Vec::new(), fetched: 0 }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                if lock(&shared).ended {
                    break;
                }
                // Whoever cannot be connected finds the line closed at once.
                let _ = connect(&shared, caller);
            }
        });
        Ok(Line { here, state })
    }

    /// Where a laptop finds the centre by this line, for example `https://127.0.0.1:40124`.
    pub fn address(&self) -> String {
        format!("https://{}", self.here)
    }

    /// Nobody gets through, and who is talking is cut off.
    pub fn cut(&self) {
        let mut state = lock(&self.state);
        state.whole = false;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on so many bytes a second get through each way; none for as fast as it goes.
    pub fn at_most(&self, rate: Option<u64>) {
        lock(&self.state).rate = rate;
    }

    /// From now on the line leads to another address; who is talking is cut off.
    ///
    /// # Errors
    /// The address cannot be read.
    pub fn leads_to(&self, address: &str) -> Result<(), String> {
        lock(&self.state).there = place(address)?;
        self.cut();
        self.mend();
        Ok(())
    }

    /// Bytes that have come from the centre over this line.
    pub fn fetched(&self) -> u64 {
        lock(&self.state).fetched
    }

    /// The line is whole again.
    pub fn mend(&self) {
        lock(&self.state).whole = true;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
        lock(&self.state).ended = true;
        // Wakes the thread that listens, so that it ends.
        let _ = TcpStream::connect(self.here);
    }
}

/// A port of its own that takes little at a time, in packets as they travel outside of a computer: whoever
/// sends has to wait for a slow line, and not for what this computer would keep for it.
fn listener() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(KEPT)?;
    socket.set_tcp_mss(PACKET)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

fn place(address: &str) -> Result<SocketAddr, String> {
    address.trim_start_matches("https://").parse().map_err(|error| format!("{address}: {error}"))
}

fn connect(shared: &Arc<Mutex<State>>, caller: TcpStream) -> io::Result<()> {
    let mut state = lock(shared);
    if !state.whole {
        return Ok(());
    }
    let centre = TcpStream::connect(state.there)?;
    for (from, to, fetches) in [(caller.try_clone()?, centre.try_clone()?, false), (centre.try_clone()?, caller.try_clone()?, true)] {
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // Whoever talks here hears of an end by the line itself.
            let _ = pass(&from, &to, &shared, fetches);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    state.open.extend([caller, centre]);
    Ok(())
}

/// Passes on what comes, not faster than the line is.
fn pass(mut from: &TcpStream, mut to: &TcpStream, state: &Mutex<State>, fetches: bool) -> io::Result<()> {
    let mut piece = [0; 2_048];
    loop {
        let count = from.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        if let Some(rate) = lock(state).rate {
            thread::sleep(Duration::from_micros(count as u64 * 1_000_000 / rate.max(1)));
        }
        to.write_all(piece.get(..count).unwrap_or_default())?;
        if fetches {
            lock(state).fetched += count as u64;
        }
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A line to the centre that can be cut and mended: what a laptop has between itself and the service.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Passes bytes on between a port of its own and the centre, until it is cut.
pub struct Line {
    here: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    there: SocketAddr,
    whole: bool,
    ended: bool,
    open: Vec<TcpStream>,
}

impl Line {
    /// A whole line to `address`, such as `https://127.0.0.1:40123`.
    ///
    /// # Errors
    /// The address cannot be read, or no port is free.
    pub fn to(address: &str) -> Result<Line, String> {
        let there = address.trim_start_matches("https://").parse().map_err(|error| format!("{address}: {error}"))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let here = listener.local_addr().map_err(|error| error.to_string())?;
        let state = Arc::new(Mutex::new(State { there, whole: true, ended: false, open: Vec::new() }));
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

fn connect(state: &Mutex<State>, caller: TcpStream) -> io::Result<()> {
    let mut state = lock(state);
    if !state.whole {
        return Ok(());
    }
    let centre = TcpStream::connect(state.there)?;
    for (from, to) in [(caller.try_clone()?, centre.try_clone()?), (centre.try_clone()?, caller.try_clone()?)] {
        thread::spawn(move || {
            let _ = io::copy(&mut &from, &mut &to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    state.open.extend([caller, centre]);
    Ok(())
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

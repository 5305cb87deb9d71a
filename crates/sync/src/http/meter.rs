//! How far the long bodies are that are on the line now: counted as they pass, and read by whoever shows it.
//! Nobody is woken for it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, atomic::{AtomicU64, Ordering}},
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use crate::remote::OnLine;

/// A shorter body is there before anybody could look; in bytes.
const LONG: u64 = 64 * 1024;
/// Bytes that are handed to the connection at a time. It takes up to 16 pieces ahead of the line, so that what
/// is told as sent is at most 64 KiB ahead, and what the system keeps.
const PIECE: usize = 4 * 1024;

/// Both ways of a line.
#[derive(Default)]
pub(super) struct Meter {
    up: Way,
    down: Way,
}

#[derive(Default)]
struct Way {
    done: AtomicU64,
    of: AtomicU64,
}

impl Meter {
    /// A body that is sent from now on; none when it is short.
    pub(super) fn sends(self: &Arc<Meter>, length: usize) -> Option<Arc<Leg>> {
        self.begins(true, length as u64)
    }

    /// A body that is fetched from now on; none when it is short.
    pub(super) fn fetches(self: &Arc<Meter>, length: u64) -> Option<Arc<Leg>> {
        self.begins(false, length)
    }

    fn begins(self: &Arc<Meter>, sends: bool, of: u64) -> Option<Arc<Leg>> {
        let leg = (of >= LONG).then(|| Arc::new(Leg { meter: Arc::clone(self), sends, of, done: AtomicU64::new(0) }));
        if leg.is_some() {
            self.way(sends).of.fetch_add(of, Ordering::Relaxed);
        }
        leg
    }

    /// What is on the line; what is sent before what is fetched.
    pub(super) fn now(&self) -> Option<OnLine> {
        [true, false].into_iter().find_map(|sends| {
            let way = self.way(sends);
            let of = way.of.load(Ordering::Relaxed);
            (of > 0).then(|| OnLine { sends, done: way.done.load(Ordering::Relaxed).min(of), of })
        })
    }

    fn way(&self, sends: bool) -> &Way {
        if sends { &self.up } else { &self.down }
    }
}

/// One body on the line, until this is dropped.
pub(super) struct Leg {
    meter: Arc<Meter>,
    sends: bool,
    of: u64,
    done: AtomicU64,
}

impl Leg {
    /// So many bytes more have passed.
    pub(super) fn passed(&self, count: usize) {
        self.done.fetch_add(count as u64, Ordering::Relaxed);
        self.meter.way(self.sends).done.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        let way = self.meter.way(self.sends);
        way.of.fetch_sub(self.of, Ordering::Relaxed);
        way.done.fetch_sub(self.done.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// A body that is handed over piece by piece, and counted.
pub(super) struct Counted {
    bytes: Bytes,
    leg: Arc<Leg>,
}

impl Counted {
    pub(super) fn new(bytes: Vec<u8>, leg: &Arc<Leg>) -> Counted {
        Counted { bytes: bytes.into(), leg: Arc::clone(leg) }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.bytes.len().min(PIECE);
        let piece = self.bytes.split_to(length);
        self.leg.passed(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_counted_together_while_they_are_on_the_line_and_short_ones_never() {
        let meter = Arc::new(Meter::default());
        assert!(meter.sends(1_000).is_none());
        assert_eq!(meter.now(), None);
        let fetched = meter.fetches(100_000).unwrap();
        fetched.passed(40_000);
        assert_eq!(meter.now(), Some(OnLine { sends: false, done: 40_000, of: 100_000 }));
        let (first, second) = (meter.sends(200_000).unwrap(), meter.sends(100_000).unwrap());
        first.passed(150_000);
        second.passed(10_000);
        assert_eq!(meter.now(), Some(OnLine { sends: true, done: 160_000, of: 300_000 }), "what is sent comes first");
        drop(first);
        assert_eq!(meter.now(), Some(OnLine { sends: true, done: 10_000, of: 100_000 }));
        drop((second, fetched));
        assert_eq!(meter.now(), None);
    }
}

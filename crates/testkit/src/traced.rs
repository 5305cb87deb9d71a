//! Runs a process under trace and stops it before every call that changes the disk. What lies on
//! the disk at such a stop is what a kill at that moment leaves behind.

// The calls to the system that trace a process; each says why it is sound.
#![allow(unsafe_code)]

use std::{
    io::Read,
    os::{fd::AsRawFd, unix::process::CommandExt},
    path::PathBuf,
    process::{ChildStderr, Command, Stdio},
};

/// The line by which the process says that from now on its stops count.
pub const BEGIN: &str = "begin";

/// A process that stands before a call.
pub struct Stop<'s> {
    /// Number of the stop, from 0.
    pub number: usize,
    /// Stops since the last one before a renaming; 0 for that one itself.
    pub since_renaming: Option<usize>,
    /// Lines that the process has written to its error output so far.
    pub said: &'s [String],
    /// What the call does.
    pub change: Change,
}

/// What a call does to the disk. A path is that of an open file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Bytes or the length of a file.
    Write(PathBuf),
    /// A file, or the names in a folder, stay when the power goes.
    Sync(PathBuf),
    /// Names: a folder is made, something removed or renamed.
    Names,
}

/// Whether the process may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It goes on to the next stop.
    Go,
    /// It is killed where it stands.
    Kill,
}

/// What became of the process.
pub struct Ended {
    /// Number of stops.
    pub stops: usize,
    /// Lines that it wrote to its error output.
    pub said: Vec<String>,
    /// Its exit code; none when it was killed.
    pub code: Option<i32>,
}

/// Calls that change what lies on the disk.
const CHANGES: &[libc::c_long] = &[
    libc::SYS_write, libc::SYS_pwrite64, libc::SYS_writev, libc::SYS_pwritev, libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_ftruncate, libc::SYS_fallocate, libc::SYS_unlinkat, libc::SYS_renameat, libc::SYS_renameat2, libc::SYS_mkdirat,
    libc::SYS_copy_file_range, libc::SYS_sendfile,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
];

/// Calls that put one file in the place of another.
const RENAMINGS: &[libc::c_long] = &[
    libc::SYS_renameat,
    libc::SYS_renameat2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
];

/// Runs `command` and calls `at_stop` before every call that changes the disk, from the moment on
/// at which the process says [`BEGIN`]. Must be called on a thread that has no other children.
#[allow(clippy::zombie_processes)] // `waitpid` in the loop reaps it.
pub fn run(mut command: Command, mut at_stop: impl FnMut(&Stop<'_>) -> Next) -> Ended {
    // SAFETY: between fork and exec only one call to the system is made.
    unsafe {
        command.pre_exec(|| if libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) });
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let main = child.id() as libc::pid_t;
    let mut listener = Listener::new(child.stderr.take().unwrap());
    let (mut stops, mut ready, mut since_renaming) = (0, false, None);
    let code = loop {
        let mut status = 0;
        // SAFETY: `status` lives through the call. Only children of this thread are waited for.
        let who = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        assert!(who > 0, "waiting for the traced process: {}", std::io::Error::last_os_error());
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            if who == main {
                break libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
            }
            continue;
        }
        let mut signal = libc::WSTOPSIG(status);
        if !ready {
            // The stop at the start of the program: threads are to be followed, and nothing survives us.
            ready = true;
            signal = 0;
            let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
            // SAFETY: `who` is stopped and traced by this thread.
            assert_eq!(unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, who, 0, options) }, 0, "the trace is set up");
        } else if signal == libc::SIGTRAP | 0x80 {
            signal = 0;
            if let Some((call, file)) = change_of_the_disk(who) {
                listener.listen();
                if listener.lines.iter().any(|line| line == BEGIN) {
                    since_renaming = if RENAMINGS.contains(&call) { Some(0) } else { since_renaming.map(|stops| stops + 1) };
                    let next = at_stop(&Stop { number: stops, since_renaming, said: &listener.lines, change: change(who, call, file) });
                    stops += 1;
                    if next == Next::Kill {
                        // SAFETY: `main` is our child and not yet reaped.
                        unsafe { libc::kill(main, libc::SIGKILL) };
                    }
                }
            }
        } else if signal == libc::SIGTRAP || signal == libc::SIGSTOP {
            // A new thread, or the one that made it.
            signal = 0;
        }
        // SAFETY: `who` is stopped and traced by this thread; when it was killed, the call fails.
        unsafe { libc::ptrace(libc::PTRACE_SYSCALL, who, 0, signal) };
    };
    listener.listen();
    Ended { stops, said: listener.lines, code }
}

fn change(who: libc::pid_t, call: libc::c_long, file: u64) -> Change {
    let path = || std::fs::read_link(format!("/proc/{who}/fd/{file}")).unwrap_or_default();
    match call {
        libc::SYS_fsync | libc::SYS_fdatasync => Change::Sync(path()),
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_pwritev | libc::SYS_ftruncate | libc::SYS_fallocate => Change::Write(path()),
        _ => Change::Names,
    }
}

/// The call that changes the disk before which the stopped thread stands, with its first argument; its
/// outputs do not count.
fn change_of_the_disk(who: libc::pid_t) -> Option<(libc::c_long, u64)> {
    // SAFETY: the structure is plain numbers, so all zeros are a value of it.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    // SAFETY: `who` is stopped and traced by this thread; the size is that of the structure.
    let got = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, who, size_of_val(&info), &raw mut info) };
    if got <= 0 || info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return None;
    }
    // SAFETY: `op` says that this is the part that was filled in.
    let entry = unsafe { info.u.entry };
    let call = entry.nr as libc::c_long;
    let output = matches!(call, libc::SYS_write | libc::SYS_writev) && entry.args[0] <= 2;
    (CHANGES.contains(&call) && !output).then_some((call, entry.args[0]))
}

/// Reads what is there without waiting for more.
struct Listener {
    pipe: ChildStderr,
    rest: Vec<u8>,
    lines: Vec<String>,
}

impl Listener {
    fn new(pipe: ChildStderr) -> Listener {
        // SAFETY: the descriptor is open for as long as `pipe` lives.
        let set = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        assert_eq!(set, 0, "the pipe does not block");
        Listener { pipe, rest: Vec::new(), lines: Vec::new() }
    }

    fn listen(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = self.pipe.read(&mut buffer) {
            self.rest.extend_from_slice(&buffer[..count]);
        }
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.lines.push(String::from_utf8_lossy(&line).trim().to_owned());
        }
    }
}

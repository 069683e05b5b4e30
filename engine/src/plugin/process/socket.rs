//! The connection to a process, and the start of one.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::HostProgram;

/// The connection to a process: a pair of sockets that has no name.
#[cfg(unix)]
pub(super) struct Socket {
    stream: std::os::unix::net::UnixStream,
    /// When reading is over.
    until: Option<Instant>,
}

#[cfg(unix)]
impl Socket {
    fn new(stream: std::os::unix::net::UnixStream) -> Socket {
        Socket { stream, until: None }
    }

    /// How long all reads from now on may take together; as long as they like without.
    pub(super) fn patience(&mut self, patience: Option<Duration>) -> std::io::Result<()> {
        self.until = patience.map(|patience| Instant::now() + patience);
        self.stream.set_read_timeout(None)
    }

    /// Writes as much as is taken without waiting; how many bytes that was.
    pub(super) fn write_now(&self, bytes: &[u8]) -> std::io::Result<usize> {
        use rustix::{
            io::Errno,
            net::{SendFlags, send},
        };
        let mut written = 0;
        while written < bytes.len() {
            match send(&self.stream, &bytes[written..], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(more) => written += more,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(written)
    }

    /// Writes all, however long that takes.
    pub(super) fn write_all(&self, bytes: &[u8]) -> std::io::Result<()> {
        (&self.stream).write_all(bytes)
    }
}

#[cfg(unix)]
impl Read for Socket {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if let Some(until) = self.until {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
        }
        self.stream.read(to)
    }
}

/// Starts a process with the other end of the connection as its standard
/// input, and a pipe that need not be waited for as its standard output; the end
/// to read from, and the end to write to.
#[cfg(unix)]
pub(super) fn start(program: &HostProgram) -> std::io::Result<((Socket, Socket), Child)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let mut command = Command::new(&program.0);
    command.arg("plugin-host").env_clear().current_dir("/");
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs))).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn()?;
    if let Some(told) = &child.stdout {
        rustix::io::ioctl_fionbio(told, true)?;
    }
    let again = ours.try_clone()?;
    Ok(((Socket::new(ours), Socket::new(again)), child))
}

/// The same over named pipes is still to be written for this system.
#[cfg(not(unix))]
pub(super) struct Socket(std::convert::Infallible);

#[cfg(not(unix))]
impl Socket {
    pub(super) fn patience(&mut self, _: Option<Duration>) -> std::io::Result<()> {
        match self.0 {}
    }

    pub(super) fn write_now(&self, _: &[u8]) -> std::io::Result<usize> {
        match self.0 {}
    }

    pub(super) fn write_all(&self, _: &[u8]) -> std::io::Result<()> {
        match self.0 {}
    }
}

#[cfg(not(unix))]
impl Read for Socket {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        match self.0 {}
    }
}

#[cfg(not(unix))]
pub(super) fn start(_: &HostProgram) -> std::io::Result<((Socket, Socket), Child)> {
    Err(std::io::Error::other("plugins have no process of their own on this system yet"))
}

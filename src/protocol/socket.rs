//! The private Unix socket: where it lives, who may connect, and descriptors that travel along.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde::Serialize;

use super::frame;

/// How long a peer may refuse to read before its worker is given up: all honest messages fit into
/// the socket's buffer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A private folder (0700, random name) with the controller's socket in it. Removed when dropped.
#[derive(Debug)]
pub struct Rendezvous {
    folder: tempfile::TempDir,
    listener: UnixListener,
    token: String,
}

impl Rendezvous {
    /// Makes the folder and listens.
    pub fn open() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("pnl-").tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700))?;
        let listener = UnixListener::bind(folder.path().join("s"))?;
        Ok(Self { folder, listener, token: random_token()? })
    }

    /// The folder, for what else is private to the run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// The secret that every hello must carry.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A second handle for a thread that accepts.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for Rendezvous {
    /// Wakes the thread that accepts, which ends.
    fn drop(&mut self) {
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
    }
}

/// 128 random bits in hexadecimal, from the kernel.
fn random_token() -> io::Result<String> {
    let mut bytes = [0u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Whether the process at the other end belongs to this user (root's own workers included).
#[must_use]
pub fn peer_is_this_user(stream: &UnixStream) -> bool {
    peer_uid(stream).is_some_and(|uid| uid == rustix::process::geteuid().as_raw())
}

/// The process at the other end, as the system has it; `None` where it does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[must_use]
pub fn peer_pid(stream: &UnixStream) -> Option<u32> {
    let peer = rustix::net::sockopt::socket_peercred(stream).ok()?;
    u32::try_from(peer.pid.as_raw_nonzero().get()).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[must_use]
pub fn peer_pid(_stream: &UnixStream) -> Option<u32> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn peer_uid(stream: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(stream).ok().map(|cred| cred.uid.as_raw())
}

/// Elsewhere the folder's mode and the token are the protection.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn peer_uid(_stream: &UnixStream) -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

/// The sending half of a connection.
#[derive(Debug)]
pub struct Sender {
    stream: UnixStream,
    /// Whether a message was sent in part: what came after it could not be read.
    is_broken: bool,
}

impl Sender {
    /// Takes a stream's sending half and bounds its waits.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(Self { stream, is_broken: false })
    }

    /// Sends one message. After an error nothing more is tried: a peer that has stopped reading must
    /// not be waited for again.
    pub fn send<M: Serialize>(&mut self, message: &M) -> io::Result<()> {
        self.try_to(|stream| (&*stream).write_all(&frame::encode(message)))
    }

    fn try_to(&mut self, send: impl FnOnce(&UnixStream) -> io::Result<()>) -> io::Result<()> {
        if self.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let result = send(&self.stream);
        self.is_broken = result.is_err();
        result
    }

    /// Sends one message with descriptors, two at most, that the peer gets copies of.
    pub fn send_with_fds<M: Serialize>(
        &mut self,
        message: &M,
        fds: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        self.try_to(|stream| {
            let bytes = frame::encode(message);
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            control.push(SendAncillaryMessage::ScmRights(fds));
            let parts = [IoSlice::new(&bytes)];
            let sent = sendmsg(stream.as_fd(), &parts, &mut control, SendFlags::empty())?;
            (&*stream).write_all(&bytes[sent..])
        })
    }

    /// Ends the conversation: the peer's next read, and our reader's, see the end.
    pub fn close(&self) {
        // The peer may have closed already, which is as well.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_private_and_goes_away() {
        let rendezvous = Rendezvous::open().expect("a temporary folder");
        let folder = rendezvous.folder().to_path_buf();
        let mode = std::fs::metadata(&folder).expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(rendezvous.token().len(), 32);
        drop(rendezvous);
        assert!(!folder.exists());
    }

    // Five seconds: what a peer may take.
    #[test]
    fn a_peer_that_stops_reading_is_waited_for_once() {
        let (ours, _theirs) = UnixStream::pair().expect("a socket pair");
        let mut sender = Sender::new(ours).expect("a sender");
        let text = "x".repeat(64 * 1024);
        let first = (0..1000).find_map(|_| sender.send(&text).err()).expect("the buffer is full");
        assert!(matches!(first.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
        let second = sender.send(&text).expect_err("half a message is on its way");
        assert_eq!(second.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn our_own_connections_are_let_in() {
        let (ours, _theirs) = UnixStream::pair().expect("a socket pair");
        assert!(peer_is_this_user(&ours));
    }
}

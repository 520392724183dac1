//! The door: who connects is heard once it has said hello, and takes next to nothing until then.
//!
//! One thread looks after all that have not: so many at most, each for so long, each with so few
//! bytes. When there are too many, the one that has waited longest goes: a worker says hello within
//! milliseconds, so that a flood of silent connections keeps none out.

use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::protocol::frame::Decoder;
use crate::protocol::socket::{peer_is_this_user, peer_pid};
use crate::protocol::{Hello, ToController};

/// Connections that may be there without having said hello.
const MOST: usize = 128;

/// How long a connection may take to say hello.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a hello; an honest one has 200.
const LONGEST: usize = 4096;

/// Who has said hello, with the run's secret.
pub(super) struct Admitted {
    pub(super) stream: UnixStream,
    /// What came after the hello.
    pub(super) decoder: Decoder,
    pub(super) hello: Hello,
}

/// The listening socket, and who waits before it.
pub(super) struct Door {
    listener: UnixListener,
    token: String,
    waiting: VecDeque<Guest>,
}

struct Guest {
    stream: UnixStream,
    decoder: Decoder,
    /// Bytes that it has sent.
    said: usize,
    until: Instant,
}

/// What became of a look at a connection.
enum Seen {
    Nothing(Guest),
    Hello(Admitted),
    Refused,
}

impl Door {
    /// A door for those who know the secret.
    pub(super) fn new(listener: UnixListener, token: &str) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let token = token.to_owned();
        Ok(Self { listener, token, waiting: VecDeque::new() })
    }

    /// Lets in until the socket is shut, or nobody can be let in: then the error is the last.
    pub(super) fn serve(mut self, mut admit: impl FnMut(io::Result<Admitted>)) {
        while let Ok(readable) = self.wait() {
            for (guest, is_readable) in std::mem::take(&mut self.waiting).into_iter().zip(readable)
            {
                match guest.look(is_readable, &self.token) {
                    Seen::Nothing(guest) => self.waiting.push_back(guest),
                    Seen::Hello(admitted) => admit(Ok(admitted)),
                    Seen::Refused => {}
                }
            }
            if let Err(error) = self.accept() {
                admit(Err(error));
                return;
            }
        }
    }

    /// Waits for something to do. Says which of those who wait have said something.
    fn wait(&mut self) -> io::Result<Vec<bool>> {
        let now = Instant::now();
        let deadline = self.waiting.front().map(|guest| guest.until);
        // A moment more, so that it has passed when this returns.
        let left = |it: Instant| it.saturating_duration_since(now) + Duration::from_millis(1);
        let timeout = deadline.map(|it| Timespec::try_from(left(it)).unwrap_or_default());
        let mut entries: Vec<_> =
            self.waiting.iter().map(|it| PollFd::new(&it.stream, PollFlags::IN)).collect();
        entries.push(PollFd::new(&self.listener, PollFlags::IN));
        match poll(&mut entries, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // A socket that was shut has nobody to accept, for ever, which is no error of accept's.
        let is_shut = |it: &PollFd<'_>| it.revents().intersects(PollFlags::HUP | PollFlags::NVAL);
        if entries.iter().skip(self.waiting.len()).any(is_shut) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(entries.iter().take(self.waiting.len()).map(|it| !it.revents().is_empty()).collect())
    }

    /// Takes who stands before the door. Where there are no descriptors left, who has waited longest
    /// goes; where nobody waits, nobody can be let in any more.
    fn accept(&mut self) -> io::Result<()> {
        // No more than may wait, so that those who have said hello meanwhile are looked at.
        for _ in 0..MOST / 2 {
            match self.listener.accept() {
                Ok((stream, _)) => self.receive(stream),
                Err(error) => match Errno::from_io_error(&error) {
                    // Nobody is left; or the run is over and has shut the socket, as the next wait finds.
                    Some(Errno::AGAIN | Errno::INVAL) => return Ok(()),
                    Some(Errno::INTR | Errno::CONNABORTED) => {}
                    _ if self.waiting.pop_front().is_some() => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn receive(&mut self, stream: UnixStream) {
        if !peer_is_this_user(&stream) || stream.set_nonblocking(true).is_err() {
            return;
        }
        if self.waiting.len() >= MOST {
            self.waiting.pop_front();
        }
        let until = Instant::now() + PATIENCE;
        self.waiting.push_back(Guest { stream, decoder: Decoder::default(), said: 0, until });
    }
}

impl Guest {
    fn look(mut self, is_readable: bool, token: &str) -> Seen {
        if is_readable {
            let mut buffer = [0; LONGEST];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Seen::Refused,
                Ok(read) => {
                    self.said += read;
                    self.decoder.feed(&buffer[..read]);
                    match self.decoder.next_message() {
                        Ok(Some(ToController::Hello(hello))) => return self.admitted(hello, token),
                        Ok(None) if self.said < LONGEST => {}
                        Ok(_) | Err(_) => return Seen::Refused,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Seen::Refused,
            }
        }
        if Instant::now() >= self.until { Seen::Refused } else { Seen::Nothing(self) }
    }

    fn admitted(self, hello: Hello, token: &str) -> Seen {
        if hello.token != token || self.stream.set_nonblocking(false).is_err() {
            return Seen::Refused;
        }
        // Signals go to this process: what the system says of it counts, not what it says itself.
        let pid = peer_pid(&self.stream).unwrap_or(hello.pid);
        let hello = Hello { pid, ..hello };
        Seen::Hello(Admitted { stream: self.stream, decoder: self.decoder, hello })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::protocol::socket::Rendezvous;
    use crate::protocol::{Role, VERSION, frame};

    fn open() -> (Rendezvous, Receiver<Admitted>) {
        let rendezvous = Rendezvous::open().expect("a socket");
        let listener = rendezvous.listener().expect("its handle");
        let door = Door::new(listener, rendezvous.token()).expect("a door");
        let (sender, admitted) = channel();
        std::thread::spawn(move || {
            door.serve(|it| sender.send(it.expect("room")).expect("the test listens"));
        });
        (rendezvous, admitted)
    }

    fn knock(rendezvous: &Rendezvous) -> UnixStream {
        UnixStream::connect(rendezvous.path()).expect("it listens")
    }

    fn hello(token: &str) -> Vec<u8> {
        frame::encode(&ToController::Hello(Hello {
            v: VERSION,
            role: Role::Worker,
            token: token.to_owned(),
            worker: "gw0".to_owned(),
            pid: 1,
            python: "3".to_owned(),
            pytest: "9".to_owned(),
        }))
    }

    /// Whether the other side closes the connection, which it does for good.
    fn is_refused(mut stream: UnixStream) -> bool {
        matches!(stream.read(&mut [0]), Ok(0) | Err(_))
    }

    #[test]
    fn who_knows_the_secret_is_let_in_however_slowly_it_speaks() {
        let (rendezvous, admitted) = open();
        let mut stream = knock(&rendezvous);
        for byte in hello(rendezvous.token()) {
            stream.write_all(&[byte]).expect("heard");
        }
        let admitted = admitted.recv().expect("let in");
        assert_eq!(admitted.hello.worker, "gw0");
        assert_eq!(admitted.hello.pid, std::process::id(), "by the system's word");
    }

    #[test]
    fn a_wrong_secret_garbage_and_a_long_hello_are_refused() {
        let (rendezvous, _admitted) = open();
        let other = frame::encode(&ToController::Bye { used: None });
        let long = (4u32 << 20).to_be_bytes();
        let slow = [&long[..], &[b' '; LONGEST]].concat();
        for said in [hello("guessed"), b"\0\0\0\x02{}".to_vec(), vec![0xff; 4], other, slow] {
            let mut stream = knock(&rendezvous);
            stream.write_all(&said).expect("there is room");
            assert!(is_refused(stream), "{said:?}");
        }
    }

    #[test]
    fn ten_thousand_silent_connections_keep_no_worker_out() {
        let (rendezvous, admitted) = open();
        let mut silent = VecDeque::new();
        for _ in 0..10_000 {
            silent.push_back(knock(&rendezvous));
            // As many as a process may have open.
            if silent.len() > 300 {
                silent.pop_front();
            }
        }
        let mut worker = knock(&rendezvous);
        worker.write_all(&hello(rendezvous.token())).expect("there is room");
        assert_eq!(admitted.recv().expect("let in").hello.worker, "gw0");
        let oldest = silent.pop_front().expect("300 are left");
        assert!(is_refused(oldest), "who has waited longest went");
    }

    #[test]
    fn the_thread_ends_with_the_socket() {
        let (rendezvous, admitted) = open();
        drop(rendezvous);
        assert!(admitted.recv().is_err(), "its end of the channel is gone");
    }
}

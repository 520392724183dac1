//! What is asked of the kernel and rustix has no words for.

use std::mem::MaybeUninit;

/// The soft limit that a process has for POSIX message queues; none where it may not be asked.
pub(super) fn queue_limit_of(pid: u32) -> Option<u64> {
    let pid = i32::try_from(pid).ok()?;
    let mut limit = MaybeUninit::<libc::rlimit64>::uninit();
    // SAFETY: no new limit is given, and the old one is written to memory of its size.
    let answer = unsafe {
        libc::prlimit64(pid, libc::RLIMIT_MSGQUEUE, std::ptr::null(), limit.as_mut_ptr())
    };
    // SAFETY: the call has succeeded, so the kernel has written it.
    (answer == 0).then(|| unsafe { limit.assume_init() }.rlim_cur)
}

/// Leaves the terminal, the folder and the streams of whoever started this process, and heeds no
/// signal that can be ignored.
pub(super) fn stand_apart() {
    let _ = rustix::process::setsid();
    let _ = rustix::process::chdir("/");
    let _ = rustix::thread::set_name(c"run-guard");
    for signal in [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTERM,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGTSTP,
        libc::SIGALRM,
    ] {
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    // SAFETY: nothing was opened yet but the three streams; what was inherited is nobody's here.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// A child that has ended and that nobody has waited for, which it stays.
pub(super) fn ended_child() -> Option<u32> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the answer is written to memory of its size, which is valid when zeroed.
    let (answer, pid) = unsafe {
        let answer = libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options);
        (answer, info.assume_init().si_pid())
    };
    (answer == 0).then(|| u32::try_from(pid).ok()).flatten().filter(|&pid| pid > 0)
}

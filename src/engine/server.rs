//! The server under test: whether it answers. It is the user's; pnl never starts or stops it.

use std::io::ErrorKind;
use std::time::Duration;

use crate::model::{Failure, Server};

/// How long a server may take to answer a question. A server that a developer has just started, or
/// one under load, may need seconds; a person waits for no more than this without a word.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of asking a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It answers; an error page will do.
    Well,
    /// It answers that it, or what is behind it, is not there: with this status (502, 503 or 504).
    Unwell(u16),
    /// Nothing is listening.
    Refused(String),
    /// Nothing came back in time, or what did broke off.
    Silent(String),
}

/// Asks a URL once. Any answer will do, an error page included.
pub fn answers(url: &str) -> Result<(), String> {
    match ask(url) {
        Answer::Well | Answer::Unwell(_) => Ok(()),
        Answer::Refused(why) | Answer::Silent(why) => Err(why),
    }
}

/// What asks a server under test. Certificates are not judged, for such often sign their own.
pub(super) fn agent(patience: Duration) -> ureq::Agent {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    ureq::Agent::config_builder()
        .timeout_global(Some(patience))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .tls_config(tls)
        .build()
        .into()
}

/// Asks a URL once.
pub(super) fn ask(url: &str) -> Answer {
    match agent(PATIENCE).get(url).call() {
        Ok(response) => match response.status().as_u16() {
            status @ 502..=504 => Answer::Unwell(status),
            _ => Answer::Well,
        },
        Err(ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed) => Answer::Well,
        Err(ureq::Error::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Answer::Refused(error.to_string())
        }
        Err(ureq::Error::Io(error)) => Answer::Silent(error.to_string()),
        Err(error) => Answer::Silent(error.to_string()),
    }
}

/// The message for a server that does not answer: which URL, who named it, how to start one.
pub(super) fn unanswered(server: &Server, why: &str, hint: Option<&str>) -> String {
    let start = match hint {
        Some(hint) => format!("Start it in another terminal ({hint})"),
        None => "Start your server in another terminal".to_owned(),
    };
    format!(
        "the server at {} does not answer ({why}).\n\
         The URL comes from {}. {start}, or name another one with --base-url URL or E2E_BASE_URL. \
         pnl never starts a server.",
        server.url, server.from
    )
}

/// Whether a failure looks as if the server had gone: then it is worth asking. Clients have their own
/// words for each way in which a server can be away.
pub(super) fn looks_like_a_lost_server(failure: &Failure) -> bool {
    const SIGNS: [&str; 22] = [
        "ECONNREFUSED",
        "ERR_CONNECTION_",
        "Connection refused",
        "connection refused",
        "connection attempts failed",
        "ECONNRESET",
        "Connection reset by peer",
        "Connection aborted",
        "Remote end closed connection",
        "RemoteDisconnected",
        "Server disconnected",
        "ERR_EMPTY_RESPONSE",
        "ERR_TIMED_OUT",
        "timed out",
        "Timeout",
        "502",
        "503",
        "504",
        "Bad Gateway",
        "Service Unavailable",
        "Gateway Timeout",
        "BrokenPipe",
    ];
    SIGNS.iter().any(|sign| failure.text.contains(sign) || failure.message.contains(sign))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn any_answer_will_do_and_silence_will_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let _ = stream.read(&mut [0; 1024]);
            stream
                .write_all(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .expect("written");
        });
        assert_eq!(ask(&url), Answer::Well);
        serving.join().expect("served");
        assert!(matches!(ask(&url), Answer::Refused(_)));
        assert!(answers(&url).is_err(), "the listener is gone");
    }

    #[test]
    fn the_message_says_what_where_and_what_to_do() {
        let server =
            Server { url: "http://127.0.0.1:9".to_owned(), from: "E2E_BASE_URL".to_owned() };
        let text = unanswered(&server, "Connection refused", Some("make serve"));
        for part in ["http://127.0.0.1:9", "E2E_BASE_URL", "make serve", "--base-url"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}

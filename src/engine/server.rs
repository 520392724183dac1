//! The server under test: whether it answers. It is the user's; pnl never starts or stops it.

use std::time::Duration;

use crate::model::{Failure, Server};

/// How long a server may take to answer a question. A server that a developer has just started, or
/// one under load, may need seconds; a person waits for no more than this without a word.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks a URL once. Any answer will do, an error page included; certificates are not judged, for
/// servers under test often sign their own.
pub fn answers(url: &str) -> Result<(), String> {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .tls_config(tls)
        .build()
        .into();
    match agent.get(url).call() {
        Ok(_) | Err(ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed) => Ok(()),
        Err(ureq::Error::Io(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
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

/// Whether a failure looks as if the server had gone: then it is worth asking.
pub(super) fn looks_like_a_lost_server(failure: &Failure) -> bool {
    const SIGNS: [&str; 5] = [
        "ECONNREFUSED",
        "ERR_CONNECTION_REFUSED",
        "Connection refused",
        "ERR_CONNECTION_RESET",
        "Connection reset by peer",
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
        assert_eq!(answers(&url), Ok(()));
        serving.join().expect("served");
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

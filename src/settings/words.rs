//! A command as people write it, split into words as a POSIX shell does; nothing is expanded.

use super::values::BadValue;
use crate::model::StateProbe;

/// What asks for the server's state: a URL, or a command.
pub fn state_probe(text: &str) -> Result<StateProbe, BadValue> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(StateProbe::Url(text.to_owned()));
    }
    let words = words(text).ok_or_else(|| {
        BadValue(format!("a state probe is a URL or a command, but a quote is open in {text:?}"))
    })?;
    if words.first().is_none_or(String::is_empty) {
        return Err(BadValue(format!(
            "a state probe is a URL that begins with http:// or https://, or a command like \
             `python state.py`, not {text:?}"
        )));
    }
    Ok(StateProbe::Command(words))
}

/// Splits at white space outside of quotes. In single quotes all stands for itself; in double quotes a
/// backslash takes `"`, `\`, `$` and the backquote as they are, outside of quotes any character.
/// `None` where a quote is open at the end, or nothing follows a backslash.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            '\'' => loop {
                match rest.next()? {
                    '\'' => break,
                    inside => word.push(inside),
                }
            },
            '"' => loop {
                match rest.next()? {
                    '"' => break,
                    '\\' => {
                        let next = rest.next()?;
                        if !matches!(next, '"' | '\\' | '$' | '`') {
                            word.push('\\');
                        }
                        word.push(next);
                    }
                    inside => word.push(inside),
                }
            },
            '\\' => word.push(rest.next()?),
            plain => word.push(plain),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, wanted) in [
            ("python state.py", vec!["python", "state.py"]),
            ("  psql\t-c 'select count(*) from a'  ", vec!["psql", "-c", "select count(*) from a"]),
            (r#"sh -c "cat \"$HOME/a b\" \n""#, vec!["sh", "-c", r#"cat "$HOME/a b" \n"#]),
            (r"a\ b c''d", vec!["a b", "cd"]),
            ("x '' y", vec!["x", "", "y"]),
        ] {
            assert_eq!(
                words(text),
                Some(wanted.into_iter().map(str::to_owned).collect()),
                "{text}"
            );
        }
        for open in ["a 'b", "a \"b", "a \\"] {
            assert_eq!(words(open), None, "{open}");
        }
    }

    #[test]
    fn a_url_is_no_command_and_nothing_is_neither() {
        let url = "http://127.0.0.1:8000/debug/state?a=b c";
        assert_eq!(state_probe(url), Ok(StateProbe::Url(url.to_owned())));
        let command = StateProbe::Command(vec!["date".to_owned()]);
        assert_eq!(state_probe(" date "), Ok(command));
        for text in ["", " ", "'' x", "a 'b"] {
            assert!(state_probe(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(wanted in proptest::collection::vec("[^']{0,8}", 1..5)) {
            let quoted: Vec<String> = wanted.iter().map(|it| format!("'{it}'")).collect();
            prop_assert_eq!(words(&quoted.join(" ")), Some(wanted));
        }
    }
}

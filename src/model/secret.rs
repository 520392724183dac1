//! Secrets, and texts without them.
//!
//! Two ways to know one: a variable of pnl's own environment whose name says what its value is, and
//! how a URL or an option looks. The first is hidden in every text that goes to a terminal, a report
//! or the history, the suite's own included; the second only in pnl's own words, because a test may
//! be about URLs.

use std::borrow::Cow;
use std::sync::Arc;

/// What stands in a secret's place.
const HIDDEN: &str = "***";

/// Shorter values are no secrets worth the name, and words of which texts are full: `admin`, `true`.
const SHORTEST: usize = 8;

/// How the last word of a secret's name ends.
const ENDS: [&str; 9] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "TOKENS",
];

/// Words that make a name a secret's, wherever they stand.
const WORDS: [&str; 7] =
    ["SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PRIVATE", "AUTH", "BEARER"];

/// What makes a `KEY` a secret: an `API_KEY`, and not a `SORT_KEY`.
const KEYS: [&str; 8] =
    ["API", "ACCESS", "SECRET", "PRIVATE", "ENCRYPTION", "SIGNING", "ACCOUNT", "MASTER"];

/// Whether a name, of a variable or an option or a URL's parameter, is that of a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_uppercase().replace(['-', '.'], "_");
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let Some(last) = words.last() else { return false };
    let is_key = *last == "KEY" && words.len() > 1 && KEYS.contains(&words[words.len() - 2]);
    let is_pwd = *last == "PWD" && words.len() > 1;
    is_key
        || is_pwd
        || ENDS.iter().any(|end| last.ends_with(end))
        || words.iter().any(|word| WORDS.contains(word))
        || words.contains(&"TOKEN") && *last != "FILE"
}

/// The values that must not be written anywhere.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<[String]>);

impl Secrets {
    /// Those of these variables, and the passwords in URLs that are values of others.
    pub fn of(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut values = Vec::new();
        for (name, value) in variables {
            if is_secret(&name) {
                values.extend(value.lines().map(str::trim).map(str::to_owned));
            } else {
                values.extend(password_of(&value).map(str::to_owned));
            }
        }
        Self::from_values(values)
    }

    /// With the password of a URL.
    #[must_use]
    pub fn and_password_of(&self, url: &str) -> Self {
        let password = password_of(url).map(str::to_owned);
        Self::from_values(self.0.iter().cloned().chain(password).collect())
    }

    fn from_values(mut values: Vec<String>) -> Self {
        values.retain(|value| value.len() >= SHORTEST);
        // A secret that is part of another must not leave the other's rest.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self(values.into())
    }

    /// A text of the suite's without them.
    #[must_use]
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut hidden = Cow::Borrowed(text);
        for value in &*self.0 {
            if hidden.contains(value.as_str()) {
                hidden = Cow::Owned(hidden.replace(value.as_str(), HIDDEN));
            }
        }
        hidden
    }

    /// A text of pnl's own, without them and without what looks like one.
    #[must_use]
    pub fn hide_all(&self, text: &str) -> String {
        without_secrets(&self.hide(text))
    }

    /// A command line.
    #[must_use]
    pub fn hide_in_command(&self, words: &[String]) -> Vec<String> {
        let mut is_value = false;
        let mut hidden = Vec::new();
        for word in words {
            let named = word.split_once('=').filter(|(name, _)| is_secret(name));
            hidden.push(if std::mem::take(&mut is_value) && !word.starts_with('-') {
                HIDDEN.to_owned()
            } else if let Some((name, _)) = named {
                format!("{name}={HIDDEN}")
            } else {
                self.hide_all(word)
            });
            is_value = word.starts_with("--") && !word.contains('=') && is_secret(word);
        }
        hidden
    }
}

/// A text without the user and password of its URLs, and without parameters and options that look
/// like secrets.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    without_values(&without_passwords(text))
}

/// `http://user:***@host`; where there is but one word before the `@`, it may be the secret.
fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| "/?#<>\"'`".contains(c) || c.is_whitespace());
        let authority = &after[..end.unwrap_or(after.len())];
        if let Some((user, _)) = authority.rsplit_once('@') {
            if let Some((name, _)) = user.split_once(':') {
                out.push_str(name);
                out.push(':');
            }
            out.push_str(HIDDEN);
            rest = &after[user.len()..];
        } else {
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// `?token=***`, `--password=***`, `DB_PASSWORD=***`.
fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, value) = rest.split_at(at + 1);
        out.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let name = &before[before[..at]
            .rfind(|c| !is_name(c))
            .map_or(0, |it| it + before[it..].chars().next().map_or(1, char::len_utf8))
            ..at];
        rest = value;
        if is_secret(name) {
            let end = value.find(|c: char| "&#<>\"'`,;".contains(c) || c.is_whitespace());
            let end = end.unwrap_or(value.len());
            if end > 0 {
                out.push_str(HIDDEN);
            }
            rest = &value[end..];
        }
    }
    out.push_str(rest);
    out
}

/// The password of a value that is a URL.
fn password_of(value: &str) -> Option<&str> {
    let (_, after) = value.split_once("://")?;
    let authority = after.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    Some(user.split_once(':').map_or(user, |(_, password)| password))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "GITHUB_TOKEN",
            "API_TOKEN_2",
            "DB_PASSWORD",
            "MYSQL_PWD",
            "AWS_SECRET_ACCESS_KEY",
            "OPENAI_API_KEY",
            "APIKEY",
            "PRIVATE_KEY",
            "BASIC_AUTH",
            "--api-token",
            "access_token",
            "GOOGLE_CREDENTIALS",
            "client.secret",
            "HTTP_AUTH_HEADER",
            "--password",
            "GHTOKEN",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "PWD",
            "OLDPWD",
            "TOKENIZERS_PARALLELISM",
            "AUTHOR",
            "SORT_KEY",
            "KEY",
            "--base-url",
            "-k",
            "",
            "PYTHONPATH",
            "KEYBOARD",
            "TOKEN_FILE",
            "XAUTHORITY",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    fn secrets(variables: &[(&str, &str)]) -> Secrets {
        Secrets::of(variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn values_of_secret_variables_are_hidden_wherever_they_stand() {
        let secrets = secrets(&[
            ("API_TOKEN", "s3cr3t-value"),
            ("API_TOKEN_LONG", "s3cr3t-value-and-more"),
            ("DATABASE_URL", "postgres://me:p4ssw0rd!@db/x"),
            ("SHORT_TOKEN", "admin"),
            ("HOME", "/home/somebody"),
        ]);
        assert_eq!(secrets.hide("assert 's3cr3t-value' == 'x'"), "assert '***' == 'x'");
        assert_eq!(secrets.hide("s3cr3t-value-and-more!"), "***!");
        assert_eq!(
            secrets.hide("login p4ssw0rd! at /home/somebody"),
            "login *** at /home/somebody"
        );
        assert!(matches!(secrets.hide("admin http://a:b@c"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden_in_our_own_words() {
        let cases = [
            ("http://u:p@h/x?a=1", "http://u:***@h/x?a=1"),
            ("(http://u:p:q@r@h:80) https://tok@h", "(http://u:***@h:80) https://***@h"),
            ("http://h/x@y?token=abc&a=b#c", "http://h/x@y?token=***&a=b#c"),
            (
                "--password=x --sort-key=y DB_PASSWORD=z",
                "--password=*** --sort-key=y DB_PASSWORD=***",
            ),
            ("a == b, token=", "a == b, token="),
            ("x://", "x://"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_secrets(text), expected);
        }
    }

    #[test]
    fn a_command_line_keeps_its_shape() {
        let words =
            ["pnl", "test", "--api-token", "abc", "--base-url", "http://u:p@h", "-k", "token"];
        let hidden = Secrets::default().hide_in_command(&words.map(str::to_owned));
        assert_eq!(
            hidden,
            ["pnl", "test", "--api-token", "***", "--base-url", "http://u:***@h", "-k", "token"]
        );
    }

    proptest! {
        #[test]
        fn a_password_never_gets_through(
            before in "\\PC{0,20}", user in "[a-z]{0,5}", password in "[A-Z0-9!$%]{8,20}",
            after in "\\PC{0,20}",
        ) {
            prop_assume!(!before.contains(&password) && !after.contains(&password));
            let text = format!("{before} http://{user}:{password}@host/{after}");
            prop_assert!(!without_secrets(&text).contains(&password), "{}", without_secrets(&text));
        }
    }
}

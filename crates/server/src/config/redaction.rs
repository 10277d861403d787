//! Shows URLs with their secrets hidden.

/// The text that is shown instead of a secret.
pub(super) const HIDDEN: &str = "***";

/// The query parameters whose values are never secret. The values of all other parameters are hidden.
const SHOWN: [&str; 24] = [
    "application_name",
    "ca",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "endpoint",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "port",
    "protocol",
    "region",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "tls",
    "tls_mode",
    "user",
];

/// The known query parameters of database URLs that may contain a secret.
const SECRET: [&str; 2] = ["options", "password"];

/// Returns the URL with `***` in place of every secret. The URL need not be well-formed: a password with special
/// characters that should have been percent-encoded is also hidden. If the password cannot be located, everything after
/// the scheme is hidden. A text without a scheme is hidden completely.
pub(super) fn hide_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return HIDDEN.to_owned() };
    let shown = as_psql_reads_it(rest).or_else(|| by_its_last_at(rest)).or_else(|| without_user(rest));
    format!("{scheme}://{}", shown.as_deref().unwrap_or(HIDDEN))
}

/// Reads the URL like psql: the user info ends at the first `@`, if no `/` precedes it. `None` if the text after the
/// `@` does not look like hosts, a database name and known parameters.
fn as_psql_reads_it(rest: &str) -> Option<String> {
    let end = rest.find(['@', '/']).filter(|end| rest.get(*end..).is_some_and(|rest| rest.starts_with('@')));
    let (user, place) = match end.and_then(|end| rest.split_at_checked(end)) {
        Some((user, place)) => (Some(user), place.get(1..)?),
        None => (None, rest),
    };
    let (place, query) = split_query(place);
    let is_sound = is_place(place) && query.is_none_or(|query| query.split('&').all(is_known));
    is_sound.then(|| written(user, place, query))
}

/// Reads a URL whose password contains `@` or `/`: everything before the last `@` may belong to the password. `None`
/// if there is no `@`, or if the text after the last `@` does not begin like hosts and a database name. Also `None`
/// if the text before the last `@` may contain a query, because the `@` may then be part of a secret in a parameter.
fn by_its_last_at(rest: &str) -> Option<String> {
    let (user, place) = rest.rsplit_once('@')?;
    let (place, query) = split_query(place);
    let may_be_a_query = user.split_once('?').is_some_and(|(_, query)| query.contains('='));
    (is_place(place) && !may_be_a_query).then(|| written(Some(user), place, query))
}

/// Reads a URL without user info. `None` if the text contains an `@`, or does not look like hosts and a database name.
fn without_user(rest: &str) -> Option<String> {
    let (place, query) = split_query(rest);
    (!rest.contains('@') && is_place(place)).then(|| written(None, place, query))
}

fn written(user: Option<&str>, place: &str, query: Option<&str>) -> String {
    let user = user.map(|user| match user.find([':', '/', '?', '#']) {
        Some(end) => format!("{}:{HIDDEN}@", user.split_at(end).0),
        None => format!("{user}@"),
    });
    let query = query.map(|query| format!("?{}", hide_parameters(query)));
    format!("{}{place}{}", user.unwrap_or_default(), query.unwrap_or_default())
}

fn split_query(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(place, query)| (place, Some(query)))
}

/// Returns whether the text consists only of hosts with ports, and of a database name after a slash, so that it cannot
/// contain a password.
fn is_place(text: &str) -> bool {
    let (hosts, name) = text.split_once('/').unwrap_or((text, ""));
    let is_plain = |text: &str, special: &[u8]| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || special.contains(&byte))
    };
    let is_host = |host: &str| {
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !host.starts_with('[') || host.ends_with(']') => (host, port),
            _ => (host, ""),
        };
        is_plain(host, b".-_%[]:") && port.bytes().all(|byte| byte.is_ascii_digit())
    };
    hosts.split(',').all(is_host) && is_plain(name, b".-_%+~ ")
}

fn is_known(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, _)| SHOWN.contains(&name) || SECRET.contains(&name))
}

/// Returns the parameters of a query. The value of a parameter is shown only if the name of the parameter is in
/// [`SHOWN`].
fn hide_parameters(query: &str) -> String {
    let shown = |parameter: &str| {
        let (name, _) = parameter.split_once('=')?;
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let hidden = || is_plain.then(|| format!("{name}={HIDDEN}"));
        if SHOWN.contains(&name) { Some(parameter.to_owned()) } else { hidden() }
    };
    let parameters = query.split('&').map(|parameter| shown(parameter).unwrap_or_else(|| HIDDEN.to_owned()));
    parameters.collect::<Vec<_>>().join("&")
}

/// Returns whether a URL may contain a user name and a password: it has an `@` somewhere after the scheme.
pub(super) fn has_user_info(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}

/// Returns the text unchanged unless it is a URL. In a URL with a query, hides the values of the parameters that may
/// be secrets. In a URL without a query, hides the fragment.
pub(super) fn without_parameters(text: &str) -> String {
    match text.find(['?', '#']).and_then(|at| text.split_at_checked(at)) {
        Some((place, rest)) if place.contains("://") => match rest.strip_prefix('?') {
            Some(query) => format!("{place}?{}", hide_parameters(query)),
            None => format!("{place}#{HIDDEN}"),
        },
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown_at_any_position() {
        for (url, shown) in [
            ("postgres://ann:secret@db:5432/cinema", "postgres://ann:***@db:5432/cinema"),
            ("postgres://ann:se@cret@db/cinema", "postgres://ann:***@db/cinema"),
            (
                "postgres://ann:se?cret@db/cinema?sslmode=require",
                "postgres://ann:***@db/cinema?sslmode=require",
            ),
            ("postgres://db/cinema?user=ann&password=secret", "postgres://db/cinema?user=ann&password=***"),
            ("postgres://h/c?user=ann@corp&password=hunter2", "postgres://h/c?user=ann@corp&password=***"),
            ("postgres://db/cinema?sslPassword=a&user=ann", "postgres://db/cinema?sslPassword=***&user=ann"),
            ("postgres://db/cinema?%70assword=secret", "postgres://db/cinema?***"),
            ("postgres://db/cinema?password=se&cret", "postgres://db/cinema?password=***&***"),
            ("postgres://db/cinema?user=ann&password=se@cret", "postgres://db/cinema?user=ann&password=***"),
            ("postgres://db/cinema?password=s@e&cret", "postgres://***"),
            ("postgres://db/cinema?unknown=1&password=se@cret", "postgres://***"),
            ("postgres://ann:x/y?z=w@db/cinema", "postgres://***"),
            ("postgres://db/cinema?secret=abc", "postgres://db/cinema?secret=***"),
            ("postgres://db/cinema?options=-c%20x%3Dsecret", "postgres://db/cinema?options=***"),
            ("postgres://ann:secret/db/cinema", "postgres://***"),
            ("postgres://ann@db/cinema?sslmode=require", "postgres://ann@db/cinema?sslmode=require"),
            ("postgres://[::1]:5432,second:5433/cinema", "postgres://[::1]:5432,second:5433/cinema"),
            ("redis://:secret@cache:6379/0", "redis://:***@cache:6379/0"),
            ("rediss://cache/0", "rediss://cache/0"),
            ("secret", "***"),
        ] {
            assert_eq!(hide_password(url), shown, "{url}");
        }
    }

    #[test]
    fn a_password_with_any_character_is_hidden() {
        for special in ('\0'..='\u{ff}').filter(|special| !special.is_ascii_alphanumeric()) {
            for scheme in ["postgres", "redis", "rediss"] {
                for password in [
                    format!("{special}canary"),
                    format!("canary{special}"),
                    format!("can{special}ary{special}"),
                ] {
                    let url = format!("{scheme}://ann:{password}@db:5432/cinema?application_name=shop");
                    let expected = format!("{scheme}://ann:***@db:5432/cinema?application_name=shop");
                    assert_eq!(hide_password(&url), expected, "{url:?}");
                }
            }
        }
    }

    #[test]
    fn unknown_parameters_are_not_shown() {
        for (text, shown) in [
            ("https://cinema.example?secret=abc", "https://cinema.example?secret=***"),
            ("s3://bucket?region=eu", "s3://bucket?region=eu"),
            ("https://cinema.example?abc", "https://cinema.example?***"),
            ("https://cinema.example/#abc", "https://cinema.example/#***"),
            ("what?", "what?"),
        ] {
            assert_eq!(without_parameters(text), shown);
        }
    }
}

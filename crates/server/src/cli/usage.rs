//! Error messages for wrong arguments.

use std::ffi::OsString;

use clap::{Command, CommandFactory, Error, error::ErrorKind};

use super::arguments::Cli;

/// Returns clap's error message, which has several paragraphs, as one line. If a command lacks its subcommand, the
/// line lists the subcommands instead. The line ends with a hint to `--help`.
pub(super) fn one_line(error: &Error, arguments: &[OsString]) -> String {
    let (command, words) = called_command(arguments);
    let what = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let commands: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            format!("`{words}` needs a command: {}", commands.join(", "))
        }
        _ => error_and_tips(&error.render().to_string()),
    };
    format!("{what}; see `{words} --help`")
}

/// Returns the first paragraph of the message and the paragraphs that begin with `tip: `, joined.
fn error_and_tips(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let lines: Vec<&str> = paragraph.split_whitespace().collect();
        lines.join(" ")
    });
    let wanted = paragraphs.enumerate().filter(|(place, text)| *place == 0 || text.starts_with("tip: "));
    let wanted: Vec<String> =
        wanted.map(|(_, text)| text.strip_prefix("error: ").map(str::to_owned).unwrap_or(text)).collect();
    wanted.join("; ")
}

/// Returns the innermost command that the arguments name, and the words that call it, such as `cinema movies import`.
fn called_command(arguments: &[OsString]) -> (Command, String) {
    let mut command = Cli::command();
    let mut words = command.get_name().to_owned();
    for argument in arguments.iter().skip(1) {
        let Some(named) = argument.to_str().and_then(|name| command.find_subcommand(name)) else { break };
        words = format!("{words} {}", named.get_name());
        command = named.clone();
    }
    (command, words)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn wrong_usage_is_reported_in_one_line_with_advice() {
        for (words, line) in [
            ("fly", "unrecognized subcommand 'fly'; see `cinema --help`"),
            (
                "migrat",
                "unrecognized subcommand 'migrat'; tip: a similar subcommand exists: 'migrate'; see `cinema --help`",
            ),
            (
                "movies",
                "`cinema movies` needs a command: import, export, attach-media; see `cinema movies --help`",
            ),
            (
                "movies import",
                "the following required arguments were not provided: <FILE>; see `cinema movies import --help`",
            ),
            (
                "movies import a.csv --columns nonsense",
                "invalid value 'nonsense' for '--columns <FIELD=COLUMN,…>': \"nonsense\" is not of the form \
                 field=column, such as name=Series_Title; see `cinema movies import --help`",
            ),
            (
                "dev generate-movies many",
                "invalid value 'many' for '<COUNT>': invalid digit found in string; see \
                 `cinema dev generate-movies --help`",
            ),
            ("migrate --now", "unexpected argument '--now' found; see `cinema migrate --help`"),
        ] {
            let arguments: Vec<OsString> =
                ["cinema"].into_iter().chain(words.split(' ')).map(OsString::from).collect();
            let error = Cli::try_parse_from(&arguments).unwrap_err();
            assert_eq!(one_line(&error, &arguments), line);
        }
    }
}

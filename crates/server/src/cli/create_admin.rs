//! `cinema users create-admin`.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use app::accounts::CreateAdminError;
use domain::accounts::PlainPassword;
use zeroize::Zeroizing;

use super::{arguments::CreateAdminArgs, failure::Failure, output::Output, wiring::use_cases};
use crate::{composition::error_chain, config::Settings};

/// Creates an active administrator.
pub(super) async fn run(settings: &Settings, arguments: CreateAdminArgs) -> Result<ExitCode, Failure> {
    let password = if arguments.password_stdin { from_stdin()? } else { from_terminal()? };
    let use_cases = use_cases(settings).await?;
    let address = arguments.email.as_str().to_owned();
    use_cases.signup.create_admin(arguments.email, password).await.map_err(|error| match error {
        CreateAdminError::Password(_) => Failure::new(format!("{error}: choose another password")),
        CreateAdminError::EmailTaken => {
            Failure::new(format!("{error}: choose another address, or sign in with {address}"))
        }
        CreateAdminError::Hash(_) | CreateAdminError::Store(_) => Failure::new(error_chain(&error)),
    })?;
    let mut output = Output::new();
    output.line(&format!("{address} is an administrator and can sign in"))?;
    output.finish()
}

fn from_stdin() -> Result<PlainPassword, Failure> {
    let mut line = Zeroizing::new(String::new());
    io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("cannot read the password from standard input ({error})")))?;
    let text = line.strip_prefix('\u{feff}').unwrap_or(&line);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Failure::new("standard input has no password in its first line"));
    }
    Ok(PlainPassword::new(text))
}

fn from_terminal() -> Result<PlainPassword, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "there is no terminal to ask for the password: pipe it and give --password-stdin",
        ));
    }
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|error| {
            Failure::new(format!("cannot ask for the password ({error}): give --password-stdin"))
        })
    };
    let password = ask("Password: ")?;
    if *ask("Repeat the password: ")? != *password {
        return Err(Failure::new("the two passwords differ: try again"));
    }
    Ok(PlainPassword::new(&password))
}

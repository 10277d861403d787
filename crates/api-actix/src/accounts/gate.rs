//! A password that is checked without signing in.

use app::accounts::{LogInError, Sessions, Standing};
use domain::accounts::{EmailAddress, Origin, PlainPassword};

use crate::problem::{Problem, Refusal, kinds};

/// Insists on the password of an active account. Guessing is slowed down as at a log-in, and the audit log tells of it as of
/// one: passwords can be guessed here too.
pub(crate) async fn check(
    sessions: &Sessions,
    email: &str,
    password: &str,
    origin: &Origin,
) -> Result<(), Problem> {
    let wrong = || Problem::new(&kinds::INVALID_CREDENTIALS);
    let email = email.parse::<EmailAddress>().map_err(|_| wrong())?;
    match sessions.check_password(&email, &PlainPassword::new(password), origin).await {
        Ok(()) => Ok(()),
        Err(
            LogInError::InvalidCredentials | LogInError::AccountInactive | LogInError::AccountDeactivated,
        ) => Err(wrong()),
        Err(failed) => Err(failed.problem()),
    }
}

/// How the account stands that a password was right for.
pub(crate) async fn standing(sessions: &Sessions, email: &str) -> Result<Option<Standing>, Problem> {
    match email.parse::<EmailAddress>() {
        Ok(email) => sessions.standing(&email).await.map_err(|failed| failed.problem()),
        Err(_) => Ok(None),
    }
}

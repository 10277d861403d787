//! Checks a password without signing in.

use app::accounts::{LogInError, Sessions, Standing};
use domain::accounts::{EmailAddress, Origin, PlainPassword};

use crate::problem::{Problem, Refusal, kinds};

/// Checks the email and password of an active account. Failures are delayed and written to the audit log like failed
/// log-ins, since passwords could be guessed here as well.
///
/// # Errors
/// 401 when they are wrong.
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

/// Returns the state of the account with this email address. A cached password is valid only while this state is
/// unchanged.
pub(crate) async fn standing(sessions: &Sessions, email: &str) -> Result<Option<Standing>, Problem> {
    match email.parse::<EmailAddress>() {
        Ok(email) => sessions.standing(&email).await.map_err(|failed| failed.problem()),
        Err(_) => Ok(None),
    }
}

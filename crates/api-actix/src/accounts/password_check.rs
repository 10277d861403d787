//! Checks an email and password without creating a session, for the access control of the documentation.

use app::accounts::{LogInError, Sessions, Standing};
use domain::accounts::{EmailAddress, Origin, PlainPassword};

use crate::problem::{Problem, Refusal, kinds};

/// Checks the email and password of an active account. As in a sign-in, wrong passwords are counted and delay further
/// attempts, and refused credentials are recorded in the audit log (without the password). Otherwise a client could
/// guess passwords with this check.
///
/// # Errors
/// 401 when the email or password is wrong, or the account is not active; 429 after too many wrong passwords;
/// 503 or 500 when the check itself fails.
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

/// Returns the current [`Standing`] (identifier and version) of the account with this email address; `None` if there
/// is no such account, or the text is not an email address. A caller that caches the result of [`check`] must check
/// again when this value has changed.
pub(crate) async fn standing(sessions: &Sessions, email: &str) -> Result<Option<Standing>, Problem> {
    match email.parse::<EmailAddress>() {
        Ok(email) => sessions.standing(&email).await.map_err(|failed| failed.problem()),
        Err(_) => Ok(None),
    }
}

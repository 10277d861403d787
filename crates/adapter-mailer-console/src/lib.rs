//! A mailer that prints each whole mail, for development.

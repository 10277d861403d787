//! A mailer that keeps what it is given.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use domain::{
    id::OutboxId,
    mail::{Mail, MailError, Mailer},
};

use super::canaries;

/// Keeps every mail, in order.
#[derive(Debug, Default)]
pub(crate) struct RecordingMailer(Mutex<Vec<Mail>>);

impl RecordingMailer {
    /// The mails to this address, oldest first.
    pub(crate) fn to(&self, email: &str) -> Vec<Mail> {
        let mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().filter(|mail| mail.to.as_str().eq_ignore_ascii_case(email)).cloned().collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn send(&self, _id: OutboxId, mail: &Mail) -> Result<(), MailError> {
        canaries::plant(mail.to.as_str());
        mail.text.split_whitespace().for_each(canaries::plant_address);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        Ok(())
    }
}

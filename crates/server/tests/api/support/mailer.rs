//! A mailer that records mails.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    id::OutboxId,
    mail::{Mail, MailError, Mailer},
};

use super::{MovableClock, canaries};

/// Records every mail in order, and delivers none.
#[derive(Debug, Default)]
pub(crate) struct RecordingMailer {
    mails: Mutex<Vec<Mail>>,
    /// If set, each mail advances this clock by this time and is then refused.
    refusal: Mutex<Option<(Arc<MovableClock>, TimeDelta)>>,
}

impl RecordingMailer {
    /// Returns the mails to this address, oldest first. The case of ASCII letters is ignored.
    pub(crate) fn to(&self, email: &str) -> Vec<Mail> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().filter(|mail| mail.to.as_str().eq_ignore_ascii_case(email)).cloned().collect()
    }

    /// Returns how many mails were sent, whether accepted or refused.
    pub(crate) fn count(&self) -> usize {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Makes every further mail advance this clock by this time, and then be refused.
    pub(crate) fn refuse_after(&self, clock: Arc<MovableClock>, time: TimeDelta) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some((clock, time));
    }
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn send(&self, _id: OutboxId, mail: &Mail) -> Result<(), MailError> {
        canaries::plant(mail.to.as_str());
        mail.text.split_whitespace().for_each(canaries::plant_address);
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        match &*self.refusal.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some((clock, time)) => {
                clock.advance(*time);
                Err(MailError::Temporary("it hung up".into()))
            }
        }
    }
}

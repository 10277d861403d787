//! A mock of the mailer for the tests of the outbox.

use async_trait::async_trait;
use domain::{
    id::OutboxId,
    mail::{Mail, MailError, Mailer},
};

mockall::mock! {
    pub(crate) Post {}
    #[async_trait]
    impl Mailer for Post {
        async fn send(&self, id: OutboxId, mail: &Mail) -> Result<(), MailError>;
    }
}

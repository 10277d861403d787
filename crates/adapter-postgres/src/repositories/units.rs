use async_trait::async_trait;
use domain::store::{Attempt, StoreError, Unit, UnitsOfWork};

use crate::{Database, unit_of_work::UnitOfWork};

#[async_trait]
impl UnitsOfWork for Database {
    type Unit = UnitOfWork;

    async fn begin(&self, _attempt: Attempt) -> Result<UnitOfWork, StoreError> {
        UnitOfWork::begin(self).await
    }
}

#[async_trait]
impl Unit for UnitOfWork {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.finish().await
    }
}

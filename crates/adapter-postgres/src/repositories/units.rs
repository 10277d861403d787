use async_trait::async_trait;
use domain::{
    accounts::{
        AccountStore, AccountUnit, KnownDeviceRepository, LinkTokenRepository, PersonalDataRepository,
        ProfileRepository, SessionRepository, UserRepository,
    },
    audit::AuditRepository,
    cart::{CartRepository, CartStore, CartUnit},
    catalog::{CatalogStore, CatalogUnit, MovieRepository},
    outbox::OutboxRepository,
    purchases::PurchaseRepository,
    store::StoreError,
};

use crate::{Database, unit_of_work::UnitOfWork};

#[async_trait]
impl AccountStore for Database {
    async fn begin(&self) -> Result<Box<dyn AccountUnit>, StoreError> {
        Ok(Box::new(UnitOfWork::begin(self).await?))
    }
}

#[async_trait]
impl AccountUnit for UnitOfWork {
    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }

    fn links(&mut self) -> &mut dyn LinkTokenRepository {
        self
    }

    fn profiles(&mut self) -> &mut dyn ProfileRepository {
        self
    }

    fn devices(&mut self) -> &mut dyn KnownDeviceRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn audit(&mut self) -> &mut dyn AuditRepository {
        self
    }

    fn personal_data(&mut self) -> &mut dyn PersonalDataRepository {
        self
    }

    fn outbox(&mut self) -> &mut dyn OutboxRepository {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.finish().await
    }
}

#[async_trait]
impl CatalogStore for Database {
    async fn begin(&self) -> Result<Box<dyn CatalogUnit>, StoreError> {
        Ok(Box::new(UnitOfWork::begin(self).await?))
    }
}

#[async_trait]
impl CatalogUnit for UnitOfWork {
    fn movies(&mut self) -> &mut dyn MovieRepository {
        self
    }

    fn audit(&mut self) -> &mut dyn AuditRepository {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.finish().await
    }
}

#[async_trait]
impl CartStore for Database {
    async fn begin(&self) -> Result<Box<dyn CartUnit>, StoreError> {
        Ok(Box::new(UnitOfWork::begin(self).await?))
    }
}

#[async_trait]
impl CartUnit for UnitOfWork {
    fn carts(&mut self) -> &mut dyn CartRepository {
        self
    }

    fn movies(&mut self) -> &mut dyn MovieRepository {
        self
    }

    fn purchases(&mut self) -> &mut dyn PurchaseRepository {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.finish().await
    }
}

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl};
use domain::{
    accounts::{KnownDevice, KnownDeviceRepository, MAX_KNOWN_DEVICES},
    entropy::TokenDigest,
    id::UserId,
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbInstant, DbUuid},
    schema::known_devices,
    statement::Statement,
    unit_of_work::UnitOfWork,
};

#[async_trait]
impl KnownDeviceRepository for UnitOfWork {
    async fn touch_device(
        &mut self,
        user_id: UserId,
        device: &TokenDigest,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let known = known_devices::table
            .filter(known_devices::user_id.eq(DbUuid(user_id.as_uuid())))
            .filter(known_devices::device.eq(device.as_str().to_owned()));
        let seen = diesel::update(known).set(known_devices::last_seen_at.eq(DbInstant(at)));
        Ok(self.execute(seen).await? > 0)
    }

    async fn has_known_devices(&mut self, user_id: UserId) -> Result<bool, StoreError> {
        let query = known_devices::table
            .filter(known_devices::user_id.eq(DbUuid(user_id.as_uuid())))
            .select(known_devices::device)
            .limit(1);
        Ok(self.first::<String, _>(query).await?.is_some())
    }

    async fn insert_device(&mut self, device: &KnownDevice) -> Result<(), StoreError> {
        let query = diesel::insert_into(known_devices::table).values((
            known_devices::user_id.eq(DbUuid(device.user_id.as_uuid())),
            known_devices::device.eq(device.device.as_str().to_owned()),
            known_devices::first_seen_at.eq(DbInstant(device.first_seen_at)),
            known_devices::last_seen_at.eq(DbInstant(device.last_seen_at)),
        ));
        self.execute_one(query).await?;
        let user_id = device.user_id.as_uuid();
        let mut forget = Statement::<()>::new("DELETE FROM known_devices WHERE user_id = ");
        forget
            .bind(user_id)
            .sql(" AND device NOT IN (SELECT device FROM known_devices WHERE user_id = ")
            .bind(user_id)
            .sql(" ORDER BY last_seen_at DESC, device LIMIT ")
            .bind(i64::from(MAX_KNOWN_DEVICES))
            .sql(")");
        self.execute(forget).await?;
        Ok(())
    }
}

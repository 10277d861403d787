use async_trait::async_trait;
use chrono::NaiveDate;
use diesel::{AsChangeset, ExpressionMethods, Insertable, QueryDsl, Queryable, Selectable, SelectableHelper};
use domain::{
    accounts::{Profile, ProfileRepository},
    id::{ProfileId, UserId},
    store::StoreError,
};

use crate::{dialect::DbUuid, schema::user_profiles, unit_of_work::UnitOfWork};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = user_profiles, treat_none_as_null = true)]
pub(crate) struct ProfileRow {
    pub(crate) id: DbUuid,
    pub(crate) user_id: DbUuid,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) gender: Option<String>,
    pub(crate) date_of_birth: Option<NaiveDate>,
    pub(crate) info: Option<String>,
}

impl From<&Profile> for ProfileRow {
    fn from(profile: &Profile) -> Self {
        Self {
            id: DbUuid(profile.id.as_uuid()),
            user_id: DbUuid(profile.user_id.as_uuid()),
            first_name: profile.first_name.clone(),
            last_name: profile.last_name.clone(),
            avatar: profile.avatar.as_ref().map(ToString::to_string),
            gender: profile.gender.map(|gender| gender.as_str().to_owned()),
            date_of_birth: profile.date_of_birth,
            info: profile.info.clone(),
        }
    }
}

impl TryFrom<ProfileRow> for Profile {
    type Error = StoreError;

    fn try_from(row: ProfileRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: ProfileId::from_uuid(row.id.0),
            user_id: UserId::from_uuid(row.user_id.0),
            first_name: row.first_name,
            last_name: row.last_name,
            gender: row.gender.map(|gender| gender.parse()).transpose().map_err(StoreError::failed)?,
            date_of_birth: row.date_of_birth,
            info: row.info,
            avatar: row.avatar.map(|key| key.parse()).transpose().map_err(StoreError::failed)?,
        })
    }
}

#[async_trait]
impl ProfileRepository for UnitOfWork {
    async fn find_profile(&mut self, user_id: UserId) -> Result<Option<Profile>, StoreError> {
        let query = user_profiles::table
            .filter(user_profiles::user_id.eq(DbUuid(user_id.as_uuid())))
            .select(ProfileRow::as_select());
        self.first::<ProfileRow, _>(query).await?.map(Profile::try_from).transpose()
    }

    async fn put_profile(&mut self, profile: &Profile) -> Result<(), StoreError> {
        let query = diesel::insert_into(user_profiles::table)
            .values(ProfileRow::from(profile))
            .on_conflict(user_profiles::user_id)
            .do_update()
            .set(ProfileRow::from(profile));
        self.execute_one(query).await
    }
}

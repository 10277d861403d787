use async_trait::async_trait;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use domain::{
    accounts::{
        AccountState, EmailAddress, InsertUserError, PasswordHash, Role, User, UserLocks, UserRepository,
    },
    id::UserId,
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    dialect::{DbInstant, DbUuid, for_update},
    schema::users,
    unit_of_work::UnitOfWork,
};

/// The identifier of a role's row in the table of groups. The first migration inserts these rows.
pub(crate) const fn group_id(role: Role) -> DbUuid {
    let last = match role {
        Role::User => 1,
        Role::Moderator => 2,
        Role::Admin => 3,
    };
    DbUuid(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 | last))
}

/// The role of a row in the table of groups, by its identifier.
pub(crate) fn role(group: DbUuid) -> Result<Role, StoreError> {
    [Role::User, Role::Moderator, Role::Admin]
        .into_iter()
        .find(|role| group_id(*role) == group)
        .ok_or_else(|| StoreError::failed("the group of a user matches no role"))
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
struct UserRow {
    id: DbUuid,
    email: String,
    email_key: String,
    email_key_version: i16,
    hashed_password: String,
    is_password_contested: bool,
    is_active: bool,
    version: i64,
    group_id: DbUuid,
    created_at: DbInstant,
    updated_at: DbInstant,
    /// The time of the last activation or deactivation; `None` while the account awaits activation.
    activated_at: Option<DbInstant>,
}

impl UserRow {
    fn state(&self) -> Result<AccountState, StoreError> {
        match (self.is_active, self.activated_at) {
            (false, None) => {
                Ok(AccountState::AwaitingActivation { is_password_contested: self.is_password_contested })
            }
            (true, Some(since)) => Ok(AccountState::Active { since: since.0 }),
            (false, Some(since)) => Ok(AccountState::Deactivated { since: since.0 }),
            (true, None) => Err(StoreError::failed("an active account has no time of its activation")),
        }
    }
}

/// The value of the column `activated_at` for a state.
fn activated_at(state: AccountState) -> Option<DbInstant> {
    match state {
        AccountState::AwaitingActivation { .. } => None,
        AccountState::Active { since } | AccountState::Deactivated { since } => Some(DbInstant(since)),
    }
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            id: DbUuid(user.id.as_uuid()),
            email: user.email.as_str().to_owned(),
            email_key: user.email.key().to_owned(),
            email_key_version: EmailAddress::KEY_VERSION,
            hashed_password: user.password.as_str().to_owned(),
            is_password_contested: user.is_password_contested(),
            is_active: user.is_active(),
            version: user.version,
            group_id: group_id(user.role),
            created_at: DbInstant(user.created_at),
            updated_at: DbInstant(user.updated_at),
            activated_at: activated_at(user.state),
        }
    }
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::from_uuid(row.id.0),
            state: row.state()?,
            email: row.email.parse().map_err(StoreError::failed)?,
            password: PasswordHash::from_phc(row.hashed_password),
            role: role(row.group_id)?,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

#[async_trait]
impl UserRepository for UnitOfWork {
    async fn find_user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let query = users::table
            .filter(users::id.eq(DbUuid(id.as_uuid())))
            .filter(users::deleted_at.is_null())
            .select(UserRow::as_select());
        self.first::<UserRow, _>(query).await?.map(User::try_from).transpose()
    }

    async fn find_user_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let query = users::table
            .filter(users::id.eq(DbUuid(id.as_uuid())))
            .filter(users::deleted_at.is_null())
            .select(UserRow::as_select());
        self.first::<UserRow, _>(for_update!(query)).await?.map(User::try_from).transpose()
    }

    async fn find_user_by_email_for_update(
        &mut self,
        email: &EmailAddress,
    ) -> Result<Option<User>, StoreError> {
        let query =
            users::table.filter(users::email_key.eq(email.key().to_owned())).select(UserRow::as_select());
        self.first::<UserRow, _>(for_update!(query)).await?.map(User::try_from).transpose()
    }

    async fn find_users_for_update(&mut self, wanted: &UserLocks) -> Result<Vec<User>, StoreError> {
        let ids: Vec<DbUuid> = wanted.ids.iter().map(|id| DbUuid(id.as_uuid())).collect();
        let is_wanted = users::id.eq_any(ids);
        let rows = if wanted.all_admins {
            let query = users::table
                .filter(users::group_id.eq(group_id(Role::Admin)).or(is_wanted))
                .filter(users::deleted_at.is_null())
                .order(users::id)
                .select(UserRow::as_select());
            self.load::<UserRow, _>(for_update!(query)).await?
        } else {
            let query = users::table
                .filter(is_wanted)
                .filter(users::deleted_at.is_null())
                .order(users::id)
                .select(UserRow::as_select());
            self.load::<UserRow, _>(for_update!(query)).await?
        };
        rows.into_iter().map(User::try_from).collect()
    }

    async fn insert_user(&mut self, user: &User) -> Result<(), InsertUserError> {
        let query = diesel::insert_into(users::table)
            .values(UserRow::from(user))
            .on_conflict(users::email_key)
            .do_nothing();
        if self.execute(query).await? == 0 { Err(InsertUserError::EmailTaken) } else { Ok(()) }
    }

    async fn update_user(&mut self, user: &User) -> Result<(), StoreError> {
        let query = diesel::update(users::table.filter(users::id.eq(DbUuid(user.id.as_uuid())))).set((
            users::email.eq(user.email.as_str().to_owned()),
            users::hashed_password.eq(user.password.as_str().to_owned()),
            users::is_password_contested.eq(user.is_password_contested()),
            users::is_active.eq(user.is_active()),
            users::activated_at.eq(activated_at(user.state)),
            users::version.eq(user.version),
            users::group_id.eq(group_id(user.role)),
            users::updated_at.eq(DbInstant(user.updated_at)),
        ));
        self.execute_one(query).await
    }
}

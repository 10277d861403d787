use async_trait::async_trait;
use chrono::NaiveDate;
use diesel::sql_types::{Bool, Date, Nullable, Text};
use domain::{
    accounts::{UserDetails, UserFilter, UserQueries, UserSort, UserSortKey},
    id::UserId,
    page::{Page, PageRequest, Position, SortValue},
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant, push_contains},
    queries::{
        keyset::{KeyType, Keyset},
        plain_list::PlainList,
    },
    repositories::{ProfileRow, group_id, role},
    statement::Statement,
};

const COLUMNS: &str = "u.id, u.email, u.email_key, u.group_id, u.is_active, u.created_at, \
    p.id, p.first_name, p.last_name, p.avatar, p.gender, p.date_of_birth, p.info";

/// The tables that `COLUMNS` are selected from. A user has at most one profile, so there is one row for each user.
/// Deleted users are excluded; their rows remain in the table because orders refer to them.
const TABLES: &str = " FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id \
    WHERE u.deleted_at IS NULL AND ";

type AccountTypes = (SqlId, Text, Text, SqlId, Bool, SqlInstant);
type AccountRow = (DbUuid, String, String, DbUuid, bool, DbInstant);
type OptionalText = Nullable<Text>;
type ProfileTypes =
    (Nullable<SqlId>, OptionalText, OptionalText, OptionalText, OptionalText, Nullable<Date>, OptionalText);
type ProfileColumns = (
    Option<DbUuid>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<NaiveDate>,
    Option<String>,
);
pub(super) type UserTypes = (AccountTypes, ProfileTypes);
type UserRow = (AccountRow, ProfileColumns);

#[async_trait]
impl UserQueries for Database {
    async fn user_page(
        &self,
        filter: &UserFilter,
        sorts: &[UserSort],
        request: &PageRequest,
    ) -> Result<Page<UserDetails>, StoreError> {
        let list = list(filter, sorts);
        let rows: Vec<UserRow> = self.fetch(list.statement::<UserTypes>(request)?).await?;
        let page = self.page_of(&list, request, rows, |row| position(row, sorts)).await?;
        page.try_map(details)
    }

    async fn user_details(&self, id: UserId) -> Result<Option<UserDetails>, StoreError> {
        let mut statement = Statement::<UserTypes>::new("SELECT ");
        statement.sql(COLUMNS).sql(TABLES).sql("u.id = ").bind(id.as_uuid());
        let rows: Vec<UserRow> = self.fetch(statement).await?;
        rows.into_iter().next().map(details).transpose()
    }
}

/// The list of users that match the filter, in the given order.
pub(super) fn list(filter: &UserFilter, sorts: &[UserSort]) -> PlainList {
    let mut matching = Statement::new(TABLES);
    matching.sql(match filter.is_active {
        None => "TRUE",
        Some(true) => "u.is_active",
        Some(false) => "NOT u.is_active",
    });
    if let Some(role) = filter.role {
        matching.sql(" AND u.group_id = ").bind(group_id(role).0);
    }
    let parts = filter.parts_of_key();
    if let Some((first, others)) = parts.split_first() {
        matching.sql(" AND (");
        push_contains(&mut matching, "u.email_key", first);
        for part in others {
            matching.sql(" OR ");
            push_contains(&mut matching, "u.email_key", part);
        }
        matching.sql(")");
    }
    let order = sorts.iter().fold(Keyset::ending_in("u.id"), |order, sort| {
        let (column, key_type) = match sort.key {
            UserSortKey::CreatedAt => ("u.created_at", KeyType::Instant),
            UserSortKey::Email => ("u.email_key", KeyType::Text),
        };
        order.then_by(Statement::new(column), key_type, sort.descending)
    });
    PlainList { columns: COLUMNS, matching, order }
}

fn position(((id, _, key, _, _, created_at), _): &UserRow, sorts: &[UserSort]) -> Position {
    let value = |sort: &UserSort| match sort.key {
        UserSortKey::CreatedAt => SortValue::Integer(created_at.0.timestamp_micros()),
        UserSortKey::Email => SortValue::Text(key.clone()),
    };
    Position { values: sorts.iter().map(value).collect(), id: id.0 }
}

fn details((account, profile): UserRow) -> Result<UserDetails, StoreError> {
    let (user_id, email, _, group, is_active, created_at) = account;
    let (id, first_name, last_name, avatar, gender, date_of_birth, info) = profile;
    let profile =
        id.map(|id| ProfileRow { id, user_id, first_name, last_name, avatar, gender, date_of_birth, info });
    Ok(UserDetails {
        id: UserId::from_uuid(user_id.0),
        email: email.parse().map_err(StoreError::failed)?,
        role: role(group)?,
        is_active,
        created_at: created_at.0,
        profile: profile.map(TryInto::try_into).transpose()?,
    })
}

use diesel::sql_types::{Bool, Integer, Nullable, Text};
use domain::store::StoreError;

use crate::{PostgresDatabase, statement::Statement, unit_of_work::UnitOfWork};

/// Why a database cannot be used or migrated, with advice, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// Its encoding cannot represent every text.
    #[error(
        "the database {database} is encoded in {encoding}, which cannot represent every name: make one with \
         `createdb --encoding=UTF8 --template=template0 NAME`, and name it in DATABASE_URL"
    )]
    Encoding {
        /// The database.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// The `search_path` has no usable schema.
    #[error(
        "the search_path of {role} names no schema that exists or may be used: make one with `CREATE SCHEMA cinema \
         AUTHORIZATION {role}` and run `ALTER ROLE {role} SET search_path = cinema`"
    )]
    NoSchema {
        /// The role.
        role: String,
    },
    /// The role may not create tables, as in the schema `public` since PostgreSQL 15.
    #[error(
        "{role} may not create tables in the schema {schema}: let the owner of the database run `GRANT CREATE ON SCHEMA \
         {schema} TO {role}`"
    )]
    Schema {
        /// The role.
        role: String,
        /// The schema.
        schema: String,
    },
    /// The extension that searching needs is not installed on the server.
    #[error(
        "the extension pg_trgm is not installed on the server of PostgreSQL: install its package postgresql-contrib"
    )]
    NoTrigrams,
    /// The extension that searching needs may not be added.
    #[error(
        "{role} may not add the extension pg_trgm to the database {database}: let its owner run `CREATE EXTENSION pg_trgm` \
         in it, or `GRANT CREATE ON DATABASE {database} TO {role}`"
    )]
    Trigrams {
        /// The role.
        role: String,
        /// The database.
        database: String,
    },
}

/// Names are quoted for use in statements.
const STATE: &str = "SELECT quote_ident(current_database()), current_setting('server_encoding'), quote_ident(current_user), \
    quote_ident(current_schema()), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
    has_database_privilege(current_database(), 'CREATE'), \
    EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm'), \
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')";

type StateSql = (Text, Text, Text, Nullable<Text>, Bool, Bool, Bool, Bool);
type State = (String, String, String, Option<String>, bool, bool, bool, bool);

impl PostgresDatabase {
    /// Checks that the database is currently writable.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it is read-only, like a standby, or does not answer.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        UnitOfWork::begin(self).await?.check_writable().await
    }

    /// Returns why the database cannot be used, if its encoding is not UTF-8.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn obstacle_to_use(&self) -> Result<Option<Unsuitable>, StoreError> {
        let statement = Statement::<(Text, Text)>::new(
            "SELECT quote_ident(current_database()), current_setting('server_encoding')",
        );
        let rows: Vec<(String, String)> = self.fetch(statement).await?;
        let wrong = rows.into_iter().find(|(_, encoding)| encoding != "UTF8");
        Ok(wrong.map(|(database, encoding)| Unsuitable::Encoding { database, encoding }))
    }

    /// The maximum number of connections of all clients of the server, without those for superusers.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn max_connections(&self) -> Result<usize, StoreError> {
        let statement = Statement::<(Integer,)>::new(
            "SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer",
        );
        let rows: Vec<(i32,)> = self.fetch(statement).await?;
        Ok(rows.into_iter().next().and_then(|(count,)| usize::try_from(count).ok()).unwrap_or_default())
    }

    /// Returns why this role cannot migrate the database, if it cannot, for a clear message before the first migration
    /// fails.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn obstacle_to_migrating(&self) -> Result<Option<Unsuitable>, StoreError> {
        let rows: Vec<State> = self.fetch(Statement::<StateSql>::new(STATE)).await?;
        Ok(rows.into_iter().next().and_then(obstacle))
    }
}

fn obstacle(state: State) -> Option<Unsuitable> {
    let (database, encoding, role, schema, may_make_tables, may_extend, has_trigrams, knows_trigrams) = state;
    if encoding != "UTF8" {
        return Some(Unsuitable::Encoding { database, encoding });
    }
    let Some(schema) = schema else { return Some(Unsuitable::NoSchema { role }) };
    if !may_make_tables {
        return Some(Unsuitable::Schema { role, schema });
    }
    if has_trigrams {
        return None;
    }
    if !knows_trigrams {
        return Some(Unsuitable::NoTrigrams);
    }
    (!may_extend).then_some(Unsuitable::Trigrams { role, database })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_that_is_not_installed_is_reported() {
        let state = |has, knows| {
            let [database, encoding, role] = ["cinema", "UTF8", "ann"].map(str::to_owned);
            (database, encoding, role, Some("public".to_owned()), true, true, has, knows)
        };
        assert_eq!(obstacle(state(false, false)), Some(Unsuitable::NoTrigrams));
        assert_eq!(obstacle(state(false, true)), None);
        assert_eq!(obstacle(state(true, false)), None);
    }
}

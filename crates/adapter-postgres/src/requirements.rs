use diesel::sql_types::{Bool, Integer, Nullable, Text};
use domain::store::StoreError;

use crate::{PostgresDatabase, statement::Statement, unit_of_work::UnitOfWork};

/// Why a database cannot be used or migrated. The message is one line, and tells the operator what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// The encoding of the database is not UTF-8, so the database cannot store every text.
    #[error(
        "the database {database} is encoded in {encoding}, which cannot represent every name: make one with \
         `createdb --encoding=UTF8 --template=template0 NAME`, and name it in DATABASE_URL"
    )]
    Encoding {
        /// The name of the database, quoted for SQL.
        database: String,
        /// The encoding of the database.
        encoding: String,
    },
    /// The role's `search_path` contains no schema that exists and that the role may use.
    #[error(
        "the search_path of {role} names no schema that exists and that this role may use: run `CREATE SCHEMA \
         cinema AUTHORIZATION {role}` and `ALTER ROLE {role} SET search_path = cinema`"
    )]
    NoSchema {
        /// The role.
        role: String,
    },
    /// The role may not create tables in its schema. Since PostgreSQL 15, this is the default for the schema `public`.
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
    /// The extension `pg_trgm`, which an early migration needs, is not installed on the server.
    #[error(
        "the extension pg_trgm is not installed on the PostgreSQL server: install the package postgresql-contrib there"
    )]
    NoTrigrams,
    /// The role may not add the extension `pg_trgm`, which an early migration needs, to the database.
    #[error(
        "{role} may not add the extension pg_trgm to the database {database}: let the owner of the database run \
         `CREATE EXTENSION pg_trgm` in it, or `GRANT CREATE ON DATABASE {database} TO {role}`"
    )]
    Trigrams {
        /// The role.
        role: String,
        /// The database.
        database: String,
    },
    /// The extension `pg_trgm` is in a schema that is not in the `search_path`.
    #[error(
        "the extension pg_trgm is in the schema {found}, which is not in the search_path of {role}: let the owner of \
         the extension run `ALTER EXTENSION pg_trgm SET SCHEMA {schema}`, or add {found} to the search_path, after \
         {schema}"
    )]
    HiddenTrigrams {
        /// The role.
        role: String,
        /// The schema of the extension.
        found: String,
        /// The schema in which the role creates tables.
        schema: String,
    },
}

/// Reads the columns of [`State`]. Names are quoted, because the messages contain statements with these names.
const STATE: &str = "SELECT quote_ident(current_database()), current_setting('server_encoding'), quote_ident(current_user), \
    quote_ident(current_schema()), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
    has_database_privilege(current_database(), 'CREATE'), \
    (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'), \
    EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops' AND pg_opclass_is_visible(oid)), \
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')";

type StateSql = (Text, Text, Text, Nullable<Text>, Bool, Bool, Nullable<Text>, Bool, Bool);
type State = (String, String, String, Option<String>, bool, bool, Option<String>, bool, bool);

impl PostgresDatabase {
    /// Checks that a transaction can write to the database now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is read-only (for example, a standby) or does not answer.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        UnitOfWork::begin(self).await?.check_writable().await
    }

    /// Returns why the database cannot be used, or `None` when it can. The only requirement is the encoding UTF-8.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn obstacle_to_use(&self) -> Result<Option<Unsuitable>, StoreError> {
        let statement = Statement::<(Text, Text)>::new(
            "SELECT quote_ident(current_database()), current_setting('server_encoding')",
        );
        let rows: Vec<(String, String)> = self.fetch(statement).await?;
        let wrong = rows.into_iter().find(|(_, encoding)| encoding != "UTF8");
        Ok(wrong.map(|(database, encoding)| Unsuitable::Encoding { database, encoding }))
    }

    /// The maximum number of connections to the server by all clients together, without the connections that are
    /// reserved for superusers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn max_connections(&self) -> Result<usize, StoreError> {
        let statement = Statement::<(Integer,)>::new(
            "SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer",
        );
        let rows: Vec<(i32,)> = self.fetch(statement).await?;
        Ok(rows.into_iter().next().and_then(|(count,)| usize::try_from(count).ok()).unwrap_or_default())
    }

    /// Returns why the current role cannot migrate the database, or `None` when it can. Called before the pending
    /// migrations are run, because the error of a failed migration does not tell the operator what to do.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn obstacle_to_migrating(&self) -> Result<Option<Unsuitable>, StoreError> {
        let rows: Vec<State> = self.fetch(Statement::<StateSql>::new(STATE)).await?;
        Ok(rows.into_iter().next().and_then(obstacle))
    }
}

fn obstacle(state: State) -> Option<Unsuitable> {
    let (
        database,
        encoding,
        role,
        schema,
        may_make_tables,
        may_extend,
        trigrams,
        sees_trigrams,
        knows_trigrams,
    ) = state;
    if encoding != "UTF8" {
        return Some(Unsuitable::Encoding { database, encoding });
    }
    let Some(schema) = schema else { return Some(Unsuitable::NoSchema { role }) };
    if !may_make_tables {
        return Some(Unsuitable::Schema { role, schema });
    }
    if let Some(found) = trigrams {
        return (!sees_trigrams).then_some(Unsuitable::HiddenTrigrams { role, found, schema });
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
    fn a_missing_or_hidden_pg_trgm_is_reported_and_one_that_migrating_can_add_is_not() {
        let state = |found: Option<&str>, sees, knows| {
            let [database, encoding, role] = ["cinema", "UTF8", "ann"].map(str::to_owned);
            (
                database,
                encoding,
                role,
                Some("public".to_owned()),
                true,
                true,
                found.map(str::to_owned),
                sees,
                knows,
            )
        };
        assert_eq!(obstacle(state(None, false, false)), Some(Unsuitable::NoTrigrams));
        assert_eq!(obstacle(state(None, false, true)), None);
        assert_eq!(obstacle(state(Some("public"), true, false)), None);
        assert!(matches!(
            obstacle(state(Some("tools"), false, true)),
            Some(Unsuitable::HiddenTrigrams { found, .. }) if found == "tools"
        ));
    }
}

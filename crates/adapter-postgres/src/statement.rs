use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hasher},
    marker::PhantomData,
};

use diesel::{
    QueryResult,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
};

use crate::dialect::{Backend, Bind};

/// An SQL statement that is composed of text and bind parameters, and whose prepared statement the connection caches
/// (unless [`forget`](Self::forget) excludes it).
///
/// It replaces Diesel's `sql_query`, whose prepared statements are never cached, so that each execution costs one more
/// round trip. The cache is never emptied, so the program may only produce a limited number of different texts: every
/// value from a user must be a bind parameter, and a list must be a single bind parameter, unless it is always short,
/// like the items of an order. `ST` is the SQL type of a result row.
pub(crate) struct Statement<ST = ()> {
    parts: Vec<Part>,
    is_kept: bool,
    row: PhantomData<fn() -> ST>,
}

#[derive(Clone)]
enum Part {
    Sql(Cow<'static, str>),
    Bind(Bind),
}

impl<ST> Statement<ST> {
    /// Creates a statement that begins with `sql`.
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { parts: vec![Part::Sql(sql.into())], is_kept: true, row: PhantomData }
    }

    /// Appends SQL text, which must not contain values from users.
    pub(crate) fn sql(&mut self, sql: impl Into<Cow<'static, str>>) -> &mut Self {
        self.parts.push(Part::Sql(sql.into()));
        self
    }

    /// Appends a bind parameter.
    pub(crate) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.parts.push(Part::Bind(value.into()));
        self
    }

    /// Appends the text and the bind parameters of another statement.
    pub(crate) fn append<Other>(&mut self, other: &Statement<Other>) -> &mut Self {
        self.parts.extend(other.parts.iter().cloned());
        self
    }

    /// A copy of this statement with `sql` (such as `EXPLAIN`) in front, which returns other rows.
    #[cfg(test)]
    pub(crate) fn behind<Other>(&self, sql: &'static str) -> Statement<Other> {
        let parts = std::iter::once(Part::Sql(sql.into())).chain(self.parts.iter().cloned()).collect();
        Statement { parts, is_kept: false, row: PhantomData }
    }

    /// The parts of the text, with `?` for each bind parameter.
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| match part {
            Part::Sql(sql) => sql.as_ref(),
            Part::Bind(_) => "?",
        })
    }

    /// The text with `?` for each bind parameter, for messages.
    #[cfg(test)]
    pub(crate) fn shape(&self) -> String {
        self.texts().collect()
    }

    /// A hash of the text without the values of the bind parameters.
    pub(crate) fn shape_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.texts().for_each(|text| hasher.write(text.as_bytes()));
        hasher.finish()
    }

    /// Excludes the statement from the cache of prepared statements. For statements that are used rarely, or that
    /// must be planned for the values of each execution.
    pub(crate) const fn forget(&mut self) {
        self.is_kept = false;
    }
}

impl<ST> Clone for Statement<ST> {
    fn clone(&self) -> Self {
        Self { parts: self.parts.clone(), is_kept: self.is_kept, row: PhantomData }
    }
}

impl<ST> Query for Statement<ST> {
    type SqlType = ST;
}

impl<ST> QueryId for Statement<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> QueryFragment<Backend> for Statement<ST> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        if !self.is_kept {
            pass.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Sql(sql) => pass.push_sql(sql),
                Part::Bind(value) => value.walk_ast(pass.reborrow())?,
            }
        }
        Ok(())
    }
}

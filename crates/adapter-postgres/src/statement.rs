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

/// SQL composed of parts, whose prepared statement is cached.
///
/// Diesel never caches the prepared statement of a `sql_query`, which costs a round trip each time. The text must come
/// from a bounded set of shapes: all values from users are binds, and a list is one bind. `ST` is the SQL type of a
/// row.
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
    /// Begins a statement.
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { parts: vec![Part::Sql(sql.into())], is_kept: true, row: PhantomData }
    }

    /// Adds text.
    pub(crate) fn sql(&mut self, sql: impl Into<Cow<'static, str>>) -> &mut Self {
        self.parts.push(Part::Sql(sql.into()));
        self
    }

    /// Adds a value.
    pub(crate) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.parts.push(Part::Bind(value.into()));
        self
    }

    /// Adds all of another statement.
    pub(crate) fn append<Other>(&mut self, other: &Statement<Other>) -> &mut Self {
        self.parts.extend(other.parts.iter().cloned());
        self
    }

    /// The same statement preceded by another text, with other result rows.
    #[cfg(test)]
    pub(crate) fn behind<Other>(&self, sql: &'static str) -> Statement<Other> {
        let parts = std::iter::once(Part::Sql(sql.into())).chain(self.parts.iter().cloned()).collect();
        Statement { parts, is_kept: false, row: PhantomData }
    }

    /// The parts of the text, without the values.
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| match part {
            Part::Sql(sql) => sql.as_ref(),
            Part::Bind(_) => "?",
        })
    }

    /// The text without the values, for human readers.
    #[cfg(test)]
    pub(crate) fn shape(&self) -> String {
        self.texts().collect()
    }

    /// A digest of the shape, which is the text without the values.
    pub(crate) fn shape_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.texts().for_each(|text| hasher.write(text.as_bytes()));
        hasher.finish()
    }

    /// Marks the shape as too rare to cache its prepared statement.
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
